package sqlstore

import (
	"context"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

// ClearStreaks ends streaks.
func (s *Store) ClearStreaks(ctx context.Context, c account.ClearStreaks) error {
	if c.Subject == "" {
		return nil
	}
	return s.write(ctx, "clear streaks", func(ctx context.Context, t *tx) error { return clearStreaks(ctx, t, c) })
}

func clearStreaks(ctx context.Context, t *tx, c account.ClearStreaks) error {
	if c.Subject == "" {
		return nil
	}
	if len(c.Steps) == 0 {
		return t.later(ctx, `DELETE FROM latchkey_streaks WHERE subject = $1`, text(c.Subject))
	}
	for _, step := range c.Steps {
		if err := t.later(ctx, `DELETE FROM latchkey_streaks WHERE subject = $1 AND step = $2`, text(c.Subject), text(step)); err != nil {
			return err
		}
	}
	return nil
}

// mustBeOpen refuses where a streak has come to its most.
func mustBeOpen(ctx context.Context, q querier, now time.Time, k account.Streak) error {
	if k.Subject == "" {
		return nil
	}
	_, closed, err := first(ctx, q, scanOne[int64], `
		SELECT 1 FROM latchkey_streaks WHERE subject = $1 AND step = $2 AND failures >= $3 AND forget_at > $4`,
		text(k.Subject), text(k.Step), k.Most, micros(now))
	if err == nil && closed {
		err = account.ErrStepClosed
	}
	return err
}

// countFailure counts one more, or refuses. A streak that is to be forgotten begins anew.
func countFailure(ctx context.Context, t *tx, now time.Time, k account.Streak) error {
	if k.Subject == "" {
		return nil
	}
	memory := microsOf(account.StreakMemory)
	return t.expect(ctx, orElse(account.ErrStepClosed), `
		INSERT INTO latchkey_streaks (subject, step, failures, forget_at) VALUES ($1, $2, 1, $4)
		ON CONFLICT (subject, step) DO UPDATE SET
			failures  = CASE WHEN latchkey_streaks.forget_at <= $3 THEN 1 ELSE latchkey_streaks.failures + 1 END,
			forget_at = CASE WHEN latchkey_streaks.forget_at <= $3 THEN $4 ELSE $4 + $5 * latchkey_streaks.failures END
		WHERE latchkey_streaks.failures < $6 OR latchkey_streaks.forget_at <= $3`,
		text(k.Subject), text(k.Step), micros(now), micros(now)+memory, memory, k.Most)
}

// uncountFailure takes one off.
func uncountFailure(ctx context.Context, t *tx, k account.Streak) error {
	if k.Subject == "" {
		return nil
	}
	return t.later(ctx, `
		UPDATE latchkey_streaks SET failures = failures - 1 WHERE subject = $1 AND step = $2 AND failures > 0`,
		text(k.Subject), text(k.Step))
}
