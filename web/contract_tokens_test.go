package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey"
)

func TestATokenIsGivenWithEveryProofThatAsksForIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	plain, p := s.person(t), s.person(t)
	plain.enrol("first")
	codes := p.recoveryCodes()
	p.setUpApp()
	p.enrol("secondary")
	const ask = "?include_auth_token"
	wait := func(method string) *visitor {
		v := p.waiting()
		v.post("/tf-select"+ask, fields{"which": method}).want(http.StatusOK).is(nil, "user")
		return v
	}
	required := newSite(t, twoFactorRequired)
	for name, prove := range map[string]func(string) (*visitor, *answer){
		"/register": func(q string) (*visitor, *answer) {
			v := s.visitor(t)
			return v, v.post("/register"+q, fields{"email": unique("t") + "@example.test", "password": goodPassword})
		},
		"/login": func(q string) (*visitor, *answer) {
			v := plain.fresh()
			return v, v.post("/login"+q, fields{"email": plain.email, "password": goodPassword})
		},
		"/wan-signin": func(q string) (*visitor, *answer) {
			v := plain.fresh()
			a := v.post("/wan-signin"+q, nil).want(http.StatusOK).is(nil, "user")
			return v, v.post(with("/wan-signin", a)+q, fields{"credential": v.sign(a)})
		},
		"/wan-signin, second": func(q string) (*visitor, *answer) {
			v := wait("webauthn")
			a := v.post("/wan-signin"+q, nil).want(http.StatusOK)
			return v, v.post(with("/wan-signin", a)+q, fields{"credential": v.sign(a)})
		},
		"/tf-validate": func(q string) (*visitor, *answer) {
			v := wait("authenticator")
			return v, v.post("/tf-validate"+q, fields{"code": p.codes.next()})
		},
		"/tf-validate, set up": func(q string) (*visitor, *answer) {
			v := required.person(t)
			v.post("/tf-setup", fields{"setup": "email"}).want(http.StatusOK)
			return v, v.post("/tf-validate"+q, fields{"code": required.mail.code(t, v.email)})
		},
		"/mf-recovery": func(q string) (*visitor, *answer) {
			v := wait("webauthn")
			code := codes[0]
			codes = codes[1:]
			return v, v.post("/mf-recovery"+q, fields{"code": code})
		},
		"/verify": func(q string) (*visitor, *answer) {
			return plain, plain.post("/verify"+q, fields{"password": goodPassword})
		},
		"/wan-verify": func(q string) (*visitor, *answer) {
			a := plain.post("/wan-verify"+q, nil).want(http.StatusOK).is(nil, "user")
			return plain, plain.post(with("/wan-verify", a)+q, fields{"credential": plain.sign(a)})
		},
	} {
		t.Run(strings.ReplaceAll(name, "/", ""), func(t *testing.T) {
			_, a := prove("")
			if a.want(http.StatusOK).is(nil, "user", "authentication_token"); a.str("user", "email") == "" {
				t.Errorf("no user: %v", a)
			}
			v, a := prove(ask)
			token := a.want(http.StatusOK).str("user", "authentication_token")
			if len(token) < 40 {
				t.Fatalf("token %q", token)
			}
			for name, value := range map[string]string{"Authorization": "Bearer " + token, "Authentication-Token": token, "authorization": "bearer " + token} {
				c := v.fresh()
				c.header[http.CanonicalHeaderKey(name)] = []string{value}
				if c.get("/verify").want(http.StatusOK); name == "Authorization" {
					c.get("/wan-register").want(http.StatusOK)
				}
			}
			// the session that it came with is another
			v.get("/verify").want(http.StatusOK)
			v.get("/wan-register?include_auth_token").want(http.StatusOK).is(nil, "user")
			v.get("/login?include_auth_token").want(http.StatusOK).is(nil, "user", "authentication_token")
			v.get("/verify?include_auth_token").want(http.StatusOK).is(nil, "user", "authentication_token")
			c := v.bearer(token)
			c.post("/logout", nil).want(http.StatusOK)
			c.get("/verify").refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
			v.get("/verify").want(http.StatusOK)
		})
	}
}

func TestATokenIsNoCookieAndACookieNoToken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	token := p.token()
	p.bearer(p.cookie("latchkey_session").Value).get("/verify").refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
	v := p.fresh()
	v.cookies["latchkey_session"] = &http.Cookie{Name: "latchkey_session", Value: token}
	v.signedOut()
	for _, path := range []string{query("/verify", "auth_token", token), query("/verify", "authentication_token", token)} {
		p.fresh().get(path).refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
	}
	for _, value := range []string{"Basic " + token, "Bearer", "Bearer ", "Bearer  x", token, "Bearer " + token + "x", "Bearer " + token[1:], "Bearer " + strings.Repeat("x", 5000)} {
		c := p.fresh()
		c.header.Set("Authorization", value)
		c.get("/verify").refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
	}
	// a token goes on when the browser that asked for it signs out
	c := p.bearer(token)
	p.post("/logout", nil)
	c.get("/verify").want(http.StatusOK)
	// and a form never carries one
	w := p.fresh()
	if a := w.form("/login?include_auth_token", fields{"email": p.email, "password": goodPassword}); strings.Contains(string(a.body), "authentication_token") {
		t.Error("a token in a page")
	}
	if n := w.sessions(); n != 3 { // the token, the browser that asked for it, and this one
		t.Errorf("%d sessions", n)
	}
}

func TestAProgramRegistersAndDeletesAPasskeyByToken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	v := p.bearer(p.token())
	v.enrol("first")
	name := v.passkeys()[0]
	v.wanVerify().want(http.StatusOK)
	v.post("/wan-delete", fields{"name": name}).want(http.StatusOK)
	if len(v.cookies) > 0 {
		t.Errorf("cookies %v", v.cookies)
	}
	// it may be from anywhere: what a browser would not send by itself needs no protection from other sites … but says so
	h := http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"}, "Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}
	v.call(http.MethodPost, "/wan-register", h, []byte(`{"name":"x"}`)).refuses(http.StatusForbidden, "UNAUTHORIZED", "")
}

func TestASecondProofWithATokenLeavesNoCookie(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.AllowAsMultiFactor = false })
	p := s.person(t)
	v := p.bearer(p.token())
	if a := v.post("/verify?include_auth_token", fields{"password": goodPassword}).want(http.StatusOK); len(a.set) > 0 || a.str("user", "authentication_token") == "" {
		t.Errorf("cookies %v: %v", a.set, a)
	}
	if a := v.post("/change", fields{"password": goodPassword, "new_password": "Another-Kettle-77-Fen"}).want(http.StatusOK); len(a.set) > 0 {
		t.Errorf("cookies %v", a.set)
	}
	v.get("/verify").want(http.StatusOK)
}
