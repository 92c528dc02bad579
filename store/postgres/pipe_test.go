package postgres

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/pgtest"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

func statements(queries ...string) (all []sqlstore.Statement) {
	for _, q := range queries {
		all = append(all, sqlstore.Statement{Query: q})
	}
	return all
}

// Each statement is counted, up to one that fails.
func TestCounts(t *testing.T) {
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec"} {
		t.Run(mode, func(t *testing.T) {
			c, err := parse(pgtest.Schema(t) + "&default_query_exec_mode=" + mode)
			if err != nil {
				t.Fatal(err)
			}
			db := c.open()
			defer db.Close()
			if _, err := db.ExecContext(t.Context(), `CREATE TABLE one (n INTEGER UNIQUE)`); err != nil {
				t.Fatal(err)
			}
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.Raw(func(driverConn any) error {
				ctx, p := t.Context(), newPipe(driverConn)
				var rows []int64
				scan := func(row interface{ Scan(dest ...any) error }) error {
					var n int64
					err := row.Scan(&n)
					rows = append(rows, n)
					return err
				}
				got, err := p.Send(ctx, statements(`BEGIN`, `INSERT INTO one VALUES (1), (2)`, `UPDATE one SET n = 3 WHERE n = 4`, `SELECT n FROM one`))
				if want := []int64{0, 2, 0, 2}; err != nil || !slices.Equal(got, want) {
					t.Errorf("got %v and %v, want %v", got, err, want)
				}
				got, err = p.Query(ctx, statements(`DELETE FROM one WHERE n = 1`, `SELECT n FROM one`), scan)
				if want := []int64{1}; err != nil || !slices.Equal(got, want) || !slices.Equal(rows, []int64{2}) {
					t.Errorf("got %v, the rows %v and %v, want %v", got, rows, err, want)
				}
				got, err = p.Send(ctx, statements(`INSERT INTO one VALUES (5)`, `DELETE FROM one WHERE n = 6`, `INSERT INTO one VALUES (5)`, `DELETE FROM one`))
				if want := []int64{1, 0}; err == nil || !slices.Equal(got, want) {
					t.Errorf("got %v and %v, want %v and an error", got, err, want)
				}
				if err := p.Rollback(ctx); err != nil {
					return err
				}
				got, err = p.Query(ctx, statements(`BEGIN`, `INSERT INTO one VALUES (1)`, `SELECT 1 / (n - 1) FROM one`), scan)
				if want := []int64{0, 1}; err == nil || !slices.Equal(got, want) {
					t.Errorf("got %v and %v, want %v and an error", got, err, want)
				}
				if err := p.Rollback(ctx); err != nil {
					return err
				}
				got, err = p.Query(ctx, statements(`BEGIN`, `SELECT 1`, `SELECT 1 / 0`, `SELECT 1`), scan)
				if want := []int64{0, 1}; err == nil || !slices.Equal(got, want) {
					t.Errorf("got %v and %v, want %v and an error", got, err, want)
				}
				return p.Rollback(ctx)
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

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
		if _, err := p.Send(ctx, statements(`BEGIN`, `CREATE TABLE one (n INTEGER)`)); err != nil {
			return err
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
