package signin_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// freshness sets the bound and the grace.
func freshness(bound, grace time.Duration) func(*signin.Config) {
	return func(c *signin.Config) {
		c.Freshness, c.FreshnessGrace = bound, grace
		c.SessionIdle, c.SessionLifetime = 48*time.Hour, 48*time.Hour
	}
}

// is demands that the session is fresh, or not, with the note that the browser has.
func (b *browser) is(fresh bool, when string) {
	b.h.t.Helper()
	if got := b.fresh(); got != fresh {
		b.h.t.Errorf("%s: fresh %v, want %v", when, got, fresh)
	}
}

func TestFresh_Boundary(t *testing.T) {
	t.Parallel()
	h := newHouse(t, freshness(time.Hour, 0))
	p := h.person("ada")
	b := p.signs(h.browser())
	b.is(true, "at once")
	h.clock.advance(time.Hour)
	b.is(true, "just inside")
	if b.note != "" {
		t.Error("a note without a grace")
	}
	h.clock.advance(time.Microsecond)
	b.is(false, "just outside")
	h.ok(errOf(b.verify(signin.Proof{Password: p.password})))
	b.is(true, "after a proof")
}

func TestFresh_GraceSlides(t *testing.T) {
	t.Parallel()
	h := newHouse(t, freshness(time.Hour, 10*time.Minute))
	p := h.person("ada")
	b := p.signs(h.browser())
	h.clock.advance(time.Hour)
	b.is(true, "just inside the bound")
	h.clock.advance(10*time.Minute - time.Microsecond)
	b.is(true, "just inside the grace")
	h.clock.advance(10*time.Minute - time.Microsecond)
	b.is(true, "which slid on")
	kept := b.note
	h.clock.advance(10 * time.Minute)
	b.is(false, "just outside")
	if b.note != "" {
		t.Error("a stale session got a note")
	}
	b.note = kept
	b.is(false, "with the old note again")
	// without a note there is no grace, however short the time
	other := p.signs(h.browser())
	other.is(true, "at once")
	other.note = ""
	h.clock.advance(time.Hour + time.Microsecond)
	other.is(false, "without a note")
}

// A note that was given while fresh ends the grace's time after it was given, and not after the bound.
func TestFresh_GraceCountsFromTheLastUse(t *testing.T) {
	t.Parallel()
	h := newHouse(t, freshness(time.Hour, 10*time.Minute))
	b := h.person("ada").signs(h.browser())
	b.is(true, "at once")
	h.clock.advance(time.Hour + time.Minute)
	b.is(false, "an idle hour later")
}

func TestFresh_GraceEndsTwelveHoursAfterTheProof(t *testing.T) {
	t.Parallel()
	h := newHouse(t, freshness(time.Hour, 2*time.Hour))
	p := h.person("ada")
	b := p.signs(h.browser())
	for range 11 {
		h.clock.advance(time.Hour)
		b.is(true, "busy")
	}
	h.clock.advance(time.Hour - time.Microsecond)
	b.is(true, "just inside")
	h.clock.advance(time.Microsecond)
	b.is(false, "twelve hours after")
	// a longer bound has no use for it and loses nothing by it
	h = newHouse(t, freshness(24*time.Hour, time.Hour))
	b = h.person("ada").signs(h.browser())
	h.clock.advance(11*time.Hour + 30*time.Minute)
	b.is(true, "the bound is longer")
	h.clock.advance(12*time.Hour + 30*time.Minute)
	b.is(true, "just inside the bound")
	if b.note != "" {
		t.Error("a note beyond the twelve hours")
	}
	h.clock.advance(time.Microsecond)
	b.is(false, "just outside the bound")
}

