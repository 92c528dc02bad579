package signin_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/signin"
)

func TestSessions_EndWhenIdle(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	b := p.signs(h.browser(), signin.Wish{Bearer: true})
	idle := h.browser()
	idle.cookie = b.cookie
	program := &browser{h: h, svc: h.Service, bearer: b.bearer, program: true}
	h.clock.advance(12*time.Hour - time.Microsecond)
	b.signedIn(p)
	program.signedIn(p)
	h.clock.advance(12*time.Hour - time.Microsecond) // which the sighting has put off
	b.signedIn(p)
	program.signedIn(p)

	late := p.signs(h.browser())
	h.clock.advance(12 * time.Hour)
	late.nobody()
}

func TestSessions_EndAtLast(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	b := p.signs(h.browser())
	begun := h.clock.Now()
	for h.clock.Now().Before(begun.Add(23 * time.Hour)) {
		h.clock.advance(time.Hour)
		b.signedIn(p)
	}
	h.ok(errOf(b.verify(signin.Proof{Password: p.password}))) // which prolongs nothing
	h.clock.set(begun.Add(24*time.Hour - time.Microsecond))
	b.signedIn(p)
	h.clock.advance(time.Microsecond)
	b.nobody()
}

func TestSessions_RememberedLast(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", strong)
	for name, enter := range map[string]func(b *browser) error{
		"password": func(b *browser) error { return errOf(b.login(p, remember())) },
		"passkey, asked at the start": func(b *browser) error {
			c := b.startSignin(p.email, remember())
			return errOf(b.finishSignin(c, p.devices["strong"].get(c)))
		},
		"passkey, asked at the finish": func(b *browser) error {
			c := b.startSignin(p.email)
			return errOf(b.finishSignin(c, p.devices["strong"].get(c), remember()))
		},
	} {
		b := h.browser()
		h.ok(enter(b))
		if s := b.signedIn(p).Session; !s.Remember {
			t.Errorf("%s: not remembered", name)
		}
		h.clock.advance(720*time.Hour - time.Microsecond)
		b.signedIn(p)
		h.clock.advance(time.Microsecond)
		b.nobody()
	}
	no := false
	b := h.browser()
	c := b.startSignin(p.email, remember())
	h.ok(errOf(b.finishSignin(c, p.devices["strong"].get(c), signin.Wish{Remember: &no})))
	if s := b.signedIn(p).Session; s.Remember {
		t.Error("the finish does not win over the start")
	}
}

// Remember and next go with a pending sign-in to its end, where both may be said anew.
func TestSessions_WishesOutlastTheSecondFactor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", app, secondary, recoveryCodes)
	yes, no := true, false
	for name, c := range map[string]struct {
		answer   func(b *browser) (signin.Outcome, error)
		remember bool
		next     string
	}{
		"code": {func(b *browser) (signin.Outcome, error) { return b.code(p.nextCode()) }, true, "/start"},
		"code, anew": {func(b *browser) (signin.Outcome, error) {
			return b.code(p.nextCode(), signin.Wish{Remember: &no, Next: "/end"})
		}, false, "/end"},
		"recovery": {func(b *browser) (signin.Outcome, error) { return b.recover(p.recovery[0]) }, true, "/start"},
		"passkey":  {func(b *browser) (signin.Outcome, error) { b.choose(pk); return b.passkey("", p.devices["secondary"]) }, true, "/start"},
		"passkey, new": {func(b *browser) (signin.Outcome, error) {
			b.choose(pk)
			s := b.startSignin("", signin.Wish{Next: "/mid"})
			return b.finishSignin(s, p.devices["secondary"].get(s), signin.Wish{Remember: &no})
		}, false, "/mid"},
	} {
		b := h.browser()
		h.ok(errOf(b.login(p, signin.Wish{Remember: &yes, Next: "/start"})))
		h.ok(errOf(b.choose(totp)))
		out, err := c.answer(b)
		h.ok(err)
		if out.Remember != c.remember || out.Session.Remember != c.remember || out.Next != c.next {
			t.Errorf("%s: remember %v, next %q", name, out.Remember, out.Next)
		}
	}
}

func TestSessions_LastSeenIsWrittenOnceAMinute(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	b := p.signs(h.browser())
	writes := func(do func()) int { return h.store.during(do)["SeenSessions"] }
	seen := func() time.Time {
		list, err := h.db.Sessions(h.ctx, p.id)
		h.ok(err)
		return list[0].LastSeen
	}
	begun := h.clock.Now()
	if n := writes(func() {
		for range 59 {
			h.clock.advance(time.Second)
			b.signedIn(p)
		}
		h.clock.advance(time.Second - time.Microsecond)
		b.signedIn(p)
	}); n != 0 || !seen().Equal(begun) {
		t.Errorf("%d writes in the first minute, seen %v", n, seen())
	}
	h.clock.advance(time.Microsecond)
	if n := writes(func() { b.signedIn(p); b.signedIn(p) }); n != 1 || !seen().Equal(h.clock.Now()) {
		t.Errorf("%d writes after it, seen %v", n, seen())
	}
}

