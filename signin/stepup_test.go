package signin_test

import (
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// stepped demands that the browser's session may or may not change what protects its account.
func (b *browser) stepped(want bool, when string) {
	b.h.t.Helper()
	got, err := b.svc.SteppedUp(b.h.ctx, b.caller())
	b.h.ok(err)
	if got != want {
		b.h.t.Errorf("%s: stepped up %v, want %v", when, got, want)
	}
}

func TestStepUp_APasswordAloneIsTooLittle(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		things []has
		change func(*signin.Config)
		prove  func(b *browser, p *person) error
	}{
		"app":      {[]has{app}, nil, func(b *browser, p *person) error { return errOf(b.verify(signin.Proof{Code: p.nextCode()})) }},
		"passkey":  {[]has{secondary}, nil, func(b *browser, p *person) error { return provePasskey(b, p, "secondary") }},
		"required": {[]has{strong}, func(c *signin.Config) { c.TwoFactorRequired = true }, func(b *browser, p *person) error { return provePasskey(b, p, "strong") }},
		"mail": {[]has{mail}, nil, func(b *browser, p *person) error {
			return b.verifySent(account.MethodEmail, func() string { return b.h.post.code(p.email) })
		}},
		"text": {[]has{sms}, nil, func(b *browser, p *person) error {
			return b.verifySent(account.MethodSMS, func() string { return b.h.post.code(p.phone) })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, freshness(10*time.Minute, time.Hour))
			if c.change != nil {
				h = newHouse(t, freshness(10*time.Minute, time.Hour), c.change)
			}
			p := h.person("ada", c.things...)
			b := h.browser()
			out, err := b.login(p)
			h.ok(err)
			switch {
			case out.Pending == nil:
				t.Fatal("no second factor was asked for")
			case p.key != "":
				h.ok(errOf(b.code(p.nextCode())))
			case p.devices["secondary"] != nil:
				h.ok(errOf(b.passkey("", p.devices["secondary"])))
			case p.devices["strong"] != nil:
				h.ok(errOf(b.passkey("", p.devices["strong"])))
			default:
				to := p.email
				if name == "text" {
					to = p.phone
				}
				h.ok(errOf(b.code(h.post.code(to))))
			}
			b.stepped(true, "just signed in with both")
			h.clock.advance(9 * time.Minute)
			h.ok(errOf(b.verify(signin.Proof{Password: p.password})))
			b.stepped(true, "with the code in time still")
			h.clock.advance(2 * time.Minute)
			b.is(true, "by the password")
			b.stepped(false, "by the password alone")
			h.ok(errOf(b.verify(signin.Proof{Password: p.password}, signin.Wish{Bearer: true})))
			b.stepped(false, "by the password, again")
			token := *b
			token.program = true
			token.stepped(false, "by a bearer that was asked for with it")
			h.ok(c.prove(b, p))
			b.stepped(true, "after the proof")
			b.is(true, "after the proof")
			h.clock.advance(11 * time.Minute)
			b.is(true, "in its grace") // the last proof was of something held: its grace is this one's
			b.stepped(true, "in its grace")
		})
	}
}

func provePasskey(b *browser, p *person, name string) error {
	c := b.startVerify()
	return errOf(b.finishVerify(c, p.devices[name].get(c)))
}

// verifySent has a code sent and answers with it.
func (b *browser) verifySent(m account.Method, code func() string) error {
	b.h.t.Helper()
	token, err := b.svc.SendVerifyCode(b.h.ctx, b.caller(), m)
	b.h.ok(err)
	b.h.secret("verify state", token)
	return errOf(b.verify(signin.Proof{Code: code(), State: token}))
}

// Where there is no second factor, a password is all there is; and where nothing is ever stale, nothing is asked for.
func TestStepUp_NotWithoutASecondFactor(t *testing.T) {
	t.Parallel()
	h := newHouse(t, freshness(10*time.Minute, 0))
	for _, p := range []*person{h.person("ada"), h.person("bob", strong), h.person("cara", weak)} {
		b := p.signs(h.browser())
		b.stepped(true, p.email)
	}
	off := newHouse(t, freshness(-1, 0), remembering)
	p := off.person("ada", app)
	b := p.signs(off.browser(), remember())
	off.ok(b.logout())
	off.ok(errOf(b.login(p))) // by the password and a remembered device
	b.stepped(true, "freshness off")
	none := newHouse(t, freshness(10*time.Minute, 0), func(c *signin.Config) { c.TwoFactor = false })
	q := none.person("ada", app)
	q.signs(none.browser()).stepped(true, "codes off")
}

// A device that stood in for the second factor proves nothing.
func TestStepUp_ARememberedDeviceIsTooLittle(t *testing.T) {
	t.Parallel()
	h := newHouse(t, remembering)
	p := h.person("ada", app)
	b := p.signs(h.browser(), remember())
	h.ok(b.logout())
	out, err := b.login(p)
	h.ok(err)
	if out.Session == nil {
		t.Fatal("the device did not stand in")
	}
	b.stepped(false, "by a remembered device")
	h.ok(errOf(b.verify(signin.Proof{Code: p.nextCode()})))
	b.stepped(true, "by a code")
}

// What a person has just set up was held: nobody is asked for it again in the next minute.
func TestStepUp_WhatWasJustSetUpCounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	b := p.signs(h.browser())
	app(p, b)
	b.stepped(true, "with the app")
	q := h.person("bob")
	b = q.signs(h.browser())
	secondary(q, b)
	b.stepped(true, "with the passkey")
	other := h.browser()
	h.ok(errOf(other.login(q)))
	h.ok(errOf(other.passkey("", q.devices["secondary"])))
	other.stepped(true, "elsewhere by itself")
}

