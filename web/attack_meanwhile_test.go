package web_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/store/sqlstore"
)

// interrupted is a store at which something happens once, after a request's gate and before its transaction.
type interrupted struct {
	*sqlstore.Store
	mu   sync.Mutex
	next func()
}

func (s *interrupted) interrupt(next func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = next
}

func (s *interrupted) happen() {
	s.mu.Lock()
	next := s.next
	s.next = nil
	s.mu.Unlock()
	if next != nil {
		next()
	}
}

func (s *interrupted) RemoveCredential(ctx context.Context, r account.RemoveCredential) (account.Credential, error) {
	s.happen()
	return s.Store.RemoveCredential(ctx, r)
}

func (s *interrupted) RemoveFactors(ctx context.Context, r account.RemoveFactors) ([]account.Method, error) {
	s.happen()
	return s.Store.RemoveFactors(ctx, r)
}

func (s *interrupted) ReplaceRecoveryCodes(ctx context.Context, r account.ReplaceRecoveryCodes) error {
	s.happen()
	return s.Store.ReplaceRecoveryCodes(ctx, r)
}

func (s *interrupted) FinishVerify(ctx context.Context, f account.FinishVerify) error {
	s.happen()
	return s.Store.FinishVerify(ctx, f)
}

func (s *interrupted) EndSessions(ctx context.Context, e account.EndSessions) (int, error) {
	s.happen()
	return s.Store.EndSessions(ctx, e)
}

// TestASessionThatEndsUnderWayDoesNothing: who has stolen a session sends a request at the moment that the owner ends it. The answer is the
// one that it would have had a moment later, and nothing has changed.
func TestASessionThatEndsUnderWayDoesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	store := &interrupted{Store: s.store}
	s = s.over(t, store)
	l := s.ledger(t)
	for _, attack := range []struct {
		path string
		f    func(p *visitor) fields
		back string
		kind account.EventKind
	}{
		{"/wan-delete", func(p *visitor) fields { return fields{"name": p.passkeys()[0]} }, "/wan-register", account.EventPasskeyRefused},
		{"/tf-setup", func(*visitor) fields { return fields{"setup": "disable"} }, "/tf-setup", account.EventFactorRefused},
		{"/tf-setup", func(*visitor) fields { return fields{"setup": "disable", "which": "email"} }, "/tf-setup", account.EventFactorRefused},
		{"/mf-recovery-codes", func(*visitor) fields { return fields{} }, "/mf-recovery-codes", account.EventFactorRefused},
		{"/verify", func(*visitor) fields { return fields{"password": goodPassword} }, "/verify", account.EventVerifyRefused},
		{"/change", func(*visitor) fields { return fields{"password": goodPassword, "new_password": "Another-Kettle-42"} }, "/change", account.EventPasswordRefused},
	} {
		for _, w := range ways {
			p := s.person(t)
			p.enrol("first")
			p.setUpEmail()
			p.recoveryCodes()
			if w.name == "HTML" {
				attack.f = htmlChange(attack.f)
			}
			f, id := attack.f(p), accountOf(t, s, p.email).ID
			what := w.name + " " + attack.path
			var after page
			store.interrupt(func() {
				if _, err := s.store.EndSessions(t.Context(), account.EndSessions{UserID: id}); err != nil {
					t.Error(err)
				}
				after = l.page()
			})
			a := w.post(p, attack.path, f)
			if a.isJSON() {
				a.refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
			} else {
				a.goesWith("/login", attack.back)
				p.page("/login").shows("was not done yet")
			}
			if changed := l.changes(after); len(changed) > 0 {
				t.Errorf("%s: %v: and yet something changed: %v", what, a, changed)
			}
			if events := l.events(after); len(events) != 1 || events[0].Kind != attack.kind || events[0].Reason != "session_gone" || events[0].UserID != id {
				t.Errorf("%s: left the events %+v", what, events)
			}
			p.signedOut()
		}
	}
}

// htmlChange repeats the new password, as the form does.
func htmlChange(f func(*visitor) fields) func(*visitor) fields {
	return func(p *visitor) fields {
		out := f(p)
		if again, ok := out["new_password"]; ok {
			out["new_password_confirm"] = again
		}
		return out
	}
}
