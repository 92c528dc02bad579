package web_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
)

func freshness(fresh, grace time.Duration) func(*latchkey.Config) {
	return func(c *latchkey.Config) { c.Freshness, c.FreshnessGrace = fresh, grace }
}

func (v *visitor) isFresh() bool {
	v.t.Helper()
	return v.get("/wan-register").status == http.StatusOK
}

func TestFreshnessWithoutGrace(t *testing.T) {
	t.Parallel()
	s := newSite(t, freshness(4*time.Second, 0))
	p := s.person(t)
	for _, c := range []struct {
		after time.Duration
		fresh bool
	}{{3 * time.Second, true}, {time.Second, true}, {100 * time.Millisecond, false}, {time.Hour, false}} {
		if s.clock.pass(c.after); p.isFresh() != c.fresh {
			t.Errorf("another %v later: fresh %v", c.after, !c.fresh)
		}
	}
	if p.cookie("latchkey_grace") != nil {
		t.Error("a grace there is not")
	}
	p.signedIn()
	p.post("/verify", fields{"password": "Wrong-Kettle-42"}).refuses(http.StatusBadRequest, "INVALID_PASSWORD", "password")
	if p.isFresh() {
		t.Error("fresh by a wrong password")
	}
	p.post("/verify", fields{"password": goodPassword}).want(http.StatusOK)
	if !p.isFresh() {
		t.Error("not fresh after a proof")
	}
}

func TestGraceSlidesOnWhileThePersonIsBusy(t *testing.T) {
	t.Parallel()
	s := newSite(t, freshness(3*time.Second, 4*time.Second))
	p := s.person(t)
	s.clock.pass(2 * time.Second)
	if !p.isFresh() {
		t.Fatal("not fresh")
	}
	c := p.cookie("latchkey_grace")
	if c == nil || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 0 {
		t.Errorf("grace cookie %v", c)
	}
	idle := p.fork()
	for range 5 {
		s.clock.pass(3 * time.Second)
		if !p.isFresh() {
			t.Fatal("the grace does not slide")
		}
	}
	if idle.isFresh() {
		t.Error("the grace of who was idle")
	}
	s.clock.pass(5 * time.Second)
	if p.isFresh() {
		t.Error("the grace goes on after a pause")
	}
}

func TestGraceOnlyBeginsWhileFresh(t *testing.T) {
	t.Parallel()
	s := newSite(t, freshness(3*time.Second, 4*time.Second))
	p := s.person(t)
	s.clock.pass(4 * time.Second)
	if p.isFresh() {
		t.Error("grace without a visit")
	}
	p.get("/verify").want(http.StatusOK)
	if p.isFresh() {
		t.Error("grace by a page that asks for none")
	}
}

func TestGraceIsOfOneSessionAndItsProof(t *testing.T) {
	t.Parallel()
	s := newSite(t, freshness(3*time.Second, 4*time.Second))
	p, q := s.person(t), s.person(t)
	other := p.again()
	p.isFresh()
	grace := p.cookies["latchkey_grace"]
	s.clock.pass(3500 * time.Millisecond)
	for name, v := range map[string]*visitor{"another's": q, "another session's": other} {
		v.cookies["latchkey_grace"] = grace
		if v.isFresh() {
			t.Errorf("%s grace", name)
		}
	}
	for _, value := range []string{"", "x", "a.b", grace.Value[1:]} {
		p.cookies["latchkey_grace"] = &http.Cookie{Name: "latchkey_grace", Value: value}
		if p.isFresh() {
			t.Errorf("grace %q", value)
		}
	}
	p.cookies["latchkey_grace"] = grace
	if !p.isFresh() {
		t.Error("no grace")
	}
	// signing out ends it
	p.post("/logout", nil)
	if p.cookie("latchkey_grace") != nil {
		t.Error("the grace stays")
	}
}

func TestGraceEndsInTheEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, freshness(time.Hour, time.Hour))
	p := s.person(t)
	busy := 0
	for range 40 {
		s.clock.pass(30 * time.Minute)
		if !p.isFresh() {
			break
		}
		busy++
	}
	if busy < 4 || busy == 40 {
		t.Errorf("fresh for %d half hours", busy)
	}
}

func TestAProgramHasNoGrace(t *testing.T) {
	t.Parallel()
	s := newSite(t, freshness(3*time.Second, 4*time.Second))
	p := s.person(t)
	v := p.bearer(p.token())
	v.get("/wan-register").want(http.StatusOK)
	s.clock.pass(4 * time.Second)
	v.get("/wan-register").refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "")
}

func TestNegativeFreshnessAsksForNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, freshness(-time.Second, time.Hour))
	p := s.person(t)
	s.clock.pass(11 * time.Hour)
	for _, path := range []string{"/wan-register", "/tf-setup", "/mf-recovery-codes"} {
		p.get(path).want(http.StatusOK)
		p.page(path).want(http.StatusOK)
	}
	p.enrol("first")
	p.setUpApp()
}

func TestAFinishNeedsNoFreshness(t *testing.T) {
	t.Parallel()
	s := newSite(t, freshness(4*time.Second, 0))
	p := s.person(t)
	register := p.post("/wan-register", fields{"name": "k"})
	setup := p.post("/tf-setup", fields{"setup": "email"})
	s.clock.pass(time.Minute)
	p.get("/wan-register").refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "")
	p.post(with("/wan-register", register), fields{"credential": p.create(register)}).want(http.StatusOK)
	p.post("/tf-setup/"+setup.str("tf_state_token"), fields{"code": s.mail.code(t, p.email)}).want(http.StatusOK)
}

func TestASignInIsAProof(t *testing.T) {
	t.Parallel()
	s := newSite(t, freshness(4*time.Second, 0))
	p := s.person(t)
	p.enrol("first")
	s.clock.pass(time.Minute)
	v := p.fresh()
	v.signin(nil, nil).want(http.StatusOK)
	if !v.isFresh() || !p.again().isFresh() || p.isFresh() {
		t.Error("fresh is who signed in just now")
	}
}

func TestAFormOfAStalePageIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, freshness(4*time.Second, 0))
	p := s.person(t)
	p.enrol("first")
	s.clock.pass(time.Minute)
	name := "key that stays"
	p.form("/wan-delete", fields{"name": name}).goesWith("/verify", "/wan-register")
	p.form("/mf-recovery-codes", nil).goesWith("/verify", "/mf-recovery-codes")
	p.form("/tf-setup", fields{"setup": "email"}).goesWith("/verify", "/tf-setup")
	p.form("/wan-register?next=%2Fwhere", fields{"name": "x"}).goesWith("/verify", "/wan-register")
	p.form("/sessions/end", fields{"all": "true"}).goesWith("/verify", "/account")
	p.form("/verify?next=%2Fwan-register", fields{"password": goodPassword}).goes("/wan-register")
	if n := len(p.passkeys()); n != 1 {
		t.Errorf("%d passkeys", n)
	}
}
