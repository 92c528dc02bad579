package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/internal/throttle"
)

// guarding are the endpoints that change what protects an account.
var guarding = []string{"/tf-setup", "/wan-register", "/wan-delete", "/mf-recovery-codes", "/change"}

func shortFreshness(c *latchkey.Config) { c.Freshness, c.FreshnessGrace = 10*time.Minute, 0 }

// On an account with a second factor a password makes fresh, and opens what is fresh, but not what changes the factors.
func TestStepUpIsNeverWeakerThanTheSignIn(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "/auth"} {
		s := newSite(t, shortFreshness, func(c *latchkey.Config) { c.URLPrefix = prefix })
		p := s.person(t)
		p.setUpApp()
		spare := p.recoveryCodes()
		s.clock.pass(11 * time.Minute)
		bearer := p.fork().bearer(p.again2FA(t).post("/verify?include_auth_token", fields{"password": goodPassword}).want(http.StatusOK).str("user", "authentication_token"))
		s.clock.pass(11 * time.Minute)
		for _, v := range []*visitor{bearer, p} {
			for _, path := range guarding {
				v.post(path, fields{}).refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "").is(true, "reauth_required")
			}
			v.post("/verify", fields{"password": goodPassword}).want(http.StatusOK)
			for _, path := range guarding {
				v.post(path, fields{"name": "x", "setup": "authenticator", "password": goodPassword, "new_password": "Another-Kettle-42"}).
					refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "").
					is(true, "reauth_required").is(true, "tf_required").is(false, "has_webauthn_verify_credential").is(false, "unified_signin_enabled")
				if path == "/wan-delete" {
					continue // its GET is the list's
				}
				v.get(path).refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "").is(true, "tf_required")
			}
			v.post("/sessions/end", fields{"id": "none"}).refuses(http.StatusBadRequest, "SESSION_NOT_FOUND", "id") // fresh is enough
			if v == bearer {
				continue
			}
			for _, path := range guarding {
				v.page(path).goesWith("/verify", prefix+path)
			}
			page := v.page("/verify?next=" + prefix + "/tf-setup").want(http.StatusOK)
			if page.hasForm("/verify", "password") || !page.hasForm("/verify", "code") {
				t.Errorf("the page asks for the wrong thing: %v", page)
			}
			if page := v.page("/verify").want(http.StatusOK); !page.hasForm("/verify", "password") {
				t.Errorf("elsewhere the password will do: %v", page)
			}
			v.form("/verify?next="+prefix+"/tf-setup", fields{"code": v.codes.next()}).goes(prefix + "/tf-setup")
			v.page("/tf-setup").want(http.StatusOK)
			v.get("/mf-recovery-codes").want(http.StatusOK).is(float64(len(spare)), "recovery_codes_remaining")
			v.post("/change", fields{"password": goodPassword, "new_password": goodPassword + "x"}).want(http.StatusOK)
			v.post("/change", fields{"password": goodPassword + "x", "new_password": goodPassword}).want(http.StatusOK)
		}
	}
}

// Without a second factor nothing is asked for beyond the password; and what has just been set up has just been proved.
func TestStepUpAsksForWhatThereIs(t *testing.T) {
	t.Parallel()
	s := newSite(t, shortFreshness)
	p := s.person(t)
	s.clock.pass(11 * time.Minute)
	p.post("/verify", fields{"password": goodPassword}).want(http.StatusOK)
	p.get("/wan-register").want(http.StatusOK)
	p.setUpApp()
	p.recoveryCodes()
	p.enrol("secondary")
	p.get("/tf-setup").want(http.StatusOK)
	s.clock.pass(11 * time.Minute)
	p.post("/verify", fields{"password": goodPassword}).want(http.StatusOK)
	p.get("/wan-register").refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "").is(true, "has_webauthn_verify_credential").is(true, "tf_required")
	p.wanVerify().want(http.StatusOK)
	p.get("/wan-register").want(http.StatusOK)
}

