package sqlstore

import (
	"context"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

// Secret returns the secret of that name, storing candidate as it if there is none yet.
func (s *Store) Secret(ctx context.Context, name string, candidate []byte) ([]byte, error) {
	const op = "secret"
	stored, ok, err := first(ctx, s.reader, scanOne[[]byte], `SELECT value FROM latchkey_secrets WHERE name = $1`, name)
	if err != nil || ok {
		return stored, s.wrap(ctx, op, err)
	}
	err = s.write(ctx, op, func(ctx context.Context, t *tx) error {
		if _, err := t.exec(ctx, `
			INSERT INTO latchkey_secrets (name, value) VALUES ($1, $2)
			ON CONFLICT (name) DO NOTHING`, name, blob(candidate)); err != nil {
			return err
		}
		var err error
		stored, ok, err = first(ctx, t, scanOne[[]byte], `SELECT value FROM latchkey_secrets WHERE name = $1`, name)
		if err == nil && !ok {
			err = account.ErrNotFound
		}
		return err
	})
	return stored, err
}

// ReplaceSecret replaces the secret of that name if it is still was.
func (s *Store) ReplaceSecret(ctx context.Context, name string, was, secret []byte) (bool, error) {
	var n int64
	err := s.write(ctx, "replace secret", func(ctx context.Context, t *tx) (err error) {
		n, err = t.exec(ctx, `UPDATE latchkey_secrets SET value = $3 WHERE name = $1 AND value = $2`, name, blob(was), blob(secret))
		return err
	})
	return n == 1, err
}

// PruneEvents deletes the oldest events from before that time.
func (s *Store) PruneEvents(ctx context.Context, before time.Time, limit int) (int, error) {
	if limit <= 0 {
		return 0, nil
	}
	var n int64
	err := s.write(ctx, "prune events", func(ctx context.Context, t *tx) (err error) {
		n, err = t.exec(ctx, `
			DELETE FROM latchkey_events WHERE seq IN (
				SELECT seq FROM latchkey_events WHERE at < $1 ORDER BY at, seq LIMIT $2)`, micros(before), limit)
		return err
	})
	return int(n), err
}

// sweeps delete up to $2 rows each that ended before $1.
var sweeps = [...]string{
	`DELETE FROM latchkey_states WHERE id IN (
		SELECT id FROM latchkey_states WHERE expires < $1 ORDER BY expires LIMIT $2)`,
	`DELETE FROM latchkey_pendings WHERE id IN (
		SELECT id FROM latchkey_pendings WHERE expires < $1 ORDER BY expires LIMIT $2)`,
	`DELETE FROM latchkey_sessions WHERE id IN (
		SELECT id FROM latchkey_sessions WHERE ends < $1 ORDER BY ends LIMIT $2)`,
	`DELETE FROM latchkey_buckets WHERE bucket IN (
		SELECT bucket FROM latchkey_buckets WHERE full_at < $1 ORDER BY full_at LIMIT $2)`,
	`DELETE FROM latchkey_streaks WHERE (subject, step) IN (
		SELECT subject, step FROM latchkey_streaks WHERE forget_at < $1 ORDER BY forget_at LIMIT $2)`,
}

// Sweep deletes up to limit rows of each kind that ended before now. Each kind is a transaction of its own, so that
// sweeping never keeps a sign-in waiting for long.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (int, error) {
	if limit <= 0 {
		return 0, nil
	}
	total := 0
	for _, sweep := range sweeps {
		var n int64
		if err := s.write(ctx, "sweep", func(ctx context.Context, t *tx) (err error) {
			n, err = t.exec(ctx, sweep, micros(now), limit)
			return err
		}); err != nil {
			return total, err
		}
		total += int(n)
	}
	return total, nil
}
