package main

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

// auditLog is a database in which ann failed to sign in and did so an hour later, and a stranger failed between.
func auditLog(t *testing.T) (path string, ann account.User) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "latchkey.db")
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if ann, err = store.CreateUser(t.Context(), account.NewUser{Email: "ann@example.test"}); err != nil {
		t.Fatal(err)
	}
	if err := store.Record(t.Context(),
		account.Event{At: noon().Add(-2 * time.Hour), Kind: account.EventSigninRefused, UserID: ann.ID, Reason: "wrong_password", Method: account.MethodPassword, Address: "192.0.2.1", UserAgent: "Browser <1>"},
		account.Event{At: noon().Add(-90 * time.Minute), Kind: account.EventSigninRefused, Reason: "unknown_user"},
		account.Event{At: noon().Add(-time.Hour), Kind: account.EventSignedIn, UserID: ann.ID, Method: account.MethodPasskey, Subject: "my \"phone\"", SessionID: "s1"},
		account.Event{At: noon().Add(-time.Minute), Kind: account.EventPasskeyRemoved, UserID: "gone", Subject: "key"},
	); err != nil {
		t.Fatal(err)
	}
	return path, ann
}

func TestEvents(t *testing.T) {
	path, ann := auditLog(t)
	const (
		refused  = "2026-11-22T10:00:00Z  signin.refused          ann@example.test  reason=wrong_password  method=password  from=192.0.2.1\n"
		stranger = "2026-11-22T10:30:00Z  signin.refused          -  reason=unknown_user\n"
		signedIn = "2026-11-22T11:00:00Z  signin.succeeded        ann@example.test  method=webauthn  subject=\"my \\\"phone\\\"\"\n"
		removed  = "2026-11-22T11:59:00Z  passkey.removed         gone  subject=key\n"
	)
	for _, tt := range []struct{ args, want string }{
		{"", refused + stranger + signedIn + removed},
		{"--user ANN@example.test", refused + signedIn},
		{"--kind signin.refused", refused + stranger},
		{"--kind signin", refused + stranger + signedIn},
		{"--kind signin --limit 2", stranger + signedIn},
		{"--kind signin --limit 1", signedIn},
		{"--kind signin.refused --limit 1", stranger},
		{"--kind factor", ""},
		{"--limit 1", removed},
		{"--since 75m", signedIn + removed},
		{"--since 2026-11-22T10:30:00Z --user ann@example.test", signedIn},
		{"--since 2026-11-22", refused + stranger + signedIn + removed},
		{"--since 2026-11-23", ""},
	} {
		status, out, errs := admin(t, append([]string{"events", "--database", path}, strings.Fields(tt.args)...)...)
		if status != 0 || out != tt.want {
			t.Errorf("%s: %d, %s\n%s", tt.args, status, errs, out)
		}
	}
	_, out, _ := admin(t, "events", "--database", path, "--json")
	var got []map[string]any
	for line := range strings.Lines(out) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if len(got) != 4 || got[0]["at"] != "2026-11-22T10:00:00Z" || got[0]["kind"] != "signin.refused" || got[0]["user_id"] != ann.ID || got[0]["email"] != "ann@example.test" ||
		got[0]["user_agent"] != "Browser <1>" || got[0]["address"] != "192.0.2.1" || got[2]["session_id"] != "s1" || got[3]["user_id"] != "gone" || got[3]["email"] != nil {
		t.Errorf("%v", got)
	}
}

func TestEventsThatCantBeAskedFor(t *testing.T) {
	path, _ := auditLog(t)
	for _, tt := range []struct{ args, says string }{
		{"--since yesterday", "error: --since: \"yesterday\" is no time\nhint: write it as in 24h"},
		{"--since -5m", "is no time"},
		{"--kind signin.refuse", "error: there is no kind of event \"signin.refuse\"\nhint: the kinds are user.registered"},
		{"--kind sign", "no kind of event"},
		{"--limit 0", "at least 1"},
		{"--user bob@example.test", "error: bob@example.test has no account\n"},
	} {
		args := append([]string{"events", "--database", path}, strings.Fields(strings.Replace(tt.args, "--since -", "--since=-", 1))...)
		if status, out, errs := admin(t, args...); status != 1 || out != "" || !strings.Contains(errs, tt.says) {
			t.Errorf("%s: %d, %q, %s", tt.args, status, out, errs)
		}
	}
}

// log is an audit log that says how much it was asked for.
type log struct {
	events []account.Event
	asked  []int
}

func (l *log) Record(context.Context, ...account.Event) error { return nil }

func (l *log) Events(_ context.Context, f account.EventFilter) ([]account.Event, error) {
	l.asked = append(l.asked, f.Limit)
	return l.events[max(0, len(l.events)-f.Limit):], nil
}

func TestTheNewestOfAKindAreFoundHoweverOldTheyAre(t *testing.T) {
	l := &log{events: make([]account.Event, 1000)}
	for i := range l.events {
		l.events[i] = account.Event{Kind: account.EventSignedIn, Subject: strconv.Itoa(i)}
	}
	l.events[3].Kind, l.events[700].Kind, l.events[990].Kind = account.EventThrottled, account.EventThrottled, account.EventThrottled
	for limit, want := range map[int]struct{ subjects, asked []int }{
		1: {[]int{990}, []int{1, 8, 64}},
		2: {[]int{700, 990}, []int{2, 16, 128, 1024}},
		9: {[]int{3, 700, 990}, []int{9, 72, 576, 4608}},
	} {
		l.asked = nil
		found, err := newest(t.Context(), l, account.EventFilter{}, "throttled", limit)
		var subjects []int
		for _, e := range found {
			n, _ := strconv.Atoi(e.Subject)
			subjects = append(subjects, n)
		}
		if err != nil || !slices.Equal(subjects, want.subjects) || !slices.Equal(l.asked, want.asked) {
			t.Errorf("%d: %v after %v (%v)", limit, subjects, l.asked, err)
		}
	}
}

// TestEventKindsAreAll compares the table with package account's constants.
func TestEventKindsAreAll(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../account/event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.ValueSpec); ok && len(s.Values) == 1 {
			if typ, ok := s.Type.(*ast.Ident); ok && typ.Name == "EventKind" {
				text, err := strconv.Unquote(s.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, text)
			}
		}
		return true
	})
	var got []string
	for _, k := range eventKinds {
		got = append(got, string(k))
	}
	slices.Sort(want)
	slices.Sort(got)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
