package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
)

func TestChoosingAMethod(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("secondary")
	p.setUpApp()
	p.setUpEmail()
	p.setUpSMS()
	methods := []string{"authenticator", "email", "sms", "webauthn"}
	v := p.waiting()
	v.get("/tf-select").want(http.StatusOK).only("tf_select", "tf_setup_methods").is(true, "tf_select").is(methods, "tf_setup_methods")
	page := v.page("/tf-select").want(http.StatusOK)
	if !page.hasForm("/tf-select", "which") {
		t.Errorf("no form: %v", page)
	}
	if strings.Contains(string(page.body), p.email) || strings.Contains(string(page.body), p.phone) {
		t.Error("the page tells the whole address or number")
	}
	for _, which := range []any{nil, "", "password", "recovery_code", "EMAIL", "user_verification", "email "} {
		v.post("/tf-select", fields{"which": which}).refuses(http.StatusBadRequest, "TWO_FACTOR_METHOD_NOT_AVAILABLE", "which")
	}
	v.form("/tf-select", fields{"which": "nothing"}).want(http.StatusOK)
	sent := func() int { return len(s.mail.to(p.email)) + len(s.mail.to(p.phone)) }
	before := sent()
	for _, which := range methods {
		a := v.post("/tf-select?include_auth_token", fields{"which": which}).want(http.StatusOK)
		if which == "webauthn" {
			a.only("tf_required", "tf_state", "tf_method", "tf_signin_url").is("/wan-signin", "tf_signin_url")
		} else {
			a.only("tf_required", "tf_state", "tf_method", "tf_primary_method").is(which, "tf_primary_method")
		}
		a.is(true, "tf_required").is("ready", "tf_state").is(which, "tf_method")
	}
	if got := sent() - before; got != 2 {
		t.Errorf("%d messages for email and sms", got)
	}
	v.form("/tf-select?next=%2Fwhere", fields{"which": "email"}).goesWith("/tf-validate", "/where")
	v.form("/tf-select", fields{"which": "webauthn", "next": "/where"}).goesWith("/wan-signin", "/where")
	v.signedOut()
}

func TestEachMethodAnswersAndSoDoesAnother(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("secondary")
	p.setUpApp()
	p.setUpEmail()
	p.setUpSMS()
	code := map[string]func() string{
		"authenticator": func() string { return p.codes.next() }, "email": func() string { return s.mail.code(t, p.email) }, "sms": func() string { return s.mail.code(t, p.phone) },
	}
	for which, code := range code {
		v := p.waiting()
		v.post("/tf-select", fields{"which": which}).want(http.StatusOK)
		a := v.post("/tf-validate", fields{"code": code()}).want(http.StatusOK)
		a.is(map[string]any{"email": p.email}, "user").is(false, "tf_required").only("user", "tf_required")
		v.signedIn()
		v = p.waiting()
		v.post("/tf-select", fields{"which": which}).want(http.StatusOK)
		v.form("/tf-validate?next=%2Fwhere", fields{"code": code()}).goes("/where")
		v.signedIn()
		// a passkey, or the app's code, in the place of what was chosen
		v = p.waiting()
		v.post("/tf-select", fields{"which": which}).want(http.StatusOK)
		v.signin(nil, nil).want(http.StatusOK).is(p.email, "user", "email")
		v = p.waiting()
		v.post("/tf-select", fields{"which": which}).want(http.StatusOK)
		v.post("/tf-validate", fields{"code": p.codes.next()}).want(http.StatusOK)
		v.signedIn()
	}
	v := p.waiting()
	v.post("/tf-select", fields{"which": "webauthn"}).want(http.StatusOK)
	v.post("/tf-validate?include_auth_token", fields{"code": p.codes.next()}).want(http.StatusOK)
	v.signedIn()
}

