package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"

	"github.com/latchkey-auth/latchkey/account"
)

// write runs one intention in one transaction: every change of the store goes through here. The function may take no other
// connection than the transaction's, and keeps nothing that outlives it unless write returns nil: it may run more than once.
func (s *Store) write(ctx context.Context, op string, do func(context.Context, *tx) error) error {
	return s.wrap(ctx, op, s.transact(ctx, do))
}

// attempt runs the transaction once; see [Store.transact].
func (s *Store) attempt(ctx context.Context, do func(context.Context, *tx) error) (err error) {
	if s.db.Pipe != nil {
		return s.attemptPiped(ctx, do)
	}
	raw, err := s.begin(ctx)
	if err != nil {
		return err
	}
	// Deferred, so that not even a panic keeps the connection.
	defer func() {
		if rollback := raw.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
			err = errors.Join(err, rollback)
		}
	}()
	if err := do(ctx, &tx{raw: raw, pool: s.writer}); err != nil {
		return err
	}
	return raw.Commit()
}

// spending runs an intention that uses up a state. Where the rest is refused with one of the contract's errors, the
// spending stays and nothing else does. Without a state it is a plain write.
//
// What is refused is rare: instead of a savepoint that every success would pay for, all is rolled back and the state spent
// again. Another that spends it in between has done what was wanted.
func (s *Store) spending(ctx context.Context, op string, sp *account.Spend, rest func(context.Context, *tx) error) error {
	if sp == nil {
		return s.write(ctx, op, rest)
	}
	spent := false
	err := s.transact(ctx, func(ctx context.Context, t *tx) error {
		spent = false
		if err := spendNoting(ctx, t, *sp, &spent); err != nil {
			return err
		}
		return rest(ctx, t)
	})
	if spent && isRefusal(err) {
		// whoever gives up now has been refused all the same
		again := s.transact(context.WithoutCancel(ctx), func(ctx context.Context, t *tx) error { return spend(ctx, t, *sp) })
		if again != nil && !errors.Is(again, account.ErrSpent) {
			err = again
		}
	}
	return s.wrap(ctx, op, err)
}

// isRefusal reports whether the error is an answer of the contract rather than a failure of the database.
func isRefusal(err error) bool {
	for _, refusal := range []error{
		account.ErrNotFound, account.ErrEmailInUse, account.ErrInactive, account.ErrSpent, account.ErrSessionGone,
		account.ErrPendingGone, account.ErrTooManyCredentials, account.ErrNicknameInUse, account.ErrCredentialInUse, account.ErrSignCount,
		account.ErrCodeSpent, account.ErrLastWayIn, account.ErrLastSecondFactor, account.ErrFactorSetUp, account.ErrStepClosed,
	} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// wrap says what failed, once, and tells what is worth another try.
func (s *Store) wrap(ctx context.Context, op string, err error) error {
	switch {
	case err == nil:
		return nil
	case isRefusal(err):
	case ctx.Err() != nil:
		// Whatever the driver made of it, the caller gave up.
		err = ctx.Err()
	case s.unavailable(err):
		return fmt.Errorf("sqlstore: %s: %w: %w", op, account.ErrUnavailable, err)
	}
	return fmt.Errorf("sqlstore: %s: %w", op, err)
}

func (s *Store) unavailable(err error) bool {
	var network net.Error
	return s.closed.Load() || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.As(err, &network) || s.db.Unavailable(err)
}
