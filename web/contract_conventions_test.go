package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
)

func TestJSONIsForWhoSendsItOrPrefersIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.visitor(t)
	for _, typ := range []string{"application/json", "application/json; charset=utf-8", "Application/JSON", "application/json;broken=\"", "application/json;charset"} {
		a := v.call(http.MethodPost, "/login", http.Header{"Content-Type": {typ}, "Accept": {"text/html"}}, []byte("{}"))
		a.refuses(http.StatusBadRequest, "GENERIC_AUTHN_FAILED", "")
	}
	for accept, want := range map[string]bool{
		"application/json": true, "application/json, text/html": true, "text/html;q=0.5, application/json": true, "application/json;q=0.9, */*;q=0.1": true,
		"APPLICATION/JSON": true, " application/json ": true, "application/json; q=1.0, text/html;q=0.9": true, "application/json, text/plain, */*": true,
		"": false, "*/*": false, "text/html": false, "text/html, application/json;q=0.9": false, "application/json;q=0.4, text/html;q=0.8": false,
		"application/json;q=0": false, "application/*": false, "text/html, application/json": false, "application/problem+json": false, ",,,": false, "json": false,
	} {
		if a := v.call(http.MethodGet, "/login", http.Header{"Accept": {accept}}, nil).want(http.StatusOK); a.isJSON() != want {
			t.Errorf("Accept %q: %v", accept, a)
		}
	}
	if a := v.call(http.MethodGet, "/login", http.Header{"Accept": {"text/html;q=0.3", "application/json"}}, nil); !a.isJSON() {
		t.Error("the second Accept header counts as well")
	}
}

func TestAFormThatPrefersJSONIsReadAndAnsweredInJSON(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	v := p.fresh()
	h := v.formHeader()
	h.Set("Accept", "application/json")
	v.call(http.MethodPost, "/login", h, []byte(encodeForm(t, fields{"email": p.email, "password": goodPassword}))).want(http.StatusOK).is(p.email, "user", "email")
}

func TestNextAndTheTokenComeFromTheQuery(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.fresh().form("/login?next=%2Faccount", fields{"email": p.email, "password": goodPassword}).goes("/account")
	p.fresh().form("/login?next=%2Faccount", fields{"email": p.email, "password": goodPassword, "next": "/sessions"}).goes("/sessions")
	p.fresh().form("/login?next=%2Faccount", fields{"email": p.email, "password": goodPassword, "next": ""}).goes("/account")
	a := p.fresh().post("/login", fields{"email": p.email, "password": goodPassword, "include_auth_token": true}).want(http.StatusOK)
	a.is(nil, "user", "authentication_token")
	for _, q := range []string{"include_auth_token", "include_auth_token=", "include_auth_token=1", "include_auth_token=true", "x=y&include_auth_token"} {
		if p.fresh().post("/login?"+q, fields{"email": p.email, "password": goodPassword}).want(http.StatusOK).str("user", "authentication_token") == "" {
			t.Errorf("?%s: no token", q)
		}
	}
}

func TestOldCSRFTokensAreIgnored(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	v := p.fresh()
	v.header.Set("X-CSRF-Token", "whatever")
	v.header.Set("X-XSRF-Token", "whatever")
	v.post("/login", fields{"email": p.email, "password": goodPassword, "csrf_token": "whatever"}).want(http.StatusOK)
	v.post("/logout", fields{"csrf_token": 5}).want(http.StatusOK)
}

func TestCrossSiteRequestsAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) {
		c.Origins = append(c.Origins, "https://localhost:8443", "http://localhost:81")
	})
	for _, c := range []struct {
		name    string
		header  http.Header
		refused bool
	}{
		{"cross-site", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, true},
		{"same-site, another origin", http.Header{"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://evil.example.test"}}, true},
		{"cross-site without an origin", http.Header{"Sec-Fetch-Site": {"cross-site"}}, true},
		{"an unknown value", http.Header{"Sec-Fetch-Site": {"sideways"}}, true},
		{"only an origin", http.Header{"Origin": {"https://evil.example"}}, true},
		{"a null origin", http.Header{"Origin": {"null"}}, true},
		{"a null origin, cross-site", http.Header{"Origin": {"null"}, "Sec-Fetch-Site": {"cross-site"}}, true},
		{"the host on another port", http.Header{"Origin": {"http://localhost:1"}}, true},
		{"an origin with a suffix", http.Header{"Origin": {s.origin + ".evil.example"}}, true},
		{"an origin with a user", http.Header{"Origin": {"https://localhost:8443@evil.example"}}, true},
		{"another scheme", http.Header{"Origin": {"http://localhost:8443"}}, true},
		{"a broken origin", http.Header{"Origin": {"://"}}, true},
		{"nothing said", nil, false},
		{"same-origin", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {s.origin}}, false},
		{"typed in", http.Header{"Sec-Fetch-Site": {"none"}}, false},
		{"our origin alone", http.Header{"Origin": {s.origin}}, false},
		{"another configured origin", http.Header{"Origin": {"https://localhost:8443"}, "Sec-Fetch-Site": {"cross-site"}}, false},
		{"a third configured origin", http.Header{"Origin": {"http://localhost:81"}, "Sec-Fetch-Site": {"same-site"}}, false},
		{"another configured origin, old browser", http.Header{"Origin": {"https://localhost:8443"}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := s.person(t)
			h := http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"}}
			for k, v := range c.header {
				h[k] = v
			}
			a := p.call(http.MethodPost, "/wan-register", h, []byte(`{"name":"x"}`))
			if !c.refused {
				a.want(http.StatusOK)
				return
			}
			a.refuses(http.StatusForbidden, "UNAUTHORIZED", "")
			h.Set("Accept", htmlAccept)
			h.Set("Content-Type", "application/x-www-form-urlencoded")
			for _, path := range []string{"/logout", "/login", "/wan-delete", "/nothing"} {
				if page := p.call(http.MethodPost, path, h, []byte("email=x")); page.status != http.StatusForbidden || !page.isPage() {
					t.Errorf("as a form: %v", page)
				}
			}
			h.Set("Accept", "application/json")
			p.call(http.MethodGet, "/login", h, nil).want(http.StatusOK) // reading is harmless
			p.signedIn()
		})
	}
}

func TestTheHostHeaderDecidesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.Origins = append(c.Origins, "http://localhost:81") })
	p := s.person(t)
	forged := p.fork()
	forged.host = "evil.example"
	a := forged.post("/wan-register", fields{"name": "a"}).want(http.StatusOK)
	a.is("localhost", "credential_options", "rp", "id")
	forged.post("/wan-signin", nil).refuses(http.StatusBadRequest, "ANONYMOUS_USER_REQUIRED", "")
	v := s.visitor(t)
	v.host = "evil.example:99"
	v.post("/wan-signin", fields{"identity": p.email}).want(http.StatusOK).is("localhost", "credential_options", "rpId")
	v.page("/account").goesWith("/login", "/account")
	// an origin that is nobody's is not made ours by a Host header that agrees with it
	h := http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"}, "Origin": {"https://app.evil.example"}}
	v.call(http.MethodPost, "/login", h, []byte("{}")).refuses(http.StatusForbidden, "UNAUTHORIZED", "")
	// and a TLS-terminating proxy that hides our Host refuses nobody
	hidden := p.fresh()
	hidden.host = "127.0.0.1:8080"
	hidden.form("/login", fields{"email": p.email, "password": goodPassword}).goes("/")
}

func TestCookiesOfAnHTTPSOriginAreBoundToIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) {
		c.Origins, c.RPID = []string{"https://login.example.test", "https://app.example.test"}, "example.test"
		c.TwoFactorAlwaysValidate = false
	})
	p := s.person(t)
	p.enrol("secondary")
	v := p.waiting(fields{"remember": true})
	if c := v.cookies["__Host-latchkey_pending"]; c == nil || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 0 {
		t.Errorf("pending cookie %v", c)
	}
	v.signin(nil, nil).want(http.StatusOK)
	if c := v.cookies["__Host-latchkey_session"]; c == nil || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 720*3600 {
		t.Errorf("session cookie %v", c)
	}
	if c := v.cookies["tf_validity"]; c == nil || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.MaxAge != 30*24*3600 {
		t.Errorf("tf_validity %v", c)
	}
	v.signedIn().page("/wan-register").want(http.StatusOK)
	// the other origin is a site of its own with the same accounts
	o := p.fresh()
	o.host, o.origin = "app.example.test", "https://app.example.test"
	o.form("/login", fields{"email": p.email, "password": goodPassword}).goes("/wan-signin")
	a := o.call(http.MethodPost, "/wan-signin", http.Header{"Origin": {o.origin}, "Accept": {"application/json"}}, nil).want(http.StatusOK)
	a.is("example.test", "credential_options", "rpId")
	o.post(with("/wan-signin", a), fields{"credential": o.sign(a)}).want(http.StatusOK)
	// what began on one origin ends there
	x := p.waiting()
	a = x.call(http.MethodPost, "/wan-signin", http.Header{"Origin": {"https://login.example.test"}, "Accept": {"application/json"}}, nil).want(http.StatusOK)
	x.origin = "https://app.example.test"
	x.post(with("/wan-signin", a), fields{"credential": x.sign(a)}).refuses(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY", "credential")
}

func TestCookiesOfAPlainOriginAreNotSecure(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	c := p.cookies["latchkey_session"]
	if c == nil || c.Secure || !c.HttpOnly || len(c.Value) < 20 || c.MaxAge != 0 {
		t.Errorf("session cookie %v", c)
	}
	if !strings.HasPrefix(s.origin, "http://localhost") {
		t.Fatal(s.origin)
	}
}

func TestTheServerSaysHowItIs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		res, err := s.server.Client().Get(s.server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
		for name, want := range map[string]string{"Cache-Control": "no-store, private", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
	v := s.visitor(t)
	if !v.page("/").want(http.StatusOK).isPage() {
		t.Error("no landing page")
	}
	p := s.person(t)
	p.page("/").goes("/account")
	p.get("/").want(http.StatusOK).is(p.email, "user", "email")
	v.get("/").want(http.StatusOK).only()
}

func TestThePublicPayloadIsTheApps(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) {
		c.UserPayload = func(u account.User) map[string]any { return map[string]any{"name": "Ada", "mail": u.Email} }
	})
	p := s.visitor(t)
	p.email = "ada@example.test"
	want := map[string]any{"name": "Ada", "mail": p.email}
	p.post("/register", fields{"email": p.email, "password": goodPassword}).want(http.StatusOK).is(want, "user")
	p.get("/login").is(want, "user")
	p.get("/verify").is(want, "user")
	p.post("/verify", fields{"password": goodPassword}).want(http.StatusOK).is(want, "user")
	if p.fresh().post("/login?include_auth_token", fields{"email": p.email, "password": goodPassword}).str("user", "authentication_token") == "" {
		t.Error("no token beside the app's payload")
	}
}