// Whose second factor is mailed or texted has a code sent.
func TestStepUpByACodeThatIsSent(t *testing.T) {
	t.Parallel()
	s := newSite(t, shortFreshness)
	p := s.person(t)
	p.setUpSMS()
	s.clock.pass(11 * time.Minute)
	if page := p.page("/verify?next=/tf-setup").want(http.StatusOK); page.hasForm("/verify", "password") {
		t.Errorf("a password is asked for that will not do: %v", page)
	}
	p.post("/verify", fields{"password": goodPassword}).want(http.StatusOK)
	p.page("/tf-setup").goesWith("/verify", "/tf-setup")
	page := p.page("/verify?next=/tf-setup").want(http.StatusOK)
	if !strings.Contains(string(page.body), `name="send" value="sms"`) || page.hasForm("/verify", "password") {
		t.Errorf("the page: %v", page)
	}
	sent := p.form("/verify", fields{"send": "sms", "next": "/tf-setup"}).want(http.StatusOK)
	state := sent.hidden("verify_state")
	if state == "" || !sent.hasForm("/verify", "code") || sent.hidden("next") != "/tf-setup" {
		t.Fatalf("no field for the code: %v", sent)
	}
	code := s.mail.code(t, p.phone)
	wrong := p.form("/verify", fields{"code": "x" + code, "verify_state": state, "next": "/tf-setup"}).want(http.StatusOK)
	if wrong.fault("code") == "" || wrong.hidden("verify_state") != state {
		t.Errorf("after a wrong code: %v", wrong)
	}
	p.form("/verify", fields{"code": code, "verify_state": state, "next": "/tf-setup"}).goes("/tf-setup")
	p.page("/tf-setup").want(http.StatusOK)

	p.post("/verify", fields{"send": "email"}).refuses(http.StatusBadRequest, "TWO_FACTOR_METHOD_NOT_AVAILABLE", "send")
	a := p.post("/verify", fields{"send": "sms"}).want(http.StatusOK).only("verify_state", "tf_method").is("sms", "tf_method")
	p.post("/verify", fields{"code": s.mail.code(t, p.phone), "verify_state": a.str("verify_state")}).want(http.StatusOK).only("user")
	p.post("/verify", fields{"code": "1", "verify_state": []string{"x"}}).refuses(http.StatusBadRequest, "API_ERROR", "verify_state")
}

// The mark of a known browser is a cookie as the others are, and outlives signing out.
func TestTheKnownBrowsersCookie(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	c := p.cookie("latchkey_known")
	if c == nil || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.MaxAge != int((365*24*time.Hour)/time.Second) || c.Secure {
		t.Errorf("the cookie: %v", c)
	}
	p.post("/logout", nil)
	if again := p.cookie("latchkey_known"); again == nil || again.Value != c.Value {
		t.Error("forgotten with the session")
	}
	p.signedOut()
	before := len(s.mail.to(p.email))
	p.login().want(http.StatusOK)
	if n := len(s.mail.to(p.email)) - before; n != 0 {
		t.Errorf("%d mails of a browser that is known", n)
	}
}

// A flood from elsewhere leaves the owner's browser in.
func TestAFloodLeavesTheOwnersBrowserIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) {
		c.ThrottleAccount, c.ThrottleAddress = throttle.Rate{N: 3, Per: time.Hour}, throttle.Rate{N: 10, Per: time.Hour}
	})
	p := s.person(t)
	p.post("/logout", nil)
	thief := s.visitor(t)
	for range 3 {
		thief.post("/login", fields{"email": p.email, "password": "Wrong-Kettle-42"}).refuses(http.StatusBadRequest, "GENERIC_AUTHN_FAILED", "")
	}
	thief.post("/login", fields{"email": p.email, "password": goodPassword}).refuses(http.StatusTooManyRequests, "TOO_MANY_ATTEMPTS", "")
	p.login().want(http.StatusOK)
}

// A step that closed tells both renderings, and the mailed link opens it.
func TestAClosedStepAndItsLink(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "/auth"} {
		s := newSite(t, func(c *latchkey.Config) { c.URLPrefix = prefix })
		p := s.person(t)
		wrong := fields{"email": p.email, "password": "Wrong-Kettle-42"}
		for range 100 {
			s.visitor(t).post("/login", wrong).refuses(http.StatusBadRequest, "GENERIC_AUTHN_FAILED", "")
		}
		right := fields{"email": p.email, "password": goodPassword}
		v := s.visitor(t)
		if a := v.post("/login", right).refuses(http.StatusTooManyRequests, "TOO_MANY_ATTEMPTS", ""); a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		if page := v.form("/login", right).want(http.StatusTooManyRequests); page.header.Get("Retry-After") == "" {
			t.Error("no Retry-After on the page")
		} else {
			page.shows("closed")
		}
		s.settled(t)
		link := s.link(t, p.email)
		if !strings.HasPrefix(link, "/reopen/") {
			t.Fatalf("the link is %q", link)
		}
		scanner := s.visitor(t)
		scanner.get(link).want(http.StatusOK).is(p.email, "email")
		if page := scanner.page(link).want(http.StatusOK); !page.hasForm(link) {
			t.Errorf("no form: %v", page)
		}
		v.post("/login", right).refuses(http.StatusTooManyRequests, "TOO_MANY_ATTEMPTS", "")
		v.form(link, nil).goes(prefix + "/login")
		v.page("/login").shows("open again")
		v.signedOut()
		v.post(link, nil).refuses(http.StatusBadRequest, "CREDENTIAL_REPLAYED", "")
		v.form(link, nil).goes(prefix + "/login")
		v.post("/login", right).want(http.StatusOK)
		s.visitor(t).page("/reopen/nonsense").goes(prefix + "/login")
		s.visitor(t).get("/reopen/nonsense").refuses(http.StatusBadRequest, "API_ERROR", "")
	}
}

// settled waits for what goes on beside requests.
func (s *site) settled(t testing.TB) {
	t.Helper()
	if err := s.auth.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
