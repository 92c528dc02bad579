package web_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/latchkeytest"
)

func TestSettingUpACodeMethodOnTheWayIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, twoFactorRequired)
	for _, setup := range []string{"authenticator", "email", "sms"} {
		p := s.person(t)
		p.get("/tf-setup").want(http.StatusOK).is(true, "tf_required").is(nil, "tf_method").is([]string{"email", "authenticator", "sms"}, "tf_available_methods")
		p.page("/tf-setup").want(http.StatusOK)
		p.get("/tf-validate").refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
		p.post("/tf-setup", fields{"setup": "nothing"}).refuses(http.StatusBadRequest, "TWO_FACTOR_METHOD_NOT_AVAILABLE", "setup")
		p.post("/tf-setup", fields{"setup": "disable"}).refuses(http.StatusBadRequest, "TWO_FACTOR_METHOD_NOT_AVAILABLE", "setup")
		p.post("/tf-setup", fields{"setup": "sms", "phone": "555"}).refuses(http.StatusBadRequest, "PHONE_INVALID", "phone")
		// one choice, then another
		p.post("/tf-setup?include_auth_token", fields{"setup": "email"}).want(http.StatusOK).is("validating_profile", "tf_state").is(nil, "tf_state_token")
		p.get("/tf-setup").want(http.StatusOK)
		a := p.post("/tf-setup", fields{"setup": setup, "phone": "+447400100300"}).want(http.StatusOK).is(setup, "tf_method").is(setup, "tf_primary_method").is(nil, "tf_state_token")
		var right, wrong string
		switch setup {
		case "authenticator":
			totp := newApp(t, s, a.str("tf_authr_b32key"))
			right, wrong = totp.next(), totp.wrong()
		case "email":
			right, wrong = s.mail.code(t, p.email), "12"
		case "sms":
			right, wrong = s.mail.code(t, "+447400100300"), "12"
		}
		p.get("/tf-validate").want(http.StatusOK).only("recovery_options").is(map[string]any{}, "recovery_options")
		if page := p.page("/tf-validate").want(http.StatusOK); !page.hasForm("/tf-validate", "code") {
			t.Errorf("no form: %v", page)
		}
		p.post("/tf-validate", fields{"code": wrong}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
		if page := p.form("/tf-validate", fields{"code": wrong}).want(http.StatusOK); page.fault("code") == "" {
			t.Errorf("nothing is said at the code: %v", page)
		}
		p.signedOut()
		p.post("/tf-validate?include_auth_token", fields{"code": right}).want(http.StatusOK).only("user", "tf_required").is(p.email, "user", "email").is(false, "tf_required")
		p.signedIn().get("/tf-setup").is(setup, "tf_method")
		v := p.fresh()
		v.login().want(http.StatusOK).is("ready", "tf_state").is(setup, "tf_method")
	}
}

func TestSettingUpByFormsKeepsNext(t *testing.T) {
	t.Parallel()
	s := newSite(t, twoFactorRequired)
	p := s.person(t)
	v := p.fresh()
	v.form("/login", fields{"email": p.email, "password": goodPassword, "next": "/where"}).goesWith("/tf-setup", "/where")
	page := v.page("/tf-setup?next=%2Fwhere").want(http.StatusOK)
	if page.hidden("next") != "/where" {
		t.Errorf("next %q", page.hidden("next"))
	}
	page = v.form("/tf-setup", fields{"setup": "email", "next": "/where"}).want(http.StatusOK)
	if !page.hasForm("/tf-validate", "code", "next") {
		t.Errorf("no form: %v", page)
	}
	v.form("/tf-validate", fields{"code": s.mail.code(t, p.email), "next": "/where"}).goes("/where")
	v.signedIn()
}

