package main

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlite"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// noon is the time in these tests.
func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// admin runs a command in this process.
func admin(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, now: noon}, args)
	return status, out.String(), errs.String()
}

// strong makes an account with every kind of factor: two passkeys of each usage, two code methods, recovery codes, a session and a
// remembered device.
func strong(t *testing.T, ctx context.Context, store *sqlstore.Store, email string) account.User {
	t.Helper()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	u, err := store.CreateUser(ctx, account.NewUser{Email: email})
	ok(err)
	later := noon().Add(time.Hour)
	session := func(kind account.SessionKind) *account.Session {
		id := email + string(kind)
		s := &account.Session{ID: id, UserID: u.ID, Kind: kind, Created: noon(), AuthenticatedAt: noon(), LastSeen: noon(), Expires: later}
		copy(s.Digest[:], id)
		return s
	}
	by := session(account.SessionBrowser)
	ok(store.FinishSignin(ctx, account.FinishSignin{UserID: u.ID, Session: by, Device: session(account.SessionDevice)}))
	for _, m := range []account.Method{account.MethodEmail, account.MethodSMS} {
		ok(store.FinishSetup(ctx, account.FinishSetup{
			Spend:  account.Spend{ID: []byte(email + string(m)), Expires: later},
			Factor: account.Factor{UserID: u.ID, Method: m, Created: noon()}, SessionID: by.ID,
		}))
	}
	ok(store.ReplaceRecoveryCodes(ctx, account.ReplaceRecoveryCodes{UserID: u.ID, Digests: [][]byte{[]byte("1"), []byte("2")}, At: noon()}))
	for _, usage := range []account.Usage{account.UsageFirst, account.UsageSecondary} {
		for _, name := range []string{"laptop", "phone"} {
			id := email + string(usage) + name
			ok(store.FinishRegistration(ctx, account.FinishRegistration{
				Spend: account.Spend{ID: []byte(id), Expires: later}, SessionID: by.ID,
				Credential: account.Credential{ID: id, UserID: u.ID, CredentialID: []byte(id), Nickname: name + " " + string(usage), Usage: usage, Created: noon()},
			}))
		}
	}
	return u
}

func TestResetFactors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ann, bob := strong(t, t.Context(), store, "ann@example.test"), strong(t, t.Context(), store, "bob@example.test")

	status, out, errs := admin(t, "user", "reset-factors", "--database", path, "ann@example.test")
	if status != 0 {
		t.Fatalf("%d: %s", status, errs)
	}
	for _, want := range []string{"ann@example.test has no second factor now", "email", "sms", "2 recovery codes", `passkey "laptop secondary"`, `passkey "phone secondary"`} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q: %s", want, out)
		}
	}
	check := func(u account.User, codes, recovery int, passkeys []string, sessions []account.SessionKind) {
		t.Helper()
		factors, err := store.SecondFactors(t.Context(), u.ID)
		if err != nil || len(factors.Codes) != codes || factors.RecoveryCodes != recovery {
			t.Errorf("%s has %+v (%v)", u.Email, factors, err)
		}
		all, err := store.Credentials(t.Context(), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range all {
			names = append(names, c.Nickname)
		}
		slices.Sort(names)
		if !slices.Equal(names, passkeys) {
			t.Errorf("%s has passkeys %q, want %q", u.Email, names, passkeys)
		}
		left, err := store.Sessions(t.Context(), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []account.SessionKind
		for _, s := range left {
			kinds = append(kinds, s.Kind)
		}
		slices.Sort(kinds)
		if !slices.Equal(kinds, sessions) {
			t.Errorf("%s has sessions %q, want %q", u.Email, kinds, sessions)
		}
	}
	check(ann, 0, 0, []string{"laptop first", "phone first"}, []account.SessionKind{account.SessionBrowser})
	check(bob, 2, 2, []string{"laptop first", "laptop secondary", "phone first", "phone secondary"}, []account.SessionKind{account.SessionBrowser, account.SessionDevice})

	if status, out, _ := admin(t, "user", "reset-factors", "--database", path, "ann@example.test"); status != 0 || out != "ann@example.test had no second factor\n" {
		t.Errorf("the second time: %d, %q", status, out)
	}
	events(t, store, ann, account.EventFactorsReset, account.EventFactorRemoved, account.EventFactorRemoved, account.EventPasskeyRemoved, account.EventPasskeyRemoved, account.EventFactorsReset)
	events(t, store, bob)
}

// events checks what was recorded of an account, and that each says who did it.
func events(t *testing.T, store *sqlstore.Store, u account.User, want ...account.EventKind) {
	t.Helper()
	all, err := store.Events(t.Context(), account.EventFilter{UserID: u.ID})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []account.EventKind
	for _, e := range all {
		kinds = append(kinds, e.Kind)
		if e.Reason != byAdmin || !e.At.Equal(noon()) {
			t.Errorf("event %+v", e)
		}
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("events of %s are %q, want %q", u.Email, kinds, want)
	}
}

func TestDisableAndEnable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ann := strong(t, t.Context(), store, "ann@example.test")
	pending := account.Pending{ID: "p", UserID: ann.ID, State: account.PendingReady, Created: noon(), Expires: noon().Add(time.Hour)}
	if err := store.FinishSignin(t.Context(), account.FinishSignin{UserID: ann.ID, Pending: &pending}); err != nil {
		t.Fatal(err)
	}
	if status, out, errs := admin(t, "user", "disable", "ANN@example.test", "--database", path); status != 0 || out != "ann@example.test is disabled; 2 sessions ended\n" {
		t.Errorf("%d, %q, %s", status, out, errs)
	}
	if u, err := store.User(t.Context(), ann.ID); err != nil || u.Active {
		t.Errorf("%+v, %v", u, err)
	}
	if left, err := store.Sessions(t.Context(), ann.ID); err != nil || len(left) > 0 {
		t.Errorf("sessions left: %v (%v)", left, err)
	}
	if _, _, err := store.Pending(t.Context(), pending.Digest); err == nil {
		t.Error("a sign-in is pending still")
	}
	if status, _, errs := admin(t, "user", "enable", "ann@example.test", "--database", path); status != 0 {
		t.Error(errs)
	}
	if u, err := store.User(t.Context(), ann.ID); err != nil || !u.Active {
		t.Errorf("%+v, %v", u, err)
	}
	events(t, store, ann, account.EventDisabled, account.EventSessionsEnded, account.EventEnabled)
}
