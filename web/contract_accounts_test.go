package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/internal/throttle"
)

func TestRegistering(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.visitor(t)
	v.email = "Ada.Lovelace@Example.Test"
	v.get("/register").want(http.StatusOK).only()
	v.post("/register?include_auth_token", fields{"email": v.email, "password": goodPassword}).want(http.StatusOK).only("user", "tf_required").is(v.email, "user", "email").is(false, "tf_required")
	v.signedIn()
	for _, c := range []struct {
		name  string
		f     fields
		code  string
		field string
	}{
		{"the address is taken", fields{"email": v.email, "password": goodPassword}, "EMAIL_INUSE", "email"},
		{"the address is taken, spelled otherwise", fields{"email": strings.ToUpper(v.email), "password": goodPassword}, "EMAIL_INUSE", "email"},
		{"no address", fields{"password": goodPassword}, "EMAIL_INVALID", "email"},
		{"no such address", fields{"email": "nobody", "password": goodPassword}, "EMAIL_INVALID", "email"},
		{"a line break", fields{"email": "a@example.test\nBcc: x@example.test", "password": goodPassword}, "EMAIL_INVALID", "email"},
		{"no password", fields{"email": "a@example.test"}, "PASSWORD_NOT_PROVIDED", "password"},
		{"a short password", fields{"email": "a@example.test", "password": "short"}, "PASSWORD_TOO_SHORT", "password"},
		{"a long password", fields{"email": "a@example.test", "password": strings.Repeat("long words ", 1000)}, "PASSWORD_TOO_LONG", "password"},
		{"a common password", fields{"email": "a@example.test", "password": "password123"}, "PASSWORD_TOO_COMMON", "password"},
		{"two passwords", fields{"email": "a@example.test", "password": goodPassword, "password_confirm": goodPassword + "x"}, "INVALID_PASSWORD", "password_confirm"},
		{"half a confirmation", fields{"email": "a@example.test", "password": goodPassword, "password_confirm": ""}, "INVALID_PASSWORD", "password_confirm"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := s.visitor(t)
			x.post("/register", c.f).refuses(http.StatusBadRequest, c.code, c.field)
			if _, ok := c.f["password_confirm"]; !ok {
				c.f["password_confirm"] = c.f["password"]
			}
			page := x.form("/register?next=%2Fwhere", c.f).want(http.StatusOK)
			if page.fault(c.field) == "" || page.hidden("next") != "/where" || page.hidden("password") != "" || page.hidden("password_confirm") != "" {
				t.Errorf("the form again: %v", page)
			}
			x.signedOut()
		})
	}
	a := s.visitor(t).post("/register", fields{}).want(http.StatusBadRequest)
	if codes := a.codes(); len(codes) != 2 || codes[0] != "EMAIL_INVALID" || codes[1] != "PASSWORD_NOT_PROVIDED" {
		t.Errorf("codes %q", codes)
	}
	s.visitor(t).form("/register", fields{"email": "b@example.test", "password": goodPassword}).want(http.StatusOK) // no confirmation
}

func TestOneOfManyRegistrationsOfAnAddressWins(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const n = 6
	results := make(chan string, n)
	for range n {
		v := s.visitor(t)
		go func() {
			v.post("/register", fields{"email": "contested@example.test", "password": goodPassword})
			results <- v.whoami()
		}()
	}
	won := 0
	for range n {
		if <-results != "" {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
}

func TestWhereNobodyMayRegister(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.Registerable = false })
	v := s.visitor(t)
	v.get("/register").refuses(http.StatusNotFound, "API_ERROR", "")
	v.post("/register", fields{"email": "a@example.test", "password": goodPassword}).refuses(http.StatusNotFound, "API_ERROR", "")
	v.page("/register").want(http.StatusNotFound)
	v.form("/register", fields{"email": "a@example.test"}).want(http.StatusNotFound)
	for _, path := range []string{"/login", "/", "/wan-signin"} {
		if page := v.page(path).want(http.StatusOK); strings.Contains(string(page.body), "/register") {
			t.Errorf("%s links to it", path)
		}
	}
}