func TestASetupOnTheWayInBearsFiveWrongCodesAndEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, twoFactorRequired)
	p := s.person(t)
	start := p.post("/tf-setup", fields{"setup": "authenticator"})
	totp := newApp(t, s, start.str("tf_authr_b32key"))
	for range 5 {
		p.post("/tf-validate", fields{"code": totp.wrong()}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	}
	p.post("/tf-validate", fields{"code": totp.next()}).want(http.StatusOK)
	q := s.person(t)
	start = q.post("/tf-setup", fields{"setup": "authenticator"})
	totp = newApp(t, s, start.str("tf_authr_b32key"))
	for range 6 {
		q.post("/tf-validate", fields{"code": totp.wrong()}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	}
	q.post("/tf-validate", fields{"code": totp.next()}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	q.post("/tf-setup", fields{"setup": "email"}).want(http.StatusOK) // it may begin again
	q.post("/tf-validate", fields{"code": s.mail.code(t, q.email)}).want(http.StatusOK)
}

func TestEnrollingAPasskeyOnTheWayIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, twoFactorRequired)
	p := s.person(t)
	p.get("/wan-register").refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
	p.post("/wan-delete", fields{"name": "x"}).refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
	p.post("/wan-register", fields{}).refuses(http.StatusBadRequest, "WEBAUTHN_NAME_REQUIRED", "name")
	p.post("/wan-register", fields{"name": "k", "usage": "third"}).refuses(http.StatusBadRequest, "API_ERROR", "usage")
	start := p.post("/wan-register", fields{"name": "k", "usage": "first"}).want(http.StatusOK).only("credential_options", "wan_state")
	start.is("discouraged", "credential_options", "authenticatorSelection", "userVerification").is(p.email, "credential_options", "user", "name")
	p.fresh().post(with("/wan-register", start), fields{"credential": p.create(start)}).refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
	other := s.person(t)
	other.post(with("/wan-register", start), fields{"credential": p.create(start)}).refuses(http.StatusBadRequest, "API_ERROR", "")
	p.device = latchkeytest.NewAuthenticator()
	p.post(with("/wan-register", start), fields{"credential": p.create(start)}).want(http.StatusOK).only()
	p.signedOut()
	// it is ready for that passkey now, and for nothing else
	p.get("/tf-setup").refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
	p.get("/wan-signin").is(true, "is_secondary")
	p.get("/tf-select").is([]string{"webauthn"}, "tf_setup_methods")
	p.post("/wan-register", fields{"name": "another"}).refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
	p.signin(nil, nil).want(http.StatusOK).is(p.email, "user", "email")
	p.signedIn().get("/wan-register").is("secondary", "registered_credentials", 0, "usage")
	p.fresh().login().is("ready", "tf_state").is("webauthn", "tf_method")
}

func TestEnrollingAPasskeyOnTheWayInByForms(t *testing.T) {
	t.Parallel()
	s := newSite(t, twoFactorRequired)
	p := s.person(t)
	page := p.form("/wan-register?next=%2Fwhere", fields{"name": "<b>", "next": "/where"}).want(http.StatusOK)
	if page.fault("name") == "" || page.ceremony("/wan-register") != "" {
		t.Errorf("nothing is said at the name, or a ceremony was started: %v", page)
	}
	page = p.form("/wan-register", fields{"name": "k", "usage": "first", "next": "/where"}).want(http.StatusOK)
	state := page.action("/wan-register")
	if page.hidden("next") != "/where" {
		t.Errorf("next %q", page.hidden("next"))
	}
	p.form("/wan-register/"+state, fields{"credential": "nonsense", "next": "/where"}).goesWith("/tf-setup", "/where")
	p.page("/tf-setup").want(http.StatusOK)
	p.form("/wan-register/"+state, fields{"credential": p.create(page), "next": "/where"}).goesWith("/wan-signin", "/where")
	page = p.page("/wan-signin?next=%2Fwhere").want(http.StatusOK)
	page = p.form("/wan-signin", fields{"next": page.hidden("next")}).want(http.StatusOK)
	p.form("/wan-signin/"+page.action("/wan-signin"), fields{"credential": p.sign(page), "next": page.hidden("next")}).goes("/where")
	p.signedIn()
}

func TestAPendingSetupOutlivesItsMailedCode(t *testing.T) {
	t.Parallel()
	s := newSite(t, twoFactorRequired, func(c *latchkey.Config) { c.MailCodeValidity = 2 * time.Second })
	p := s.person(t)
	p.post("/tf-setup", fields{"setup": "email"}).want(http.StatusOK)
	s.clock.pass(3 * time.Second)
	p.post("/tf-validate", fields{"code": s.mail.code(t, p.email)}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	p.post("/tf-setup", fields{"setup": "email"}).want(http.StatusOK)
	p.post("/tf-validate", fields{"code": s.mail.code(t, p.email)}).want(http.StatusOK)
	p.signedIn()
}
