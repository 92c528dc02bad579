package sqlstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

// script is a Pipe that writes down what it is told, a line for each round trip.
type script struct {
	said []string
	// fails is what a round trip fails at that has this word.
	fails   string
	failure error
	// meanwhile happens during the COMMIT.
	meanwhile func()
}

func (p *script) trip(statements []Statement, more ...string) error {
	var words []string
	for _, s := range statements {
		words = append(words, strings.Fields(s.Query)[0])
	}
	line := strings.Join(append(words, more...), " ")
	p.said = append(p.said, line)
	if p.fails != "" && strings.Contains(line, p.fails) {
		return p.failure
	}
	return nil
}

func (p *script) Send(_ context.Context, statements []Statement) (int64, error) {
	return 1, p.trip(statements)
}

func (p *script) Query(_ context.Context, statements []Statement, _ func(interface{ Scan(...any) error }) error) error {
	return p.trip(statements)
}

func (p *script) Commit(ctx context.Context, statements []Statement) error {
	if p.meanwhile != nil {
		p.meanwhile()
	}
	return errors.Join(p.trip(statements, "COMMIT"), ctx.Err())
}

func (p *script) Rollback(context.Context) error {
	p.said = append(p.said, "ROLLBACK")
	return nil
}

func pipedStore(t *testing.T, p *script) *Store {
	t.Helper()
	db := newDatabase(t)
	return New(DB{Reader: db, Writer: db, Dialect: PostgreSQL, Timeout: time.Minute, Pipe: func(any) Pipe { return p }})
}

func (p *script) want(t *testing.T, lines ...string) {
	t.Helper()
	if !slices.Equal(p.said, lines) {
		t.Errorf("the round trips are\n%s\nwant\n%s", strings.Join(p.said, "\n"), strings.Join(lines, "\n"))
	}
}

func TestStatementsGoTogether(t *testing.T) {
	p := &script{}
	session := account.Session{ID: "s", UserID: "u", Kind: account.SessionBrowser}
	sp := account.Spend{ID: []byte("state")}
	err := pipedStore(t, p).FinishSignin(t.Context(), account.FinishSignin{
		UserID: "u", Spend: &sp, Session: &session, Credential: &account.CredentialUse{ID: "c"}, Events: []account.Event{{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.want(t, "BEGIN INSERT", "WITH", "INSERT DELETE INSERT COMMIT")
}

// A COMMIT follows an answer, so that a connection that broke long ago is not found out by it.
func TestCommitFollowsAnAnswer(t *testing.T) {
	p := &script{}
	if err := pipedStore(t, p).Record(t.Context(), account.Event{}, account.Event{}); err != nil {
		t.Fatal(err)
	}
	p.want(t, "BEGIN INSERT INSERT", "COMMIT")
}

func TestNothingToDoIsNotSent(t *testing.T) {
	p := &script{}
	if err := pipedStore(t, p).write(t.Context(), "nothing", func(context.Context, *tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	p.want(t)
}

// What is refused leaves the spending alone: all is rolled back, and the state spent by itself.
func TestRefusalInAPipe(t *testing.T) {
	sp := account.Spend{ID: []byte("state")}
	for _, c := range []struct {
		name string
		rest func(context.Context, *tx) error
		want []string
	}{
		{"at once", func(context.Context, *tx) error { return account.ErrInactive }, []string{"BEGIN INSERT", "ROLLBACK", "BEGIN INSERT", "COMMIT"}},
		{"with something queued", func(ctx context.Context, t *tx) error {
			return errors.Join(t.later(ctx, `DELETE`), account.ErrInactive)
		}, []string{"BEGIN INSERT", "ROLLBACK", "BEGIN INSERT", "COMMIT"}},
		{"after an answer", func(ctx context.Context, t *tx) error {
			_, err := t.exec(ctx, `UPDATE`)
			return errors.Join(err, t.later(ctx, `DELETE`), account.ErrInactive)
		}, []string{"BEGIN INSERT", "UPDATE", "ROLLBACK", "BEGIN INSERT", "COMMIT"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &script{}
			if err := pipedStore(t, p).spending(t.Context(), "test", &sp, c.rest); !errors.Is(err, account.ErrInactive) {
				t.Errorf("got %v", err)
			}
			p.want(t, c.want...)
		})
	}
}

// The pool never gets a connection back that has an open transaction.
func TestPipeIsRolledBack(t *testing.T) {
	failure := errors.New("failure")
	p := &script{}
	s := pipedStore(t, p)
	spending := func(ctx context.Context, t *tx) error { return spend(ctx, t, account.Spend{ID: []byte("state")}) }
	if err := s.write(t.Context(), "fail", func(ctx context.Context, t *tx) error {
		return errors.Join(spending(ctx, t), failure)
	}); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
	p.want(t, "BEGIN INSERT", "ROLLBACK")
	p.said = nil
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_ = s.write(t.Context(), "panic", func(ctx context.Context, t *tx) error {
			_ = spending(ctx, t)
			panic("boom")
		})
	}()
	p.want(t, "BEGIN INSERT", "ROLLBACK")
	p.said, p.fails, p.failure = nil, "COMMIT", failure
	if err := s.write(t.Context(), "commit", spending); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
	p.want(t, "BEGIN INSERT", "COMMIT", "ROLLBACK")
}

// Whoever goes away before the COMMIT has changed nothing; whoever goes away during it learns how it ended.
func TestGoingAway(t *testing.T) {
	p := &script{}
	s := pipedStore(t, p)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	p.meanwhile = leave
	if err := s.SpendState(ctx, account.Spend{ID: []byte("x")}, nil); err != nil {
		t.Errorf("during the COMMIT: %v", err)
	}
	p.want(t, "BEGIN INSERT", "COMMIT")
	p.said, p.meanwhile = nil, nil
	ctx, leave = context.WithCancel(t.Context())
	defer leave()
	err := s.write(ctx, "leave", func(ctx context.Context, t *tx) error {
		defer leave()
		return spend(ctx, t, account.Spend{ID: []byte("x")})
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("before the COMMIT: %v", err)
	}
	p.want(t, "BEGIN INSERT", "ROLLBACK")
}

// Only what failed in the round trip of the COMMIT may have counted.
func TestCommittingIsTheLastRoundTrip(t *testing.T) {
	for fails, want := range map[string]bool{"BEGIN": false, "COMMIT": true} {
		for name, do := range map[string]func(*Store) error{
			"nothing to wait for": func(s *Store) error { return s.Record(t.Context(), account.Event{}) },
			"something":           func(s *Store) error { return s.SpendState(t.Context(), account.Spend{ID: []byte("x")}, nil) },
		} {
			p := &script{fails: fails, failure: errors.New("failure")}
			s := pipedStore(t, p)
			asked := 0
			s.db.Undone = func(_ error, committing bool) bool {
				asked++
				if committing != want {
					t.Errorf("%s, failing at %s: committing is %v", name, fails, committing)
				}
				return false
			}
			if err := do(s); err == nil || asked != 1 {
				t.Errorf("%s, failing at %s: %v, asked %d times", name, fails, err, asked)
			}
		}
	}
}
