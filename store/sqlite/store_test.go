package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlite"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
	"github.com/latchkey-auth/latchkey/store/storetest"
)

// open opens a new store that closes with the test.
func open(t *testing.T) *sqlstore.Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "latchkey.db"), sqlite.Options{})
}

func openAt(t *testing.T, path string, o sqlite.Options) *sqlstore.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), path, o)
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
