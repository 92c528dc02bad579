package signin_test

import (
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// answers are all ways to answer a pending sign-in with what a person has, whoever's sign-in it is.
var answers = map[string]func(b *browser, p *person) error{
	"the app":       func(b *browser, p *person) error { return errOf(b.code(p.nextCode())) },
	"recovery code": func(b *browser, p *person) error { return errOf(b.recover(p.recovery[0])) },
	"secondary passkey": func(b *browser, p *person) error {
		c := b.startSignin(p.email)
		return errOf(b.finishSignin(c, p.devices["secondary"].get(c)))
	},
	"secondary passkey without a user handle": func(b *browser, p *person) error {
		c := b.startSignin("")
		return errOf(b.finishSignin(c, p.devices["secondary"].get(c, nameless)))
	},
	"first passkey": func(b *browser, p *person) error {
		c := b.startSignin(p.email)
		return errOf(b.finishSignin(c, p.devices["strong"].get(c)))
	},
}

func TestSecondFactor_OfAnotherUserIsNothing(t *testing.T) {
	t.Parallel()
	for _, strict := range []bool{false, true} {
		h := newHouse(t, func(c *signin.Config) { c.TwoFactorRequired = strict })
		ada := h.person("ada", app, mail, recoveryCodes, secondary, strong)
		eve := h.person("eve", app, mail, recoveryCodes, secondary, strong)
		b := h.browser()
		h.ok(errOf(b.login(ada)))
		h.ok(errOf(b.choose(totp)))
		for name, answer := range answers {
			want := message.WebAuthnMismatchUserHandle
			switch name {
			case "the app":
				want = message.TwoFactorInvalidToken
			case "recovery code":
				want = message.InvalidRecoveryCode
			}
			h.refuses(want, func() error { return answer(b, eve) })
			b.nobody()
			b.waits(account.PendingReady, totp)
		}
		// a code that was mailed for her own sign-in
		hers := h.browser()
		h.ok(errOf(hers.login(eve)))
		h.ok(errOf(hers.choose(account.MethodEmail)))
		h.ok(errOf(b.choose(account.MethodEmail)))
		h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.code(h.post.code(eve.email))) })
		// and his own is still good
		h.ok(errOf(b.code(h.post.code(ada.email))))
		b.signedIn(ada)
	}
}

func TestSecondFactor_InAnotherBrowserIsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", app, mail, recoveryCodes, secondary, strong)
	first, second := h.browser(), h.browser()
	for _, b := range []*browser{first, second} {
		h.ok(errOf(b.login(p)))
		h.ok(errOf(b.choose(account.MethodEmail)))
	}
	var sent []string
	for _, m := range h.post.all() {
		if m.Code != "" {
			sent = append(sent, m.Code)
		}
	}
	codes := sent[len(sent)-2:]
	if codes[0] != codes[1] { // one time in a million they are the same
		h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(first.code(codes[1])) })
		h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(second.code(codes[0])) })
	}
	third := h.browser()
	for _, code := range []string{codes[0], p.nextCode()} {
		h.refuses(message.TwoFactorPermissionDenied, func() error { return errOf(third.code(code)) })
	}
	h.refuses(message.TwoFactorPermissionDenied, func() error { return errOf(third.recover(p.recovery[0])) })
	h.refuses(message.TwoFactorPermissionDenied, func() error { return errOf(third.choose(totp)) })
	h.refuses(message.WebAuthnWrongUsage, func() error { return answers["secondary passkey"](third, p) })
	for _, b := range []*browser{first, second, third} {
		b.nobody()
	}
	h.ok(errOf(first.code(codes[0])))
	h.ok(errOf(second.code(codes[1])))
}

