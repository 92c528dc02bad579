package sqlstore

import (
	"context"
	"errors"
)

// Statement is one of several that are sent together.
type Statement struct {
	Query string
	Args  []any
}

// Pipe is a connection that takes several statements at once, in one round trip. Where one fails, those after it are not run.
type Pipe interface {
	// Send runs statements and returns how many rows the last of them changed.
	Send(ctx context.Context, statements []Statement) (int64, error)
	// Query runs statements, and shows each row of the last.
	Query(ctx context.Context, statements []Statement, each func(interface{ Scan(dest ...any) error }) error) error
	// Commit runs statements and commits. Its error may mean that nobody knows.
	Commit(ctx context.Context, statements []Statement) error
	// Rollback undoes what is not committed, by closing the connection if need be.
	Rollback(ctx context.Context) error
}

const beginTransaction = `BEGIN`

// early is an error from before the COMMIT was sent.
type early struct{ error }

func (e early) Unwrap() error { return e.error }

// attemptPiped is attempt on a connection that takes several statements at once: what nobody waits for is sent with what somebody does.
func (s *Store) attemptPiped(ctx context.Context, do func(context.Context, *tx) error) error {
	conn, err := s.db.Writer.Conn(ctx)
	if err != nil {
		return err
	}
	// It goes back to the pool; what became of the transaction is known by then.
	defer func() { _ = conn.Close() }()
	return conn.Raw(func(driverConn any) (err error) {
		t := &tx{pool: s.writer, pipe: s.db.Pipe(driverConn), queue: []Statement{{Query: beginTransaction}}}
		committed := false
		// Deferred, so that not even a panic gives the pool a connection with an open transaction.
		defer func() {
			if t.sent && !committed {
				err = errors.Join(err, t.pipe.Rollback(ctx))
			}
		}()
		if err := do(ctx, t); err != nil {
			return err
		}
		if len(t.queue) == 1 && !t.sent {
			return nil // it had nothing to do
		}
		if !t.sent {
			// The COMMIT goes on a connection that has just answered: where one broke long ago, all can be run again.
			if _, err := t.flush(ctx); err != nil {
				return early{err}
			}
		}
		if err := ctx.Err(); err != nil {
			return early{err}
		}
		deciding, cancel := s.deciding(ctx)
		defer cancel()
		err = t.pipe.Commit(deciding, t.take())
		committed = err == nil
		return err
	})
}

// deciding is the context of a COMMIT: whoever goes away then would leave it open how it ended, and so waits and learns the truth. It is
// bounded like everything else; where nothing is, by the caller's own.
func (s *Store) deciding(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.db.Timeout <= 0 {
		return ctx, func() {}
	}
	return within(context.WithoutCancel(ctx), s.db.Timeout)
}

// take empties the queue.
func (t *tx) take(more ...Statement) []Statement {
	all := append(t.queue, more...)
	t.queue = nil
	return all
}

func (t *tx) flush(ctx context.Context, more ...Statement) (int64, error) {
	t.sent = true
	return t.pipe.Send(ctx, t.take(more...))
}

// later runs a statement of which nobody need know how many rows it changed: with the next that somebody waits for, where the connection can do
// that. Its error may come from there.
func (t *tx) later(ctx context.Context, query string, args ...any) error {
	if t.pipe == nil {
		_, err := t.exec(ctx, query, args...)
		return err
	}
	t.queue = append(t.queue, Statement{query, args})
	return nil
}

// listPiped is listOnce in such a transaction.
func listPiped[T any](ctx context.Context, t *tx, scan func(scanner) (T, error), query string, args []any) (all []T, err error) {
	t.sent = true
	err = t.pipe.Query(ctx, t.take(Statement{query, args}), func(row interface{ Scan(dest ...any) error }) error {
		one, err := scan(row)
		if err == nil {
			all = append(all, one)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}
