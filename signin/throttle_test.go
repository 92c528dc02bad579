package signin_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/throttle"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// rates are throttles of so many guesses per account and address, and so many messages.
func rates(perAccount, perAddress, sends int) func(*signin.Config) {
	return func(c *signin.Config) {
		c.ThrottleAccount = throttle.Rate{N: perAccount, Per: 5 * time.Minute}
		c.ThrottleAddress = throttle.Rate{N: perAddress, Per: 5 * time.Minute}
		c.ThrottleSend = throttle.Rate{N: sends, Per: 10 * time.Minute}
	}
}

// guesses are the steps at which somebody may guess: right and wrong, by a browser that has come that far.
var guesses = map[string]struct {
	arrive       func(b *browser, p *person)
	wrong, right func(b *browser, p *person) error
	want         message.Key
}{
	"login": {
		arrive: func(*browser, *person) {},
		wrong:  func(b *browser, p *person) error { return errOf(b.loginAs(p.email, "wrong")) },
		right:  func(b *browser, p *person) error { return errOf(b.login(p)) },
		want:   message.GenericAuthnFailed,
	},
	"code": {
		arrive: func(b *browser, p *person) { b.h.ok(errOf(b.login(p))) },
		wrong:  func(b *browser, p *person) error { return errOf(b.code(p.wrongCode())) },
		right:  func(b *browser, p *person) error { return errOf(b.code(p.code())) },
		want:   message.TwoFactorInvalidToken,
	},
	"recovery code": {
		arrive: func(b *browser, p *person) { b.h.ok(errOf(b.login(p))) },
		wrong:  func(b *browser, _ *person) error { return errOf(b.recover("0000-0000-0000-0000")) },
		right:  func(b *browser, p *person) error { return errOf(b.recover(p.recovery[0])) },
		want:   message.InvalidRecoveryCode,
	},
	"verify by password": {
		arrive: func(b *browser, p *person) { p.signs(b) },
		wrong:  func(b *browser, _ *person) error { return errOf(b.verify(signin.Proof{Password: "wrong"})) },
		right:  func(b *browser, p *person) error { return errOf(b.verify(signin.Proof{Password: p.password})) },
		want:   message.InvalidPassword,
	},
	"verify by code": {
		arrive: func(b *browser, p *person) { p.signs(b) },
		wrong:  func(b *browser, p *person) error { return errOf(b.verify(signin.Proof{Code: p.wrongCode()})) },
		right:  func(b *browser, p *person) error { return errOf(b.verify(signin.Proof{Code: p.code()})) },
		want:   message.TwoFactorInvalidToken,
	},
	"change password": {
		arrive: func(b *browser, p *person) { p.signs(b) },
		wrong:  func(b *browser, _ *person) error { return errOf(b.change("wrong", "another password, quite")) },
		right:  func(b *browser, p *person) error { return errOf(b.change(p.password, "another password, quite")) },
		want:   message.InvalidPassword,
	},
}

func TestThrottle_GuessesPerAccount(t *testing.T) {
	t.Parallel()
	const limit = 4
	for name, g := range guesses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, rates(limit, 1000, 1000))
			p := h.person("ada", app, recoveryCodes)
			b := h.browser()
			g.arrive(b, p)
			h.clock.advance(time.Minute) // and the app's code is a new one
			for i := range limit {
				b.client.Address = at(fmt.Sprintf("198.51.100.%d", i)) // from wherever
				h.refuses(g.want, func() error { return g.wrong(b, p) })
			}
			b.client.Address = at("203.0.113.1")
			h.clock.advance(75*time.Second - time.Microsecond)
			r := h.refuses(message.TooManyAttempts, func() error { return g.right(b, p) })
			if r.RetryAfter != time.Microsecond {
				t.Errorf("to wait: %v", r.RetryAfter)
			}
			h.clock.advance(r.RetryAfter)
			h.ok(g.right(b, p))
		})
	}
}

