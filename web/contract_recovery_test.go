package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
)

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.get("/mf-recovery-codes").want(http.StatusOK).only("recovery_codes", "recovery_codes_remaining").is([]any{}, "recovery_codes").is(0, "recovery_codes_remaining")
	p.page("/mf-recovery-codes").want(http.StatusOK)
	a := p.post("/mf-recovery-codes", nil).want(http.StatusOK).only("recovery_codes")
	codes := strs(a.at("recovery_codes"))
	seen := map[string]bool{}
	for _, c := range codes {
		if seen[c] || len(c) < 12 {
			t.Errorf("code %q", c)
		}
		seen[c] = true
	}
	if len(codes) != 5 {
		t.Errorf("%d codes", len(codes))
	}
	p.get("/mf-recovery-codes").is([]any{}, "recovery_codes").is(5, "recovery_codes_remaining")
	if page := p.page("/mf-recovery-codes"); strings.Contains(string(page.body), codes[0]) {
		t.Error("the page shows a code again")
	}
	page := p.form("/mf-recovery-codes", nil).want(http.StatusOK)
	if !strings.Contains(string(page.body), "<code>") || strings.Contains(string(page.body), codes[0]) {
		t.Errorf("the new codes: %v", page)
	}
	p.get("/mf-recovery-codes").is(5, "recovery_codes_remaining")
	// the old ones went with it
	p.enrol("secondary")
	p.waiting().post("/mf-recovery", fields{"code": codes[0]}).refuses(http.StatusBadRequest, "INVALID_RECOVERY_CODE", "code")
}

func TestARecoveryCodeIsASecondFactorOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	codes := p.recoveryCodes()
	// codes alone ask for nothing
	p.again()
	p.enrol("secondary")
	v := p.waiting()
	v.get("/mf-recovery").want(http.StatusOK).only()
	if page := v.page("/mf-recovery").want(http.StatusOK); !page.hasForm("/mf-recovery", "code") {
		t.Errorf("no form: %v", page)
	}
	for _, code := range []any{"", nil, "hi", "123456", codes[0][1:], codes[0] + "x", strings.Repeat("a", 5000)} {
		v.post("/mf-recovery", fields{"code": code}).refuses(http.StatusBadRequest, "INVALID_RECOVERY_CODE", "code")
	}
	page := v.form("/mf-recovery", fields{"code": "nonsense", "next": "/where"}).want(http.StatusOK)
	if page.fault("code") == "" || page.hidden("next") != "/where" {
		t.Errorf("fault %q, next %q", page.fault("code"), page.hidden("next"))
	}
	v.signedOut()
	v.post("/mf-recovery", fields{"code": codes[0]}).want(http.StatusOK).only("user", "tf_required").is(map[string]any{"email": p.email}, "user")
	v.signedIn().get("/mf-recovery-codes").is(4, "recovery_codes_remaining")
	v = p.waiting()
	v.post("/mf-recovery", fields{"code": codes[0]}).refuses(http.StatusBadRequest, "INVALID_RECOVERY_CODE", "code")
	// as people write them down
	v.form("/mf-recovery?next=%2Fwhere", fields{"code": " " + strings.ToUpper(strings.ReplaceAll(codes[1], "-", " ")) + " "}).goes("/where")
	v.signedIn()
	v = p.waiting()
	v.post("/mf-recovery?include_auth_token", fields{"code": strings.ReplaceAll(codes[2], "-", "")}).want(http.StatusOK)
	// the code of another account is none
	q := s.person(t)
	q.enrol("secondary")
	q.recoveryCodes()
	q.waiting().post("/mf-recovery", fields{"code": codes[3]}).refuses(http.StatusBadRequest, "INVALID_RECOVERY_CODE", "code")
	if kinds := s.mail.kinds(p.email); !strings.Contains(strings.Join(kinds, " "), "recovery_code_used") {
		t.Errorf("its owner was told of %q", kinds)
	}
}

func TestARecoveryCodeNeverMakesADeviceRemembered(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.TwoFactorAlwaysValidate = false })
	p := s.person(t)
	codes := p.recoveryCodes()
	p.enrol("secondary")
	v := p.waiting(fields{"remember": true})
	v.post("/mf-recovery", fields{"code": codes[0], "remember": true}).want(http.StatusOK)
	if v.cookie("tf_validity") != nil {
		t.Error("a device is remembered")
	}
	v.restart()
	v.signedIn() // the sign-in is
}