func TestAWrongCode(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.setUpApp()
	v := p.waiting()
	for _, code := range []any{p.codes.wrong(), "", nil, "whatsup", "12345", "1234567", strings.Repeat("1", 5000), p.codes.at(-3), p.codes.at(3)} {
		v.post("/tf-validate", fields{"code": code}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	}
	page := v.form("/tf-validate", fields{"code": p.codes.wrong(), "next": "/where"}).want(http.StatusOK)
	if page.fault("code") == "" || page.hidden("next") != "/where" || page.hidden("code") != "" {
		t.Errorf("the form again: fault %q, next %q, code %q", page.fault("code"), page.hidden("next"), page.hidden("code"))
	}
	v.signedOut()
	v.post("/tf-validate", fields{"code": p.codes.next()}).want(http.StatusOK)
	v.signedIn()
}

func TestAnAppsCodeCountsOnceAndOneStepEachWay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.setUpApp()
	code := p.codes.next()
	p.waiting().post("/tf-validate", fields{"code": code}).want(http.StatusOK)
	v := p.waiting()
	v.post("/tf-validate", fields{"code": code}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	s.clock.pass(5 * time.Minute)
	for _, steps := range []int{-2, 2} {
		v.post("/tf-validate", fields{"code": p.codes.at(steps)}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	}
	v.post("/tf-validate", fields{"code": p.codes.at(-1)}).want(http.StatusOK)
	s.clock.pass(5 * time.Minute)
	p.waiting().post("/tf-validate", fields{"code": p.codes.at(1)}).want(http.StatusOK)
	// what is behind the last one that was taken is used up
	p.waiting().post("/tf-validate", fields{"code": p.codes.at(0)}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
}

func TestASentCodeIsOfOneSignInAndEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.MailCodeValidity, c.SMSCodeValidity = 2*time.Second, time.Second })
	p := s.person(t)
	p.setUpEmail()
	v := p.waiting()
	first := s.mail.code(t, p.email)
	w := p.waiting()
	if second := s.mail.code(t, p.email); second != first {
		w.post("/tf-validate", fields{"code": first}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	}
	v.post("/tf-validate", fields{"code": first}).want(http.StatusOK)
	s.clock.pass(3 * time.Second)
	w.post("/tf-validate", fields{"code": s.mail.code(t, p.email)}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	w.post("/tf-select", fields{"which": "email"}).want(http.StatusOK) // another one
	w.post("/tf-validate", fields{"code": s.mail.code(t, p.email)}).want(http.StatusOK)
}

func TestASentCodeIsNotGuessed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.setUpEmail()
	v := p.waiting()
	right := s.mail.code(t, p.email)
	wrong := "000000"
	if right == wrong {
		wrong = "000001"
	}
	for range 10 {
		v.post("/tf-validate", fields{"code": wrong}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	}
	v.post("/tf-validate", fields{"code": right}).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	v.post("/tf-select", fields{"which": "email"}).want(http.StatusOK)
	v.post("/tf-validate", fields{"code": s.mail.code(t, p.email)}).want(http.StatusOK)
}

func TestBeforeTheSecondFactorNobodyIsNamed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.setUpSMS()
	p.recoveryCodes()
	v := p.waiting()
	v.get("/tf-validate?include_auth_token").want(http.StatusOK).only("recovery_options").is(map[string]any{"recovery_code": "/mf-recovery"}, "recovery_options")
	v.get("/tf-rescue").only("recovery_options")
	v.get("/mf-recovery").only()
	v.get("/wan-signin").only("is_secondary")
	v.get("/login").only("identity_attributes")
	for _, path := range []string{"/tf-validate", "/tf-rescue", "/mf-recovery", "/tf-select", "/wan-signin", "/login"} {
		if a := v.page(path).want(http.StatusOK); strings.Contains(string(a.body), p.email) || strings.Contains(string(a.body), p.phone) {
			t.Errorf("%s tells who it is", path)
		}
	}
}

func TestRescue(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) {
		c.TwoFactorRescueMail, c.TwoFactorRescueEmail = "help@example.test", true
	})
	p := s.person(t)
	p.setUpSMS()
	v := p.waiting()
	both := map[string]any{"help": "/tf-rescue", "email": "/tf-rescue"}
	v.get("/tf-rescue").want(http.StatusOK).only("recovery_options").is(both, "recovery_options")
	v.get("/tf-validate").is(both, "recovery_options")
	p.recoveryCodes()
	v.get("/tf-rescue").is(map[string]any{"help": "/tf-rescue", "email": "/tf-rescue", "recovery_code": "/mf-recovery"}, "recovery_options")
	for _, help := range []any{nil, "", "lost_device", "HELP"} {
		v.post("/tf-rescue", fields{"help_setup": help}).refuses(http.StatusBadRequest, "TWO_FACTOR_METHOD_NOT_AVAILABLE", "help_setup")
	}
	v.post("/tf-rescue", fields{"help_setup": "help"}).want(http.StatusOK).only("recovery_options")
	if mails := s.mail.to("help@example.test"); len(mails) != 1 || !strings.Contains(mails[0].Text, p.email) {
		t.Errorf("mails to the operator: %v", mails)
	}
	v.form("/tf-rescue", fields{"help_setup": "help"}).want(http.StatusOK)
	v.form("/tf-rescue", fields{"help_setup": "recovery_code", "next": "/where"}).goesWith("/mf-recovery", "/where")
	v.post("/tf-rescue", fields{"help_setup": "recovery_code"}).want(http.StatusOK).is("/mf-recovery", "recovery_options", "recovery_code")
	before := len(s.mail.to(p.email))
	v.form("/tf-rescue?next=%2Fwhere", fields{"help_setup": "email"}).goesWith("/tf-validate", "/where")
	v.post("/tf-rescue", fields{"help_setup": "email"}).want(http.StatusOK)
	if got := len(s.mail.to(p.email)) - before; got != 2 {
		t.Errorf("%d mails", got)
	}
	v.post("/tf-validate", fields{"code": s.mail.code(t, p.email)}).want(http.StatusOK)
	v.signedIn()
	p.get("/tf-setup").is("sms", "tf_primary_method") // nothing was set up by it
}

