package storetest

import (
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

var factorTests = []test{
	{"set up and listed oldest first", func(e *env) {
		u, other := e.user(), e.user()
		by := e.signedIn(u.ID, account.SessionBrowser)
		sms, totp := e.newFactor(u.ID, account.MethodSMS), e.newFactor(u.ID, account.MethodAuthenticator)
		email := e.newFactor(u.ID, account.MethodEmail)
		sms.Created = noon.Add(2 * time.Microsecond)
		totp.Created = noon.Add(time.Microsecond)
		email.LastUsed = time.Time{}
		for _, f := range []account.Factor{sms, totp, email} {
			e.ok(e.store.FinishSetup(e.ctx, account.FinishSetup{Spend: e.spend(), Factor: f, SessionID: by.ID}))
		}
		e.factor(other.ID, account.MethodEmail)
		got, err := e.store.SecondFactors(e.ctx, u.ID)
		e.ok(err)
		e.equal("second factors", got, account.SecondFactors{Codes: []account.Factor{email, totp, sms}})
		got, err = e.store.SecondFactors(e.ctx, "nobody")
		e.ok(err)
		e.equal("second factors of nobody", got, account.SecondFactors{})
	}},
	{"replaced whole", func(e *env) {
		u := e.user()
		by := e.signedIn(u.ID, account.SessionBrowser)
		e.factor(u.ID, account.MethodAuthenticator)
		sms := e.factor(u.ID, account.MethodSMS)
		want := account.Factor{
			UserID: u.ID, Method: account.MethodAuthenticator, Secret: []byte("other"), LastStep: 3,
			Created: noon.Add(time.Hour), LastUsed: noon.Add(time.Minute),
		}
		e.ok(e.store.FinishSetup(e.ctx, account.FinishSetup{Spend: e.spend(), Factor: want, SessionID: by.ID}))
		got, err := e.store.SecondFactors(e.ctx, u.ID)
		e.ok(err)
		e.equal("second factors", got, account.SecondFactors{Codes: []account.Factor{sms, want}})
	}},
	{"records its events and forgets devices", func(e *env) {
		u := e.user()
		by, device := e.signedIn(u.ID, account.SessionBrowser), e.signedIn(u.ID, account.SessionDevice)
		f := account.FinishSetup{Spend: e.spend(), Factor: e.newFactor(u.ID, account.MethodEmail), SessionID: by.ID}
		e.ok(e.store.FinishSetup(e.ctx, f))
		by.HeldAt = f.Factor.Created // its code was given
		e.hasSessions(u.ID, by, device)
		f.Spend, f.EndDevices, f.Events = e.spend(), true, []account.Event{e.event(u.ID)}
		e.ok(e.store.FinishSetup(e.ctx, f))
		e.hasSessions(u.ID, by)
		events, err := e.store.Events(e.ctx, account.EventFilter{})
		e.ok(err)
		e.equal("events", events, f.Events)
	}},
	{"after wrong answers", func(e *env) {
		u := e.user()
		by := e.signedIn(u.ID, account.SessionBrowser)
		f := account.FinishSetup{Spend: e.spend(), Factor: e.newFactor(u.ID, account.MethodEmail), SessionID: by.ID}
		f.Spend.Tries = 2
		for range 3 {
			e.ok(e.store.TryState(e.ctx, f.Spend))
		}
		e.ok(e.store.FinishSetup(e.ctx, f))
		e.fails(e.store.FinishSetup(e.ctx, f), account.ErrSpent)
		e.fails(e.store.TryState(e.ctx, f.Spend), account.ErrSpent)
	}},
	{"refused, it spends the token and does nothing else", func(e *env) {
		u, other := e.user(), e.user()
		by, device := e.signedIn(u.ID, account.SessionBrowser), e.signedIn(u.ID, account.SessionDevice)
		others := e.signedIn(other.ID, account.SessionBrowser)
		w := watched{users: []string{u.ID, other.ID}}
		f := account.FinishSetup{Factor: e.newFactor(u.ID, account.MethodEmail), EndDevices: true, Events: []account.Event{e.event(u.ID)}}
		for _, id := range []string{"", "none", others.ID, device.ID} {
			f.Spend, f.SessionID = e.spend(), id
			e.changesNothing(w, account.ErrSessionGone, func() error { return e.store.FinishSetup(e.ctx, f) })
			e.spent(f.Spend)
		}
		f.Spend, f.SessionID = e.spend(), by.ID
		e.ok(e.store.SpendState(e.ctx, f.Spend, nil))
		e.changesNothing(w, account.ErrSpent, func() error { return e.store.FinishSetup(e.ctx, f) })
		if e.keepsUsers {
			e.ok(e.users.SetActive(e.ctx, u.ID, false))
			f.Spend = e.spend()
			e.changesNothing(w, account.ErrInactive, func() error { return e.store.FinishSetup(e.ctx, f) })
			e.spent(f.Spend)
		}
	}},
	{"one token, many racers", func(e *env) {
		u := e.user()
		by, spend := e.signedIn(u.ID, account.SessionBrowser), e.spend()
		winner := e.one(e.race(func(i int) error {
			f := e.newFactor(u.ID, account.MethodSMS)
			f.LastStep = int64(i)
			return e.store.FinishSetup(e.ctx, account.FinishSetup{Spend: spend, Factor: f, SessionID: by.ID})
		}), account.ErrSpent)
		got, err := e.store.SecondFactors(e.ctx, u.ID)
		e.ok(err)
		if got.Codes[0].LastStep != int64(winner) {
			e.Fatalf("racer %d won, but %d was stored", winner, got.Codes[0].LastStep)
		}
	}},
	{"removed by method", func(e *env) {
		u, other := e.user(), e.user()
		totp := e.factor(u.ID, account.MethodAuthenticator)
		e.factor(u.ID, account.MethodEmail)
		e.factor(u.ID, account.MethodSMS)
		theirs := e.factor(other.ID, account.MethodEmail)
		e.recoveryCodes(u.ID, 2)
		session, device := e.signedIn(u.ID, account.SessionBrowser), e.signedIn(u.ID, account.SessionDevice)
		events := []account.Event{e.event(u.ID)}
		removed, err := e.store.RemoveFactors(e.ctx, account.RemoveFactors{
			UserID: u.ID, Methods: []account.Method{account.MethodSMS, account.MethodEmail}, Events: events,
		})
		e.ok(err)
		e.equalSets("removed", removed, account.MethodEmail, account.MethodSMS)
		got, err := e.store.SecondFactors(e.ctx, u.ID)
		e.ok(err)
		e.equal("left", got, account.SecondFactors{Codes: []account.Factor{totp}, RecoveryCodes: 2})
		e.hasSessions(u.ID, session, device)
		recorded, err := e.store.Events(e.ctx, account.EventFilter{})
		e.ok(err)
		e.equal("events", recorded, events)
		got, err = e.store.SecondFactors(e.ctx, other.ID)
		e.ok(err)
		e.equal("the other's", got, account.SecondFactors{Codes: []account.Factor{theirs}})

		removed, err = e.store.RemoveFactors(e.ctx, account.RemoveFactors{
			UserID: u.ID, Methods: []account.Method{account.MethodSMS}, EndDevices: true,
		})
		e.ok(err)
		e.equalSets("removed again", removed)
		e.hasSessions(u.ID, session)
	}},
	{"removed altogether", func(e *env) {
		u := e.user()
		e.factor(u.ID, account.MethodAuthenticator)
		e.factor(u.ID, account.MethodEmail)
		removed, err := e.store.RemoveFactors(e.ctx, account.RemoveFactors{UserID: u.ID})
		e.ok(err)
		e.equalSets("removed", removed, account.MethodAuthenticator, account.MethodEmail)
		got, err := e.store.SecondFactors(e.ctx, u.ID)
		e.ok(err)
		e.equal("left", got, account.SecondFactors{})
	}},
}

var codeTests = []test{
	{"recovery codes are replaced as a set", func(e *env) {
		u, other := e.user(), e.user()
		old := e.recoveryCodes(u.ID, 5)
		theirs := e.recoveryCodes(other.ID, 1)
		session, device := e.signedIn(u.ID, account.SessionBrowser), e.signedIn(u.ID, account.SessionDevice)
		e.recoveryCodes(u.ID, 3)
		e.recoveryCodesLeft(u.ID, 3)
		e.recoveryCodesLeft(other.ID, 1)
		e.hasSessions(u.ID, session, device)
		for _, digest := range [][]byte{old[0], theirs[0], {}, e.bytes(32)} {
			e.fails(e.useRecoveryCode(u.ID, digest), account.ErrCodeSpent)
		}
		events := []account.Event{e.event(u.ID)}
		e.ok(e.store.ReplaceRecoveryCodes(e.ctx, account.ReplaceRecoveryCodes{UserID: u.ID, At: noon, EndDevices: true, Events: events}))
		e.recoveryCodesLeft(u.ID, 0)
		e.hasSessions(u.ID, session)
		recorded, err := e.store.Events(e.ctx, account.EventFilter{})
		e.ok(err)
		e.equal("events", recorded, events)
	}},
	{"a recovery code is good once", func(e *env) {
		u := e.user()
		codes := e.recoveryCodes(u.ID, 3)
		e.ok(e.useRecoveryCode(u.ID, codes[1]))
		e.recoveryCodesLeft(u.ID, 2)
		e.fails(e.useRecoveryCode(u.ID, codes[1]), account.ErrCodeSpent)
		e.ok(e.useRecoveryCode(u.ID, codes[0]))
		e.recoveryCodesLeft(u.ID, 1)
	}},
	{"a recovery code is found by any of its digests", func(e *env) {
		u := e.user()
		codes := e.recoveryCodes(u.ID, 3)
		use := func(digests ...[]byte) error {
			return e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, RecoveryCode: digests})
		}
		e.ok(use(e.bytes(32), codes[1], e.bytes(32)))
		e.recoveryCodesLeft(u.ID, 2)
		e.fails(use(e.bytes(32), codes[1]), account.ErrCodeSpent)
		e.recoveryCodesLeft(u.ID, 2)
	}},
	{"one recovery code, many racers", func(e *env) {
		u := e.user()
		codes := e.recoveryCodes(u.ID, 2)
		e.one(e.race(func(int) error { return e.useRecoveryCode(u.ID, codes[0]) }), account.ErrCodeSpent)
		e.recoveryCodesLeft(u.ID, 1)
	}},
	{"racing sets of recovery codes", func(e *env) {
		u := e.user()
		sets := make([][][]byte, racers)
		for i := range sets {
			sets[i] = [][]byte{e.bytes(32), e.bytes(32)}
		}
		for _, err := range e.race(func(i int) error {
			return e.store.ReplaceRecoveryCodes(e.ctx, account.ReplaceRecoveryCodes{UserID: u.ID, Digests: sets[i], At: noon})
		}) {
			e.ok(err)
		}
		e.recoveryCodesLeft(u.ID, 2)
		whole := 0
		for _, set := range sets {
			if e.useRecoveryCode(u.ID, set[0]) == nil {
				e.ok(e.useRecoveryCode(u.ID, set[1]))
				whole++
			}
		}
		if whole != 1 {
			e.Fatalf("%d sets are there, want one", whole)
		}
	}},
	{"a TOTP step only goes forward", func(e *env) {
		u := e.user()
		f := e.factor(u.ID, account.MethodAuthenticator)
		for _, step := range []int64{0, f.LastStep - 1, f.LastStep} {
			e.fails(e.useStep(u.ID, step), account.ErrCodeSpent)
		}
		e.ok(e.useStep(u.ID, f.LastStep+1))
		e.fails(e.useStep(u.ID, f.LastStep+1), account.ErrCodeSpent)
		e.ok(e.useStep(u.ID, f.LastStep+7))
		e.fails(e.useStep(u.ID, f.LastStep+6), account.ErrCodeSpent)
		f.LastStep, f.LastUsed = f.LastStep+7, noon.Add(time.Hour)
		got, err := e.store.SecondFactors(e.ctx, u.ID)
		e.ok(err)
		e.equal("factor", got.Codes, []account.Factor{f})
	}},
	{"one TOTP step, many racers", func(e *env) {
		u := e.user()
		e.factor(u.ID, account.MethodAuthenticator)
		e.one(e.race(func(int) error { return e.useStep(u.ID, 101) }), account.ErrCodeSpent)
	}},
	{"sent codes have no step", func(e *env) {
		u := e.user()
		f := e.factor(u.ID, account.MethodEmail)
		for i := range 2 {
			at := noon.Add(time.Duration(i+1) * time.Minute)
			e.ok(e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, Factor: &account.FactorUse{Method: f.Method, At: at}}))
			f.LastUsed = at
			got, err := e.store.SecondFactors(e.ctx, u.ID)
			e.ok(err)
			e.equal("factor", got.Codes, []account.Factor{f})
		}
	}},
	{"a factor of another account is none", func(e *env) {
		e.factor(e.user().ID, account.MethodAuthenticator)
		e.fails(e.useStep(e.user().ID, 500), account.ErrNotFound)
	}},
}

func (e *env) useRecoveryCode(userID string, digest []byte) error {
	return e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: userID, RecoveryCode: [][]byte{digest}})
}

func (e *env) useStep(userID string, step int64) error {
	return e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: userID, Factor: &account.FactorUse{
		Method: account.MethodAuthenticator, Step: step, At: noon.Add(time.Hour),
	}})
}

func (e *env) recoveryCodesLeft(userID string, want int) {
	e.Helper()
	got, err := e.store.SecondFactors(e.ctx, userID)
	e.ok(err)
	e.equal("recovery codes left", got.RecoveryCodes, want)
}

// equalSets compares methods whatever their order.
func (e *env) equalSets(what string, got []account.Method, want ...account.Method) {
	e.Helper()
	set := func(all []account.Method) map[account.Method]int {
		m := map[account.Method]int{}
		for _, one := range all {
			m[one]++
		}
		return m
	}
	e.equal(what, set(got), set(want))
}