// One that would end before its last seen is written is written in time.
func TestSessions_AShortIdleTimeEndsNoneInUse(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *signin.Config) { c.SessionIdle = 3 * time.Second })
	p := h.person("ada")
	b, idle := p.signs(h.browser()), p.signs(h.browser())
	for range 10 {
		h.clock.advance(1200 * time.Millisecond)
		b.signedIn(p)
	}
	idle.nobody()
	if n := h.store.during(func() { b.signedIn(p); h.clock.advance(740 * time.Millisecond); b.signedIn(p) })["SeenSessions"]; n != 0 {
		t.Errorf("%d writes in a quarter of the idle time", n)
	}
	h.clock.advance(3 * time.Second)
	b.nobody()
}

func TestSessions_LastSeenIsWrittenInBatches(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	var all []*browser
	for range 20 {
		all = append(all, p.signs(h.browser()))
	}
	h.clock.advance(2 * time.Minute)
	calls := h.store.during(func() {
		for _, b := range all {
			b.signedIn(p)
			h.clock.advance(100 * time.Millisecond)
		}
		h.ok(h.Flush(h.ctx))
	})
	if calls["SeenSessions"] != 2 { // the first at once, the others together
		t.Errorf("%d writes for %d sessions", calls["SeenSessions"], len(all))
	}
	list, err := h.db.Sessions(h.ctx, p.id)
	h.ok(err)
	for _, s := range list {
		if h.clock.Now().Sub(s.LastSeen) > 3*time.Second {
			t.Errorf("seen %v", s.LastSeen)
		}
	}
}

// What was seen and waits to be written is written before what is idle is swept away.
func TestSessions_TheSweepSeesFirst(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *signin.Config) { c.SessionIdle = 2 * time.Minute })
	p := h.person("ada")
	a, b := p.signs(h.browser()), p.signs(h.browser())
	h.clock.advance(119 * time.Second)
	a.signedIn(p) // written at once
	b.signedIn(p) // waits for the next
	h.clock.advance(2 * time.Second)
	h.ok(h.Sweep(h.ctx))
	a.signedIn(p)
	b.signedIn(p)
	h.clock.advance(2 * time.Minute)
	h.ok(h.Sweep(h.ctx))
	if n := column[int](h, `SELECT COUNT(*) FROM latchkey_sessions WHERE kind = 'browser'`)[0]; n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

func TestSessions_TheSweepTakesWhatEnded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", app, strong)
	for range 3 {
		p.signs(h.browser())
		h.ok(errOf(h.browser().login(p)))
		c := h.browser().startSignin(p.email)
		h.refusesAny(func() error { return errOf(h.browser().finishSignin(c, p.devices["strong"].get(c, forged))) })
	}
	b := p.signs(h.browser(), remember())
	h.clock.advance(25 * time.Hour)
	h.ok(h.Sweep(h.ctx))
	for table, want := range map[string]int{"latchkey_sessions": 1, "latchkey_pendings": 0, "latchkey_states": 0} {
		if n := column[int](h, "SELECT COUNT(*) FROM "+table)[0]; n != want {
			t.Errorf("%s: %d rows are left, want %d", table, n, want)
		}
	}
	b.signedIn(p)
}

// A spent state is remembered for as long as it could be shown.
func TestSessions_TheSweepForgetsNoStateThatIsGood(t *testing.T) {
	each(t, func(h *house, f finish, _ *person) {
		h.ok(f.call(f.by, f.token))
		spent := column[[]byte](h, `SELECT id FROM latchkey_states WHERE spent ORDER BY id DESC LIMIT 1`)[0]
		h.clock.advance(f.within)
		h.ok(h.Sweep(h.ctx))
		if column[int](h, `SELECT COUNT(*) FROM latchkey_states WHERE id = ?`, spent)[0] != 1 {
			t.Error("the state may be shown again")
		}
	})
}

func TestSessions_TheListShowsWhatIsAlive(t *testing.T) {
	t.Parallel()
	h := newHouse(t, remembering)
	p, eve := h.person("ada", app), h.person("eve")
	eve.signs(h.browser())
	old := p.signs(h.browser())
	h.clock.advance(13 * time.Hour)
	b := p.signs(h.browser(), func() signin.Wish { w := remember(); w.Bearer = true; return w }())
	list, err := h.Sessions(h.ctx, b.caller())
	h.ok(err)
	var kinds []string
	for _, s := range list {
		if s.UserID != p.id {
			t.Errorf("a session of %s", s.UserID)
		}
		kinds = append(kinds, string(s.Kind))
	}
	slices.Sort(kinds)
	if fmt.Sprint(kinds) != "[browser device]" { // a bearer is given with the finish alone
		t.Errorf("the list has %v", kinds)
	}
	old.nobody()
}

// What a browser says of itself is cut, between characters.
func TestSessions_AUserAgentIsCut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	for _, agent := range []string{strings.Repeat("x", 300), strings.Repeat("é", 300), strings.Repeat("鍵", 300), "\xff" + strings.Repeat("\x80", 300), "", strings.Repeat("x", 256)} {
		b := h.browser()
		b.client.UserAgent = agent
		p.signs(b)
		got := b.signedIn(p).Session.UserAgent
		if len(got) > 256 || !strings.HasPrefix(agent, strings.ReplaceAll(got, "\uFFFD", "")) && !strings.Contains(agent, "\x80") {
			t.Errorf("%.20q: %d bytes", agent, len(got))
		}
		for _, e := range h.events() {
			if len(e.UserAgent) > 256 {
				t.Errorf("an event has %d bytes", len(e.UserAgent))
			}
		}
	}
}
