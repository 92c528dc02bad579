package storetest

import (
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

var signinTests = []test{
	{"all that a sign-in leads to", func(e *env) {
		u := e.user()
		c := e.passkey(u.ID, account.UsageSecondary)
		totp := e.factor(u.ID, account.MethodAuthenticator)
		codes := e.recoveryCodes(u.ID, 2)
		p, device := e.pending(u.ID), e.signedIn(u.ID, account.SessionDevice)
		bucket := account.Bucket{Key: "guesses", Limit: 1, Per: time.Hour}
		_, err := e.store.Take(e.ctx, noon, bucket)
		e.ok(err)

		session := e.newSession(u.ID, account.SessionBrowser)
		token := e.newSession(u.ID, account.SessionToken)
		newDevice := e.newSession(u.ID, account.SessionDevice)
		sms := e.newFactor(u.ID, account.MethodSMS)
		sms.Created = noon.Add(time.Second)
		spend := e.spend()
		used := noon.Add(time.Minute)
		f := account.FinishSignin{
			UserID: u.ID, Spend: &spend, PendingID: p.ID,
			Credential:   &account.CredentialUse{ID: c.ID, SignCount: 9, BackedUp: true, At: used},
			Factor:       &account.FactorUse{Method: account.MethodAuthenticator, Step: 200, At: used},
			RecoveryCode: codes[:1], AddFactor: &sms, EndDevices: true,
			Session: &session, Token: &token, Device: &newDevice,
			Refund: []account.Bucket{bucket}, Events: []account.Event{e.event(u.ID), e.event(u.ID)},
		}
		e.ok(e.store.FinishSignin(e.ctx, f))

		e.spent(spend)
		_, _, err = e.store.Pending(e.ctx, p.Digest)
		e.fails(err, account.ErrNotFound)
		c.SignCount, c.BackedUp, c.LastUsed = 9, true, used
		credentials, err := e.store.Credentials(e.ctx, u.ID)
		e.ok(err)
		e.equal("credentials", credentials, []account.Credential{c})
		totp.LastStep, totp.LastUsed = 200, used
		factors, err := e.store.SecondFactors(e.ctx, u.ID)
		e.ok(err)
		e.equal("factors", factors, account.SecondFactors{Codes: []account.Factor{totp, sms}, RecoveryCodes: 1})
		e.hasSessions(u.ID, session, token, newDevice)
		_, _, err = e.store.Session(e.ctx, account.SessionDevice, device.Digest)
		e.fails(err, account.ErrNotFound)
		wait, err := e.store.Level(e.ctx, noon, bucket)
		e.ok(err)
		e.equal("wait after the refund", wait, time.Duration(0))
		events, err := e.store.Events(e.ctx, account.EventFilter{})
		e.ok(err)
		e.equal("events", events, f.Events)
	}},
	{"to a pending sign-in", func(e *env) {
		u := e.user()
		p := e.pending(u.ID)
		e.hasPending(p)
		e.hasSessions(u.ID)
		bare := account.Pending{ID: "bare", UserID: u.ID, Digest: e.digest(), State: account.PendingSelect, Created: noon, Expires: noon}
		e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, Pending: &bare}))
		e.hasPending(bare)
		_, owner, err := e.store.Pending(e.ctx, e.digest())
		e.fails(err, account.ErrNotFound)
		if owner != nil {
			e.Fatal("an owner of nothing")
		}
	}},
	{"from one pending sign-in to the next", func(e *env) {
		u := e.user()
		from, to := e.pending(u.ID), e.newPending(u.ID)
		e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, PendingID: from.ID, Pending: &to}))
		_, _, err := e.store.Pending(e.ctx, from.Digest)
		e.fails(err, account.ErrNotFound)
		e.hasPending(to)
	}},
	{"found by kind and digest", func(e *env) {
		u := e.user()
		kinds := []account.SessionKind{account.SessionBrowser, account.SessionToken, account.SessionDevice}
		for _, kind := range kinds {
			want := e.signedIn(u.ID, kind)
			for _, asked := range kinds {
				got, owner, err := e.store.Session(e.ctx, asked, want.Digest)
				if asked != kind {
					e.fails(err, account.ErrNotFound)
					continue
				}
				e.ok(err)
				e.equal("session", got, want)
				e.owner(owner, u.ID)
			}
			_, owner, err := e.store.Session(e.ctx, kind, e.digest())
			e.fails(err, account.ErrNotFound)
			if owner != nil {
				e.Fatal("an owner of nothing")
			}
		}
	}},
	{"times are kept to the microsecond in UTC", func(e *env) {
		u := e.user()
		made := e.newSession(u.ID, account.SessionBrowser)
		odd := noon.Add(999 * time.Nanosecond).In(time.FixedZone("", -3*3600))
		made.Created, made.AuthenticatedAt, made.LastSeen, made.Expires = odd, odd, odd, odd
		made.IdleFor = time.Minute + time.Microsecond
		p := e.newPending(u.ID)
		p.Created, p.Expires, p.Code.Expires = odd, odd, odd
		e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, Session: &made, Pending: &p}))
		got, _, err := e.store.Session(e.ctx, made.Kind, made.Digest)
		e.ok(err)
		if got.Created != noon || got.AuthenticatedAt != noon || got.LastSeen != noon || got.Expires != noon {
			e.Fatalf("got the times %v, %v, %v, %v, want %v", got.Created, got.AuthenticatedAt, got.LastSeen, got.Expires, noon)
		}
		e.equal("idle for", got.IdleFor, made.IdleFor)
		gotP, _, err := e.store.Pending(e.ctx, p.Digest)
		e.ok(err)
		if gotP.Created != noon || gotP.Expires != noon || gotP.Code.Expires != noon {
			e.Fatalf("got the times %v, %v, %v, want %v", gotP.Created, gotP.Expires, gotP.Code.Expires, noon)
		}
	}},
	{"whatever bytes a client sends", func(e *env) {
		u := e.user()
		for _, odd := range []string{"\xff\xfe\x00", "a\x00b", string(make([]byte, 10000)), "\u2028\U0001F511"} {
			made := e.newSession(u.ID, account.SessionBrowser)
			made.UserAgent, made.Address = odd, odd
			p := e.newPending(u.ID)
			p.Next = odd
			event := e.event(u.ID)
			event.UserAgent, event.Address, event.Subject, event.Reason = odd, odd, odd, odd
			e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{
				UserID: u.ID, Session: &made, Pending: &p, Events: []account.Event{event},
			}))
			_, _, err := e.store.Session(e.ctx, made.Kind, made.Digest)
			e.ok(err)
			e.fails(e.endOne(u.ID, odd), account.ErrNotFound)
		}
	}},
	{"where the app keeps the users", func(e *env) {
		// The account is none of the store's: everything works, and nobody stands beside it.
		const id = "app:42"
		_, err := e.store.UserHandle(e.ctx, id, e.bytes(32))
		e.ok(err)
		c := e.passkey(id, account.UsageFirst)
		session := e.newSession(id, account.SessionBrowser)
		p := e.newPending(id)
		spend := e.spend()
		e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{
			UserID: id, Spend: &spend, Credential: &account.CredentialUse{ID: c.ID, SignCount: 6, At: noon}, Session: &session, Pending: &p,
		}))
		_, byCredential, err := e.store.Credential(e.ctx, c.CredentialID)
		e.ok(err)
		_, bySession, err := e.store.Session(e.ctx, session.Kind, session.Digest)
		e.ok(err)
		_, byPending, err := e.store.Pending(e.ctx, p.Digest)
		e.ok(err)
		if byCredential != nil || bySession != nil || byPending != nil {
			e.Fatal("an owner that nobody made")
		}
	}},
	{"one state, many racers", func(e *env) {
		u := e.user()
		c := e.passkey(u.ID, account.UsageFirst)
		spend := e.spend()
		sessions := make([]account.Session, racers)
		for i := range sessions {
			sessions[i] = e.newSession(u.ID, account.SessionBrowser)
		}
		winner := e.one(e.race(func(i int) error {
			return e.store.FinishSignin(e.ctx, account.FinishSignin{
				UserID: u.ID, Spend: &spend, Session: &sessions[i],
				Credential: &account.CredentialUse{ID: c.ID, SignCount: uint32(100 + i), At: noon},
			})
		}), account.ErrSpent)
		e.hasSessions(u.ID, sessions[winner])
		got, _, err := e.store.Credential(e.ctx, c.CredentialID)
		e.ok(err)
		e.equal("sign count", got.SignCount, uint32(100+winner))
	}},
	{"one pending sign-in, many racers", func(e *env) {
		u := e.user()
		p := e.pending(u.ID)
		sessions := make([]account.Session, racers)
		for i := range sessions {
			sessions[i] = e.newSession(u.ID, account.SessionBrowser)
		}
		winner := e.one(e.race(func(i int) error {
			return e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, PendingID: p.ID, Session: &sessions[i]})
		}), account.ErrPendingGone)
		e.hasSessions(u.ID, sessions[winner])
	}},
	{"one sign count, many racers", func(e *env) {
		u := e.user()
		c := e.passkey(u.ID, account.UsageFirst)
		spends := make([]account.Spend, racers)
		for i := range spends {
			spends[i] = e.spend()
		}
		e.one(e.race(func(i int) error {
			return e.store.FinishSignin(e.ctx, account.FinishSignin{
				UserID: u.ID, Spend: &spends[i], Credential: &account.CredentialUse{ID: c.ID, SignCount: c.SignCount + 1, At: noon},
			})
		}), account.ErrSignCount)
	}},
	{"the sign count", func(e *env) {
		for _, c := range []struct {
			stored, sent uint32
			want         error
		}{
			{0, 0, nil}, {0, 1, nil}, {5, 6, nil}, {5, 1<<32 - 1, nil}, {1 << 31, 1<<31 + 1, nil},
			{5, 5, account.ErrSignCount}, {5, 4, account.ErrSignCount}, {5, 0, account.ErrSignCount}, {1, 0, account.ErrSignCount},
			{1<<32 - 1, 1<<32 - 1, account.ErrSignCount}, {1<<32 - 1, 0, account.ErrSignCount}, {1 << 31, 1, account.ErrSignCount},
		} {
			u := e.user()
			made := e.newCredential(u.ID, account.UsageFirst)
			made.SignCount = c.stored
			e.registered(made)
			err := e.store.FinishSignin(e.ctx, account.FinishSignin{
				UserID: u.ID, Credential: &account.CredentialUse{ID: made.ID, SignCount: c.sent, At: noon},
			})
			want := c.sent
			if c.want != nil {
				e.fails(err, c.want)
				want = c.stored
			} else {
				e.ok(err)
			}
			got, _, err := e.store.Credential(e.ctx, made.CredentialID)
			e.ok(err)
			e.equal("sign count", got.SignCount, want)
		}
	}},
}

func (e *env) endOne(userID, id string) error {
	_, err := e.store.EndSessions(e.ctx, account.EndSessions{UserID: userID, ID: id})
	return err
}