func TestEmailRescueIsForThoseWithACodeMethodAndOnlyWhereItIsOn(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.TwoFactorRescueEmail = true })
	p := s.person(t)
	p.enrol("secondary")
	v := p.waiting()
	v.get("/tf-rescue").want(http.StatusOK).is(map[string]any{}, "recovery_options")
	v.post("/tf-rescue", fields{"help_setup": "email"}).refuses(http.StatusBadRequest, "TWO_FACTOR_METHOD_NOT_AVAILABLE", "help_setup")
	v.form("/tf-rescue", fields{"help_setup": "email"}).want(http.StatusOK)
	off := newSite(t)
	q := off.person(t)
	q.setUpSMS()
	w := q.waiting()
	w.post("/tf-rescue", fields{"help_setup": "email"}).refuses(http.StatusBadRequest, "TWO_FACTOR_METHOD_NOT_AVAILABLE", "help_setup")
	w.post("/tf-rescue", fields{"help_setup": "help"}).refuses(http.StatusBadRequest, "TWO_FACTOR_METHOD_NOT_AVAILABLE", "help_setup")
	w.post("/tf-rescue", fields{"help_setup": "recovery_code"}).refuses(http.StatusBadRequest, "TWO_FACTOR_METHOD_NOT_AVAILABLE", "help_setup")
}

func TestAMessageThatCannotBeSent(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) {
		c.TwoFactorRescueEmail, c.TwoFactorRescueMail = true, "help@example.test"
	})
	s.log.expects()
	p := s.person(t)
	p.setUpSMS()
	v := p.waiting()
	s.mail.breaks(true)
	w := p.fresh()
	w.login().refuses(http.StatusServiceUnavailable, "FAILED_TO_SEND_CODE", "")
	w.get("/tf-validate").refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
	w.form("/login?next=%2Fwhere", fields{"email": p.email, "password": goodPassword}).want(http.StatusServiceUnavailable)
	w.signedOut()
	v.post("/tf-select", fields{"which": "sms"}).refuses(http.StatusServiceUnavailable, "FAILED_TO_SEND_CODE", "")
	v.form("/tf-select", fields{"which": "sms"}).want(http.StatusServiceUnavailable)
	for _, help := range []string{"email", "help"} {
		v.post("/tf-rescue", fields{"help_setup": help}).refuses(http.StatusServiceUnavailable, "FAILED_TO_SEND_CODE", "help_setup")
		v.form("/tf-rescue", fields{"help_setup": help}).want(http.StatusServiceUnavailable)
	}
	for _, f := range []fields{{"setup": "email"}, {"setup": "sms", "phone": "+447400100001"}} {
		p.post("/tf-setup", f).refuses(http.StatusServiceUnavailable, "FAILED_TO_SEND_CODE", "setup")
		p.form("/tf-setup", f).want(http.StatusServiceUnavailable)
	}
	// what needs no message goes on, though its owner's notice is lost
	p.post("/mf-recovery-codes", nil).want(http.StatusOK)
	s.mail.breaks(false)
	v.post("/tf-select", fields{"which": "sms"}).want(http.StatusOK)
	v.post("/tf-validate", fields{"code": s.mail.code(t, p.phone)}).want(http.StatusOK)
}
