package signin_test

import (
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// ways are the steps that take a code of the authenticator app.
var ways = map[string]struct {
	arrive func(b *browser, p *person)
	give   func(b *browser, code string) error
}{
	"signin": {
		func(b *browser, p *person) { b.h.ok(errOf(b.login(p))) },
		func(b *browser, code string) error { return errOf(b.code(code)) },
	},
	"verify": {
		func(b *browser, p *person) { p.signs(b) },
		func(b *browser, code string) error { return errOf(b.verify(signin.Proof{Code: code})) },
	},
}

func TestCodes_AppDriftsOneStepEachWay(t *testing.T) {
	t.Parallel()
	for name, w := range ways {
		for _, step := range []int{-2, -1, 0, 1, 2} {
			h := newHouse(t)
			p := h.person("ada", app)
			b := h.browser()
			w.arrive(b, p)
			h.clock.set(noon.Add(9 * time.Minute)) // the begin of a step
			for _, into := range []time.Duration{29*time.Second + 999*time.Millisecond, 0} {
				h.clock.set(noon.Add(9*time.Minute + into))
				code := p.codeAt(h.clock.Now().Add(time.Duration(step) * 30 * time.Second))
				if step < -1 || step > 1 {
					h.refuses(message.TwoFactorInvalidToken, func() error { return w.give(b, code) })
				} else if into == 0 {
					if err := w.give(b, code); err != nil {
						t.Errorf("%s: %d steps off: %v", name, step, err)
					}
				}
			}
		}
	}
}

// A step that was used counts nowhere again, nor does one before it.
func TestCodes_AStepOfTheAppCountsOnce(t *testing.T) {
	t.Parallel()
	for first, w1 := range ways {
		for second, w2 := range ways {
			t.Run(first+" then "+second, func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				p := h.person("ada", app)
				a, b := h.browser(), h.browser()
				w1.arrive(a, p)
				w2.arrive(b, p)
				h.clock.advance(2 * time.Minute)
				code, earlier := p.code(), p.codeAt(h.clock.Now().Add(-30*time.Second))
				h.ok(w1.give(a, code))
				h.refuses(message.TwoFactorInvalidToken, func() error { return w2.give(b, code) })
				h.refuses(message.TwoFactorInvalidToken, func() error { return w2.give(b, earlier) })
				h.ok(w2.give(b, p.codeAt(h.clock.Now().Add(30*time.Second))))
				h.clock.advance(30 * time.Second)
				last := h.browser()
				h.ok(errOf(last.login(p)))
				h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(last.code(p.code())) })
			})
		}
	}
}

// The code that confirmed the app is used, both ways of setting it up.
func TestCodes_TheConfirmingCodeIsUsed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", app)
	b := h.browser()
	h.ok(errOf(b.login(p)))
	h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.code(p.code())) })

	strict := newHouse(t, required)
	q := strict.person("bob")
	b = strict.browser()
	strict.ok(errOf(b.login(q)))
	s, err := b.startSetup(totp, "")
	strict.ok(err)
	q.key = s.KeyText
	strict.ok(errOf(b.code(q.code())))
	other := strict.browser()
	strict.ok(errOf(other.login(q)))
	strict.refuses(message.TwoFactorInvalidToken, func() error { return errOf(other.code(q.code())) })
	strict.ok(errOf(other.code(q.nextCode())))
}

// sent are the methods whose codes are sent, with how long they count.
var sent = map[account.Method]struct {
	has   has
	to    func(p *person) string
	until time.Duration
}{
	account.MethodEmail: {mail, func(p *person) string { return p.email }, 5 * time.Minute},
	account.MethodSMS:   {sms, func(p *person) string { return p.phone }, 2 * time.Minute},
}

func TestCodes_ASentCodeBearsFiveTries(t *testing.T) {
	t.Parallel()
	for m, x := range sent {
		h := newHouse(t)
		p := h.person("ada", x.has)
		try := func(wrong int) error {
			b := h.browser()
			h.ok(errOf(b.login(p)))
			code := h.post.code(x.to(p))
			for range wrong {
				h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.code(not(code))) })
			}
			before := h.snapshot()
			err := errOf(b.code(code))
			if err != nil {
				if d := differences(before, h.snapshot()); d != "" {
					t.Error(d)
				}
				// a new one is needed, and counts
				h.ok(errOf(b.choose(m)))
				h.ok(errOf(b.code(h.post.code(x.to(p)))))
			}
			return err
		}
		h.ok(try(4))
		h.refused(message.TwoFactorInvalidToken, try(5))
		h.refused(message.TwoFactorInvalidToken, try(9))
	}
}

