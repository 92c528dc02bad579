package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
)

func twoFactorRequired(c *latchkey.Config) { c.TwoFactorRequired = true }

// firstSteps are the three ways to begin, each in JSON and by forms; the last answer is what the step led to.
var firstSteps = []struct {
	name string
	json func(*visitor, string) *answer
	html func(*visitor, string) *answer
}{
	{"the password",
		func(v *visitor, q string) *answer {
			return v.post("/login"+q, fields{"email": v.email, "password": goodPassword})
		},
		func(v *visitor, q string) *answer {
			return v.form("/login"+q, fields{"email": v.email, "password": goodPassword})
		}},
	{"a passkey",
		func(v *visitor, q string) *answer {
			start := v.post("/wan-signin", fields{"identity": v.email}).want(http.StatusOK)
			return v.post(with("/wan-signin", start)+q, fields{"credential": v.sign(start, unverified)})
		},
		func(v *visitor, q string) *answer {
			page := v.form("/wan-signin", fields{"identity": v.email}).want(http.StatusOK)
			return v.form("/wan-signin/"+page.action("/wan-signin")+q, fields{"credential": v.sign(page, unverified)})
		}},
}

func TestWhatAFirstStepLeadsTo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*latchkey.Config)
		setUp  func(*visitor)
		body   map[string]any
		page   string
	}{
		{"several methods", func(*latchkey.Config) {}, func(v *visitor) { v.setUpApp(); v.setUpEmail() },
			map[string]any{"tf_required": true, "tf_select": true, "tf_setup_methods": []string{"authenticator", "email"}}, "/tf-select"},
		{"a code method and a passkey", func(*latchkey.Config) {}, func(v *visitor) { v.enrolSpare(); v.setUpSMS() },
			map[string]any{"tf_required": true, "tf_select": true, "tf_setup_methods": []string{"sms", "webauthn"}}, "/tf-select"},
		{"the authenticator app", func(*latchkey.Config) {}, func(v *visitor) { v.setUpApp() },
			map[string]any{"tf_required": true, "tf_state": "ready", "tf_method": "authenticator", "tf_primary_method": "authenticator"}, "/tf-validate"},
		{"email", func(*latchkey.Config) {}, func(v *visitor) { v.setUpEmail() },
			map[string]any{"tf_required": true, "tf_state": "ready", "tf_method": "email", "tf_primary_method": "email"}, "/tf-validate"},
		{"sms", func(*latchkey.Config) {}, func(v *visitor) { v.setUpSMS() },
			map[string]any{"tf_required": true, "tf_state": "ready", "tf_method": "sms", "tf_primary_method": "sms"}, "/tf-validate"},
		{"a passkey", func(*latchkey.Config) {}, func(v *visitor) { v.enrolSpare() },
			map[string]any{"tf_required": true, "tf_state": "ready", "tf_method": "webauthn", "tf_signin_url": "/wan-signin"}, "/wan-signin"},
		{"two passkeys", func(*latchkey.Config) {}, func(v *visitor) { v.enrolSpare(); v.enrolSpare() },
			map[string]any{"tf_required": true, "tf_state": "ready", "tf_method": "webauthn", "tf_signin_url": "/wan-signin"}, "/wan-signin"},
		{"a passkey where codes are off", func(c *latchkey.Config) { c.TwoFactor = false }, func(v *visitor) { v.enrolSpare() },
			map[string]any{"tf_required": true, "tf_state": "ready", "tf_method": "webauthn", "tf_signin_url": "/wan-signin"}, "/wan-signin"},
		{"required and nothing there", twoFactorRequired, nil, map[string]any{"tf_required": true, "tf_state": "setup_from_login"}, "/tf-setup"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, c.change)
			p := s.person(t)
			if c.setUp == nil { // nothing is set up, and so nobody is signed in
				c.setUp = func(*visitor) {}
			} else {
				p.enrol("first", unverified)
				device := p.device
				c.setUp(p)
				p.device = device
			}
			for _, first := range firstSteps {
				if c.page == "/tf-setup" && first.name == "a passkey" {
					continue
				}
				for _, q := range []string{"", "?include_auth_token&next=%2Fwhere"} {
					v := p.fresh()
					a := first.json(v, q).want(http.StatusOK).only(keysOf(c.body)...)
					for k, want := range c.body {
						a.is(want, k)
					}
					if got := v.cookie("latchkey_pending"); got == nil || got.MaxAge != 0 || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode {
						t.Errorf("pending cookie %v", got)
					}
					v.signedOut()
					s.clock.pass(time.Minute) // another code
					v = p.fresh()
					if a := first.html(v, q); q == "" {
						a.goes(c.page)
					} else {
						a.goesWith(c.page, "/where")
					}
					v.page(c.page).want(http.StatusOK)
					v.signedOut().get("/wan-register").refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
				}
			}
		})
	}
}