func TestAFailedSignInSaysOneThing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, off := s.person(t), s.person(t)
	disable(t, off, false)
	for name, f := range map[string]fields{
		"a wrong password": {"email": p.email, "password": "Wrong-Kettle-42"}, "an unknown address": {"email": "nobody@example.test", "password": goodPassword},
		"a disabled account": {"email": off.email, "password": goodPassword}, "a disabled account, wrong password": {"email": off.email, "password": "Wrong-Kettle-42"},
		"nothing": {}, "no password": {"email": p.email}, "no address": {"password": goodPassword}, "empty": {"email": "", "password": ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := s.visitor(t)
			v.post("/login?include_auth_token", f).refuses(http.StatusBadRequest, "GENERIC_AUTHN_FAILED", "").only("errors", "error_codes", "field_errors")
			page := v.form("/login?next=%2Fwhere", f).want(http.StatusOK)
			if !page.hasForm("/login", "email", "password") || page.hidden("next") != "/where" || page.hidden("password") != "" || page.fault("password") != "" {
				t.Errorf("the form again: %v", page)
			}
			v.signedOut()
		})
	}
	disable(t, off, true)
	off.fresh().login().want(http.StatusOK)
}

func TestAFailedSignInSaysWhatIsWrongWhereThatIsWanted(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.GenericResponses = false })
	p, off := s.person(t), s.person(t)
	disable(t, off, false)
	v := s.visitor(t)
	v.post("/login", fields{"email": p.email, "password": "Wrong-Kettle-42"}).refuses(http.StatusBadRequest, "INVALID_PASSWORD", "password")
	v.post("/login", fields{"email": "nobody@example.test", "password": goodPassword}).refuses(http.StatusBadRequest, "USER_DOES_NOT_EXIST", "email")
	v.post("/login", fields{"email": off.email, "password": goodPassword}).refuses(http.StatusBadRequest, "DISABLED_ACCOUNT", "email")
	v.post("/login", fields{"email": off.email, "password": "Wrong-Kettle-42"}).refuses(http.StatusBadRequest, "INVALID_PASSWORD", "password")
	v.post("/login", fields{"email": p.email}).refuses(http.StatusBadRequest, "PASSWORD_NOT_PROVIDED", "password")
	v.post("/login", fields{"password": goodPassword}).refuses(http.StatusBadRequest, "USER_DOES_NOT_EXIST", "email")
	if codes := v.post("/login", nil).want(http.StatusBadRequest).codes(); !slices.Equal(codes, []string{"USER_DOES_NOT_EXIST", "PASSWORD_NOT_PROVIDED"}) {
		t.Errorf("nothing at all: %q", codes)
	}
	if page := v.form("/login", fields{"email": p.email, "password": "Wrong-Kettle-42"}).want(http.StatusOK); page.fault("password") == "" || page.hidden("email") != p.email {
		t.Errorf("the form again: %v", page)
	}
}

func TestADisabledAccountIsOutAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	token := p.token()
	disable(t, p, false)
	p.signedOut()
	p.get("/wan-register").refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
	p.bearer(token).get("/wan-register").refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
}

func TestSigningOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	v := p.again(fields{"remember": true})
	old := v.fork()
	v.post("/logout", nil).want(http.StatusOK).only()
	if delete(v.cookies, "latchkey_known"); len(v.cookies) > 0 { // the browser stays known, which opens nothing
		t.Errorf("cookies stay: %v", v.cookies)
	}
	old.signedOut()
	v.post("/logout", nil).want(http.StatusOK).only()
	v.form("/logout", nil).goes("/")
	p.signedIn()
	c := p.bearer(p.token())
	c.get("/verify").want(http.StatusOK)
	c.post("/logout", nil).want(http.StatusOK)
	c.get("/verify").refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
}

