package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/pgtest"
	"github.com/latchkey-auth/latchkey/store/postgres"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// steps are the migrations in their order.
func steps(t *testing.T) []string {
	t.Helper()
	files, err := sqlstore.Migrations(sqlstore.PostgreSQL)
	must(t, err)
	names, err := fs.Glob(files, "*.sql")
	must(t, err)
	slices.Sort(names)
	var all []string
	for _, name := range names {
		step, err := fs.ReadFile(files, name)
		must(t, err)
		all = append(all, string(step))
	}
	return all
}

// schema is every column, index and constraint of the database's own tables.
func schema(t *testing.T, db *sql.DB) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `
		SELECT format('%s.%s %s %s %s %s', table_name, column_name, ordinal_position, data_type, is_nullable, COALESCE(column_default, identity_generation))
		FROM information_schema.columns WHERE table_schema = 'public'
		UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
		UNION ALL SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
		ORDER BY 1`)
	must(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var one string
		must(t, rows.Scan(&one))
		all = append(all, one)
	}
	must(t, rows.Err())
	return all
}

func wantSchema(t *testing.T, db *sql.DB, want []string) {
	t.Helper()
	if got := schema(t, db); !slices.Equal(got, want) {
		t.Errorf("the schema is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// apply runs the first n steps as another program would, and says that they are done.
func apply(t *testing.T, db *sql.DB, n int) {
	t.Helper()
	exec(t, db, `CREATE TABLE latchkey_schema (one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL)`)
	exec(t, db, `INSERT INTO latchkey_schema (one, version) VALUES (1, $1)`, n)
	for _, step := range steps(t)[:n] {
		exec(t, db, step)
	}
}

func TestMigrateFromEveryVersion(t *testing.T) {
	fresh := pgtest.Database(t)
	openAt(t, fresh, postgres.Options{})
	want := schema(t, raw(t, fresh))
	if len(want) < 50 {
		t.Fatalf("the schema has %d things", len(want))
	}
	for from := range len(steps(t)) + 1 {
		t.Run(fmt.Sprint(from), func(t *testing.T) {
			uri := pgtest.Database(t)
			db := raw(t, uri)
			apply(t, db, from)
			for range 2 {
				wantAll(t, "migrated", openAt(t, uri, postgres.Options{}), newName(t))
			}
			wantSchema(t, db, want)
		})
	}
}

var names atomic.Int64

// newName is new for each call.
func newName(t *testing.T) string { return fmt.Sprint(t.Name(), " ", names.Add(1)) }

// A database that commits before every change of a table, as CockroachDB does, may leave a step half done: it is done again from its
// beginning, by this program or another.
func TestStepsMayRunTwice(t *testing.T) {
	uri := pgtest.Database(t)
	db := raw(t, uri)
	all := steps(t)
	for i, step := range all {
		exec(t, db, step)
		want := schema(t, db)
		exec(t, db, step)
		wantSchema(t, db, want)
		// Statement by statement, broken off after each: no step holds a semicolon but at the end of a statement or in a comment.
		if i > 0 {
			continue
		}
		for n := range strings.Count(step, ";\n") {
			half := raw(t, pgtest.Database(t))
			exec(t, half, strings.Join(strings.SplitAfter(step, ";\n")[:n+1], ""))
			exec(t, half, step)
			wantSchema(t, half, want)
			if n > 3 {
				break // each is as the one before
			}
		}
	}
}

// Any number of servers may start at once on a database that has nothing yet, or half of it.
func TestManyMigrateAtOnce(t *testing.T) {
	for _, from := range []int{-1, 0} {
		t.Run(fmt.Sprint(from), func(t *testing.T) {
			uri := pgtest.Database(t)
			if from >= 0 {
				apply(t, raw(t, uri), from)
			}
			stores := make([]*sqlstore.Store, 12)
			var all []<-chan error
			for i := range stores {
				all = append(all, in(func() (err error) {
					stores[i], err = postgres.Open(t.Context(), uri, postgres.Options{MaxConns: 3})
					return err
				}))
			}
			for _, done := range all {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			for i, store := range stores {
				if store == nil {
					continue
				}
				wantAll(t, "after all", store, fmt.Sprint("store ", i))
				must(t, store.Close())
			}
		})
	}
}

// Whoever migrates waits for another that does, for as long as it takes, and does not repeat it.
func TestMigratingWaits(t *testing.T) {
	for _, held := range []string{`UPDATE latchkey_schema SET version = 0`, `SELECT version FROM latchkey_schema FOR UPDATE`} {
		t.Run(held[:6], func(t *testing.T) { migratingWaits(t, held) })
	}
}

func migratingWaits(t *testing.T, held string) {
	uri := pgtest.Database(t)
	db := raw(t, uri)
	apply(t, db, 0)
	tx, err := db.BeginTx(t.Context(), nil)
	must(t, err)
	exec(t, tx, held)
	opened := in(func() error {
		store, err := postgres.Open(t.Context(), uri+"?statement_timeout=100ms", postgres.Options{})
		if err == nil {
			err = store.Close()
		}
		return err
	})
	waiting(t, db, 1, opened)
	// Longer than any other statement may take.
	eventually(t, func(ctx context.Context) error {
		var long bool
		err := db.QueryRowContext(ctx, `
			SELECT COALESCE(MAX(clock_timestamp() - query_start) > INTERVAL '300 ms', FALSE)
			FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`).Scan(&long)
		if err == nil && !long {
			err = errors.New("it has not waited for long")
		}
		return err
	})
	for _, step := range steps(t) {
		exec(t, tx, step)
	}
	exec(t, tx, `UPDATE latchkey_schema SET version = $1`, len(steps(t)))
	must(t, tx.Commit())
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

func TestSchemaIsChecked(t *testing.T) {
	uri := pgtest.Database(t)
	if _, err := postgres.Open(t.Context(), uri, postgres.Options{NoMigrate: true}); !errors.Is(err, sqlstore.ErrOlderSchema) {
		t.Errorf("an empty database without migrating: got %v, want ErrOlderSchema", err)
	}
	openAt(t, uri, postgres.Options{})
	openAt(t, uri, postgres.Options{NoMigrate: true})
	exec(t, raw(t, uri), `UPDATE latchkey_schema SET version = 9999`)
	for _, o := range []postgres.Options{{}, {NoMigrate: true}} {
		if _, err := postgres.Open(t.Context(), uri, o); !errors.Is(err, sqlstore.ErrNewerSchema) {
			t.Errorf("a newer schema, %+v: got %v, want ErrNewerSchema", o, err)
		}
	}
	for _, wrong := range []string{"postgres://latchkey:wrong@" + pgtest.Shared(t).Address() + "/postgres", pgtest.Shared(t).URI("nowhere")} {
		_, err := postgres.Open(t.Context(), wrong, postgres.Options{NoMigrate: true})
		if err == nil || errors.Is(err, account.ErrUnavailable) || errors.Is(err, sqlstore.ErrOlderSchema) {
			t.Errorf("a way that leads nowhere: %v", err)
		}
	}
}

// A server needs the right to change rows alone, where somebody else migrates.
func TestServerWithoutTheRightToMakeTables(t *testing.T) {
	uri := pgtest.Database(t)
	openAt(t, uri, postgres.Options{})
	db := raw(t, uri)
	exec(t, db, `CREATE ROLE server LOGIN PASSWORD 'sesame'`)
	t.Cleanup(func() {
		for _, statement := range []string{`DROP OWNED BY server`, `DROP ROLE server`} {
			if _, err := db.Exec(statement); err != nil {
				t.Error(err)
			}
		}
	})
	exec(t, db, `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO server`)
	u, err := url.Parse(uri)
	must(t, err)
	u.User = url.UserPassword("server", "sesame")
	store, err := postgres.Open(t.Context(), u.String(), postgres.Options{})
	must(t, err)
	wantAll(t, "with rows alone", store, "x")
	must(t, store.Close())
	seen, err := postgres.Inspect(t.Context(), u.String())
	must(t, err)
	if seen.MayCreate || !seen.Local || seen.Encrypted || seen.SynchronousCommit != "on" || !strings.HasPrefix(seen.Version, "1") {
		t.Errorf("%+v", seen)
	}
}
