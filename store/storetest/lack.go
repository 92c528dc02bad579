package storetest

import (
	"github.com/latchkey-auth/latchkey/account"
)

// everything is what a sign-in by password must find lacking to set up a second factor.
var everything = account.Lack{Secondary: true, Codes: true, Strong: true}

var lackTests = []test{
	{"a factor is set up on the way only where there is none", func(e *env) {
		weak := func(userID string) {
			c := e.newCredential(userID, account.UsageFirst)
			c.UserVerified = false
			e.registered(c)
		}
		for name, c := range map[string]struct {
			has  func(userID string)
			lack account.Lack
			want error
		}{
			"nothing":                      {func(string) {}, everything, nil},
			"a code method":                {func(id string) { e.factor(id, account.MethodEmail) }, everything, account.ErrFactorSetUp},
			"a code method, not asked":     {func(id string) { e.factor(id, account.MethodEmail) }, account.Lack{Secondary: true, Strong: true}, nil},
			"a secondary passkey":          {func(id string) { e.passkey(id, account.UsageSecondary) }, everything, account.ErrFactorSetUp},
			"a secondary one, not asked":   {func(id string) { e.passkey(id, account.UsageSecondary) }, account.Lack{Codes: true, Strong: true}, nil},
			"a strong passkey":             {func(id string) { e.passkey(id, account.UsageFirst) }, everything, account.ErrFactorSetUp},
			"a strong passkey, not asked":  {func(id string) { e.passkey(id, account.UsageFirst) }, account.Lack{Secondary: true, Codes: true}, nil},
			"a passkey that is not strong": {weak, everything, nil},
			"nothing asked":                {func(id string) { e.factor(id, account.MethodEmail); e.passkey(id, account.UsageFirst) }, account.Lack{}, nil},
		} {
			e.Log(name)
			u, other := e.user(), e.user()
			e.factor(other.ID, account.MethodSMS) // another's counts for nothing
			e.passkey(other.ID, account.UsageSecondary)
			c.has(u.ID)
			p := e.pending(u.ID)
			watch := watched{users: []string{u.ID, other.ID}, pendings: []account.Digest{p.Digest}}

			app := e.newFactor(u.ID, account.MethodAuthenticator)
			session := e.newSession(u.ID, account.SessionBrowser)
			signin := account.FinishSignin{UserID: u.ID, PendingID: p.ID, AddFactor: &app, Lack: c.lack, Session: &session}
			spend := e.spend()
			passkey := account.FinishRegistration{Spend: spend, Credential: e.newCredential(u.ID, account.UsageSecondary), PendingID: p.ID, Lack: c.lack}
			if c.want != nil {
				e.changesNothing(watch, c.want, func() error { return e.store.FinishSignin(e.ctx, signin) })
				e.changesNothing(watch, c.want, func() error { return e.store.FinishRegistration(e.ctx, passkey) })
				e.spent(spend)
				continue
			}
			e.ok(e.store.FinishRegistration(e.ctx, passkey))
			if c.lack.Secondary { // which it has now
				e.fails(e.store.FinishSignin(e.ctx, signin), account.ErrFactorSetUp)
				continue
			}
			e.ok(e.store.FinishSignin(e.ctx, signin))
		}
	}},
	{"racing setups on the way", func(e *env) {
		u := e.user()
		p, apps := make([]account.Pending, racers), make([]account.Factor, racers)
		methods := []account.Method{account.MethodAuthenticator, account.MethodEmail, account.MethodSMS}
		for i := range apps {
			p[i] = e.pending(u.ID)
			apps[i] = e.newFactor(u.ID, methods[i%len(methods)])
		}
		errs := e.race(func(i int) error {
			return e.store.FinishSignin(e.ctx, account.FinishSignin{UserID: u.ID, PendingID: p[i].ID, AddFactor: &apps[i], Lack: everything})
		})
		winner := e.one(errs, account.ErrFactorSetUp)
		got, err := e.store.SecondFactors(e.ctx, u.ID)
		e.ok(err)
		e.equal("second factors", got, account.SecondFactors{Codes: []account.Factor{apps[winner]}})
	}},
	{"an owner's setup against one on the way", func(e *env) {
		for range 10 {
			u := e.user()
			by, p := e.signedIn(u.ID, account.SessionBrowser), e.pending(u.ID)
			app, sms := e.newFactor(u.ID, account.MethodAuthenticator), e.newFactor(u.ID, account.MethodSMS)
			owner := account.FinishSetup{Spend: e.spend(), Factor: app, SessionID: by.ID}
			thief := account.FinishSignin{UserID: u.ID, PendingID: p.ID, AddFactor: &sms, Lack: everything}
			errs := e.race(func(i int) error {
				switch i {
				case 0:
					return e.store.FinishSetup(e.ctx, owner)
				case 1:
					return e.store.FinishSignin(e.ctx, thief)
				}
				return nil
			})
			e.ok(errs[0])
			got, err := e.store.SecondFactors(e.ctx, u.ID)
			e.ok(err)
			// whoever came second: the sign-in never came after the owner's setup
			want := []account.Factor{app}
			if errs[1] == nil {
				want = got.Codes
			} else {
				e.fails(errs[1], account.ErrFactorSetUp)
			}
			e.equal("factors", got.Codes, want)
		}
	}},
}