func TestTooManyWrongPasswords(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.ThrottleAccount = throttle.Rate{N: 3, Per: 5 * time.Minute} })
	p := s.person(t)
	p.enrol("first")
	p.setUpApp()
	tries := func(t *testing.T, try func() *answer) {
		t.Helper()
		for range 3 {
			try().want(http.StatusBadRequest)
		}
		a := try().refuses(http.StatusTooManyRequests, "TOO_MANY_ATTEMPTS", "")
		if wait := a.header.Get("Retry-After"); wait == "" || strings.Trim(wait, "0123456789") != "" || wait == "0" {
			t.Errorf("Retry-After %q", wait)
		}
	}
	for _, email := range []string{p.email, "nobody@example.test"} {
		v := s.visitor(t)
		tries(t, func() *answer { return v.post("/login", fields{"email": email, "password": "Wrong-Kettle-42"}) })
		page := v.form("/login?next=%2Fwhere", fields{"email": email, "password": goodPassword}).want(http.StatusTooManyRequests)
		if !page.hasForm("/login", "email", "password") || page.hidden("next") != "/where" || page.header.Get("Retry-After") == "" {
			t.Errorf("the form again: %v", page)
		}
	}
	// its owner's other ways in stay open
	v := p.fresh()
	v.signin(nil, nil).want(http.StatusOK)
	tries(t, func() *answer { return v.post("/verify", fields{"password": "Wrong-Kettle-42"}) })
	v.form("/verify", fields{"password": goodPassword}).want(http.StatusTooManyRequests)
	v.wanVerify().want(http.StatusOK)
	v.post("/verify", fields{"code": p.codes.next()}).want(http.StatusOK)
	tries(t, func() *answer {
		return v.post("/change", fields{"password": "Wrong-Kettle-42", "new_password": "Another-Kettle-77-Fen"})
	})
	s.clock.pass(5 * time.Minute)
	p.again2FA(t).signedIn()
	w := p.waiting()
	tries(t, func() *answer { return w.post("/tf-validate", fields{"code": p.codes.wrong()}) })
	w.form("/tf-validate", fields{"code": p.codes.next()}).want(http.StatusTooManyRequests)
	tries(t, func() *answer { return w.post("/mf-recovery", fields{"code": "nonsense"}) })
	w.form("/mf-recovery", fields{"code": "nonsense"}).want(http.StatusTooManyRequests)
	start := v.post("/tf-setup", fields{"setup": "authenticator"})
	tries(t, func() *answer { return v.post("/tf-setup/"+start.str("tf_state_token"), fields{"code": "000000"}) })
	v.form("/tf-setup/"+start.str("tf_state_token"), fields{"code": "000000"}).goes("/tf-setup")
}

func TestSuccessesAreNotCounted(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) {
		c.ThrottleAccount, c.ThrottleAddress = throttle.Rate{N: 3, Per: time.Hour}, throttle.Rate{N: 3, Per: time.Hour}
	})
	p := s.person(t)
	for range 10 {
		p.again()
		p.post("/verify", fields{"password": goodPassword}).want(http.StatusOK)
	}
}

func TestTooManyMessages(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.ThrottleSend = throttle.Rate{N: 3, Per: 10 * time.Minute} })
	p := s.person(t)
	for range 3 {
		p.post("/tf-setup", fields{"setup": "email"}).want(http.StatusOK)
	}
	p.post("/tf-setup", fields{"setup": "email"}).refuses(http.StatusTooManyRequests, "TOO_MANY_ATTEMPTS", "")
	p.form("/tf-setup", fields{"setup": "email"}).want(http.StatusTooManyRequests)
	if n := len(s.mail.to(p.email)); n != 3 {
		t.Errorf("%d mails", n)
	}
	p.post("/tf-setup", fields{"setup": "authenticator"}).want(http.StatusOK)
	s.clock.pass(10 * time.Minute)
	p.post("/tf-setup", fields{"setup": "email"}).want(http.StatusOK)
}