// A pending sign-in's token is no session, whatever it is shown as.
func TestPending_OpensNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, remembering)
	p := h.person("ada", app)
	b := h.browser()
	h.ok(errOf(b.login(p)))
	token := b.pending
	for name, x := range map[string]browser{
		"cookie": {cookie: token}, "bearer": {bearer: token, program: true}, "device": {device: token}, "bearer beside itself": {bearer: token, pending: token, program: true},
	} {
		x.h, x.svc, x.client = h, h.Service, b.client
		x.nobody()
		if c := x.caller(); c.Pending != nil {
			t.Errorf("as %s it is a pending sign-in", name)
		}
		if name == "device" {
			h.ok(errOf(x.login(p)))
			x.nobody()
		}
	}
}

// gone demands that nothing answers the browser's pending sign-in, now and for a request that was under way.
func (b *browser) gone(p *person, late *signin.Caller, want message.Key) {
	b.h.t.Helper()
	if c := b.caller(); c.Pending != nil || c.SignedIn() {
		b.h.t.Fatalf("the pending sign-in is still there: %+v", c)
	}
	for name, answer := range answers {
		b.h.refusesAny(func() error { return answer(b, p) })
		b.nobody()
		if late == nil || name == "first passkey" {
			continue
		}
		r := b.h.refusesAny(func() error { return answer(b.late(late), p) })
		if r.Key != want {
			b.h.t.Errorf("%s, late: %s, want %s", name, r.Key, want)
		}
	}
	b.nobody()
}

func TestPending_Ends(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(b *browser, p *person)
		late message.Key // of a request that was under way; "": there is none
	}{
		"by logout":        {func(b *browser, _ *person) { b.h.ok(b.logout()) }, message.TwoFactorPermissionDenied},
		"by time":          {func(b *browser, _ *person) { b.h.clock.advance(10 * time.Minute) }, ""},
		"when disabled":    {func(_ *browser, p *person) { p.disabled() }, message.DisabledAccount},
		"by another login": {func(b *browser, p *person) { other := *b; b.h.ok(errOf(other.login(p))) }, message.TwoFactorPermissionDenied},
		"when the password changes": {func(b *browser, p *person) {
			in := p.signs(b.h.browser())
			b.h.ok(errOf(in.change(p.password, "another password, quite")))
		}, message.TwoFactorPermissionDenied},
		"when everything is signed out": {func(b *browser, p *person) {
			in := p.signs(b.h.browser())
			b.h.ok(errOf(in.end(signin.Ending{All: true})))
		}, message.TwoFactorPermissionDenied},
		"when all others are signed out": {func(b *browser, p *person) {
			in := p.signs(b.h.browser())
			b.h.ok(errOf(in.end(signin.Ending{Others: true})))
		}, message.TwoFactorPermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := h.person("ada", app, recoveryCodes, secondary)
			p.devices["strong"] = h.newDevice(true) // of nobody
			h.ok(errOf(p.devices["strong"].Create([]byte(`{"challenge":"AAAA","rp":{"id":"latchkey.test"},"user":{"id":"AAAA"}}`), origin)))
			b := h.browser()
			h.ok(errOf(b.login(p)))
			h.ok(errOf(b.choose(totp)))
			late := b.waits(account.PendingReady, totp)
			if c.late == "" {
				late = nil
			}
			c.end(b, p)
			b.gone(p, late, c.late)
		})
	}
}

func TestPending_LastsTenMinutes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", app)
	b := h.browser()
	h.ok(errOf(b.login(p)))
	h.clock.advance(10*time.Minute - time.Microsecond)
	b.waits(account.PendingReady, totp)
	h.ok(errOf(b.code(p.code())))
	b.signedIn(p)

	// choosing again does not prolong it
	q := h.person("bob", app, mail)
	b = h.browser()
	h.ok(errOf(b.login(q)))
	h.clock.advance(9 * time.Minute)
	h.ok(errOf(b.choose(account.MethodEmail)))
	h.clock.advance(time.Minute)
	h.refuses(message.TwoFactorPermissionDenied, func() error { return errOf(b.code(h.post.code(q.email))) })
}