func TestFresh_GraceEndsWithTheSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t, freshness(time.Hour, 2*time.Hour), func(c *signin.Config) { c.SessionLifetime = 90 * time.Minute })
	p := h.person("ada")
	b := p.signs(h.browser())
	c := b.caller()
	h.clock.advance(time.Hour)
	b.is(true, "near the end")
	h.clock.advance(30 * time.Minute)
	b.nobody()
	late := b.late(c)
	late.is(false, "a request that was under way at the end")
}

func TestFresh_GraceIsForThisSessionAndProof(t *testing.T) {
	t.Parallel()
	h := newHouse(t, freshness(time.Hour, 30*time.Minute))
	p := h.person("ada")
	b, other := p.signs(h.browser()), p.signs(h.browser())
	eve := h.person("eve").signs(h.browser())
	h.clock.advance(time.Hour)
	for _, x := range []*browser{b, other, eve} {
		x.is(true, "just inside")
	}
	h.clock.advance(time.Minute)
	mine := b.note
	for name, note := range map[string]string{"another session's": other.note, "another's": eve.note, "forged": mine[:len(mine)-4] + "AAAA", "cut": mine[:10], "a state": b.startVerify().state, "empty": ""} {
		b.note = note
		b.is(false, name)
	}
	b.note = mine
	b.is(true, "its own")
	// a proof begins anew: the old note says nothing about it
	mine = b.note
	h.ok(errOf(b.verify(signin.Proof{Password: p.password})))
	h.clock.advance(time.Hour + time.Microsecond)
	b.note = mine
	b.is(false, "a note from before the proof")
}

// A proof begins a new time: a note that slid on from an earlier one says nothing about it, though its own time is not over.
func TestFresh_GraceOfAnEarlierProofIsNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t, freshness(5*time.Minute, time.Hour))
	p := h.person("ada")
	b := p.signs(h.browser())
	b.is(true, "at once")
	old := b.note
	h.ok(errOf(b.verify(signin.Proof{Password: p.password})))
	h.clock.advance(10 * time.Minute)
	b.is(true, "by the note from before, taken at the same moment") // one proof, by the clock
	h.ok(errOf(b.verify(signin.Proof{Password: p.password})))
	h.clock.advance(10 * time.Minute)
	b.note = old
	b.is(false, "by the note from before the proof")
}

func TestFresh_NoGraceForBearersNorForBoundsOfTheApp(t *testing.T) {
	t.Parallel()
	h := newHouse(t, freshness(time.Hour, 30*time.Minute))
	p := h.person("ada")
	b := p.signs(h.browser(), signin.Wish{Bearer: true})
	program := &browser{h: h, svc: h.Service, client: b.client, bearer: b.bearer, program: true}
	h.clock.advance(time.Hour)
	program.is(true, "a bearer just inside")
	if program.note != "" {
		t.Error("a bearer got a note")
	}
	b.is(true, "just inside")
	h.clock.advance(time.Microsecond)
	program.note = b.note
	program.is(false, "a bearer with a note")
	b.is(true, "in the grace")
	if h.FreshWithin(b.caller(), time.Hour) {
		t.Error("the app's own bound has a grace")
	}
	if !h.FreshWithin(b.caller(), time.Hour+time.Microsecond) {
		t.Error("the app's own bound is shorter than it says")
	}
}

func TestFresh_NegativeMeansNoCheck(t *testing.T) {
	t.Parallel()
	h := newHouse(t, freshness(-1, time.Hour))
	b := h.person("ada").signs(h.browser())
	h.clock.advance(47 * time.Hour)
	b.is(true, "whenever")
	if b.note != "" || h.VerifyOffered() || h.PasskeyVerifyOffered() {
		t.Error("there is something to verify for")
	}
}

func TestFresh_CostsNoWrite(t *testing.T) {
	t.Parallel()
	h := newHouse(t, freshness(time.Hour, 30*time.Minute))
	b := h.person("ada").signs(h.browser())
	c := b.caller()
	calls := h.store.during(func() {
		for range 5 {
			b.late(c).is(true, "busy")
			h.clock.advance(time.Minute)
		}
	})
	if len(calls) != 0 {
		t.Errorf("the store was asked: %v", calls)
	}
}

