package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
)

// step is one method of an endpoint.
type step struct{ method, path string }

func (s step) String() string { return s.method + " " + s.path }

// over runs a test for each step, in JSON and in HTML.
func over(t *testing.T, steps []step, test func(t *testing.T, st step, w way, ask func(*visitor) *answer)) {
	t.Helper()
	for _, st := range steps {
		for _, w := range ways {
			ask := func(v *visitor) *answer {
				if st.method == http.MethodGet {
					return w.get(v, st.path)
				}
				return w.post(v, st.path, nil)
			}
			t.Run(st.String()+" in "+w.name, func(t *testing.T) { test(t, st, w, ask) })
		}
	}
}

func gets(paths ...string) []step  { return steps(http.MethodGet, paths) }
func posts(paths ...string) []step { return steps(http.MethodPost, paths) }

func steps(method string, paths []string) []step {
	var out []step
	for _, p := range paths {
		out = append(out, step{method, p})
	}
	return out
}

// The rows of the contract's tables, by gate.
var (
	authSteps = append(gets("/wan-verify", "/verify", "/change", "/sessions", "/account"),
		posts("/wan-register/x", "/wan-verify", "/wan-verify/x", "/tf-setup/x", "/verify", "/change")...)
	freshSteps = append(gets("/wan-register", "/wan-delete", "/mf-recovery-codes"),
		posts("/wan-register", "/wan-delete", "/mf-recovery-codes", "/sessions/end")...)
	anonSteps      = append(gets("/wan-signin", "/register"), posts("/wan-signin", "/wan-signin/x", "/register")...)
	pendingSteps   = append(gets("/tf-select", "/tf-validate", "/tf-rescue", "/mf-recovery"), posts("/tf-select", "/tf-validate", "/tf-rescue", "/mf-recovery")...)
	finishingPages = map[string]string{
		"/wan-register/x": "/wan-register", "/wan-verify/x": "/wan-verify", "/tf-setup/x": "/tf-setup", "/wan-delete": "/wan-register", "/sessions/end": "/account",
	}
)

// backTo is the page that a browser comes back to from a gate.
func backTo(st step) string {
	if st.method == http.MethodPost {
		if page, ok := finishingPages[st.path]; ok {
			return page
		}
	}
	return st.path
}

func TestAStrangerIsSentToSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	over(t, append(authSteps, freshSteps...), func(t *testing.T, st step, w way, ask func(*visitor) *answer) {
		a := ask(s.visitor(t))
		if w.name == "JSON" {
			a.refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "").only("errors", "error_codes", "field_errors")
			return
		}
		a.goesWith("/login", backTo(st))
		if len(a.set) != 1 || !strings.HasSuffix(a.set[0].Name, "latchkey_flash") {
			t.Errorf("cookies %v, want a flash", a.set)
		}
	})
}

func TestAStrangersQueryIsKept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.visitor(t).page("/wan-register?a=1&b=2").goesWith("/login", "/wan-register?a=1&b=2")
}

func TestAProgramNeedsNoCookies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	token := p.token()
	over(t, append(authSteps, freshSteps...), func(t *testing.T, st step, w way, ask func(*visitor) *answer) {
		v := p.in(t).bearer(token)
		if st.path == "/sessions/end" {
			return // ends them
		}
		a := ask(v)
		if a.status == http.StatusUnauthorized || strings.Contains(a.header.Get("Location"), "/login") {
			t.Fatalf("refused: %v", a)
		}
		for _, c := range a.set {
			if !strings.HasSuffix(c.Name, "latchkey_flash") {
				t.Errorf("cookie %q for a program", c.Name)
			}
		}
	})
}

func TestABadBearerIsNobodyEvenBesideAGoodCookie(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	for name, value := range map[string]string{"Authorization": "Bearer nonsense", "Authentication-Token": "nonsense"} {
		v := p.fork()
		v.header.Set(name, value)
		over(t, append(authSteps, freshSteps...), func(t *testing.T, st step, w way, ask func(*visitor) *answer) {
			if w.name == "JSON" {
				ask(v.in(t)).refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
			}
		})
	}
	p.signedIn()
}

func TestAStaleSessionIsAskedToProveItselfAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.Freshness, c.FreshnessGrace = 4*time.Second, 0 })
	p := s.person(t)
	token := p.token()
	s.clock.pass(5 * time.Second)
	all := append(append(freshSteps, gets("/tf-setup")...), posts("/tf-setup")...)
	over(t, all, func(t *testing.T, st step, w way, ask func(*visitor) *answer) {
		for _, v := range []*visitor{p.in(t).fork(), p.in(t).bearer(token)} {
			a := ask(v)
			if w.name == "HTML" {
				a.goesWith("/verify", backTo(st))
				continue
			}
			a.refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "")
			a.is(true, "reauth_required").is(false, "has_webauthn_verify_credential")
			a.is(false, "unified_signin_enabled").is(false, "oauth_enabled").is([]any{}, "oauth_providers")
			a.only("errors", "error_codes", "field_errors", "reauth_required", "has_webauthn_verify_credential", "unified_signin_enabled", "oauth_enabled", "oauth_providers")
		}
	})
	over(t, authSteps, func(t *testing.T, st step, w way, ask func(*visitor) *answer) {
		if a := ask(p.in(t).fork()); a.status == http.StatusUnauthorized || strings.Contains(a.header.Get("Location"), "/verify?") {
			t.Fatalf("freshness is asked for: %v", a)
		}
	})
}

func TestTheSignedInAreNotAnonymous(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	over(t, append(anonSteps, posts("/login")...), func(t *testing.T, st step, w way, ask func(*visitor) *answer) {
		a := ask(p.in(t).fork())
		if w.name == "JSON" {
			a.refuses(http.StatusBadRequest, "ANONYMOUS_USER_REQUIRED", "")
			return
		}
		a.goes("/")
	})
	p.signedIn()
	p.bearer(p.token()).post("/wan-signin", nil).refuses(http.StatusBadRequest, "ANONYMOUS_USER_REQUIRED", "")
}

func TestNobodyPassesThePendingGateWithoutAWaitingSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	token := p.token()
	over(t, pendingSteps, func(t *testing.T, st step, w way, ask func(*visitor) *answer) {
		for who, v := range map[string]*visitor{"a stranger": s.visitor(t), "the signed in": p.in(t).fork(), "a program": p.in(t).bearer(token)} {
			a := ask(v)
			if w.name == "JSON" {
				a.refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
				continue
			}
			if a.goes("/login"); v.cookie("latchkey_flash") == nil {
				t.Errorf("%s: no flash", who)
			}
		}
	})
	p.signedIn()
	for _, w := range ways {
		for _, a := range []*answer{w.get(s.visitor(t), "/tf-setup"), w.post(s.visitor(t), "/tf-setup", fields{"setup": "email"})} {
			if w.name == "JSON" {
				a.refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
			} else {
				a.goes("/login")
			}
		}
	}
}

func TestWhatEachStateOfAPendingSignInTakes(t *testing.T) {
	t.Parallel()
	s, required := newSite(t), newSite(t, twoFactorRequired)
	p := s.person(t)
	p.setUpApp()
	p.setUpEmail()
	enter := map[string]func(*testing.T) *visitor{
		"select": func(t *testing.T) *visitor { return p.in(t).waiting() },
		"ready": func(t *testing.T) *visitor {
			v := p.in(t).waiting()
			v.post("/tf-select", fields{"which": "authenticator"}).want(http.StatusOK)
			return v
		},
		"setup_from_login": func(t *testing.T) *visitor { return required.person(t) },
		"validating_profile": func(t *testing.T) *visitor {
			v := required.person(t)
			v.post("/tf-setup", fields{"setup": "authenticator"}).want(http.StatusOK)
			return v
		},
	}
	takes := map[string]string{ // by endpoint
		"/tf-select": "select ready", "/tf-validate": "select ready validating_profile", "/tf-rescue": "ready", "/mf-recovery": "ready",
		"/tf-setup": "setup_from_login validating_profile",
	}
	for state, enter := range enter {
		for path, states := range takes {
			t.Run(state+" at "+path[1:], func(t *testing.T) {
				v := enter(t)
				home := "/tf-setup" // a page that this state has
				if state == "select" || state == "ready" {
					home = "/tf-select"
				}
				taken := strings.Contains(states, state)
				if taken {
					v.get(path).want(http.StatusOK)
					v.page(path).want(http.StatusOK)
					a := v.post(path, fields{"code": "x", "which": "x", "help_setup": "x", "setup": "x"}).want(http.StatusBadRequest)
					if a.codes()[0] == "TWO_FACTOR_PERMISSION_DENIED" {
						t.Errorf("%v", a)
					}
					v.form(path, fields{"code": "x", "which": "x", "help_setup": "x", "setup": "x"}).want(http.StatusOK)
					v.get(home).want(http.StatusOK)
					return
				}
				v.get(path).refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
				v.page(path).goes("/login")
				v.get(home).want(http.StatusOK)
				v.post(path, nil).refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
				v.get(home).refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
				v = enter(t)
				v.form(path, nil).goes("/login")
				v.get(home).refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
			})
		}
	}
}

func TestUnknownMethodsAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	known := append(append(append(authSteps, freshSteps...), anonSteps...), pendingSteps...)
	for _, st := range append(known, posts("/login", "/logout", "/tf-setup", "/", "/recover/x", "/nothing", "/confirm/x")...) {
		for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "NONSENSE"} {
			want := http.StatusMethodNotAllowed
			if st.path == "/nothing" || st.path == "/confirm/x" {
				want = http.StatusNotFound // not there, or not here
			}
			a := p.call(method, st.path, http.Header{"Accept": {"application/json"}}, nil).refuses(want, "API_ERROR", "")
			if allow := a.header.Get("Allow"); (allow != "") != (want == http.StatusMethodNotAllowed) {
				t.Errorf("Allow %q: %v", allow, a)
			}
			p.call(method, st.path, http.Header{"Accept": {htmlAccept}}, nil).want(want)
		}
		if st.method == http.MethodGet {
			if a := p.call(http.MethodHead, st.path, http.Header{"Accept": {"application/json"}}, nil); a.status >= 500 || len(a.body) > 0 {
				t.Errorf("HEAD: %v", a)
			}
		}
	}
	for _, path := range []string{"/wan-register/x", "/wan-signin/x", "/wan-verify/x", "/tf-setup/x", "/logout", "/sessions/end"} {
		p.get(path).refuses(http.StatusMethodNotAllowed, "API_ERROR", "")
		p.page(path).want(http.StatusMethodNotAllowed)
	}
	p.signedIn()
}

func TestUnknownPathsAreNotThere(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "/auth"} {
		s := newSite(t, func(c *latchkey.Config) { c.URLPrefix = prefix })
		v := s.visitor(t)
		for _, path := range []string{"/nothing", "/login/", "/login/extra", "/wan-register/a/b", "/wan-signin/", "/tf-setup/a/b", "/account/x", "/sessions/x", "/Login"} {
			v.get(path).refuses(http.StatusNotFound, "API_ERROR", "")
			v.post(path, nil).refuses(http.StatusNotFound, "API_ERROR", "")
			v.page(path).want(http.StatusNotFound)
		}
		if prefix != "" {
			for _, path := range []string{"/", "/login", "/authx", "/wan-register"} {
				v.ask(http.MethodGet, s.server.URL+path, http.Header{"Accept": {"application/json"}}, nil).refuses(http.StatusNotFound, "API_ERROR", "")
			}
		}
	}
}

func TestTheFlashOfAGateIsShownOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.visitor(t)
	to, err := url.Parse(v.page("/account").want(http.StatusFound).header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	a := v.page(to.RequestURI()).want(http.StatusOK)
	if !strings.Contains(string(a.body), `class="flash`) || a.hidden("next") != "/account" {
		t.Errorf("no flash, or next is lost: %v", a)
	}
	if strings.Contains(string(v.page(to.RequestURI()).body), `class="flash note" role`) {
		t.Error("the flash is shown twice")
	}
}
