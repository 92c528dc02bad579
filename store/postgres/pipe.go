package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// rollbackTimeout bounds what nobody waits for any more.
const rollbackTimeout = 5 * time.Second

// errRolledBack is a COMMIT that the server took for a ROLLBACK.
var errRolledBack = errors.New("postgres: the server rolled the transaction back instead of committing it")

// pipe sends statements together: the protocol lets many follow each other before the first answer.
type pipe struct{ conn *pgx.Conn }

func newPipe(driverConn any) sqlstore.Pipe { return pipe{driverConn.(*stdlib.Conn).Conn()} }

func batch(statements []sqlstore.Statement) *pgx.Batch {
	b := &pgx.Batch{}
	for _, s := range statements {
		b.Queue(s.Query, s.Args...)
	}
	return b
}

// Send is sqlstore.Pipe.
func (p pipe) Send(ctx context.Context, statements []sqlstore.Statement) (changed []int64, err error) {
	results := p.conn.SendBatch(ctx, batch(statements))
	defer closeResults(results, &err)
	return counts(results, len(statements))
}

// counts reads the answers to the next n statements.
func counts(results pgx.BatchResults, n int) ([]int64, error) {
	changed := make([]int64, 0, n)
	for range n {
		tag, err := results.Exec()
		if err != nil {
			return changed, err
		}
		changed = append(changed, tag.RowsAffected())
	}
	return changed, nil
}

// Query is sqlstore.Pipe.
func (p pipe) Query(
	ctx context.Context, statements []sqlstore.Statement, each func(interface{ Scan(dest ...any) error }) error,
) (changed []int64, err error) {
	if len(statements) == 1 {
		// A batch of one costs more than what it is made of.
		rows, err := p.conn.Query(ctx, statements[0].Query, statements[0].Args...)
		return nil, show(rows, err, each)
	}
	results := p.conn.SendBatch(ctx, batch(statements))
	defer closeResults(results, &err)
	changed, err = counts(results, len(statements)-1)
	if err != nil {
		return changed, err
	}
	rows, err := results.Query()
	return changed, show(rows, err, each)
}

// show shows each row.
func show(rows pgx.Rows, err error, each func(interface{ Scan(dest ...any) error }) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Commit is sqlstore.Pipe.
func (p pipe) Commit(ctx context.Context, statements []sqlstore.Statement) (err error) {
	results := p.conn.SendBatch(ctx, batch(append(statements, sqlstore.Statement{Query: `COMMIT`})))
	defer closeResults(results, &err)
	if _, err := counts(results, len(statements)); err != nil {
		return err
	}
	tag, err := results.Exec()
	if err == nil && tag.String() != "COMMIT" {
		err = errRolledBack
	}
	return err
}

// closeResults reads what is left. After an error it would only say the same again.
func closeResults(results pgx.BatchResults, err *error) {
	if closing := results.Close(); *err == nil {
		*err = closing
	}
}

// Rollback is sqlstore.Pipe.
func (p pipe) Rollback(ctx context.Context) error {
	if p.conn.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	_, err := p.conn.Exec(ctx, `ROLLBACK`)
	if err == nil {
		return nil
	}
	return errors.Join(err, p.conn.Close(ctx))
}
