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
	// fails is the word that a statement with it fails at, and the round trip from there on.
	fails   string
	failure error
	// unchanged are words that a statement with one of them changes nothing by. Every other changes one row.
	unchanged []string
	// meanwhile happens during the COMMIT.
	meanwhile func()
	open      bool
}

func (p *script) trip(statements []Statement) (changed []int64, err error) {
	if p.open {
		return nil, errors.New("a round trip within another")
	}
	p.open = true
	defer func() { p.open = false }()
	var words []string
	for _, s := range statements {
		words = append(words, strings.Fields(s.Query)[0])
	}
	p.said = append(p.said, strings.Join(words, " "))
	for _, s := range statements {
		if p.fails != "" && strings.Contains(s.Query, p.fails) {
			return changed, p.failure
		}
		n := int64(1)
		for _, word := range p.unchanged {
			if strings.Contains(s.Query, word) {
				n = 0
			}
		}
		changed = append(changed, n)
	}
	return changed, nil
}

func (p *script) Send(_ context.Context, statements []Statement) ([]int64, error) {
	return p.trip(statements)
}

func (p *script) Query(_ context.Context, statements []Statement, _ func(interface{ Scan(...any) error }) error) ([]int64, error) {
	changed, err := p.trip(statements)
	return changed[:min(len(changed), len(statements)-1)], err
}

func (p *script) Commit(ctx context.Context, statements []Statement) error {
	if p.meanwhile != nil {
		p.meanwhile()
	}
	for _, s := range statements {
		if s.check != nil {
			return errors.New("something unchecked goes with the COMMIT")
		}
	}
	_, err := p.trip(append(statements, Statement{Query: "COMMIT"}))
	return errors.Join(err, ctx.Err())
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

// What no answer is needed for goes with the next statement that one is needed for; all that could still be refused is answered before the
// COMMIT.
func TestStatementsGoTogether(t *testing.T) {
	session := account.Session{ID: "s", UserID: "u", Kind: account.SessionBrowser}
	sp, events := account.Spend{ID: []byte("state")}, []account.Event{{}}
	credential, factor := &account.CredentialUse{ID: "c"}, &account.FactorUse{Method: account.MethodAuthenticator}
	for _, c := range []struct {
		name string
		do   func(context.Context, *Store) error
		want []string
	}{
		{"a sign-in by a passkey", func(ctx context.Context, s *Store) error {
			return s.FinishSignin(ctx, account.FinishSignin{UserID: "u", Spend: &sp, Session: &session, Credential: credential, Events: events})
		}, []string{"BEGIN INSERT WITH", "INSERT DELETE INSERT COMMIT"}},
		{"a sign-in by a password", func(ctx context.Context, s *Store) error {
			return s.FinishSignin(ctx, account.FinishSignin{UserID: "u", Session: &session, Events: events})
		}, []string{"BEGIN WITH", "INSERT DELETE INSERT COMMIT"}},
		{"a second factor", func(ctx context.Context, s *Store) error {
			return s.FinishSignin(ctx, account.FinishSignin{UserID: "u", PendingID: "p", Session: &session, Factor: factor, Events: events})
		}, []string{"BEGIN WITH DELETE WITH UPDATE", "INSERT DELETE INSERT COMMIT"}},
		{"a verification", func(ctx context.Context, s *Store) error {
			return s.FinishVerify(ctx, account.FinishVerify{UserID: "u", Spend: &sp, Credential: credential, Events: events})
		}, []string{"BEGIN INSERT WITH UPDATE WITH", "INSERT COMMIT"}},
		{"a setup", func(ctx context.Context, s *Store) error {
			return s.FinishSetup(ctx, account.FinishSetup{Spend: sp, SessionID: "s", Events: events})
		}, []string{"BEGIN INSERT WITH UPDATE", "INSERT INSERT INSERT COMMIT"}},
		{"a registration", func(ctx context.Context, s *Store) error {
			return s.FinishRegistration(ctx, account.FinishRegistration{Spend: sp, SessionID: "s", Most: 5, Events: events})
		}, []string{"BEGIN INSERT WITH UPDATE INSERT SELECT", "INSERT", "INSERT INSERT COMMIT"}},
		{"a refund", func(ctx context.Context, s *Store) error {
			return s.Refund(ctx, account.Guess{
				Buckets: []account.Bucket{{Key: "b", Limit: 1, Per: time.Hour}}, Streak: account.Streak{Subject: "u", Step: "code"},
			})
		}, []string{"BEGIN UPDATE UPDATE", "COMMIT"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &script{}
			if err := c.do(t.Context(), pipedStore(t, p)); err != nil {
				t.Error(err)
			}
			p.want(t, c.want...)
		})
	}
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
		}, []string{"BEGIN INSERT UPDATE", "ROLLBACK", "BEGIN INSERT", "COMMIT"}},
		{"by a check", func(ctx context.Context, t *tx) error {
			return errors.Join(t.expect(ctx, orElse(account.ErrInactive), `UPDATE nothing`), t.later(ctx, `DELETE`))
		}, []string{"BEGIN INSERT UPDATE", "ROLLBACK", "BEGIN INSERT", "COMMIT"}},
		{"by a check, before an answer", func(ctx context.Context, t *tx) error {
			_, err := t.exec(ctx, `DELETE`)
			return errors.Join(t.expect(ctx, orElse(account.ErrInactive), `UPDATE nothing`), t.later(ctx, `INSERT`), err)
		}, []string{"BEGIN INSERT DELETE", "UPDATE", "ROLLBACK", "BEGIN INSERT", "COMMIT"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &script{unchanged: []string{"nothing"}}
			if err := pipedStore(t, p).spending(t.Context(), "test", &sp, c.rest); !errors.Is(err, account.ErrInactive) {
				t.Errorf("got %v", err)
			}
			p.want(t, c.want...)
		})
	}
}