// enrolSpare adds a secondary passkey on another device and keeps the one at hand.
func (v *visitor) enrolSpare() {
	v.t.Helper()
	device := v.device
	v.enrol("secondary")
	v.device = device
}

func keysOf(m map[string]any) []string {
	var names []string
	for k := range m {
		names = append(names, k)
	}
	return names
}

func TestRegisteringWhereASecondFactorIsRequired(t *testing.T) {
	t.Parallel()
	s := newSite(t, twoFactorRequired)
	v := s.visitor(t)
	email := unique("new") + "@example.test"
	a := v.post("/register?include_auth_token", fields{"email": email, "password": goodPassword}).want(http.StatusOK)
	a.only("tf_required", "tf_state").is(true, "tf_required").is("setup_from_login", "tf_state")
	v.signedOut()
	v = s.visitor(t)
	v.form("/register", fields{"email": unique("new") + "@example.test", "password": goodPassword, "password_confirm": goodPassword, "next": "/where"}).goesWith("/tf-setup", "/where")
	v.signedOut()
}

func TestAVerifiedPasskeyIsBothFactors(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("first", unverified)
	p.setUpApp()
	p.fresh().signin(nil, nil, unverified).want(http.StatusOK).is(true, "tf_required").is("authenticator", "tf_method")
	// verified now, but not when it was registered: it counts as one
	p.fresh().signin(nil, nil).want(http.StatusOK).is(true, "tf_required")
	p.enrol("first")
	p.fresh().signin(nil, nil, unverified).want(http.StatusOK).is(true, "tf_required")
	v := p.fresh()
	v.signin(nil, nil).want(http.StatusOK).is(false, "tf_required").is(p.email, "user", "email")
	v.signedIn()

	off := newSite(t, func(c *latchkey.Config) { c.AllowAsMultiFactor = false })
	q := off.person(t)
	q.enrol("first")
	q.setUpApp()
	q.fresh().signin(nil, nil).want(http.StatusOK).is(true, "tf_required").is("authenticator", "tf_method")
}

func TestAStrongPasskeyIsAskedForBeforeAnythingIsSetUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, twoFactorRequired)
	p := strongPerson(t, s)
	body := func(a *answer) {
		t.Helper()
		a.want(http.StatusOK).only("tf_required", "tf_state", "tf_method", "tf_signin_url").is("ready", "tf_state").is("webauthn", "tf_method").is("/wan-signin", "tf_signin_url")
	}
	v := p.fresh()
	body(v.login())
	v.get("/tf-setup").refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
	a := v.post("/wan-signin", nil).is(true, "is_secondary").is("required", "credential_options", "userVerification")
	v.post(with("/wan-signin", a), fields{"credential": v.sign(a, unverified)}).want(http.StatusBadRequest)
	v.signedOut()
	a = v.post("/wan-signin", nil)
	v.post(with("/wan-signin", a), fields{"credential": v.sign(a)}).want(http.StatusOK).is(p.email, "user", "email")
	v.signedIn()
	// by the passkey itself, its user unverified: it is asked for again, verified
	v = p.fresh()
	body(v.signin(nil, nil, unverified))
	v.signin(nil, nil).want(http.StatusOK)
	v.signedIn()
	// verified, it is both at once
	p.fresh().signin(nil, nil).want(http.StatusOK).is(false, "tf_required")
	w := p.fresh()
	w.form("/login", fields{"email": p.email, "password": goodPassword, "next": "/where"}).goesWith("/wan-signin", "/where")
}

