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

// open opens a store in a new schema. Each of the suite's tests has one, with fewer connections than there are racers.
func open(t *testing.T) *sqlstore.Store {
	t.Helper()
	return openAt(t, pgtest.Schema(t), postgres.Options{MaxConns: 5})
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
	storetest.Users(t, func(t *testing.T) account.Users { return open(t) })
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (account.Users, account.Store) {
		store := open(t)
		return store, store
	})
}

// An app that keeps its users elsewhere.
func TestStoreWithoutUsers(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (account.Users, account.Store) { return open(t), open(t) })
}

// CockroachDB and YugabyteDB cannot be run here. What they are stricter in, PostgreSQL can be told: transactions that conflict are undone
// and must be run again, where by itself it would let them wait for each other.
func TestStoreUnderStricterIsolation(t *testing.T) {
	for _, level := range []string{"serializable", "repeatable%20read"} {
		t.Run(level, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) (account.Users, account.Store) {
				store := openAt(t, pgtest.Schema(t)+"&default_transaction_isolation="+level, postgres.Options{MaxConns: 5})
				return store, store
			})
		})
	}
}
