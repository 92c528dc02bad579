package storetest

import (
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

var verifyTests = []test{
	{"renews the token and the proof", func(e *env) {
		u := e.user()
		c := e.passkey(u.ID, account.UsageSecondary)
		e.factor(u.ID, account.MethodAuthenticator)
		session, bystander := e.signedIn(u.ID, account.SessionBrowser), e.signedIn(u.ID, account.SessionBrowser)
		token := e.newSession(u.ID, account.SessionToken)
		bucket := account.Bucket{Key: "guesses", Limit: 1, Per: time.Hour}
		_, err := e.store.Take(e.ctx, noon, bucket)
		e.ok(err)
		spend, old, at := e.spend(), session.Digest, noon.Add(time.Hour)
		session.Digest = e.digest()
		session.Methods = []account.Method{account.MethodPassword, account.MethodPasskey, account.MethodUserVerification}
		session.AuthenticatedAt = at
		f := account.FinishVerify{
			UserID: u.ID, Spend: &spend, Session: account.Renewal{SessionID: session.ID, Old: old, New: session.Digest},
			Credential: &account.CredentialUse{ID: c.ID, SignCount: 6, BackedUp: true, At: at},
			Factor:     &account.FactorUse{Method: account.MethodAuthenticator, Step: 300, At: at},
			Methods:    session.Methods, AuthenticatedAt: at, Token: &token,
			Refund: []account.Bucket{bucket}, Events: []account.Event{e.event(u.ID)},
		}
		e.ok(e.store.FinishVerify(e.ctx, f))
		e.hasSessions(u.ID, session, bystander, token)
		_, _, err = e.store.Session(e.ctx, session.Kind, old)
		e.fails(err, account.ErrNotFound)
		got, _, err := e.store.Session(e.ctx, session.Kind, session.Digest)
		e.ok(err)
		e.equal("session", got, session)
		e.spent(spend)
		c.SignCount, c.BackedUp, c.LastUsed = 6, true, at
		credentials, err := e.store.Credentials(e.ctx, u.ID)
		e.ok(err)
		e.equal("credentials", credentials, []account.Credential{c})
		factors, err := e.store.SecondFactors(e.ctx, u.ID)
		e.ok(err)
		e.equal("step", factors.Codes[0].LastStep, int64(300))
		wait, err := e.store.Level(e.ctx, noon, bucket)
		e.ok(err)
		e.equal("wait after the refund", wait, time.Duration(0))
		events, err := e.store.Events(e.ctx, account.EventFilter{})
		e.ok(err)
		e.equal("events", events, f.Events)
	}},
	{"a bearer keeps its token", func(e *env) {
		u := e.user()
		token := e.signedIn(u.ID, account.SessionToken)
		token.Methods, token.AuthenticatedAt = []account.Method{account.MethodPassword}, noon.Add(time.Minute)
		for range 2 {
			e.ok(e.store.FinishVerify(e.ctx, account.FinishVerify{
				UserID: u.ID, Session: account.Renewal{SessionID: token.ID, Old: token.Digest, New: token.Digest},
				Methods: token.Methods, AuthenticatedAt: token.AuthenticatedAt,
			}))
			e.hasSessions(u.ID, token)
		}
	}},
	{"one token, many racers", func(e *env) {
		u := e.user()
		session := e.signedIn(u.ID, account.SessionBrowser)
		digests := make([]account.Digest, racers)
		for i := range digests {
			digests[i] = e.digest()
		}
		winner := e.one(e.race(func(i int) error {
			return e.store.FinishVerify(e.ctx, account.FinishVerify{
				UserID: u.ID, Session: account.Renewal{SessionID: session.ID, Old: session.Digest, New: digests[i]},
				Methods: session.Methods, AuthenticatedAt: session.AuthenticatedAt,
			})
		}), account.ErrSessionGone)
		session.Digest = digests[winner]
		e.hasSessions(u.ID, session)
	}},
	{"one state, many racers", func(e *env) {
		u := e.user()
		session, spend := e.signedIn(u.ID, account.SessionToken), e.spend()
		e.one(e.race(func(int) error {
			return e.store.FinishVerify(e.ctx, account.FinishVerify{
				UserID: u.ID, Spend: &spend, Session: account.Renewal{SessionID: session.ID, Old: session.Digest, New: session.Digest},
				Methods: session.Methods, AuthenticatedAt: session.AuthenticatedAt,
			})
		}), account.ErrSpent)
	}},
}