func TestThrottle_GuessesPerAddress(t *testing.T) {
	t.Parallel()
	const limit = 6
	h := newHouse(t, rates(1000, limit, 1000), func(c *signin.Config) { c.ThrottleAddress.Per = 24 * time.Hour })
	for i := range limit {
		h.refuses(message.GenericAuthnFailed, func() error { return errOf(h.browser().loginAs(fmt.Sprintf("nobody%d@example.test", i), "wrong")) })
	}
	p := h.person("ada", app, recoveryCodes)
	for name, g := range guesses {
		b, lenient := h.browser(), h.arranger()
		g.arrive(lenient, p)
		b.cookie, b.pending = lenient.cookie, lenient.pending
		h.refuses(message.TooManyAttempts, func() error { return g.right(b, p) })
		if name == "login" {
			b.client.Address = at("192.0.2.2")
			h.ok(g.right(b, p))
		}
	}
	// registration counts there too
	b := h.browser()
	h.refuses(message.TooManyAttempts, func() error {
		return errOf(h.Register(h.ctx, b.caller(), signin.NewAccount{Email: "new@example.test", Password: "a new password"}, signin.Wish{}))
	})
}

// New accounts per address: those that were made count as well as those that were not.
func TestThrottle_Registrations(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rates(1000, 4, 1000))
	register := func(name string) error {
		return errOf(h.Register(h.ctx, h.browser().caller(), signin.NewAccount{Email: name + "@example.test", Password: "a new password"}, signin.Wish{}))
	}
	h.ok(register("a"))
	h.refuses(message.EmailInUse, func() error { return register("a") })
	h.ok(register("b"))
	h.ok(register("c"))
	h.refuses(message.TooManyAttempts, func() error { return register("d") })
}

// One subscriber's IPv6 addresses are one, and the letters of an address are one account.
func TestThrottle_SubjectsAreNotEasilyVaried(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rates(3, 1000, 1000))
	p := h.person("ada")
	for _, spelling := range []string{"ada@example.test", "ADA@Example.Test", " ada@example.test "} {
		h.refuses(message.GenericAuthnFailed, func() error { return errOf(h.browser().loginAs(spelling, "wrong")) })
	}
	h.refuses(message.TooManyAttempts, func() error { return errOf(h.browser().login(p)) })

	h = newHouse(t, rates(1000, 3, 1000))
	for i := range 3 {
		b := h.browser()
		b.client.Address = at(fmt.Sprintf("2001:db8::%d", i+1))
		h.refuses(message.GenericAuthnFailed, func() error { return errOf(b.loginAs(fmt.Sprintf("n%d@example.test", i), "wrong")) })
	}
	b := h.browser()
	b.client.Address = at("2001:db8::ffff:1")
	h.refuses(message.TooManyAttempts, func() error { return errOf(b.loginAs("n9@example.test", "wrong")) })
	b.client.Address = at("2001:db8:0:1::1")
	h.refuses(message.GenericAuthnFailed, func() error { return errOf(b.loginAs("n9@example.test", "wrong")) })
}

func TestThrottle_SuccessesDoNotCount(t *testing.T) {
	t.Parallel()
	for name, g := range guesses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, rates(2, 3, 1000))
			p := h.person("ada", app, recoveryCodes)
			for range 5 {
				b := h.browser()
				lenient := h.arranger()
				g.arrive(lenient, p)
				b.cookie, b.pending = lenient.cookie, lenient.pending
				b.h.clock.advance(31 * time.Second)
				h.ok(g.right(b, p))
				if name == "change password" {
					p.password = "another password, quite"
				}
				if name == "recovery code" {
					p.recovery = p.recovery[1:]
				}
			}
		})
	}
}

// Wrong passwords and codes keep nobody from signing in with a passkey.
func TestThrottle_ThePasskeyPathStaysOpen(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rates(2, 3, 1))
	p := h.person("ada", strong, app, secondary)
	waiting := h.arranger()
	h.ok(errOf(waiting.login(p)))
	h.ok(errOf(waiting.choose(pk)))
	waiting.svc = h.Service
	for range 5 {
		h.refusesAny(func() error { return errOf(h.browser().loginAs(p.email, "wrong")) })
		h.refusesAny(func() error { return errOf(waiting.code(p.wrongCode())) })
	}
	h.refuses(message.TooManyAttempts, func() error { return errOf(h.browser().login(p)) })
	h.refuses(message.TooManyAttempts, func() error { return errOf(waiting.code(p.nextCode())) })
	b := h.browser()
	h.ok(errOf(b.passkey(p.email, p.devices["strong"])))
	b.signedIn(p)
	h.ok(errOf(waiting.passkey("", p.devices["secondary"])))
	waiting.signedIn(p)
	verify := b.startVerify()
	h.ok(errOf(b.finishVerify(verify, p.devices["strong"].get(verify))))
}

