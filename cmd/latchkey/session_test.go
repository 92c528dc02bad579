package main

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

func TestSessionsAreListedAndRevoked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ann, bob := strong(t, t.Context(), store, "ann@example.test"), strong(t, t.Context(), store, "bob@example.test")
	run := func(want int, args ...string) string {
		t.Helper()
		status, out, errs := admin(t, append([]string{"session"}, args...)...)
		if status != want {
			t.Fatalf("session %v: status %d, want %d: %s", args, status, want, errs)
		}
		return out + errs
	}
	if out := run(0, "list", "--database", path, ann.Email); strings.Count(out, "\n") != 2 || !strings.Contains(out, ann.Email+"browser  browser  since 2026-11-22T12:00Z") {
		t.Errorf("the list is %q", out)
	}
	if out := run(1, "revoke", "--database", path, ann.Email, bob.Email+"browser"); !strings.Contains(out, "error: ann@example.test has no session") {
		t.Errorf("another's session: %q", out)
	}
	if out := run(1, "revoke", "--database", path, ann.Email); !strings.Contains(out, "hint: give its id, or --all") {
		t.Errorf("neither an id nor --all: %q", out)
	}
	if out := run(0, "revoke", "--database", path, ann.Email, ann.Email+"browser"); out != "1 session ended\n" {
		t.Errorf("one session: %q", out)
	}
	if out := run(0, "revoke", "--database", path, bob.Email, "--all"); out != "2 sessions ended\n" {
		t.Errorf("all sessions: %q", out)
	}
	for _, u := range []account.User{ann, bob} {
		digest := account.Digest{}
		copy(digest[:], u.Email+"browser")
		if _, _, err := store.Session(t.Context(), account.SessionBrowser, digest); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("the session of %s is still there (%v)", u.Email, err)
		}
	}
	events, err := store.Events(t.Context(), account.EventFilter{UserID: bob.ID})
	if err != nil || len(events) == 0 || events[len(events)-1].Kind != account.EventSessionsEnded || events[len(events)-1].Reason != byAdmin {
		t.Errorf("the last event is not that of the administrator: %+v (%v)", events, err)
	}
}