// Of all that is refused or fails the first counts, and a state is spent if that was not what was refused.
func TestFirstRefusalCounts(t *testing.T) {
	failure := errors.New("failure")
	sp := account.Spend{ID: []byte("state")}
	use := func(ctx context.Context, t *tx) error {
		return useCredential(ctx, t, "u", account.CredentialUse{ID: "c"})
	}
	expects := func(ctx context.Context, t *tx) error {
		return errors.Join(
			t.expect(ctx, orElse(account.ErrPendingGone), `UPDATE one`), t.later(ctx, `DELETE two`),
			t.expect(ctx, orElse(account.ErrSessionGone), `UPDATE three`), t.later(ctx, `INSERT four`))
	}
	reads := func(ctx context.Context, t *tx) error {
		if err := expects(ctx, t); err != nil {
			return err
		}
		return isActive(ctx, t, "u")
	}
	spendAgain := []string{"ROLLBACK", "BEGIN INSERT", "COMMIT"}
	for _, c := range []struct {
		name      string
		unchanged []string
		fails     string
		rest      func(context.Context, *tx) error
		want      error
		said      []string
	}{
		{"nothing", nil, "", expects, nil, []string{"BEGIN INSERT UPDATE DELETE UPDATE", "INSERT COMMIT"}},
		{"a check", []string{"three"}, "", expects, account.ErrSessionGone, append([]string{"BEGIN INSERT UPDATE DELETE UPDATE"}, spendAgain...)},
		{"two checks", []string{"one", "three"}, "", expects, account.ErrPendingGone, append([]string{"BEGIN INSERT UPDATE DELETE UPDATE"}, spendAgain...)},
		{"a check, then a statement", []string{"one"}, "two", expects, account.ErrPendingGone, append([]string{"BEGIN INSERT UPDATE DELETE UPDATE"}, spendAgain...)},
		{"a check, then a read", []string{"three"}, "SELECT", reads, account.ErrSessionGone, append([]string{"BEGIN INSERT UPDATE DELETE UPDATE INSERT SELECT"}, spendAgain...)},
		{"a check before a read", []string{"three"}, "", reads, account.ErrSessionGone, append([]string{"BEGIN INSERT UPDATE DELETE UPDATE INSERT SELECT"}, spendAgain...)},
		{"a statement, then a check", []string{"three"}, "two", expects, failure, []string{"BEGIN INSERT UPDATE DELETE UPDATE", "ROLLBACK"}},
		{"a statement", nil, "two", expects, failure, []string{"BEGIN INSERT UPDATE DELETE UPDATE", "ROLLBACK"}},
		{"the state", []string{"states"}, "", expects, account.ErrSpent, []string{"BEGIN INSERT UPDATE DELETE UPDATE", "ROLLBACK"}},
		{"the state, then a check", []string{"states", "one"}, "", expects, account.ErrSpent, []string{"BEGIN INSERT UPDATE DELETE UPDATE", "ROLLBACK"}},
		{"the state, then a statement", []string{"states"}, "one", expects, account.ErrSpent, []string{"BEGIN INSERT UPDATE DELETE UPDATE", "ROLLBACK"}},
		{"the state, then a read", []string{"states"}, "SELECT", reads, account.ErrSpent, []string{"BEGIN INSERT UPDATE DELETE UPDATE INSERT SELECT", "ROLLBACK"}},
		{"the state, then what needs no database", []string{"states"}, "", func(context.Context, *tx) error {
			return account.ErrCodeSpent
		}, account.ErrSpent, []string{"BEGIN INSERT", "ROLLBACK"}},
		{"a failure before what needs no database", nil, "states", func(context.Context, *tx) error {
			return account.ErrCodeSpent
		}, failure, []string{"BEGIN INSERT", "ROLLBACK"}},
		{"a check that asks why", []string{"UPDATE latchkey_credentials"}, "", func(ctx context.Context, t *tx) error {
			return errors.Join(use(ctx, t), t.later(ctx, `INSERT`))
		}, account.ErrNotFound, append([]string{"BEGIN INSERT WITH", "SELECT", "SELECT"}, spendAgain...)},
		// The server answers nothing more then, so that it is asked again, step by step.
		{"a check that asks why, then a statement", []string{"UPDATE latchkey_credentials"}, "two", func(ctx context.Context, t *tx) error {
			if err := use(ctx, t); err != nil {
				return err
			}
			return expects(ctx, t)
		}, account.ErrNotFound, append([]string{"BEGIN INSERT WITH UPDATE DELETE UPDATE", "ROLLBACK", "BEGIN INSERT", "WITH", "SELECT", "SELECT"}, spendAgain...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &script{unchanged: c.unchanged, fails: c.fails, failure: failure}
			err := pipedStore(t, p).spending(t.Context(), "test", &sp, c.rest)
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("got %v, want %v", err, c.want)
			}
			p.want(t, c.said...)
		})
	}
}

