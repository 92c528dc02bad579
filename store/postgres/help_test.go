package postgres_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/pgtest"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

var dawn = time.Date(2030, time.January, 1, 6, 0, 0, 0, time.UTC)

func digestOf(id string) account.Digest { return sha256.Sum256([]byte(id)) }

func stateOf(id string) account.Spend {
	sum := sha256.Sum256([]byte("state " + id))
	return account.Spend{ID: sum[:16], Expires: dawn.AddDate(10, 0, 0)}
}

func sessionOf(userID, id string) account.Session {
	return account.Session{ID: id, UserID: userID, Kind: account.SessionBrowser, Digest: digestOf(id), Created: dawn, Expires: dawn.AddDate(1, 0, 0)}
}

// signIn makes a session with that id of its own user, by a state, and an event.
func signIn(ctx context.Context, store *sqlstore.Store, userID, id string) error {
	spend, session := stateOf(id), sessionOf(userID, id)
	return store.FinishSignin(ctx, account.FinishSignin{
		UserID: userID, Spend: &spend, Session: &session,
		Events: []account.Event{{At: dawn, Kind: account.EventSignedIn, UserID: userID, Subject: id}},
	})
}

func newUser(t *testing.T, store *sqlstore.Store) account.User {
	t.Helper()
	u, err := store.CreateUser(t.Context(), account.NewUser{Email: "ann@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// raw opens the database without the store.
func raw(t *testing.T, uri string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func exec(t *testing.T, db interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, statement string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// eventually tries until that works, for a while.
func eventually(t *testing.T, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := pgtest.Until(ctx, try); err != nil {
		t.Fatal(err)
	}
}

// waiting returns when n sessions of the database wait for a lock.
func waiting(t *testing.T, db *sql.DB, n int, done <-chan error) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		select {
		case err := <-done:
			return pgtest.Final(fmt.Errorf("it did not wait, and ended with: %v", err))
		default:
		}
		var got int
		err := db.QueryRowContext(ctx, `
			SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`).Scan(&got)
		if err == nil && got < n {
			err = errors.New("not so many wait")
		}
		return err
	})
}

// in runs it on the side.
func in(do func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	return done
}
