package sqlite_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlite"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

var dawn = time.Date(2030, time.January, 1, 6, 0, 0, 0, time.UTC)

// ownerOf is the account of the sign-in with that id. Each has its own: of one account only so many sessions stay.
func ownerOf(id string) string { return "owner of " + id }

// digestOf is the digest of a session of that id.
func digestOf(id string) account.Digest { return sha256.Sum256([]byte(id)) }

// stateOf is the state that makes the session of that id.
func stateOf(id string) account.Spend {
	sum := sha256.Sum256([]byte("state " + id))
	return account.Spend{ID: sum[:16], Expires: dawn.AddDate(10, 0, 0)}
}

// writeUntilKilled finishes sign-ins as fast as it can and says which ones the store has taken.
func writeUntilKilled(path string) error {
	store, err := sqlite.Open(context.Background(), path, sqlite.Options{})
	if err != nil {
		return err
	}
	var out sync.Mutex
	failed := make(chan error)
	for range 4 {
		go func() {
			for {
				id := rand.Text()
				if err := finishSignin(context.Background(), store, id); err != nil {
					failed <- err
					return
				}
				out.Lock()
				_, err := fmt.Fprintln(os.Stdout, id)
				out.Unlock()
				if err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

// finishSignin makes a session with that id, a bearer token beside it and an event, by a state.
func finishSignin(ctx context.Context, store *sqlstore.Store, id string) error {
	spend := stateOf(id)
	session := account.Session{
		ID: id, UserID: ownerOf(id), Kind: account.SessionBrowser, Digest: digestOf(id), Created: dawn, Expires: dawn,
	}
	token := session
	token.ID, token.Kind, token.Digest = "token "+id, account.SessionToken, digestOf("token "+id)
	return store.FinishSignin(ctx, account.FinishSignin{
		UserID: ownerOf(id), Spend: &spend, Session: &session, Token: &token,
		Events: []account.Event{{At: dawn, Kind: account.EventSignedIn, UserID: ownerOf(id), Subject: id}},
	})
}

// Whatever moment a process is killed at: what it was told is stored is stored, the rest is there whole or not at
// all, and the file is sound.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	acknowledged := map[string]bool{}
	begun := time.Now()
	for round := 0; round < 12 && time.Since(begun) < 8*time.Second; round++ {
		writer := start(t, "writer", path)
		for range 1 + mathrand.IntN(60) {
			id, ok := writer.line(t)
			if !ok {
				t.Fatal("the writer ended by itself")
			}
			acknowledged[id] = true
		}
		if err := writer.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		// What it said before it died counts as well.
		for id, ok := writer.line(t); ok; id, ok = writer.line(t) {
			acknowledged[id] = true
		}
		var died *exec.ExitError
		if err := writer.Wait(); !errors.As(err, &died) {
			t.Fatalf("the writer ended with %v", err)
		}
		checkAfterCrash(t, path, acknowledged)
	}
	t.Logf("%d acknowledged sign-ins", len(acknowledged))
}

func checkAfterCrash(t *testing.T, path string, acknowledged map[string]bool) {
	t.Helper()
	if got := integrity(t, path); got != "ok" {
		t.Fatalf("integrity_check: %s", got)
	}
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	var all string
	ask(t, path, `SELECT COALESCE(group_concat(id, '|'), '') FROM latchkey_sessions`, &all)
	ids := map[string]bool{}
	for _, id := range strings.FieldsFunc(all, func(r rune) bool { return r == '|' }) {
		ids[id] = true
	}
	events, err := store.Events(t.Context(), account.EventFilter{Limit: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	recorded := map[string]bool{}
	for _, e := range events {
		recorded[e.Subject] = true
	}
	for id := range acknowledged {
		if !recorded[id] {
			t.Fatalf("%s was acknowledged and is gone", id)
		}
	}
	if len(ids) != 2*len(recorded) {
		t.Fatalf("%d sessions for %d events", len(ids), len(recorded))
	}
	for id := range recorded {
		if !ids[id] || !ids["token "+id] {
			t.Fatalf("of %s there is only a part", id)
		}
	}
	spentStates(t, path, len(recorded))
}

// integrity is what SQLite says of the file.
func integrity(t *testing.T, path string) (said string) {
	t.Helper()
	ask(t, path, `PRAGMA integrity_check`, &said)
	return said
}

// spentStates demands that so many states are spent.
func spentStates(t *testing.T, path string, want int) {
	t.Helper()
	var got int
	ask(t, path, `SELECT COUNT(*) FROM latchkey_states WHERE spent`, &got)
	if got != want {
		t.Fatalf("%d states are spent for %d sign-ins", got, want)
	}
}

// ask opens the file for one question, and leaves no connection that would spare the next opener the recovery.
func ask(t *testing.T, path, query string, answer any) {
	t.Helper()
	db := raw(t, path)
	if err := db.QueryRow(query).Scan(answer); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// raw opens the file without the store.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
