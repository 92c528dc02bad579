package storetest

import (
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

// boundTests are of what no account may have without end, and of what ends with a password.
var boundTests = []test{
	{"no more passkeys than allowed", func(e *env) {
		u := e.user()
		by := e.signedIn(u.ID, account.SessionBrowser)
		register := func(spend account.Spend) error {
			return e.store.FinishRegistration(e.ctx, account.FinishRegistration{
				Spend: spend, Credential: e.newCredential(u.ID, account.UsageFirst), SessionID: by.ID, Most: 2,
			})
		}
		e.ok(register(e.spend()))
		e.ok(register(e.spend()))
		late := e.spend()
		e.fails(register(late), account.ErrTooManyCredentials)
		e.spent(late)
		all, err := e.store.Credentials(e.ctx, u.ID)
		e.ok(err)
		e.equal("passkeys", len(all), 2)
	}},
	{"racing for the last place", func(e *env) {
		u := e.user()
		by := e.signedIn(u.ID, account.SessionBrowser)
		e.passkey(u.ID, account.UsageSecondary)
		creds, spends := make([]account.Credential, racers), make([]account.Spend, racers)
		for i := range creds {
			creds[i], spends[i] = e.newCredential(u.ID, account.UsageFirst), e.spend()
		}
		e.one(e.race(func(i int) error {
			return e.store.FinishRegistration(e.ctx, account.FinishRegistration{Spend: spends[i], Credential: creds[i], SessionID: by.ID, Most: 2})
		}), account.ErrTooManyCredentials)
	}},
	{"the newest sessions of a kind stay", func(e *env) {
		u, other := e.user(), e.user()
		theirs, device := e.signedIn(other.ID, account.SessionBrowser), e.signedIn(u.ID, account.SessionDevice)
		var made []account.Session
		for i := range account.MostSessions + 3 {
			s := e.newSession(u.ID, account.SessionBrowser)
			s.Created = noon.Add(time.Duration(i) * time.Second)
			e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, Session: &s}))
			made = append(made, s)
		}
		all, err := e.store.Sessions(e.ctx, u.ID)
		e.ok(err)
		e.equal("sessions", len(all), account.MostSessions+1)
		for i, s := range made {
			_, _, err := e.store.Session(e.ctx, account.SessionBrowser, s.Digest)
			if i < 3 {
				e.fails(err, account.ErrNotFound)
			} else {
				e.ok(err)
			}
		}
		e.hasSessions(other.ID, theirs)
		_, _, err = e.store.Session(e.ctx, account.SessionDevice, device.Digest)
		e.ok(err)
	}},
	{"devices and pendings end, sessions stay", func(e *env) {
		u, other := e.user(), e.user()
		session, token := e.signedIn(u.ID, account.SessionBrowser), e.signedIn(u.ID, account.SessionToken)
		device, theirs := e.signedIn(u.ID, account.SessionDevice), e.signedIn(other.ID, account.SessionDevice)
		pending := e.pending(u.ID)
		n, err := e.store.EndSessions(e.ctx, account.EndSessions{UserID: u.ID, KeepSessions: true, Pendings: true})
		e.ok(err)
		e.equal("ended", n, 1)
		_, _, err = e.store.Session(e.ctx, account.SessionDevice, device.Digest)
		e.fails(err, account.ErrNotFound)
		_, _, err = e.store.Pending(e.ctx, pending.Digest)
		e.fails(err, account.ErrNotFound)
		e.hasSessions(u.ID, session, token)
		e.hasSessions(other.ID, theirs)
	}},
	{"the last verified first passkey, where a second factor is required", func(e *env) {
		u := e.user()
		remove := func(c account.Credential) error {
			_, err := e.store.RemoveCredential(e.ctx, account.RemoveCredential{UserID: u.ID, ID: c.ID, Keep: account.Keep{SecondFactor: true}})
			return err
		}
		strong, another := e.passkey(u.ID, account.UsageFirst), e.passkey(u.ID, account.UsageFirst)
		weak := e.newCredential(u.ID, account.UsageFirst)
		weak.UserVerified = false
		e.registered(weak)
		e.ok(remove(strong))
		e.fails(remove(another), account.ErrLastSecondFactor)
		e.ok(remove(weak)) // which was none
		secondary := e.passkey(u.ID, account.UsageSecondary)
		e.ok(remove(another))
		e.passkey(u.ID, account.UsageFirst)
		e.fails(remove(secondary), account.ErrLastSecondFactor) // a secondary passkey is made good by another only
	}},
}
