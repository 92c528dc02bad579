package storetest

import (
	"bytes"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

var registrationTests = []test{
	{"found by the address", func(e *env) {
		if !e.keepsUsers {
			return
		}
		// Three accounts, whose addresses follow each other, and the first of them has no passkey.
		var users [3]account.User
		for i := range users {
			users[i] = e.user()
		}
		later := e.newCredential(users[1].ID, account.UsageSecondary)
		later.Created = noon.Add(time.Second)
		two, one := e.registered(later), e.passkey(users[1].ID, account.UsageFirst)
		other := e.passkey(users[2].ID, account.UsageFirst)
		for email, want := range map[string][]account.Hint{
			users[0].Email: nil, users[1].Email: {one.Hint(), two.Hint()}, users[2].Email: {other.Hint()}, "": nil, "a": nil, "person": nil, "zzz@example.com": nil,
			users[1].Email + "x": nil, "person-1@example.con": nil, "\x00": nil, "\xff": nil,
		} {
			got, err := e.store.Hints(e.ctx, email)
			e.ok(err)
			e.equal("passkeys of "+email, got, want)
		}
	}},
	{"kept as it came", func(e *env) {
		u := e.user()
		want := e.newCredential(u.ID, account.UsageSecondary)
		want.CredentialID = e.bytes(1023)
		want.PublicKey = e.bytes(2000)
		want.Algorithm = -65535
		want.SignCount = 1<<32 - 1
		want.Transports = []string{"smart-card", "", "näh \"<&>\" \u2028", "💾"}
		want.BackedUp, want.UserVerified, want.BackupEligible = true, false, true
		want.Attachment, want.Discoverable = "cross-platform", account.DiscoverableUnknown
		want.AttestationFormat = "android-safetynet"
		want.Nickname = "Ключ 🔑 e\u0301"
		want.Created = noon.Add(time.Microsecond)
		want.LastUsed = time.Time{}
		e.registered(want)

		got, owner, err := e.store.Credential(e.ctx, want.CredentialID)
		e.ok(err)
		e.equal("credential", got, want)
		e.owner(owner, u.ID)
		all, err := e.store.Credentials(e.ctx, u.ID)
		e.ok(err)
		e.equal("credentials", all, []account.Credential{want})
		if !got.LastUsed.IsZero() {
			e.Fatalf("last used %v, want never", got.LastUsed)
		}
	}},
	{"bare", func(e *env) {
		u := e.user()
		want := e.newCredential(u.ID, account.UsageFirst)
		want.CredentialID, want.PublicKey, want.Transports, want.SignCount = []byte{0}, []byte{0}, nil, 0
		want.BackupEligible, want.UserVerified, want.AAGUID, want.Attachment = false, false, [16]byte{}, ""
		want.Registration = account.Registration{}
		e.registered(want)
		got, _, err := e.store.Credential(e.ctx, []byte{0})
		e.ok(err)
		e.equal("credential", got, want)
	}},
	{"times are kept to the microsecond in UTC", func(e *env) {
		u := e.user()
		c := e.newCredential(u.ID, account.UsageFirst)
		c.Created = noon.Add(789 * time.Nanosecond).In(time.FixedZone("", 5*3600))
		e.registered(c)
		got, _, err := e.store.Credential(e.ctx, c.CredentialID)
		e.ok(err)
		if got.Created != noon {
			e.Fatalf("created %v, want %v", got.Created, noon)
		}
	}},
	{"found by the whole id only", func(e *env) {
		c := e.passkey(e.user().ID, account.UsageFirst)
		for _, id := range [][]byte{nil, {}, c.CredentialID[:31], append(bytes.Clone(c.CredentialID), 0), []byte(c.ID)} {
			_, owner, err := e.store.Credential(e.ctx, id)
			e.fails(err, account.ErrNotFound)
			if owner != nil {
				e.Fatal("an owner of nothing")
			}
		}
	}},
	{"listed oldest first", func(e *env) {
		u, other := e.user(), e.user()
		var want []account.Credential
		for _, age := range []int{2, 0, 3, 1} {
			c := e.newCredential(u.ID, account.UsageFirst)
			c.Created = noon.Add(time.Duration(age) * time.Microsecond)
			e.registered(c)
			want = append(want, c)
		}
		e.passkey(other.ID, account.UsageFirst)
		got, err := e.store.Credentials(e.ctx, u.ID)
		e.ok(err)
		e.equal("credentials", got, []account.Credential{want[1], want[3], want[0], want[2]})
		got, err = e.store.Credentials(e.ctx, "nobody")
		e.ok(err)
		e.equal("credentials of nobody", got, []account.Credential{})
	}},
	{"records its events and forgets devices", func(e *env) {
		u, other := e.user(), e.user()
		by := e.signedIn(u.ID, account.SessionBrowser)
		token := e.signedIn(u.ID, account.SessionToken)
		device := e.signedIn(u.ID, account.SessionDevice)
		others := e.signedIn(other.ID, account.SessionDevice)
		event := e.event(u.ID)
		f := account.FinishRegistration{
			Spend: e.spend(), Credential: e.newCredential(u.ID, account.UsageFirst), SessionID: by.ID, Events: []account.Event{event},
		}
		e.ok(e.store.FinishRegistration(e.ctx, f))
		by.HeldAt = f.Credential.Created // the passkey was held
		e.hasSessions(u.ID, by, token, device)
		f.Spend, f.Credential, f.EndDevices, f.Events = e.spend(), e.newCredential(u.ID, account.UsageFirst), true, nil
		e.ok(e.store.FinishRegistration(e.ctx, f))
		e.hasSessions(u.ID, by, token)
		e.hasSessions(other.ID, others)
		events, err := e.store.Events(e.ctx, account.EventFilter{})
		e.ok(err)
		e.equal("events", events, []account.Event{event})
	}},
	{"makes its pending sign-in ready for it", func(e *env) {
		u := e.user()
		p, bystander := e.pending(u.ID), e.pending(u.ID)
		f := account.FinishRegistration{
			Spend: e.spend(), Credential: e.newCredential(u.ID, account.UsageSecondary), PendingID: p.ID,
		}
		e.ok(e.store.FinishRegistration(e.ctx, f))
		p.State, p.Method, p.Setup, p.Code = account.PendingReady, account.MethodPasskey, nil, nil
		e.hasPending(p)
		e.hasPending(bystander)
	}},
	{"refused, it spends the state and does nothing else", refusedRegistrations},
	{"one state, many racers", func(e *env) {
		u := e.user()
		by, spend := e.signedIn(u.ID, account.SessionBrowser), e.spend()
		made := make([]account.Credential, racers)
		for i := range made {
			made[i] = e.newCredential(u.ID, account.UsageFirst)
		}
		winner := e.one(e.race(func(i int) error {
			return e.store.FinishRegistration(e.ctx, account.FinishRegistration{Spend: spend, Credential: made[i], SessionID: by.ID})
		}), account.ErrSpent)
		got, err := e.store.Credentials(e.ctx, u.ID)
		e.ok(err)
		e.equal("credentials", got, []account.Credential{made[winner]})
	}},
	{"one nickname, many racers", func(e *env) {
		u := e.user()
		by := e.signedIn(u.ID, account.SessionBrowser)
		finishes := make([]account.FinishRegistration, racers)
		for i := range finishes {
			c := e.newCredential(u.ID, account.UsageFirst)
			c.Nickname = "one"
			finishes[i] = account.FinishRegistration{Spend: e.spend(), Credential: c, SessionID: by.ID}
		}
		winner := e.one(e.race(func(i int) error { return e.store.FinishRegistration(e.ctx, finishes[i]) }), account.ErrNicknameInUse)
		got, err := e.store.Credentials(e.ctx, u.ID)
		e.ok(err)
		e.equal("credentials", got, []account.Credential{finishes[winner].Credential})
		for _, f := range finishes {
			e.spent(f.Spend)
		}
	}},
	{"one credential id, many racers", func(e *env) {
		id := e.bytes(64)
		finishes := make([]account.FinishRegistration, racers)
		for i := range finishes {
			u := e.user()
			c := e.newCredential(u.ID, account.UsageFirst)
			c.CredentialID = id
			finishes[i] = account.FinishRegistration{
				Spend: e.spend(), Credential: c, SessionID: e.signedIn(u.ID, account.SessionBrowser).ID,
			}
		}
		winner := e.one(e.race(func(i int) error { return e.store.FinishRegistration(e.ctx, finishes[i]) }), account.ErrCredentialInUse)
		got, owner, err := e.store.Credential(e.ctx, id)
		e.ok(err)
		e.equal("credential", got, finishes[winner].Credential)
		e.owner(owner, got.UserID)
	}},
	{"another account may use the same nickname", func(e *env) {
		for range 2 {
			c := e.newCredential(e.user().ID, account.UsageFirst)
			c.Nickname = "phone"
			e.registered(c)
		}
	}},
}

// refusedRegistrations walks every error of FinishRegistration.
func refusedRegistrations(e *env) {
	u, other := e.user(), e.user()
	by := e.signedIn(u.ID, account.SessionBrowser)
	device := e.signedIn(u.ID, account.SessionDevice)
	others := e.signedIn(other.ID, account.SessionBrowser)
	taken := e.passkey(u.ID, account.UsageFirst)
	theirs := e.passkey(other.ID, account.UsageFirst)
	p, theirPending := e.pending(u.ID), e.pending(other.ID)
	ended := e.signedIn(u.ID, account.SessionBrowser)
	_, err := e.store.EndSessions(e.ctx, account.EndSessions{UserID: u.ID, ID: ended.ID})
	e.ok(err)
	w := watched{users: []string{u.ID, other.ID}, pendings: []account.Digest{p.Digest, theirPending.Digest}}

	for name, refused := range map[string]struct {
		change func(*account.FinishRegistration)
		want   error
	}{
		"no such session": {func(f *account.FinishRegistration) { f.SessionID = "none" }, account.ErrSessionGone},
		"ended session":   {func(f *account.FinishRegistration) { f.SessionID = ended.ID }, account.ErrSessionGone},
		"other's session": {func(f *account.FinishRegistration) { f.SessionID = others.ID }, account.ErrSessionGone},
		"nobody":          {func(f *account.FinishRegistration) { f.SessionID = "" }, account.ErrSessionGone},
		"device":          {func(f *account.FinishRegistration) { f.SessionID = device.ID }, account.ErrSessionGone},
		"ended session in a sign-in": {
			func(f *account.FinishRegistration) { f.SessionID, f.PendingID = ended.ID, p.ID }, account.ErrSessionGone,
		},
		"no such pending": {func(f *account.FinishRegistration) { f.SessionID, f.PendingID = "", "none" }, account.ErrPendingGone},
		"other's pending": {func(f *account.FinishRegistration) { f.SessionID, f.PendingID = "", theirPending.ID }, account.ErrPendingGone},
		"nickname":        {func(f *account.FinishRegistration) { f.Credential.Nickname = taken.Nickname }, account.ErrNicknameInUse},
		"own credential":  {func(f *account.FinishRegistration) { f.Credential.CredentialID = taken.CredentialID }, account.ErrCredentialInUse},
		"other's credential": {
			func(f *account.FinishRegistration) { f.Credential.CredentialID = theirs.CredentialID }, account.ErrCredentialInUse,
		},
		"other's credential and nickname": {func(f *account.FinishRegistration) {
			f.Credential.CredentialID, f.Credential.Nickname = theirs.CredentialID, theirs.Nickname
		}, account.ErrCredentialInUse},
		"credential in use, in a sign-in": {func(f *account.FinishRegistration) {
			f.SessionID, f.PendingID, f.Credential.CredentialID = "", p.ID, theirs.CredentialID
		}, account.ErrCredentialInUse},
	} {
		f := account.FinishRegistration{
			Spend: e.spend(), Credential: e.newCredential(u.ID, account.UsageFirst), SessionID: by.ID, EndDevices: true,
			Events: []account.Event{e.event(u.ID)},
		}
		refused.change(&f)
		e.Log(name)
		e.changesNothing(w, refused.want, func() error { return e.store.FinishRegistration(e.ctx, f) })
		e.spent(f.Spend)
	}

	f := account.FinishRegistration{
		Spend: e.spend(), Credential: e.newCredential(u.ID, account.UsageFirst), SessionID: by.ID, EndDevices: true,
		Events: []account.Event{e.event(u.ID)},
	}
	e.ok(e.store.SpendState(e.ctx, f.Spend, nil))
	e.changesNothing(w, account.ErrSpent, func() error { return e.store.FinishRegistration(e.ctx, f) })

	if e.keepsUsers {
		e.ok(e.users.SetActive(e.ctx, u.ID, false))
		f.Spend = e.spend()
		e.changesNothing(w, account.ErrInactive, func() error { return e.store.FinishRegistration(e.ctx, f) })
		e.spent(f.Spend)
		e.ok(e.users.SetActive(e.ctx, u.ID, true))
		f.SessionID = e.signedIn(u.ID, account.SessionBrowser).ID // that one ended with the account
	}
	// And what was refused can be done after all, with a new state.
	f.Spend = e.spend()
	e.ok(e.store.FinishRegistration(e.ctx, f))
	if _, _, err := e.store.Credential(e.ctx, []byte(strings.Repeat("x", 1023))); err == nil {
		e.Fatal("found what was never registered")
	}
}

// hasSessions demands that those are the account's sessions, whatever their order.
func (e *env) hasSessions(userID string, want ...account.Session) {
	e.Helper()
	got, err := e.store.Sessions(e.ctx, userID)
	e.ok(err)
	byID := func(all []account.Session) map[string]account.Session {
		m := map[string]account.Session{}
		for _, s := range all {
			m[s.ID] = s
		}
		return m
	}
	e.equal("sessions", byID(got), byID(want))
	if len(got) != len(want) {
		e.Fatalf("%d sessions, want %d", len(got), len(want))
	}
}

// hasPending demands that the pending sign-in stands like that.
func (e *env) hasPending(want account.Pending) {
	e.Helper()
	got, owner, err := e.store.Pending(e.ctx, want.Digest)
	e.ok(err)
	e.equal("pending", got, want)
	e.owner(owner, want.UserID)
}