// strongPerson has a first passkey that verified its user, and nothing else, on a site that requires a second factor.
func strongPerson(t *testing.T, s *site) *visitor {
	t.Helper()
	p := s.person(t)
	start := p.post("/tf-setup", fields{"setup": "authenticator"}).want(http.StatusOK)
	p.post("/tf-validate", fields{"code": newApp(t, s, start.str("tf_authr_b32key")).next()}).want(http.StatusOK)
	p.enrol("first")
	if _, err := s.store.RemoveFactors(t.Context(), removeAll(accountOf(t, s, p.email).ID)); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPostOutOfPlaceDropsAPendingSignInAndAGetDoesNot(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("first")
	p.enrol("secondary")
	gone := func(t *testing.T, v *visitor) {
		t.Helper()
		v.get("/tf-validate").refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
		v.get("/wan-signin").is(false, "is_secondary")
		v.signedOut()
	}
	for _, path := range []string{"/login", "/register", "/verify", "/wan-register", "/tf-setup", "/tf-validate", "/tf-select", "/tf-rescue", "/mf-recovery", "/mf-recovery-codes", "/wan-signin", "/account", "/", "/change"} {
		v := p.waiting()
		v.get(path)
		v.page(path)
		v.get("/wan-signin").is(true, "is_secondary")
	}
	for _, w := range ways {
		v := p.waiting()
		if a := w.post(v, "/tf-setup", fields{"setup": "email"}); w.name == "JSON" {
			a.refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
		} else {
			a.goes("/login")
		}
		gone(t, v)
		v = p.waiting()
		w.post(v, "/login", fields{"email": p.email, "password": "Wrong-Kettle-42"})
		gone(t, v)
		v = p.waiting()
		old := v.fork()
		w.post(v, "/logout", nil)
		gone(t, v)
		gone(t, old)
		v = p.waiting()
		w.post(v, "/register", fields{"email": "x"})
	}
	// a select that is not for recovery codes yet
	q := s.person(t)
	q.setUpApp()
	q.setUpEmail()
	for _, path := range []string{"/mf-recovery", "/tf-rescue"} {
		v := q.waiting()
		v.get(path).refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
		v.get("/tf-select").want(http.StatusOK)
		v.post(path, fields{"code": "x", "help_setup": "help"}).refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
		v.get("/tf-select").refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
	}
}

func TestAPendingSignInEndsByItself(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("secondary")
	v := p.waiting()
	s.clock.pass(time.Hour)
	v.get("/tf-select").refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
	v.get("/wan-signin").is(false, "is_secondary")
	v.signedOut()
}

func TestAPendingSignInOfADisabledAccountIsOver(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.setUpApp()
	v := p.waiting()
	disable(t, p, false)
	v.post("/tf-validate", fields{"code": p.codes.next()}).refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
	v.signedOut()
}

func TestAPendingSignInOpensNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("secondary")
	v := p.waiting()
	over(t, append(authSteps, freshSteps...), func(t *testing.T, st step, w way, ask func(*visitor) *answer) {
		a := ask(v.in(t).fork())
		if w.name == "JSON" {
			a.refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
		} else {
			a.goesWith("/login", backTo(st))
		}
	})
	required := newSite(t, twoFactorRequired)
	setup := required.person(t)
	over(t, append(authSteps, freshSteps...), func(t *testing.T, st step, w way, ask func(*visitor) *answer) {
		if strings.HasPrefix(st.path, "/wan-register") && st.method == http.MethodPost {
			return
		}
		a := ask(setup.in(t).fork())
		if w.name == "JSON" {
			a.refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
		} else {
			a.goesWith("/login", backTo(st))
		}
	})
	setup.get("/tf-setup").want(http.StatusOK)
}

func TestTheTokensChangeWithThePrivilege(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.setUpApp()
	v := p.waiting()
	half := v.fork()
	v.post("/tf-validate", fields{"code": p.codes.next()}).want(http.StatusOK)
	if v.cookie("latchkey_pending") != nil {
		t.Error("the pending cookie stays")
	}
	half.post("/tf-validate", fields{"code": p.codes.next()}).refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
	half.signedOut()
	if slices.ContainsFunc(v.signedIn().get("/sessions").at("sessions").([]any), func(x any) bool { return x.(map[string]any)["kind"] != "browser" }) {
		t.Error("other than browsers in the list")
	}
}
