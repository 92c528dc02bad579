package web_test

import (
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
)

func TestVerifyingWithThePassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.get("/verify").want(http.StatusOK).only("user", "has_webauthn_verify_credential").is(map[string]any{"email": p.email}, "user").is(false, "has_webauthn_verify_credential")
	if page := p.page("/verify?next=%2Fwhere").want(http.StatusOK); !page.hasForm("/verify", "password") || page.hidden("next") != "/where" {
		t.Errorf("the page: %v", page)
	}
	p.post("/verify", fields{}).refuses(http.StatusBadRequest, "PASSWORD_NOT_PROVIDED", "password")
	p.post("/verify", fields{"password": "Wrong-Kettle-42"}).refuses(http.StatusBadRequest, "INVALID_PASSWORD", "password")
	page := p.form("/verify", fields{"password": "Wrong-Kettle-42", "next": "/where"}).want(http.StatusOK)
	if page.fault("password") == "" || page.hidden("next") != "/where" {
		t.Errorf("fault %q, next %q", page.fault("password"), page.hidden("next"))
	}
	p.post("/verify", fields{"password": goodPassword}).want(http.StatusOK).only("user").is(map[string]any{"email": p.email}, "user")
	p.form("/verify?next=%2Fwhere", fields{"password": goodPassword}).goes("/where")
	p.page("/account").shows("Thank you")
	if p.post("/verify?include_auth_token", fields{"password": goodPassword}).str("user", "authentication_token") == "" {
		t.Error("no token")
	}
	p.get("/verify?include_auth_token").is(nil, "user", "authentication_token")
	p.signedIn()
}

func TestVerifyingWithTheApp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.post("/verify", fields{"code": "123456"}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	p.setUpApp()
	if page := p.page("/verify").want(http.StatusOK); !page.hasForm("/verify", "code") {
		t.Errorf("no form: %v", page)
	}
	p.post("/verify", fields{"code": p.codes.wrong()}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	if page := p.form("/verify", fields{"code": p.codes.wrong()}).want(http.StatusOK); page.fault("code") == "" {
		t.Errorf("nothing is said at the code: %v", page)
	}
	code := p.codes.next()
	p.post("/verify", fields{"code": code}).want(http.StatusOK).only("user")
	p.post("/verify", fields{"code": code}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	p.post("/verify", fields{"password": goodPassword, "code": "wrong"}).want(http.StatusOK)
}

func TestAVerificationRenewsACookieAndNeverABearer(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.Freshness, c.FreshnessGrace = time.Minute, 0 })
	p := s.person(t)
	p.enrol("first")
	for _, verify := range []func(*visitor) *answer{
		func(v *visitor) *answer { return v.post("/verify", fields{"password": goodPassword}) },
		func(v *visitor) *answer { return v.wanVerify() },
	} {
		s.clock.pass(2 * time.Minute)
		p.get("/wan-register").refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "").is(true, "has_webauthn_verify_credential")
		old := p.fork()
		id := p.session("current", true)["id"]
		verify(p).want(http.StatusOK)
		p.get("/wan-register").want(http.StatusOK)
		if got := p.session("current", true)["id"]; got != id {
			t.Error("it is another session now")
		}
		old.signedOut()
		token := p.token()
		v := p.bearer(token)
		s.clock.pass(2 * time.Minute)
		v.get("/wan-register").refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "")
		if a := verify(v).want(http.StatusOK); len(a.set) > 0 {
			t.Errorf("cookies %v", a.set)
		}
		v.get("/wan-register").want(http.StatusOK)
		p.get("/wan-register").refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "") // another session
	}
}

func TestVerifyingWithAPasskey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		allow        []account.Usage
		verification string
	}{
		{[]account.Usage{account.UsageFirst, account.UsageSecondary}, "discouraged"},
		{[]account.Usage{account.UsageSecondary}, "discouraged"},
		{[]account.Usage{account.UsageFirst}, "preferred"},
	} {
		s := newSite(t, func(cfg *latchkey.Config) { cfg.AllowAsVerify = c.allow })
		p := s.person(t)
		p.get("/verify").is(false, "has_webauthn_verify_credential")
		first, second := p.enrolBoth()
		p.get("/verify").is(true, "has_webauthn_verify_credential")
		p.get("/wan-verify").want(http.StatusOK).only()
		if page := p.page("/wan-verify").want(http.StatusOK); !page.hasForm("/wan-verify") {
			t.Errorf("no form: %v", page)
		}
		a := p.post("/wan-verify", nil).want(http.StatusOK).only("credential_options", "wan_state").is(c.verification, "credential_options", "userVerification")
		var want []string
		for device, usage := range map[*latchkeytest.Authenticator]account.Usage{first: account.UsageFirst, second: account.UsageSecondary} {
			p.device = device
			start := p.post("/wan-verify", nil)
			r := p.post(with("/wan-verify", start), fields{"credential": p.signFor(withoutAllowed(start))})
			if slices.Contains(c.allow, usage) {
				want = append(want, b64(device.Credentials()[0].ID))
				r.want(http.StatusOK).only("user").is(map[string]any{"email": p.email}, "user")
			} else {
				r.refuses(http.StatusBadRequest, "WEBAUTHN_CREDENTIAL_WRONG_USAGE", "credential")
			}
		}
		got := a.allowed()
		slices.Sort(got)
		slices.Sort(want)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, want %q", c.allow, got, want)
		}
	}
}

