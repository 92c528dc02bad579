package storetest

import (
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

var sessionTests = []test{
	{"listed newest first", func(e *env) {
		u, other := e.user(), e.user()
		var made []account.Session
		for i, age := range []int{2, 0, 3, 1} {
			s := e.newSession(u.ID, []account.SessionKind{account.SessionBrowser, account.SessionToken, account.SessionDevice}[i%3])
			s.Created = noon.Add(time.Duration(age) * time.Microsecond)
			// Ended ones are listed too.
			s.Expires = noon.Add(-time.Hour)
			e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, Session: &s}))
			made = append(made, s)
		}
		e.signedIn(other.ID, account.SessionBrowser)
		got, err := e.store.Sessions(e.ctx, u.ID)
		e.ok(err)
		e.equal("sessions", got, []account.Session{made[2], made[0], made[3], made[1]})
		got, err = e.store.Sessions(e.ctx, "nobody")
		e.ok(err)
		e.equal("sessions of nobody", got, []account.Session{})
	}},
	{"bare", func(e *env) {
		u := e.user()
		want := account.Session{ID: "bare", UserID: u.ID, Kind: account.SessionToken, Digest: e.digest()}
		e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, Session: &want}))
		got, _, err := e.store.Session(e.ctx, want.Kind, want.Digest)
		e.ok(err)
		e.equal("session", got, want)
		if !got.Created.IsZero() || got.Live(noon) {
			e.Fatal("no times became some")
		}
	}},
	{"seen", func(e *env) {
		u := e.user()
		a, b, c := e.signedIn(u.ID, account.SessionBrowser), e.signedIn(u.ID, account.SessionToken), e.signedIn(u.ID, account.SessionDevice)
		later := noon.Add(time.Hour)
		e.ok(e.store.SeenSessions(e.ctx, []account.Seen{
			{SessionID: b.ID, At: later.Add(time.Second)}, {SessionID: "none", At: later}, {SessionID: a.ID, At: later},
			{SessionID: b.ID, At: later}, {SessionID: c.ID, At: c.LastSeen.Add(-time.Microsecond)},
		}))
		a.LastSeen, b.LastSeen = later, later.Add(time.Second)
		e.hasSessions(u.ID, a, b, c)
		e.ok(e.store.SeenSessions(e.ctx, []account.Seen{{SessionID: a.ID, At: later.Add(-time.Second)}}))
		e.ok(e.store.SeenSessions(e.ctx, nil))
		e.hasSessions(u.ID, a, b, c)
	}},
	{"racing sightings", func(e *env) {
		u := e.user()
		session := e.signedIn(u.ID, account.SessionBrowser)
		other := e.signedIn(u.ID, account.SessionBrowser)
		for _, err := range e.race(func(i int) error {
			at := noon.Add(time.Duration(i+10) * time.Second)
			seen := []account.Seen{{SessionID: session.ID, At: at}, {SessionID: other.ID, At: at}}
			if i%2 == 0 {
				seen[0], seen[1] = seen[1], seen[0]
			}
			return e.store.SeenSessions(e.ctx, seen)
		}) {
			e.ok(err)
		}
		session.LastSeen = noon.Add((racers - 1 + 10) * time.Second)
		other.LastSeen = session.LastSeen
		e.hasSessions(u.ID, session, other)
	}},
}

