package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
)

func TestWhatTheSetupPageTells(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	names := []string{"tf_required", "tf_method", "tf_primary_method", "tf_phone_number", "tf_available_methods"}
	all := []string{"email", "authenticator", "sms"}
	p.get("/tf-setup").want(http.StatusOK).only(names...).is(false, "tf_required").is(nil, "tf_method").is(nil, "tf_primary_method").is(nil, "tf_phone_number").is(all, "tf_available_methods")
	if page := p.page("/tf-setup").want(http.StatusOK); !page.hasForm("/tf-setup", "setup") || !page.hasForm("/tf-setup", "setup", "phone") {
		t.Errorf("no forms: %v", page)
	}
	p.setUpSMS()
	p.get("/tf-setup").is("sms", "tf_method").is("sms", "tf_primary_method").is(p.phone, "tf_phone_number").is(append([]string{"disable"}, all...), "tf_available_methods")
	s.clock.pass(time.Minute)
	p.setUpApp()
	p.get("/tf-setup").is("authenticator", "tf_primary_method").is(p.phone, "tf_phone_number")
	if page := p.page("/tf-setup"); !page.hasForm("/tf-setup", "setup", "which") {
		t.Errorf("no way to disable: %v", page)
	}
}

func TestSettingUpTheAuthenticatorApp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	a := p.post("/tf-setup", fields{"setup": "authenticator"}).want(http.StatusOK)
	a.only("tf_state", "tf_method", "tf_primary_method", "tf_state_token", "tf_authr_key", "tf_authr_b32key", "tf_authr_username", "tf_authr_issuer", "tf_authr_uri")
	a.is("validating_profile", "tf_state").is("authenticator", "tf_method").is("authenticator", "tf_primary_method").is(p.email, "tf_authr_username").is("Latchkey", "tf_authr_issuer")
	u, err := url.Parse(a.str("tf_authr_uri"))
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Query().Get("secret") != a.str("tf_authr_b32key") || u.Query().Get("issuer") != "Latchkey" || !strings.Contains(u.Path, p.email) {
		t.Errorf("URI %v", u)
	}
	if strings.NewReplacer(" ", "", "-", "").Replace(a.str("tf_authr_key")) != a.str("tf_authr_b32key") {
		t.Errorf("key %q, %q", a.str("tf_authr_key"), a.str("tf_authr_b32key"))
	}
	p.get("/tf-setup").is(nil, "tf_method") // nothing is stored yet
	p.again()
	totp := newApp(t, s, a.str("tf_authr_b32key"))
	path := "/tf-setup/" + a.str("tf_state_token")
	p.post(path, fields{"code": totp.wrong()}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	p.post(path, fields{"code": totp.next()}).want(http.StatusOK).only("tf_method", "tf_primary_method", "tf_phone").is("authenticator", "tf_method").is("authenticator", "tf_primary_method").is(nil, "tf_phone")
	p.signedIn()
	p.post(path, fields{"code": totp.at(0)}).refuses(http.StatusBadRequest, "CREDENTIAL_REPLAYED", "")
	// the code that confirmed it is used
	v := p.waiting()
	v.post("/tf-validate", fields{"code": totp.at(0)}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	// another key each time
	b := p.post("/tf-setup", fields{"setup": "authenticator"}).want(http.StatusOK)
	if b.str("tf_authr_b32key") == a.str("tf_authr_b32key") {
		t.Error("the same key twice")
	}
	page := p.form("/tf-setup", fields{"setup": "authenticator"}).want(http.StatusOK)
	if !strings.Contains(string(page.body), "<svg") || page.action("/tf-setup") == "" || !page.hasForm("/tf-setup/"+page.action("/tf-setup"), "code") {
		t.Errorf("no picture or form: %v", page)
	}
	// the old one counts until the new one is confirmed
	v.post("/tf-validate", fields{"code": totp.next()}).want(http.StatusOK)
}

func TestSettingUpByMessage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.phone = "+447400100100"
	for setup, to := range map[string]string{"email": p.email, "sms": p.phone} {
		f := fields{"setup": setup, "phone": p.phone}
		var phone any
		if setup == "sms" {
			phone = p.phone
		}
		a := p.post("/tf-setup", f).want(http.StatusOK).only("tf_state", "tf_method", "tf_primary_method", "tf_state_token")
		a.is("validating_profile", "tf_state").is(setup, "tf_method").is(setup, "tf_primary_method")
		p.post("/tf-setup/"+a.str("tf_state_token"), fields{"code": s.mail.code(t, to)}).want(http.StatusOK).is(setup, "tf_method").is(phone, "tf_phone")
		// again, by forms
		page := p.form("/tf-setup", f).want(http.StatusOK)
		state := page.action("/tf-setup")
		p.form("/tf-setup/"+state, fields{"code": "000"}).goes("/tf-setup")
		p.page("/tf-setup").shows("code")
		p.form("/tf-setup/"+state, fields{"code": s.mail.code(t, to)}).goes("/tf-setup")
		p.form("/tf-setup/not-a-token", fields{"code": "1", "next": "/where"}).goesWith("/tf-setup", "/where")
	}
}

func TestWhatCannotBeSetUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) {
		c.TwoFactorMethods = []account.Method{account.MethodAuthenticator, account.MethodSMS}
	})
	p := s.person(t)
	for _, setup := range []any{nil, "", "email", "not_a_method", "webauthn", "recovery_code", "password", "AUTHENTICATOR"} {
		p.post("/tf-setup", fields{"setup": setup}).refuses(http.StatusBadRequest, "TWO_FACTOR_METHOD_NOT_AVAILABLE", "setup")
	}
	p.form("/tf-setup", fields{"setup": "email"}).want(http.StatusOK).shows("not")
	for _, phone := range []any{nil, "", "555-1212", "hello", "+1", "++447400100100", "+447400100100x", "+44\u00007400100100", strings.Repeat("9", 5000)} {
		p.post("/tf-setup", fields{"setup": "sms", "phone": phone}).refuses(http.StatusBadRequest, "PHONE_INVALID", "phone")
	}
	page := p.form("/tf-setup", fields{"setup": "sms", "phone": "555-1212"}).want(http.StatusOK)
	if page.fault("phone") == "" {
		t.Errorf("nothing is said at the number: %v", page)
	}
	p.get("/tf-setup").is([]string{"authenticator", "sms"}, "tf_available_methods")
}

func TestASetupTokenBearsFiveWrongCodes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	for _, wrong := range []int{5, 6} {
		start := p.post("/tf-setup", fields{"setup": "authenticator"})
		totp := newApp(t, s, start.str("tf_authr_b32key"))
		path := "/tf-setup/" + start.str("tf_state_token")
		for range wrong {
			p.post(path, fields{"code": totp.wrong()}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
		}
		if a := p.post(path, fields{"code": totp.next()}); (a.status == http.StatusOK) != (wrong == 5) {
			t.Errorf("after %d wrong ones: %v", wrong, a)
		}
	}
	for range 3 {
		p.post("/tf-setup/x", fields{"code": "1"}).refuses(http.StatusBadRequest, "API_ERROR", "")
	}
}

func TestASetupTokenIsOfOneSessionAndItsTime(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.TwoFactorSetupWithin = 2 * time.Second })
	p, q := s.person(t), s.person(t)
	other := p.again()
	start := p.post("/tf-setup", fields{"setup": "email"})
	path := "/tf-setup/" + start.str("tf_state_token")
	code := s.mail.code(t, p.email)
	for _, v := range []*visitor{q, other, p.bearer(p.token())} {
		v.post(path, fields{"code": code}).refuses(http.StatusBadRequest, "API_ERROR", "")
	}
	p.fresh().post(path, fields{"code": code}).refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
	p.post(path, fields{"code": code}).want(http.StatusOK)
	start = p.post("/tf-setup", fields{"setup": "email"})
	s.clock.pass(3 * time.Second)
	p.post("/tf-setup/"+start.str("tf_state_token"), fields{"code": s.mail.code(t, p.email)}).refuses(http.StatusBadRequest, "TWO_FACTOR_SETUP_EXPIRED", "")
	p.form("/tf-setup/"+start.str("tf_state_token"), fields{"code": s.mail.code(t, p.email)}).goes("/tf-setup")
}

