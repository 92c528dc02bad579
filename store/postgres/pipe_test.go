package postgres

import (
	"context"
	"errors"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/pgtest"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// A server answers the COMMIT of a transaction that has failed with "ROLLBACK", and with no error.
func TestCommitOfAFailedTransaction(t *testing.T) {
	c, err := parse(pgtest.Schema(t))
	if err != nil {
		t.Fatal(err)
	}
	db := c.open()
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Raw(func(driverConn any) error {
		ctx, p := t.Context(), newPipe(driverConn)
		statements := func(queries ...string) (all []sqlstore.Statement) {
			for _, q := range queries {
				all = append(all, sqlstore.Statement{Query: q})
			}
			return all
		}
		if _, err := p.Send(ctx, statements(`BEGIN`, `CREATE TABLE one (n INTEGER)`)); err != nil {
			return err
		}
		if n, err := p.Send(ctx, statements(`SELECT 1`, `INSERT INTO one VALUES (1), (2)`)); err != nil || n != 2 {
			t.Errorf("two rows were made: %d and %v", n, err)
		}
		if _, err := p.Send(ctx, statements(`SELECT 1 / 0`, `INSERT INTO one VALUES (3)`)); err == nil {
			t.Error("a division by zero")
		}
		if err := p.Commit(ctx, nil); !errors.Is(err, errRolledBack) {
			t.Errorf("got %v, want that it was rolled back", err)
		}
		if err := p.Commit(ctx, statements(`BEGIN`, `SELECT 1 / 0`)); err == nil {
			t.Error("a division by zero before the COMMIT")
		}
		if err := p.Rollback(ctx); err != nil {
			t.Error(err)
		}
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := p.Send(ctx, statements(`BEGIN`)); err != nil {
			return err
		}
		// Whoever has gone away has it rolled back all the same.
		if err := p.Rollback(gone); err != nil {
			t.Error(err)
		}
		return p.Commit(ctx, statements(`BEGIN`, `CREATE TABLE one (n INTEGER)`))
	}); err != nil {
		t.Fatal(err)
	}
}
