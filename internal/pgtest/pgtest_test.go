package pgtest_test

import (
	"database/sql"
	"os"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func count(t *testing.T, uri string) (n int) {
	t.Helper()
	db, err := sql.Open("pgx", uri)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM kept`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Whichever way a server ends, what was committed is there when it starts again.
func TestServerEndsAndStartsAgain(t *testing.T) {
	s := pgtest.New(t, pgtest.Options{Durable: true})
	if err := s.Do(t.Context(), "postgres", `CREATE TABLE kept (n INTEGER)`); err != nil {
		t.Fatal(err)
	}
	for i, end := range []func() error{s.Stop, s.Kill, s.KillHard} {
		if err := s.Do(t.Context(), "postgres", `INSERT INTO kept VALUES (1)`); err != nil {
			t.Fatal(err)
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if err := s.Do(t.Context(), "postgres", `SELECT 1`); err == nil {
			t.Errorf("%d: it still answers", i)
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		if n := count(t, s.URI("postgres")); n != i+1 {
			t.Errorf("%d rows are left, want %d", n, i+1)
		}
	}
}

func TestStandbyTakesOver(t *testing.T) {
	primary := pgtest.New(t, pgtest.Options{})
	standby, err := primary.Standby(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := standby.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := primary.Synchronous(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := primary.Do(t.Context(), "postgres", `CREATE TABLE kept (n INTEGER)`); err != nil {
		t.Fatal(err)
	}
	if err := standby.Do(t.Context(), "postgres", `INSERT INTO kept VALUES (1)`); err == nil || !strings.Contains(err.Error(), "25006") {
		t.Errorf("a standby took a write: %v", err)
	}
	if err := primary.KillHard(); err != nil {
		t.Fatal(err)
	}
	if err := standby.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := standby.Do(t.Context(), "postgres", `INSERT INTO kept VALUES (1)`); err != nil {
		t.Error(err)
	}
	if n := count(t, pgtest.URIs("postgres", primary, standby)); n != 1 {
		t.Errorf("%d rows by way of both", n)
	}
}

// Two tests never meet in one database.
func TestDatabasesAreApart(t *testing.T) {
	if a, b := pgtest.Database(t), pgtest.Database(t); a == b {
		t.Error("the same database twice")
	}
}