func TestAProgramSetsUpWithoutCookies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	v := p.bearer(p.token())
	start := v.post("/tf-setup", fields{"setup": "sms", "phone": "+447400100200"}).want(http.StatusOK)
	path := "/tf-setup/" + start.str("tf_state_token")
	v.post(path, fields{"code": 12345}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	v.post(path, fields{"code": s.mail.code(t, "+447400100200")}).want(http.StatusOK).is("+447400100200", "tf_phone")
	v.get("/tf-setup").is("sms", "tf_method").is("+447400100200", "tf_phone_number")
}

func TestDisablingCodeMethods(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	setUp := func() {
		t.Helper()
		p.setUpApp()
		p.setUpEmail()
		p.setUpSMS()
	}
	setUp()
	for _, which := range []string{"webauthn", "nothing", "recovery_code", "disable"} {
		p.post("/tf-setup", fields{"setup": "disable", "which": which}).refuses(http.StatusBadRequest, "TWO_FACTOR_METHOD_NOT_AVAILABLE", "which")
	}
	p.post("/tf-setup", fields{"setup": "disable", "which": "email"}).want(http.StatusOK).only()
	p.waiting().get("/tf-select").is([]string{"authenticator", "sms"}, "tf_setup_methods")
	p.form("/tf-setup", fields{"setup": "disable", "which": "sms"}).goes("/tf-setup")
	p.waiting().get("/tf-validate").want(http.StatusOK)
	setUp()
	p.post("/tf-setup", fields{"setup": "disable"}).want(http.StatusOK)
	p.again().get("/tf-setup").is(nil, "tf_method").is([]string{"email", "authenticator", "sms"}, "tf_available_methods")
	p.post("/tf-setup", fields{"setup": "disable"}).want(http.StatusOK) // none is no harm
	if kinds := s.mail.kinds(p.email); !slices.Contains(kinds, "factor_removed") || !slices.Contains(kinds, "factor_added") {
		t.Errorf("its owner was told of %q", kinds)
	}
}

func TestWhereASecondFactorIsRequiredTheLastIsNotDisabled(t *testing.T) {
	t.Parallel()
	s := newSite(t, twoFactorRequired)
	p := s.person(t)
	start := p.post("/tf-setup", fields{"setup": "authenticator"})
	p.codes = newApp(t, s, start.str("tf_authr_b32key"))
	p.post("/tf-validate", fields{"code": p.codes.next()}).want(http.StatusOK)
	p.get("/tf-setup").is(true, "tf_required").is([]string{"email", "authenticator", "sms"}, "tf_available_methods")
	for _, f := range []fields{{"setup": "disable"}, {"setup": "disable", "which": "authenticator"}} {
		p.post("/tf-setup", f).refuses(http.StatusBadRequest, "TWO_FACTOR_METHOD_NOT_AVAILABLE", "setup")
		p.form("/tf-setup", f).want(http.StatusOK)
	}
	p.setUpEmail()
	p.post("/tf-setup", fields{"setup": "disable"}).refuses(http.StatusBadRequest, "TWO_FACTOR_METHOD_NOT_AVAILABLE", "setup")
	p.post("/tf-setup", fields{"setup": "disable", "which": "email"}).want(http.StatusOK)
	p.enrol("secondary")
	p.post("/tf-setup", fields{"setup": "disable"}).want(http.StatusOK)
	p.post("/wan-delete", fields{"name": p.passkeys()[0]}).refuses(http.StatusBadRequest, "LAST_SECOND_FACTOR", "")
	p.form("/wan-delete", fields{"name": p.passkeys()[0]}).goes("/wan-register")
	if n := len(p.passkeys()); n != 1 {
		t.Errorf("%d passkeys", n)
	}
}
