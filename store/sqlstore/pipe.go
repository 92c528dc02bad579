package sqlstore

import (
	"context"
	"errors"
)

// Statement is one of several that are sent together.
type Statement struct {
	Query string
	Args  []any
	// check judges how many rows it changed, or is nil.
	check check
}

// check judges how many rows a statement changed. It may ask the database why they are so few.
type check func(ctx context.Context, changed int64) error

// orElse refuses a statement that changed nothing.
func orElse(refusal error) check {
	return func(_ context.Context, changed int64) error {
		if changed == 0 {
			return refusal
		}
		return nil
	}
}

// Pipe is a connection that takes several statements at once, in one round trip. Where one fails, those after it are not run.
type Pipe interface {
	// Send runs statements and returns how many rows each of them changed; what a SELECT found counts as changed. With an error come the
	// counts of those before the one that failed.
	Send(ctx context.Context, statements []Statement) ([]int64, error)
	// Query is Send, except that it shows each row of the last statement instead of counting them.
	Query(ctx context.Context, statements []Statement, each func(interface{ Scan(dest ...any) error }) error) ([]int64, error)
	// Commit runs statements and commits. Its error may mean that nobody knows.
	Commit(ctx context.Context, statements []Statement) error
	// Rollback undoes what is not committed, by closing the connection if need be.
	Rollback(ctx context.Context) error
}

const beginTransaction = `BEGIN`

// early is an error from before the COMMIT was sent.
type early struct{ error }

func (e early) Unwrap() error { return e.error }

// unclear is the error of a transaction in which something failed, where it was asked something more: a check that wants to know why, when a
// statement after the one it judges has failed.
type unclear struct{ error }

func (e unclear) Unwrap() error { return e.error }

// attemptPiped is attempt on a connection that takes several statements at once: what nobody waits for is sent with what somebody does.
func (s *Store) attemptPiped(ctx context.Context, do func(context.Context, *tx) error) error {
	conn, err := s.db.Writer.Conn(ctx)
	if err != nil {
		return err
	}
	// It goes back to the pool; what became of the transaction is known by then.
	defer func() { _ = conn.Close() }()
	return conn.Raw(func(driverConn any) error {
		pipe := s.db.Pipe(driverConn)
		err := s.piped(ctx, &tx{pool: s.writer, pipe: pipe}, do)
		var unasked unclear
		if errors.As(err, &unasked) {
			// Once more, so that what is refused can say why before anything comes after it.
			err = s.piped(ctx, &tx{pool: s.writer, pipe: pipe, apart: true}, do)
		}
		return err
	})
}

// piped runs the transaction on a connection that has none.
func (s *Store) piped(ctx context.Context, t *tx, do func(context.Context, *tx) error) (err error) {
	t.queue = []Statement{{Query: beginTransaction}}
	committed := false
	// Deferred, so that not even a panic gives the pool a connection with an open transaction.
	defer func() {
		if t.sent && !committed {
			err = errors.Join(err, t.pipe.Rollback(ctx))
		}
	}()
	if err := do(ctx, t); err != nil {
		if isRefusal(err) {
			// What it expected before that has the first word.
			if first := t.settle(ctx); first != nil {
				return first
			}
		}
		return err
	}
	if len(t.queue) == 1 && !t.sent {
		return nil // it had nothing to do
	}
	if err := t.settle(ctx); err != nil {
		return early{err}
	}
	if !t.sent {
		// The COMMIT goes on a connection that has just answered: where one broke long ago, all can be run again.
		if _, err := t.send(ctx, t.pipe.Send); err != nil {
			return early{err}
		}
	}
	if err := errors.Join(t.failed, ctx.Err()); err != nil {
		return early{err}
	}
	deciding, cancel := s.deciding(ctx)
	defer cancel()
	err = t.pipe.Commit(deciding, t.queue)
	committed = err == nil
	return err
}

// deciding is the context of a COMMIT: whoever goes away then would leave it open how it ended, and so waits and learns the truth. It is
// bounded like everything else; where nothing is, by the caller's own.
func (s *Store) deciding(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.db.Timeout <= 0 {
		return ctx, func() {}
	}
	return within(context.WithoutCancel(ctx), s.db.Timeout)
}

// send sends the queue and more in one round trip, and lets the checks judge what came back: the first refusal wins, over the error of a
// statement after it too. By then all is answered, so that a check may ask on the same connection. It returns how many rows the last changed.
func (t *tx) send(ctx context.Context, by func(context.Context, []Statement) ([]int64, error), more ...Statement) (last int64, err error) {
	if t.failed != nil {
		return 0, unclear{t.failed}
	}
	statements := append(t.queue, more...)
	t.queue, t.sent = nil, true
	changed, err := by(ctx, statements)
	t.failed = err
	for i, n := range changed {
		last = n
		if statements[i].check == nil {
			continue
		}
		if refused := statements[i].check(ctx, n); refused != nil {
			t.failed = refused
			return 0, refused
		}
	}
	return last, err
}

// settle sends the queue as far as something in it is checked: what goes with the COMMIT is nothing that could still be refused.
func (t *tx) settle(ctx context.Context) error {
	n := len(t.queue)
	for n > 0 && t.queue[n-1].check == nil {
		n--
	}
	if n == 0 {
		return nil
	}
	rest := t.queue[n:]
	t.queue = t.queue[:n:n]
	_, err := t.send(ctx, t.pipe.Send)
	t.queue = rest
	return err
}

// later runs a statement of which nobody need know how many rows it changed: with the next that somebody waits for, where the connection can do
// that. Its error may come from there.
func (t *tx) later(ctx context.Context, query string, args ...any) error {
	if t.pipe == nil {
		_, err := t.exec(ctx, query, args...)
		return err
	}
	t.queue = append(t.queue, Statement{Query: query, Args: args})
	return nil
}

// expect runs a statement and a check of how many rows it changed, like later: what it refuses may come from the next statement that somebody
// waits for, or from the end of the transaction, and nothing is committed before it has passed.
func (t *tx) expect(ctx context.Context, check check, query string, args ...any) error {
	if t.pipe == nil || t.apart {
		changed, err := t.exec(ctx, query, args...)
		if err != nil {
			return err
		}
		return check(ctx, changed)
	}
	t.queue = append(t.queue, Statement{query, args, check})
	return nil
}

// query is rows in such a transaction.
func (t *tx) query(ctx context.Context, read Statement, each func(interface{ Scan(dest ...any) error }) error) error {
	_, err := t.send(ctx, func(ctx context.Context, statements []Statement) ([]int64, error) {
		return t.pipe.Query(ctx, statements, each)
	}, read)
	return err
}

// query is rows on such a connection. Through database/sql and its driver a read costs a sixth more.
func (p *pool) query(ctx context.Context, read Statement, each func(interface{ Scan(dest ...any) error }) error) error {
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return err
	}
	// It goes back to the pool; all that was asked is read by then.
	defer func() { _ = conn.Close() }()
	return conn.Raw(func(driverConn any) error {
		_, err := p.pipe(driverConn).Query(ctx, []Statement{read}, each)
		return err
	})
}

// listPiped is listOnce by one of these.
func listPiped[T any](
	ctx context.Context, by func(context.Context, Statement, func(interface{ Scan(dest ...any) error }) error) error,
	scan func(scanner) (T, error), query string, args []any,
) (all []T, err error) {
	err = by(ctx, Statement{Query: query, Args: args}, func(row interface{ Scan(dest ...any) error }) error {
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