func TestOnlyTheSignedInPersonsPasskeyVerifies(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.Freshness, c.FreshnessGrace = time.Minute, 0 })
	p, q := s.person(t), s.person(t)
	p.enrol("first")
	q.enrol("first")
	s.clock.pass(2 * time.Minute)
	for _, w := range ways {
		start := p.post("/wan-verify", nil)
		p2 := p.fork()
		p2.device = q.device
		a := w.post(p2, with("/wan-verify", start), fields{"credential": p2.signFor(withoutAllowed(start)), "next": "/where"})
		if w.name == "JSON" {
			a.refuses(http.StatusBadRequest, "WEBAUTHN_MISMATCH_USER_HANDLE", "")
		} else {
			a.goesWith("/wan-verify", "/where")
		}
		p.get("/wan-register").refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "")
	}
	// nor another's state, nor another session's
	start := p.post("/wan-verify", nil)
	answer := fields{"credential": p.sign(start)}
	q.post(with("/wan-verify", start), answer).refuses(http.StatusBadRequest, "API_ERROR", "")
	p.again().post(with("/wan-verify", start), answer).refuses(http.StatusBadRequest, "API_ERROR", "")
	p.fresh().post(with("/wan-verify", start), answer).refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
	p.post(with("/wan-verify", start), fields{"credential": "{}"}).refuses(http.StatusBadRequest, "API_ERROR", "credential")
	if a := p.post(with("/wan-verify", start)+"?include_auth_token", answer).want(http.StatusOK); a.str("user", "authentication_token") == "" {
		t.Error("no token")
	}
	p.post(with("/wan-verify", start), answer).refuses(http.StatusBadRequest, "CREDENTIAL_REPLAYED", "")
	start = p.post("/wan-verify", nil)
	p.post(with("/wan-verify", start), fields{"credential": p.sign(start, badSignature)}).refuses(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY", "credential")
	p.post(with("/wan-verify", start), fields{"credential": p.sign(start)}).refuses(http.StatusBadRequest, "CREDENTIAL_REPLAYED", "")
	start = p.post("/wan-verify", nil)
	p.post(with("/wan-verify", start), fields{"credential": p.sign(start, as(b64(make([]byte, 32))))}).refuses(http.StatusBadRequest, "WEBAUTHN_UNKNOWN_CREDENTIAL_ID", "credential")
	start = p.post("/wan-verify", nil)
	s.clock.pass(6 * time.Minute)
	p.post(with("/wan-verify", start), fields{"credential": p.sign(start)}).refuses(http.StatusBadRequest, "WEBAUTHN_EXPIRED", "")
	p.form(with("/wan-verify", start), fields{"credential": p.sign(start)}).goes("/wan-verify")
}

func TestVerifyingByForms(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.Freshness, c.FreshnessGrace = time.Minute, 0 })
	p := s.person(t)
	p.enrol("first")
	s.clock.pass(2 * time.Minute)
	p.page("/wan-register?a=b").goesWith("/verify", "/wan-register?a=b")
	page := p.form(query("/wan-verify", "next", "/wan-register?a=b"), nil).want(http.StatusOK)
	if page.hidden("next") != "/wan-register?a=b" {
		t.Errorf("next %q", page.hidden("next"))
	}
	p.form("/wan-verify/"+page.action("/wan-verify"), fields{"credential": p.sign(page), "next": page.hidden("next")}).goes("/wan-register?a=b")
	p.page("/wan-register?a=b").want(http.StatusOK)
	// the state remembers next as well
	page = p.form("/wan-verify?next=%2Fwhere", nil).want(http.StatusOK)
	p.form("/wan-verify/"+page.action("/wan-verify"), fields{"credential": p.sign(page)}).goes("/where")
}

func TestWhereVerifyingIsNotThere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		change          func(*latchkey.Config)
		verify, passkey bool
	}{
		{"no passkey may", func(c *latchkey.Config) { c.AllowAsVerify = nil }, true, false},
		{"no freshness", func(c *latchkey.Config) { c.Freshness = -1 }, false, false},
	} {
		s := newSite(t, c.change)
		p := s.person(t)
		p.enrol("first")
		for path, there := range map[string]bool{"/verify": c.verify, "/wan-verify": c.passkey} {
			want := http.StatusNotFound
			if there {
				want = http.StatusOK
			}
			p.get(path).want(want)
			p.page(path).want(want)
			p.post(path, fields{"password": goodPassword}).want(want)
		}
		if !c.passkey {
			p.post("/wan-verify/x", fields{"credential": "{}"}).refuses(http.StatusNotFound, "API_ERROR", "")
			s.visitor(t).get("/wan-verify").refuses(http.StatusNotFound, "API_ERROR", "")
		}
		if c.verify {
			p.get("/verify").is(false, "has_webauthn_verify_credential")
		}
		s.clock.pass(11 * time.Hour)
		p.get("/wan-register").want(http.StatusOK)
	}
}
