package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"time"
)

// pool is a database/sql pool which keeps the statements that it has run prepared, where the driver does not do so
// itself: preparing costs SQLite as much as running.
type pool struct {
	db      *sql.DB
	dialect Dialect
	keep    bool
	timeout time.Duration
	undone  func(err error, committing bool) bool
	pipe    func(driverConn any) Pipe // of DB, may be nil

	mu       sync.RWMutex
	prepared map[string]*sql.Stmt
	// wanted are statements met inside transactions, which must not take a second connection to prepare them.
	wanted map[string]bool
	watch  func(Watched)
}

func newPool(db *sql.DB, of DB) *pool {
	return &pool{db: db, dialect: of.Dialect, keep: of.Dialect == SQLite, timeout: of.Timeout, undone: of.Undone, pipe: of.Pipe, prepared: map[string]*sql.Stmt{}, wanted: map[string]bool{}}
}

func (p *pool) lookup(query string) *sql.Stmt {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.prepared[query]
}

// want asks for the query to be prepared before the next transaction.
func (p *pool) want(query string) {
	if !p.keep {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted[query] = true
}

// prepareWanted prepares what earlier transactions asked for. It must not be called inside one.
func (p *pool) prepareWanted(ctx context.Context) error {
	p.mu.RLock()
	n := len(p.wanted)
	p.mu.RUnlock()
	if n == 0 {
		return nil
	}
	p.mu.Lock()
	wanted := p.wanted
	p.wanted = map[string]bool{}
	p.mu.Unlock()
	for query := range wanted {
		if _, err := p.prepare(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

func (p *pool) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := p.lookup(query); stmt != nil {
		return stmt, nil
	}
	stmt, err := p.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if other := p.prepared[query]; other != nil {
		return other, stmt.Close()
	}
	p.prepared[query] = stmt
	return stmt, nil
}

// rows runs a query outside of any transaction.
func (p *pool) rows(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if !p.keep {
		return p.db.QueryContext(ctx, query, args...)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// One that could be cancelled would cost two goroutines, more than such a read: list looks at the context between rows.
	ctx = context.WithoutCancel(ctx)
	stmt, err := p.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// bounded is a context in which one read of the pool must end.
func (p *pool) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return within(ctx, p.timeout)
}

// within is the context with that time left, or as it is where the time is 0.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d)
}

// row runs a query without parameters that gives one row.
func (p *pool) row(ctx context.Context, query string, dest ...any) error {
	ctx, cancel := p.bounded(ctx)
	defer cancel()
	return p.db.QueryRowContext(ctx, query).Scan(dest...)
}

// tx is one transaction.
type tx struct {
	raw  *sql.Tx
	pool *pool
	// pipe, where there is one, has the transaction instead of raw. The queue was not sent to it yet; failed is what failed or was refused of
	// what was sent, after which nothing else is.
	pipe   Pipe
	queue  []Statement
	sent   bool
	failed error
	// apart: what is checked is sent and checked at once.
	apart bool
	// wrote: it may have changed something.
	wrote bool
	// bound are the pool's prepared statements on this transaction's connection. Finding that anew for each use costs a fifth of one.
	bound map[string]*sql.Stmt
}

// prepared is the statement, if the pool has it prepared.
func (t *tx) prepared(ctx context.Context, query string) *sql.Stmt {
	if stmt := t.bound[query]; stmt != nil {
		return stmt
	}
	stmt := t.pool.lookup(query)
	if stmt == nil {
		t.pool.want(query)
		return nil
	}
	if t.bound == nil {
		t.bound = map[string]*sql.Stmt{}
	}
	t.bound[query] = t.raw.StmtContext(ctx, stmt)
	return t.bound[query]
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if t.pipe != nil {
		return t.send(ctx, t.pipe.Send, Statement{Query: query, Args: args})
	}
	var result sql.Result
	var err error
	if stmt := t.prepared(ctx, query); stmt != nil {
		result, err = stmt.ExecContext(ctx, args...)
	} else {
		result, err = t.raw.ExecContext(ctx, query, args...)
	}
	if err != nil {
		return 0, err
	}
	changed, err := result.RowsAffected()
	t.wrote = t.wrote || changed != 0
	return changed, err
}

// rows runs a query. Its rows must be closed before the next statement.
func (t *tx) rows(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	t.wrote = t.wrote || !strings.HasPrefix(strings.TrimSpace(query), "SELECT")
	if stmt := t.prepared(ctx, query); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return t.raw.QueryContext(ctx, query, args...)
}

// bounded leaves the context as it is: a transaction is bounded as a whole.
func (t *tx) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return ctx, func() {}
}

// sharing is the statement as PostgreSQL must be asked it, so that what was read stays so until the end of the transaction. SQLite has one
// writer, and knows no such clause.
func (t *tx) sharing(sqlite, postgres string) string {
	if t.pool.dialect == PostgreSQL {
		return postgres
	}
	return sqlite
}

// worthAgain reports whether a read that failed may be repeated.
func (p *pool) worthAgain(err error) bool { return p.undone(err, false) }

// worthAgain is never: the transaction as a whole is repeated.
func (t *tx) worthAgain(error) bool { return false }

// querier is what reads: a pool or a transaction.
type querier interface {
	worthAgain(err error) bool
	bounded(ctx context.Context) (context.Context, context.CancelFunc)
	rows(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// scanner reads the columns of one row.
type scanner interface{ Scan(dest ...any) error }

// list reads all rows.
func list[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) (_ []T, finally error) {
	if p, ok := q.(*pool); ok {
		began := time.Now()
		defer func() { watched(p.watch, "read", began, finally) }()
	}
	ctx, cancel := q.bounded(ctx)
	defer cancel()
	for n := 1; ; n++ {
		all, err := listOnce(ctx, q, scan, query, args...)
		if err == nil || n == mostAttempts || !q.worthAgain(err) {
			return all, err
		}
		if waited := pause(ctx, n); waited != nil {
			return nil, errors.Join(waited, err)
		}
	}
}

func listOnce[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) (all []T, err error) {
	switch q := q.(type) {
	case *tx:
		if q.pipe != nil {
			return listPiped(ctx, q.query, scan, query, args)
		}
	case *pool:
		if q.pipe != nil {
			return listPiped(ctx, q.query, scan, query, args)
		}
	}
	rows, err := q.rows(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closing := rows.Close(); err == nil {
			err = closing
		}
	}()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return all, rows.Err()
}

// first reads the first row; ok is false where there is none.
func first[T any](
	ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any,
) (one T, ok bool, err error) {
	all, err := list(ctx, q, scan, query, args...)
	if err != nil || len(all) == 0 {
		return one, false, err
	}
	return all[0], true, nil
}

// scanOne scans the single column of a row.
func scanOne[T any](row scanner) (T, error) {
	var v T
	err := row.Scan(&v)
	return v, err
}