var endingTests = []test{
	{"one", func(e *env) {
		u := e.user()
		stays, ends := e.signedIn(u.ID, account.SessionBrowser), e.signedIn(u.ID, account.SessionBrowser)
		p := e.pending(u.ID)
		n, err := e.store.EndSessions(e.ctx, account.EndSessions{UserID: u.ID, ID: ends.ID, Events: []account.Event{e.event(u.ID)}})
		e.ok(err)
		e.equal("ended", n, 1)
		e.hasSessions(u.ID, stays)
		e.hasPending(p)
		_, _, err = e.store.Session(e.ctx, ends.Kind, ends.Digest)
		e.fails(err, account.ErrNotFound)
		events, err := e.store.Events(e.ctx, account.EventFilter{})
		e.ok(err)
		e.equal("number of events", len(events), 1)
		e.fails(e.endOne(u.ID, ends.ID), account.ErrNotFound)
		// A device can be ended by itself.
		device := e.signedIn(u.ID, account.SessionDevice)
		n, err = e.store.EndSessions(e.ctx, account.EndSessions{UserID: u.ID, ID: device.ID, KeepDevices: true})
		e.ok(err)
		e.equal("ended", n, 1)
		e.hasSessions(u.ID, stays)
	}},
	{"all", func(e *env) {
		u, other := e.user(), e.user()
		for _, kind := range []account.SessionKind{account.SessionBrowser, account.SessionToken, account.SessionDevice} {
			e.signedIn(u.ID, kind)
		}
		p := e.pending(u.ID)
		theirs, theirPending := e.signedIn(other.ID, account.SessionBrowser), e.pending(other.ID)
		n, err := e.store.EndSessions(e.ctx, account.EndSessions{UserID: u.ID})
		e.ok(err)
		e.equal("ended", n, 3)
		e.hasSessions(u.ID)
		e.hasPending(p)
		n, err = e.store.EndSessions(e.ctx, account.EndSessions{UserID: u.ID, Pendings: true})
		e.ok(err)
		e.equal("ended", n, 0)
		_, _, err = e.store.Pending(e.ctx, p.Digest)
		e.fails(err, account.ErrNotFound)
		e.hasSessions(other.ID, theirs)
		e.hasPending(theirPending)
	}},
	{"all but one, and devices spared", func(e *env) {
		u := e.user()
		stays, device := e.signedIn(u.ID, account.SessionBrowser), e.signedIn(u.ID, account.SessionDevice)
		e.signedIn(u.ID, account.SessionBrowser)
		e.signedIn(u.ID, account.SessionToken)
		n, err := e.store.EndSessions(e.ctx, account.EndSessions{UserID: u.ID, Except: stays.ID, KeepDevices: true})
		e.ok(err)
		e.equal("ended", n, 2)
		e.hasSessions(u.ID, stays, device)
		n, err = e.store.EndSessions(e.ctx, account.EndSessions{UserID: u.ID, Except: stays.ID})
		e.ok(err)
		e.equal("ended", n, 1)
		e.hasSessions(u.ID, stays)
	}},
	{"all others, and a new token for this one", func(e *env) {
		u := e.user()
		stays := e.signedIn(u.ID, account.SessionBrowser)
		e.signedIn(u.ID, account.SessionBrowser)
		old := stays.Digest
		stays.Digest = e.digest()
		n, err := e.store.EndSessions(e.ctx, account.EndSessions{
			UserID: u.ID, Except: stays.ID, Renew: &account.Renewal{SessionID: stays.ID, Old: old, New: stays.Digest},
		})
		e.ok(err)
		e.equal("ended", n, 1)
		e.hasSessions(u.ID, stays)
		_, _, err = e.store.Session(e.ctx, stays.Kind, old)
		e.fails(err, account.ErrNotFound)
	}},
	{"disabling an account ends all that is signed in to it", func(e *env) {
		if !e.keepsUsers {
			return // whoever keeps the accounts ends them, see account.Users
		}
		u, other := e.user(), e.user()
		kinds := []account.SessionKind{account.SessionBrowser, account.SessionToken, account.SessionDevice}
		var theirs []account.Session
		for _, kind := range kinds {
			e.signedIn(u.ID, kind)
			theirs = append(theirs, e.signedIn(other.ID, kind))
		}
		mine, theirP := e.pending(u.ID), e.pending(other.ID)
		w := watched{users: []string{u.ID, other.ID}, pendings: []account.Digest{mine.Digest, theirP.Digest}}
		// To enable one that is enabled ends nothing.
		before := e.snapshot(w)
		e.ok(e.users.SetActive(e.ctx, u.ID, true))
		e.equal("enabled as it was", e.snapshot(w), before)
		e.ok(e.users.SetActive(e.ctx, u.ID, false))
		e.ok(e.users.SetActive(e.ctx, u.ID, true))
		e.hasSessions(u.ID)
		_, _, err := e.store.Pending(e.ctx, mine.Digest)
		e.fails(err, account.ErrNotFound)
		e.hasSessions(other.ID, theirs...)
		_, _, err = e.store.Pending(e.ctx, theirP.Digest)
		e.ok(err)
	}},
	{"no sign-in outlives a disabling", func(e *env) {
		if !e.keepsUsers {
			return
		}
		u := e.user()
		pendings := make([]account.Pending, racers)
		for i := range pendings {
			pendings[i] = e.newPending(u.ID)
		}
		for i, err := range e.race(func(i int) error {
			if i == 0 {
				return e.users.SetActive(e.ctx, u.ID, false)
			}
			session := e.newSession(u.ID, account.SessionBrowser)
			return e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, Session: &session, Pending: &pendings[i]})
		}) {
			if i == 0 || err == nil {
				e.ok(err)
				continue
			}
			e.fails(err, account.ErrInactive)
		}
		e.hasSessions(u.ID)
		for _, p := range pendings {
			_, _, err := e.store.Pending(e.ctx, p.Digest)
			e.fails(err, account.ErrNotFound)
		}
	}},
	{"one session, many racers", func(e *env) {
		u := e.user()
		session := e.signedIn(u.ID, account.SessionBrowser)
		e.one(e.race(func(int) error { return e.endOne(u.ID, session.ID) }), account.ErrNotFound)
	}},
	{"an ended session is not renewed", func(e *env) {
		// Signing out while a verification is under way: whichever comes second, the session is gone.
		u := e.user()
		sessions := make([]account.Session, racers/2)
		digests := make([]account.Digest, racers/2)
		for i := range sessions {
			sessions[i], digests[i] = e.signedIn(u.ID, account.SessionBrowser), e.digest()
		}
		for i, err := range e.race(func(i int) error {
			s := sessions[i/2]
			if i%2 == 0 {
				return e.endOne(u.ID, s.ID)
			}
			return e.store.FinishVerify(e.ctx, account.FinishVerify{
				UserID: u.ID, Session: account.Renewal{SessionID: s.ID, Old: s.Digest, New: digests[i/2]},
				Methods: s.Methods, AuthenticatedAt: s.AuthenticatedAt,
			})
		}) {
			if i%2 == 0 || err == nil {
				e.ok(err)
				continue
			}
			e.fails(err, account.ErrSessionGone)
		}
		e.hasSessions(u.ID)
	}},
}