// A sent code belongs to the session and the account that it was sent for, is spent by use, bears five wrong ones, and ends.
func TestStepUp_SentCodes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, q := h.person("ada", mail), h.person("bob", mail)
	enter := func(p *person) *browser {
		b := h.browser()
		h.ok(errOf(b.login(p)))
		h.ok(errOf(b.code(h.post.code(p.email))))
		return b
	}
	b, second, other := enter(p), enter(p), enter(q)
	send := func() (string, string) {
		token, err := h.SendVerifyCode(h.ctx, b.caller(), account.MethodEmail)
		h.ok(err)
		return h.secret("verify state", token), h.post.code(p.email)
	}
	token, code := send()
	for name, thief := range map[string]*browser{"another session": second, "another account": other} {
		r := h.refuses(message.APIError, func() error { return errOf(thief.verify(signin.Proof{Code: code, State: token})) })
		if r.Reason != "state_of_another" {
			t.Errorf("%s: %v", name, r)
		}
	}
	h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.verify(signin.Proof{Code: code})) }) // the app's, which there is not
	for _, bad := range []string{"x", flipped(token), p.link()} {
		h.refuses(message.APIError, func() error { return errOf(b.verify(signin.Proof{Code: code, State: bad})) })
	}
	for range 4 {
		h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.verify(signin.Proof{Code: not(code), State: token})) })
	}
	h.ok(errOf(b.verify(signin.Proof{Code: code, State: token})))
	h.refuses(message.CredentialReplayed, func() error { return errOf(b.verify(signin.Proof{Code: code, State: token})) })

	token, code = send()
	for range 5 {
		h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.verify(signin.Proof{Code: not(code), State: token})) })
	}
	h.refused(message.TwoFactorInvalidToken, errOf(b.verify(signin.Proof{Code: not(code), State: token})))
	h.refuses(message.CredentialReplayed, func() error { return errOf(b.verify(signin.Proof{Code: code, State: token})) })

	token, code = send()
	h.clock.advance(h.cfg.MailCodeValidity)
	h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.verify(signin.Proof{Code: code, State: token})) })
	h.clock.advance(time.Minute)
	h.refuses(message.WebAuthnExpired, func() error { return errOf(b.verify(signin.Proof{Code: code, State: token})) })

	for _, m := range []account.Method{account.MethodSMS, account.MethodAuthenticator, account.MethodPasskey, ""} {
		h.refuses(message.TwoFactorMethodNotAvailable, func() error { return errOf(h.SendVerifyCode(h.ctx, b.caller(), m)) })
	}
	h.post.fails(true)
	h.refused(message.FailedToSendCode, errOf(h.SendVerifyCode(h.ctx, b.caller(), account.MethodEmail)))
}

// A code sent for a sign-in is none for a verification, and the other way round: each is bound to what it was sent for.
func TestStepUp_SentCodesAreOfOnePurpose(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", mail)
	b := h.browser()
	h.ok(errOf(b.login(p)))
	forSignin := h.post.code(p.email)
	h.ok(errOf(b.code(forSignin)))
	token, err := h.SendVerifyCode(h.ctx, b.caller(), account.MethodEmail)
	h.ok(err)
	forVerify := h.post.code(p.email)
	for forVerify == forSignin { // once in a million
		token, err = h.SendVerifyCode(h.ctx, b.caller(), account.MethodEmail)
		h.ok(err)
		forVerify = h.post.code(p.email)
	}
	h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.verify(signin.Proof{Code: forSignin, State: token})) })
	waiting := h.browser()
	h.ok(errOf(waiting.login(p)))
	h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(waiting.code(forVerify)) })
}

// An owner who sets up a factor at the very moment comes before whoever signs in with the password alone.
func TestStepUp_NoFactorBesideTheOwners(t *testing.T) {
	t.Parallel()
	for name, enrol := range map[string]func(thief *browser, h *house) error{
		"an app": func(thief *browser, h *house) error {
			s, err := thief.startSetup(account.MethodAuthenticator, "")
			h.ok(err)
			p := &person{h: h, key: s.KeyText}
			h.store.onceBefore("FinishSignin", func() { h.ownerSetsUp() })
			return errOf(thief.code(p.code()))
		},
		"a passkey": func(thief *browser, h *house) error {
			c, err := thief.startRegistration("mine", account.UsageSecondary)
			h.ok(err)
			answer := h.newDevice(true).create(c)
			h.store.onceBefore("FinishRegistration", func() { h.ownerSetsUp() })
			return errOf(thief.finishRegistration(c, answer))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, func(c *signin.Config) { c.TwoFactorRequired = true })
			p := h.person("ada")
			h.owner = p
			thief := h.browser()
			out, err := thief.login(p)
			h.ok(err)
			if out.Pending == nil || out.Pending.State != account.PendingSetup {
				t.Fatalf("the thief is at %+v", out)
			}
			r := h.refused(message.TwoFactorPermissionDenied, enrol(thief, h))
			if r.Reason != "factor_set_up" {
				t.Errorf("refused with %v", r)
			}
			thief.nobody()
			second, err := h.db.SecondFactors(h.ctx, p.id)
			h.ok(err)
			creds, err := h.db.Credentials(h.ctx, p.id)
			h.ok(err)
			if len(second.Codes) != 1 || second.Codes[0].Method != account.MethodEmail || len(creds) != 0 {
				t.Errorf("the account has %+v and %d passkeys", second, len(creds))
			}
		})
	}
}

// ownerSetsUp has the owner set up mailed codes, in a session of their own.
func (h *house) ownerSetsUp() {
	h.t.Helper()
	o := h.arranger()
	h.ok(errOf(o.login(h.owner)))
	mail(h.owner, o)
}