// Answers that do not verify are counted per address, and apart from everything else.
func TestThrottle_PasskeyAnswersPerAddress(t *testing.T) {
	t.Parallel()
	const limit = 3
	for _, at2 := range []string{"signin", "verify"} {
		h := newHouse(t, rates(1000, limit, 1000))
		p := h.person("ada", strong)
		in := p.signs(h.browser())
		for range limit {
			if at2 == "signin" {
				h.refuses(message.WebAuthnNoVerify, func() error { return errOf(h.browser().passkey(p.email, p.devices["strong"], forged)) })
				continue
			}
			c := in.startVerify()
			h.refuses(message.WebAuthnNoVerify, func() error { return errOf(in.finishVerify(c, p.devices["strong"].get(c, forged))) })
		}
		h.refuses(message.TooManyAttempts, func() error { return errOf(h.browser().passkey(p.email, p.devices["strong"])) })
		c := in.startVerify()
		h.refuses(message.TooManyAttempts, func() error { return errOf(in.finishVerify(c, p.devices["strong"].get(c))) })
		h.ok(errOf(h.browser().login(p))) // the password path is open
		b := h.browser()
		b.client.Address = at("192.0.2.2")
		h.ok(errOf(b.passkey(p.email, p.devices["strong"])))
		in.client.Address = at("192.0.2.2")
		h.ok(errOf(in.finishVerify(c, p.devices["strong"].get(c)))) // the refusal spent nothing
	}
}

func TestThrottle_Messages(t *testing.T) {
	t.Parallel()
	const limit = 3
	h := newHouse(t, rates(1000, 1000, limit), func(c *signin.Config) {
		c.TwoFactorRescueEmail, c.TwoFactorRescueMail = true, "help@example.test"
	})
	p := h.person("ada", mail, sms, app)
	b := h.browser()
	h.ok(errOf(b.login(p)))
	sent := len(h.post.all())
	h.ok(errOf(b.choose(account.MethodEmail)))
	h.ok(errOf(b.choose(account.MethodSMS)))
	h.ok(b.rescue(signin.RescueHelp))
	h.refuses(message.TooManyAttempts, func() error { return errOf(b.choose(account.MethodEmail)) })
	b.waits(account.PendingReady, account.MethodSMS) // as it was, its code still good
	h.refusesAny(func() error { return b.rescue(signin.RescueEmail) })
	h.refusesAny(func() error { return b.rescue(signin.RescueHelp) })
	if n := len(h.post.all()) - sent; n != limit {
		t.Errorf("%d messages went out", n)
	}
	in := h.arranger()
	p.signs(in)
	in.svc = h.Service
	h.refuses(message.TooManyAttempts, func() error { return errOf(in.startSetup(account.MethodEmail, "")) })
	h.refuses(message.TooManyAttempts, func() error { return errOf(in.startSetup(account.MethodSMS, "+4915112345679")) })
	h.ok(errOf(in.startSetup(totp, ""))) // which sends nothing
	h.ok(errOf(b.code(h.post.code(p.phone))))
	// another account is not kept waiting
	q := h.person("bob", mail)
	b = h.browser()
	h.ok(errOf(b.login(q)))
	b.waits(account.PendingReady, account.MethodEmail)
	// a sign-in whose only code may not be sent does not begin
	for range limit - 1 {
		h.ok(errOf(h.browser().login(q)))
	}
	h.refuses(message.TooManyAttempts, func() error { return errOf(h.browser().login(q)) })
}

// Of guesses that come all at once, no more are looked at than the limit allows.
func TestThrottle_ParallelGuesses(t *testing.T) {
	t.Parallel()
	const limit, parallel = 5, 32
	for name, g := range guesses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, rates(limit, 1000, 1000))
			p := h.person("ada", app, recoveryCodes)
			b := h.browser()
			g.arrive(b, p)
			h.clock.advance(time.Second)
			c := b.caller()
			p.wrongCode()
			var mu sync.Mutex
			keys := map[message.Key]int{}
			atOnce(parallel, func(int) {
				r, ok := signin.AsRefusal(g.wrong(b.late(c), p))
				mu.Lock()
				defer mu.Unlock()
				if !ok {
					keys["no refusal"]++
					return
				}
				keys[r.Key]++
			})
			if keys[g.want] != limit || keys[message.TooManyAttempts] != parallel-limit {
				t.Errorf("%v", keys)
			}
		})
	}
}

// atOnce calls a function from so many goroutines that start together.
func atOnce(n int, do func(i int)) {
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wait.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	wait.Wait()
}