// A password that is right, for another account than the sign-in that waits in this browser, starts over.
func TestPending_OfAnotherUserIsNoObstacle(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.person("ada", app, mail)
	bob := h.person("bob", strong)
	waiting := func() *browser {
		b := h.browser()
		h.ok(errOf(b.login(ada)))
		return b
	}
	for name, enter := range map[string]func(b *browser) error{
		"password": func(b *browser) error { return errOf(b.login(bob)) },
		"passkey":  func(b *browser) error { return errOf(b.passkey(bob.email, bob.devices["strong"])) },
		"registration": func(b *browser) error {
			out, err := b.keep(h.Register(h.ctx, b.caller(), signin.NewAccount{Email: "new@example.test", Password: "a new password"}, signin.Wish{}))
			bob = &person{h: h, id: out.User.ID}
			return err
		},
	} {
		b := waiting()
		pending := b.pending
		if err := enter(b); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b.pending = pending
		b.cookie = ""
		if c := b.caller(); c.Pending != nil {
			t.Errorf("%s: the other sign-in is still pending", name)
		}
		bob = h.person("bob-after-"+name, strong)
	}
}

// Whoever knows only the password and waits at the setup must not add a factor once the owner has one.
func TestPending_SetupEndsWhenTheAccountHasAFactor(t *testing.T) {
	t.Parallel()
	for name, give := range map[string]has{"app": app, "mail": mail, "secondary passkey": secondary, "strong passkey": strong} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, required)
			p := h.person("ada")
			owner := h.arranger()
			h.ok(errOf(owner.login(p)))

			// the thief is everywhere along the way before the owner acts
			atSetup, validating, enrolling, ready := h.browser(), h.browser(), h.browser(), h.browser()
			for _, b := range []*browser{atSetup, validating, enrolling, ready} {
				h.ok(errOf(b.login(p)))
			}
			s, err := validating.startSetup(totp, "")
			h.ok(err)
			thief := &person{h: h, key: s.KeyText}
			reg, err := enrolling.startRegistration("thief's", account.UsageSecondary)
			h.ok(err)

			give(p, owner)
			h.refuses(message.TwoFactorPermissionDenied, func() error { return errOf(atSetup.startSetup(totp, "")) })
			h.refuses(message.TwoFactorPermissionDenied, func() error { return errOf(atSetup.startRegistration("mine", account.UsageSecondary)) })
			h.refuses(message.TwoFactorPermissionDenied, func() error { return errOf(validating.code(thief.code())) })
			h.refuses(message.TwoFactorPermissionDenied, func() error {
				return errOf(enrolling.finishRegistration(reg, h.newDevice(true).create(reg)))
			})
			for _, b := range []*browser{atSetup, validating, enrolling} {
				b.nobody()
			}
		})
	}
}

// A code that is out for a method which its owner has removed is worth nothing.
func TestPending_CodeOfARemovedMethodIsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *signin.Config) { c.TwoFactorRescueEmail = true })
	p := h.person("ada", sms, app)
	b := h.browser()
	h.ok(errOf(b.login(p)))
	h.ok(errOf(b.choose(account.MethodSMS)))
	owner := p.signs(h.browser())
	h.ok(errOf(owner.disable(account.MethodSMS)))
	h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.code(h.post.code(p.phone))) })
	b.nobody()

	// nor is the app's, nor the passkey
	q := h.person("bob", app, secondary, strong)
	b = h.browser()
	h.ok(errOf(b.login(q)))
	h.ok(errOf(b.choose(pk)))
	start := b.startSignin("")
	owner = q.signs(h.browser())
	h.ok(errOf(owner.remove("secondary")))
	h.refuses(message.WebAuthnUnknownCredentialID, func() error { return errOf(b.finishSignin(start, q.devices["secondary"].get(start))) })
	h.ok(errOf(owner.disable(totp)))
	h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.code(q.nextCode())) })
	b.nobody()
	// and a first passkey stands in for none where none is required
	start = b.startSignin("")
	h.refuses(message.WebAuthnWrongUsage, func() error { return errOf(b.finishSignin(start, q.devices["strong"].get(start))) })
}
