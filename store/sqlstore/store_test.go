package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

// A panic in a handler must not keep the only writing connection from everybody else.
func TestPanicReleasesTheWriter(t *testing.T) {
	s := newStore(t)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		err := s.write(t.Context(), "panic", func(ctx context.Context, t *tx) error {
			if err := spend(ctx, t, account.Spend{ID: []byte("state")}); err != nil {
				return err
			}
			panic("boom")
		})
		t.Errorf("returned %v", err)
	}()
	if err := s.SpendState(t.Context(), account.Spend{ID: []byte("state")}, nil); err != nil {
		t.Errorf("after the panic: %v", err)
	}
}

// What is no refusal of the contract undoes the spending too, so that it can be tried again.
func TestFailureUndoesTheSpending(t *testing.T) {
	s, failure := newStore(t), errors.New("failure")
	sp := account.Spend{ID: []byte("state")}
	err := s.spending(t.Context(), "fail", &sp, func(context.Context, *tx) error { return failure })
	if !errors.Is(err, failure) {
		t.Fatalf("got %v", err)
	}
	if err := s.SpendState(t.Context(), sp, nil); err != nil {
		t.Errorf("after the failure: %v", err)
	}
}

func TestUnavailable(t *testing.T) {
	full := errors.New("disk full")
	s := newStore(t)
	s.db.Unavailable = func(err error) bool { return errors.Is(err, full) }
	for _, err := range []error{driver.ErrBadConn, sql.ErrConnDone, &net.OpError{Op: "dial", Err: errors.New("refused")}, full} {
		if got := s.wrap(t.Context(), "op", err); !errors.Is(got, account.ErrUnavailable) || !errors.Is(got, err) {
			t.Errorf("%v became %v", err, got)
		}
	}
	for _, err := range []error{errors.New("syntax error"), account.ErrSpent, context.Canceled} {
		if got := s.wrap(t.Context(), "op", err); errors.Is(got, account.ErrUnavailable) || !errors.Is(got, err) {
			t.Errorf("%v became %v", err, got)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	_, reading := s.User(t.Context(), "u")
	writing := s.SpendState(t.Context(), account.Spend{ID: []byte("state")}, nil)
	for _, err := range []error{reading, writing, s.Ping(t.Context())} {
		if !errors.Is(err, account.ErrUnavailable) {
			t.Errorf("after closing: %v", err)
		}
	}
}

func TestErrorsSayWhatFailedOnce(t *testing.T) {
	s := newStore(t)
	_, err := s.User(t.Context(), "none")
	if got, want := err.Error(), "sqlstore: find user: account: not found"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	err = s.FinishRegistration(t.Context(), account.FinishRegistration{})
	if strings.Count(err.Error(), "sqlstore:") != 1 {
		t.Errorf("got %q", err)
	}
}

func TestListUsers(t *testing.T) {
	s := newStore(t)
	const n = listPage*2 + 1
	var want []string
	if err := s.write(t.Context(), "fill", func(ctx context.Context, t *tx) error {
		for i := range n {
			id, err := newUserID(time.Unix(int64(i), 0), s.db.Rand)
			if err != nil {
				return err
			}
			email := id[13:] + "@Example.com"
			want = append(want, email)
			if _, err := t.exec(ctx, `
				INSERT INTO latchkey_users (id, email, email_key, password_hash, active, created) VALUES ($1, $2, $3, '', TRUE, 0)`,
				id, email, account.CanonicalEmail(email)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	var got []string
	for u, err := range s.ListUsers(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		// The pool has one connection: the listing must not hold it.
		if _, err := s.User(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
		got = append(got, u.Email)
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %d accounts, want %d in the order of their addresses", len(got), len(want))
	}
	for range s.ListUsers(t.Context()) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	errs := 0
	for _, err := range s.ListUsers(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled, got %v", err)
		}
		errs++
	}
	if errs != 1 {
		t.Errorf("cancelled, yielded %d times", errs)
	}
}

func TestUserIDsFollowTime(t *testing.T) {
	s := newStore(t)
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	s.db.Clock = func() time.Time { now = now.Add(time.Millisecond); return now }
	last := ""
	for i := range 20 {
		u, err := s.CreateUser(t.Context(), account.NewUser{Email: string(rune('a'+i)) + "@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		if u.ID <= last || !u.Created.Equal(now) {
			t.Errorf("%q made at %v, after %q", u.ID, u.Created, last)
		}
		last = u.ID
	}
	s.db.Rand = strings.NewReader("too short")
	if _, err := s.CreateUser(t.Context(), account.NewUser{Email: "last@example.com"}); err == nil {
		t.Error("made an account without randomness")
	}
}

func TestRegistrationIsKept(t *testing.T) {
	s := newStore(t)
	session := account.Session{ID: "s", UserID: "u", Kind: account.SessionBrowser}
	if err := s.FinishSignin(t.Context(), account.FinishSignin{UserID: "u", Session: &session}); err != nil {
		t.Fatal(err)
	}
	c := account.Credential{ID: "c", UserID: "u", CredentialID: []byte{1}, Registration: account.Registration{
		AuthenticatorData: []byte{0, 1, 255}, ClientDataJSON: []byte(`{}`),
	}}
	f := account.FinishRegistration{Spend: account.Spend{ID: []byte("state")}, Credential: c, SessionID: "s"}
	if err := s.FinishRegistration(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	got, err := s.Registration(t.Context(), "c")
	if err != nil || string(got.AuthenticatorData) != "\x00\x01\xff" || string(got.ClientDataJSON) != `{}` {
		t.Errorf("got %+v and %v", got, err)
	}
	if _, err := s.RemoveCredential(t.Context(), account.RemoveCredential{UserID: "u", ID: "c"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Registration(t.Context(), "c"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("of a removed credential: %v", err)
	}
}

// A second of the same statement in one transaction, and one that was never prepared, must work alike.
func TestStatementsArePreparedOutsideOfTransactions(t *testing.T) {
	s := newStore(t)
	for i := range 3 {
		if err := s.Record(t.Context(), account.Event{}, account.Event{}); err != nil {
			t.Fatal(err)
		}
		prepared := len(s.writer.prepared)
		if (i == 0) != (prepared == 0) {
			t.Errorf("round %d: %d statements are prepared", i, prepared)
		}
	}
}