func TestCodes_ASentCodeEnds(t *testing.T) {
	t.Parallel()
	for _, x := range sent {
		h := newHouse(t)
		p := h.person("ada", x.has)
		b := h.browser()
		h.ok(errOf(b.login(p)))
		code := h.post.code(x.to(p))
		h.clock.advance(x.until)
		h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.code(code)) })
		h.clock.advance(-time.Microsecond)
		h.ok(errOf(b.code(code)))
	}
}

func TestCodes_ANewOneReplacesTheOld(t *testing.T) {
	t.Parallel()
	for m, x := range sent {
		h := newHouse(t)
		p := h.person("ada", x.has)
		b := h.browser()
		h.ok(errOf(b.login(p)))
		old := h.post.code(x.to(p))
		for again := true; again; again = h.post.code(x.to(p)) == old {
			h.ok(errOf(b.choose(m)))
		}
		h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.code(old)) })
		h.ok(errOf(b.code(h.post.code(x.to(p)))))
	}
}

// Codes are taken as people type them.
func TestCodes_AsTheyAreTyped(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", mail, app, recoveryCodes)
	spaced := func(code string) string { return " " + code[:3] + "-" + code[3:] + " \u200b" }
	b := h.browser()
	h.ok(errOf(b.login(p)))
	h.ok(errOf(b.choose(account.MethodEmail)))
	h.ok(errOf(b.code(spaced(h.post.code(p.email)))))
	h.ok(errOf(b.verify(signin.Proof{Code: spaced(p.nextCode())})))
	b = h.browser()
	h.ok(errOf(b.login(p)))
	h.ok(errOf(b.choose(totp)))
	for _, junk := range []string{"", " ", "\x00", "\xff\xfe", "12345", "1234567", "abcdef", "𝟎𝟏𝟐"} {
		h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.code(junk)) })
		h.refuses(message.InvalidRecoveryCode, func() error { return errOf(b.recover(junk)) })
	}
	h.ok(errOf(b.recover(" " + p.recovery[0][:9] + " " + p.recovery[0][9:])))
}

func TestCodes_ARecoveryCodeCountsOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", app, recoveryCodes)
	for i, code := range p.recovery {
		b := h.browser()
		h.ok(errOf(b.login(p)))
		h.ok(errOf(b.recover(code)))
		left, err := h.RecoveryCodesLeft(h.ctx, p.id)
		h.ok(err)
		if left != len(p.recovery)-1-i {
			t.Errorf("%d codes are left", left)
		}
		if h.post.kinds("recovery_code_used") != i+1 {
			t.Error("the owner was not told")
		}
		other := h.browser()
		h.ok(errOf(other.login(p)))
		h.refuses(message.InvalidRecoveryCode, func() error { return errOf(other.recover(code)) })
	}
	// a new set replaces what is left of the old one
	b := p.signs(h.browser())
	recoveryCodes(p, b)
	old := p.recovery[0]
	recoveryCodes(p, b)
	other := h.browser()
	h.ok(errOf(other.login(p)))
	h.refuses(message.InvalidRecoveryCode, func() error { return errOf(other.recover(old)) })
	h.ok(errOf(other.recover(p.recovery[0])))
}

