package sqlstore

import (
	"context"

	"github.com/latchkey-auth/latchkey/account"
)

// SpendState uses up a state whose ceremony failed.
func (s *Store) SpendState(ctx context.Context, sp account.Spend, events []account.Event) error {
	return s.write(ctx, "spend state", func(ctx context.Context, t *tx) error {
		if err := spend(ctx, t, sp); err != nil {
			return err
		}
		return recordEvents(ctx, t, events)
	})
}

// TryState counts one answer to a setup token before it is looked at.
func (s *Store) TryState(ctx context.Context, sp account.Spend) error {
	return s.write(ctx, "try state", func(ctx context.Context, t *tx) error {
		counted, err := t.exec(ctx, `
			INSERT INTO latchkey_states (id, expires, tries, spent)
			VALUES ($1, $2, 1, FALSE)
			ON CONFLICT (id) DO UPDATE SET tries = latchkey_states.tries + 1
			WHERE NOT latchkey_states.spent AND latchkey_states.tries <= $3`,
			blob(sp.ID), micros(sp.Expires), sp.Tries)
		if err == nil && counted == 0 {
			err = account.ErrSpent
		}
		return err
	})
}

// spend uses up a state: of all that try, one gets past.
func spend(ctx context.Context, t *tx, sp account.Spend) error {
	return spendNoting(ctx, t, sp, new(bool))
}

// spendNoting is spend, and notes when that was done.
func spendNoting(ctx context.Context, t *tx, sp account.Spend, spent *bool) error {
	return t.expect(ctx, func(_ context.Context, changed int64) error {
		if *spent = changed != 0; !*spent {
			return account.ErrSpent
		}
		return nil
	}, `
		INSERT INTO latchkey_states (id, expires, tries, spent)
		VALUES ($1, $2, 0, TRUE)
		ON CONFLICT (id) DO UPDATE SET spent = TRUE
		WHERE NOT latchkey_states.spent`,
		blob(sp.ID), micros(sp.Expires))
}
