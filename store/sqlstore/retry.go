package sqlstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// mostAttempts is how often a transaction runs before its last error stands. Every conflict has a winner, so that this many in a row are
// met only where as many others have passed.
const mostAttempts = 20

// transact runs one intention. On SQLite it goes together with others that want to write just then, see [group]. On PostgreSQL,
// which shares its fsyncs by itself, it has a transaction of its own, which runs again from its beginning where the database
// has undone it because of another one, or has lost the connection before its COMMIT. A COMMIT without an answer is never
// repeated: it may have counted.
func (s *Store) transact(ctx context.Context, do func(context.Context, *tx) error) (err error) {
	began := time.Now()
	defer func() { watched(s.watch, "write", began, err) }()
	if s.group != nil {
		return s.group.write(ctx, do)
	}
	ctx, cancel := within(ctx, s.db.Timeout)
	defer cancel()
	for n := 1; ; n++ {
		committing := false
		err := s.attempt(ctx, func(ctx context.Context, t *tx) error {
			committing = false
			err := do(ctx, t)
			committing = err == nil
			return err
		})
		var before early
		committing = committing && !errors.As(err, &before)
		if err == nil || n == mostAttempts || isRefusal(err) || !s.db.Undone(err, committing) {
			return err
		}
		if waited := pause(ctx, n); waited != nil {
			return errors.Join(waited, err)
		}
	}
}

// pause waits up to 2^n milliseconds, but 64 at most: those who met once must not meet again.
func pause(ctx context.Context, n int) error {
	longest := time.Millisecond << min(n, 6)
	timer := time.NewTimer(rand.N(longest))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