func TestOneOfManyUsesOfARecoveryCodeWins(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	code := p.recoveryCodes()[0]
	p.enrol("secondary")
	const n = 6
	results := make(chan int, n)
	for range n {
		v := p.waiting()
		go func() { results <- v.post("/mf-recovery", fields{"code": code}).status }()
	}
	won := 0
	for range n {
		if status := <-results; status == http.StatusOK {
			won++
		} else if status != http.StatusBadRequest {
			t.Errorf("status %d", status)
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
}

func TestRecoveryCodesWantAFreshSession(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.Freshness, c.FreshnessGrace = time.Minute, 0 })
	p := s.person(t)
	p.recoveryCodes()
	s.clock.pass(2 * time.Minute)
	p.post("/mf-recovery-codes", nil).refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "")
	p.get("/mf-recovery-codes").refuses(http.StatusUnauthorized, "REAUTHENTICATION_REQUIRED", "")
	p.post("/verify", fields{"password": goodPassword}).want(http.StatusOK)
	p.get("/mf-recovery-codes").is(5, "recovery_codes_remaining")
}

func TestWithoutRecoveryCodesTheirPagesAreNotThere(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.RecoveryCodes = false })
	p := s.person(t)
	p.enrol("secondary")
	p.setUpApp()
	v := p.waiting()
	v.post("/tf-select", fields{"which": "authenticator"})
	for _, x := range []*visitor{p, v, s.visitor(t)} {
		for _, path := range []string{"/mf-recovery-codes", "/mf-recovery"} {
			x.get(path).refuses(http.StatusNotFound, "API_ERROR", "")
			x.post(path, fields{"code": "x"}).refuses(http.StatusNotFound, "API_ERROR", "")
			x.page(path).want(http.StatusNotFound)
			x.form(path, nil).want(http.StatusNotFound)
		}
	}
	v.get("/tf-rescue").is(map[string]any{}, "recovery_options")
	v.post("/tf-validate", fields{"code": p.codes.next()}).want(http.StatusOK) // it still waits
	if page := p.page("/account"); strings.Contains(string(page.body), "mf-recovery") {
		t.Error("the account page links to them")
	}
}

func TestWithoutCodeMethodsTheirPagesAreNotThere(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.TwoFactor, c.Freshness = false, -time.Second })
	p := s.person(t)
	codes := p.recoveryCodes()
	p.enrol("secondary")
	v := p.waiting()
	for _, x := range []*visitor{p, v, s.visitor(t)} {
		for _, path := range []string{"/tf-setup", "/tf-validate", "/tf-rescue"} {
			x.get(path).refuses(http.StatusNotFound, "API_ERROR", "")
			x.post(path, fields{"code": "x"}).refuses(http.StatusNotFound, "API_ERROR", "")
			x.page(path).want(http.StatusNotFound)
			x.form(path, nil).want(http.StatusNotFound)
		}
		x.post("/tf-setup/x", fields{"code": "1"}).refuses(http.StatusNotFound, "API_ERROR", "")
		// and with it the checks of freshness
		for _, path := range []string{"/verify", "/wan-verify"} {
			x.get(path).refuses(http.StatusNotFound, "API_ERROR", "")
			x.post(path, fields{"password": goodPassword}).refuses(http.StatusNotFound, "API_ERROR", "")
			x.page(path).want(http.StatusNotFound)
		}
		x.post("/wan-verify/x", fields{"credential": "{}"}).refuses(http.StatusNotFound, "API_ERROR", "")
	}
	v.get("/wan-signin").is(true, "is_secondary")
	v.post("/mf-recovery", fields{"code": codes[0]}).want(http.StatusOK)
	s.clock.pass(20 * time.Hour)
	q := s.person(t)
	s.clock.pass(11 * time.Hour)
	q.get("/wan-register").want(http.StatusOK)
	for _, path := range []string{"/account", "/wan-register"} {
		if page := q.page(path).want(http.StatusOK); strings.Contains(string(page.body), `"/tf-setup"`) {
			t.Errorf("%s links to what is not there", path)
		}
	}
}
