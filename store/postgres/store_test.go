package postgres_test

import (
	"os"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/pgtest"
	"github.com/latchkey-auth/latchkey/store/postgres"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
	"github.com/latchkey-auth/latchkey/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// emptied gives the suite's tests one store, one after the other, without any rows: making tables for each takes most of the time there is.
// It has fewer connections than there are racers.
func emptied(t *testing.T, params string) func(*testing.T) *sqlstore.Store {
	t.Helper()
	uri := pgtest.Schema(t)
	store := openAt(t, uri+params, postgres.Options{MaxConns: 5})
	db := raw(t, uri)
	return func(t *testing.T) *sqlstore.Store {
		t.Helper()
		exec(t, db, `
			DO $$
			DECLARE one TEXT;
			BEGIN
				FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'latchkey_schema' LOOP
					EXECUTE format('DELETE FROM %I', one);
				END LOOP;
			END $$`)
		return store
	}
}

func openAt(t *testing.T, uri string, o postgres.Options) *sqlstore.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), uri, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func TestUsers(t *testing.T) {
	open := emptied(t, "")
	storetest.Users(t, func(t *testing.T) account.Users { return open(t) })
}

func TestStore(t *testing.T) { testStore(t, "") }

func testStore(t *testing.T, params string) {
	open := emptied(t, params)
	storetest.Run(t, func(t *testing.T) (account.Users, account.Store) {
		store := open(t)
		return store, store
	})
}

// An app that keeps its users elsewhere.
func TestStoreWithoutUsers(t *testing.T) {
	users, rest := emptied(t, ""), emptied(t, "")
	storetest.Run(t, func(t *testing.T) (account.Users, account.Store) { return users(t), rest(t) })
}

// CockroachDB and YugabyteDB cannot be run here. What they are stricter in, PostgreSQL can be told: transactions that conflict are undone
// and must be run again, where by itself it would let them wait for each other.
func TestStoreUnderStricterIsolation(t *testing.T) {
	for _, level := range []string{"serializable", "repeatable%20read"} {
		t.Run(level, func(t *testing.T) { testStore(t, "&default_transaction_isolation="+level) })
	}
}

// What poolers want that keep no prepared statements.
func TestStoreWithoutPreparedStatements(t *testing.T) { testStore(t, "&default_query_exec_mode=exec") }