// Not even who overlooks a refusal, or a failure, commits after it.
func TestNothingIsCommittedAfterARefusal(t *testing.T) {
	failure := errors.New("failure")
	for name, c := range map[string]struct {
		p    script
		want error
	}{
		"a refusal": {script{unchanged: []string{"one"}}, account.ErrSessionGone},
		"a failure": {script{fails: "one", failure: failure}, failure},
	} {
		t.Run(name, func(t *testing.T) {
			err := pipedStore(t, &c.p).write(t.Context(), "overlook", func(ctx context.Context, t *tx) error {
				_ = t.expect(ctx, orElse(account.ErrSessionGone), `UPDATE one`)
				_, _ = t.exec(ctx, `DELETE`)
				_, _ = t.exec(ctx, `DELETE`)
				return t.later(ctx, `INSERT`)
			})
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			c.p.want(t, "BEGIN UPDATE DELETE", "ROLLBACK")
		})
	}
}

// What is read counts for nothing where something before it was refused.
func TestChecksComeBeforeTheRows(t *testing.T) {
	p := &script{unchanged: []string{"one"}}
	err := pipedStore(t, p).write(t.Context(), "read", func(ctx context.Context, t2 *tx) error {
		if err := t2.expect(ctx, orElse(account.ErrSessionGone), `UPDATE one`); err != nil {
			return err
		}
		if err := isActive(ctx, t2, "u"); !errors.Is(err, account.ErrSessionGone) {
			t.Errorf("the read: %v", err)
		}
		return account.ErrSessionGone
	})
	if !errors.Is(err, account.ErrSessionGone) {
		t.Errorf("got %v", err)
	}
	p.want(t, "BEGIN UPDATE SELECT", "ROLLBACK")
}

// A read is a round trip of its own, in no transaction.
func TestReadInAPipe(t *testing.T) {
	p := &script{}
	if _, err := pipedStore(t, p).Sessions(t.Context(), "u"); err != nil {
		t.Error(err)
	}
	p.want(t, "SELECT")
}

// The pool never gets a connection back that has an open transaction.
func TestPipeIsRolledBack(t *testing.T) {
	failure := errors.New("failure")
	p := &script{}
	s := pipedStore(t, p)
	spending := func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, `INSERT`)
		return err
	}
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