// setups are the ways to set a method up: by a signed-in person with a token, and on the way in.
func TestCodes_ASetupBearsFiveWrongCodes(t *testing.T) {
	t.Parallel()
	for _, m := range []account.Method{totp, account.MethodEmail} {
		for _, pending := range []bool{false, true} {
			h := newHouse(t, func(c *signin.Config) { c.TwoFactorRequired = pending })
			begin := func(name string) (give func(right bool) error) {
				p := h.person(name)
				b := h.browser()
				h.ok(errOf(b.login(p)))
				s, err := b.startSetup(m, "")
				h.ok(err)
				return func(right bool) error {
					var code string
					if m == totp {
						p.key = s.KeyText
						if code = p.code(); !right {
							code = p.wrongCode()
						}
					} else if code = h.post.code(p.email); !right {
						code = not(code)
					}
					if pending {
						return errOf(b.code(code))
					}
					return errOf(b.finishSetup(s, code))
				}
			}
			give := begin("ada")
			for range 5 {
				h.refuses(message.TwoFactorInvalidToken, func() error { return give(false) })
			}
			h.ok(give(true))
			give = begin("bob")
			for range 6 {
				h.refuses(message.TwoFactorInvalidToken, func() error { return give(false) })
			}
			dead := message.CredentialReplayed
			if pending {
				dead = message.TwoFactorInvalidToken
			}
			for range 3 {
				h.refuses(dead, func() error { return give(true) })
				h.refuses(dead, func() error { return give(false) })
			}
		}
	}
}

func TestCodes_SetupsAreThrottled(t *testing.T) {
	t.Parallel()
	for _, pending := range []bool{false, true} {
		h := newHouse(t, rates(3, 1000, 1000), func(c *signin.Config) { c.TwoFactorRequired = pending })
		p := h.person("ada")
		b := h.browser()
		h.ok(errOf(b.login(p)))
		give := func(right bool) error {
			s, err := b.startSetup(totp, "")
			h.ok(err)
			p.key = s.KeyText
			code := p.code()
			if !right {
				code = p.wrongCode()
			}
			if pending {
				return errOf(b.code(code))
			}
			return errOf(b.finishSetup(s, code))
		}
		for range 3 {
			h.refused(message.TwoFactorInvalidToken, give(false))
		}
		h.refused(message.TooManyAttempts, give(true))
		h.clock.advance(100 * time.Second)
		for range 3 {
			h.ok(give(true)) // which is given back
			if pending {
				break
			}
		}
	}
}

// A mailed code in a setup counts as long as one of a sign-in, and for what it was sent for.
func TestCodes_ASetupsCodeIsItsOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	b, other := p.signs(h.browser()), p.signs(h.browser())
	s, err := b.startSetup(account.MethodEmail, "")
	h.ok(err)
	mailed := h.post.code(p.email)
	text, err := b.startSetup(account.MethodSMS, p.phone)
	h.ok(err)
	texted := h.post.code(p.phone)
	elsewhere, err := other.startSetup(account.MethodEmail, "")
	h.ok(err)
	if third := h.post.code(p.email); mailed != texted && mailed != third && texted != third {
		h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.finishSetup(text, mailed)) })
		h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.finishSetup(s, texted)) })
		h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(other.finishSetup(elsewhere, mailed)) })
	}
	h.clock.advance(5 * time.Minute)
	h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.finishSetup(s, mailed)) })
	h.clock.advance(-time.Microsecond)
	h.ok(errOf(b.finishSetup(s, mailed)))
}

// A code that could not be sent is told, and leaves no sign-in that nobody can answer.
func TestCodes_ThePostIsDown(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *signin.Config) { c.TwoFactorRescueMail = "help@example.test" })
	p := h.person("ada", mail)
	q := h.person("bob", sms, app)
	h.post.fails(true)
	b := h.browser()
	h.refuses(message.FailedToSendCode, func() error { return errOf(b.login(p)) })
	if c := b.caller(); c.Pending != nil || b.pending != "" {
		t.Error("a sign-in waits for a code that was not sent")
	}
	h.ok(errOf(b.login(q)))
	h.refused(message.FailedToSendCode, errOf(b.choose(account.MethodSMS)))
	b.waits(account.PendingReady, account.MethodSMS)
	h.refuses(message.FailedToSendCode, func() error { return b.rescue(signin.RescueHelp) })
	h.ok(errOf(b.code(q.nextCode()))) // the app still answers
	h.refuses(message.FailedToSendCode, func() error { return errOf(b.startSetup(account.MethodEmail, "")) })
	// what is done is done, though its owner could not be told
	h.ok(errOf(b.disable(account.MethodSMS)))
	var told bool
	for _, e := range h.events() {
		told = told || e.Kind == account.EventCodeNotSent && e.Reason == "notice_not_sent"
	}
	if !told {
		t.Error("nobody knows that the owner was not told")
	}
}