// Only the signed-in person's own proof makes a session fresh again.
func TestFresh_AProofOfAnotherIsNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t, freshness(time.Hour, 0))
	ada := h.person("ada", strong, app)
	eve := h.person("eve", strong, secondary, app)
	b := ada.signs(h.browser())
	h.clock.advance(2 * time.Hour)
	stale := func() { t.Helper(); b.is(false, "still stale") }
	stale()
	for _, d := range []*device{eve.devices["strong"], eve.devices["secondary"]} {
		for _, changes := range [][]change{nil, {nameless}} {
			start := b.startVerify()
			h.refuses(message.WebAuthnMismatchUserHandle, func() error { return errOf(b.finishVerify(start, d.get(start, changes...))) })
			stale()
		}
	}
	h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.verify(signin.Proof{Code: eve.code()})) })
	h.refuses(message.InvalidPassword, func() error { return errOf(b.verify(signin.Proof{Password: eve.password})) })
	h.refuses(message.PasswordNotProvided, func() error { return errOf(b.verify(signin.Proof{})) })
	stale()
	// a user handle that is not the credential's owner's
	start := b.startVerify()
	handle := eve.devices["strong"].Credentials()[0].UserHandle
	h.refuses(message.WebAuthnMismatchUserHandle, func() error {
		return errOf(b.finishVerify(start, ada.devices["strong"].get(start, func(c *ceremonyChange) { c.UserHandle = handle })))
	})
	stale()
	start = b.startVerify()
	h.ok(errOf(b.finishVerify(start, ada.devices["strong"].get(start))))
	b.is(true, "her own")
}

func TestFresh_PasskeysOfTheUsagesThatMayVerify(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		allow            []account.Usage
		first, secondary bool
	}{
		{nil, false, false},
		{[]account.Usage{account.UsageFirst}, true, false},
		{[]account.Usage{account.UsageSecondary}, false, true},
		{[]account.Usage{account.UsageFirst, account.UsageSecondary}, true, true},
	} {
		h := newHouse(t, freshness(time.Hour, 0), func(cfg *signin.Config) { cfg.AllowAsVerify = c.allow })
		p := h.person("ada", strong, secondary)
		b := p.signs(h.browser())
		h.clock.advance(2 * time.Hour)
		for name, ok := range map[string]bool{"strong": c.first, "secondary": c.secondary} {
			start := b.startVerify()
			if !ok {
				h.refuses(message.WebAuthnWrongUsage, func() error { return errOf(b.finishVerify(start, p.devices[name].get(start))) })
				continue
			}
			h.ok(errOf(b.finishVerify(start, p.devices[name].get(start))))
			b.is(true, name)
		}
		if h.PasskeyVerifyOffered() != (len(c.allow) > 0) {
			t.Errorf("%v: offered %v", c.allow, h.PasskeyVerifyOffered())
		}
		u := *b.caller().User
		ways, err := h.VerifyWays(h.ctx, u)
		h.ok(err)
		if want := (signin.VerifyWays{Password: true, Passkey: c.first || c.secondary}); !reflect.DeepEqual(ways, want) {
			t.Errorf("%v: ways %+v", c.allow, ways)
		}
	}
}

// A code verifies where there is an authenticator app and code methods are on; mailed codes never do.
func TestFresh_CodesOfTheAppAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", mail)
	b := h.browser()
	h.ok(errOf(b.login(p)))
	h.ok(errOf(b.code(h.post.code(p.email))))
	h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.verify(signin.Proof{Code: h.post.code(p.email)})) })
	off := newHouse(t, func(c *signin.Config) { c.TwoFactor = false })
	q := off.person("bob", app)
	b = off.browser()
	off.ok(errOf(b.login(q)))
	off.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.verify(signin.Proof{Code: q.nextCode()})) })
}
