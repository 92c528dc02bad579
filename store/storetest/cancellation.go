package storetest

import (
	"context"
	"errors"

	"github.com/latchkey-auth/latchkey/account"
)

var cancellationTests = []test{
	{"before it begins", func(e *env) {
		s := newScene(e)
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		spend := e.spend()
		f := s.signin(e)
		for name, call := range map[string]func() error{
			"UserHandle": func() error { _, err := e.store.UserHandle(ctx, "u", e.bytes(32)); return err },
			"Credential": func() error { _, _, err := e.store.Credential(ctx, s.credential.CredentialID); return err },
			"Hints":      func() error { _, err := e.store.Hints(ctx, s.user.Email); return err },
			"Presented": func() error {
				_, _, _, err := e.store.Presented(ctx, s.credential.CredentialID, noon, s.bucket)
				return err
			},
			"Credentials":   func() error { _, err := e.store.Credentials(ctx, s.user.ID); return err },
			"SecondFactors": func() error { _, err := e.store.SecondFactors(ctx, s.user.ID); return err },
			"Session":       func() error { _, _, err := e.store.Session(ctx, s.session.Kind, s.session.Digest); return err },
			"Sessions":      func() error { _, err := e.store.Sessions(ctx, s.user.ID); return err },
			"Pending":       func() error { _, _, err := e.store.Pending(ctx, s.pending.Digest); return err },
			"Level":         func() error { _, err := e.store.Level(ctx, noon, s.bucket); return err },
			"Events":        func() error { _, err := e.store.Events(ctx, account.EventFilter{}); return err },
			"Ping":          func() error { return e.store.Ping(ctx) },
			"FinishSignin":  func() error { return e.store.FinishSignin(ctx, f) },
			"SpendState":    func() error { return e.store.SpendState(ctx, spend, nil) },
			"TryState":      func() error { return e.store.TryState(ctx, spend) },
			"UpdatePending": func() error { return e.store.UpdatePending(ctx, account.UpdatePending{ID: s.pending.ID}) },
			"TryCode":       func() error { _, err := e.store.TryCode(ctx, s.pending.ID, 5); return err },
			"DropPending":   func() error { return e.store.DropPending(ctx, s.pending.ID, nil) },
			"Record":        func() error { return e.store.Record(ctx, e.event(s.user.ID)) },
			"Secret":        func() error { _, err := e.store.Secret(ctx, "name", e.bytes(32)); return err },
			"Sweep":         func() error { _, err := e.store.Sweep(ctx, noon.AddDate(10, 0, 0), 100); return err },
			"Refund":        func() error { return e.store.Refund(ctx, account.Guess{Buckets: []account.Bucket{s.bucket}}) },
			"SeenSessions": func() error {
				return e.store.SeenSessions(ctx, []account.Seen{{SessionID: s.session.ID, At: noon.AddDate(1, 0, 0)}})
			},
			"EndSessions": func() error { _, err := e.store.EndSessions(ctx, account.EndSessions{UserID: s.user.ID}); return err },
			"RemoveFactors": func() error {
				_, err := e.store.RemoveFactors(ctx, account.RemoveFactors{UserID: s.user.ID})
				return err
			},
			"RecoveryCodes": func() error {
				return e.store.ReplaceRecoveryCodes(ctx, account.ReplaceRecoveryCodes{UserID: s.user.ID})
			},
			"Take": func() error {
				_, err := e.store.Take(ctx, noon, account.Bucket{Key: "other", Limit: 1, Per: s.bucket.Per})
				return err
			},
			"RemoveCredential": func() error {
				_, err := e.store.RemoveCredential(ctx, account.RemoveCredential{UserID: s.user.ID, ID: s.credential.ID})
				return err
			},
			"FinishRegistration": func() error {
				return e.store.FinishRegistration(ctx, account.FinishRegistration{
					Spend: spend, Credential: e.newCredential(s.user.ID, account.UsageFirst), SessionID: s.session.ID,
				})
			},
			"FinishSetup": func() error {
				return e.store.FinishSetup(ctx, account.FinishSetup{
					Spend: spend, Factor: e.newFactor(s.user.ID, account.MethodEmail), SessionID: s.session.ID,
				})
			},
			"FinishVerify": func() error {
				return e.store.FinishVerify(ctx, account.FinishVerify{
					UserID: s.user.ID, Spend: &spend, Session: account.Renewal{SessionID: s.session.ID, Old: s.session.Digest, New: e.digest()},
				})
			},
		} {
			e.Log(name)
			e.changesNothing(s.watched, context.Canceled, call)
		}
		e.unspent(spend)
		e.ok(e.store.FinishSignin(e.ctx, f))
	}},
	{"at any moment, it leaves no half", func(e *env) {
		// Racers whose contexts end while they run: each sign-in is there whole, or not at all.
		u := e.user()
		finishes := make([]account.FinishSignin, racers)
		for i := range finishes {
			session, token, spend := e.newSession(u.ID, account.SessionBrowser), e.newSession(u.ID, account.SessionToken), e.spend()
			finishes[i] = account.FinishSignin{
				UserID: u.ID, Spend: &spend, Session: &session, Token: &token, Events: []account.Event{e.event(u.ID)},
			}
		}
		errs := e.race(func(i int) error {
			ctx, cancel := context.WithCancel(e.ctx)
			defer cancel()
			if i%2 == 0 {
				go cancel()
			}
			return e.store.FinishSignin(ctx, finishes[i])
		})
		var whole []account.Session
		for i, err := range errs {
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					e.Fatalf("unexpected error: %v", err)
				}
				e.unspent(*finishes[i].Spend)
				continue
			}
			e.spent(*finishes[i].Spend)
			whole = append(whole, *finishes[i].Session, *finishes[i].Token)
		}
		e.hasSessions(u.ID, whole...)
		events, err := e.store.Events(e.ctx, account.EventFilter{})
		e.ok(err)
		e.equal("events", len(events), len(whole)/2)
	}},
}
