package web_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
)

func confirmable(c *latchkey.Config) { c.Confirmable = true }

// link is the path of the newest link that was mailed to an address, or "".
func (s *site) link(t testing.TB, address string) string {
	t.Helper()
	all := s.mail.to(address)
	for _, m := range slices.Backward(all) {
		if found := regexp.MustCompile(regexp.QuoteMeta(s.origin+s.prefix) + `(/\S+/[A-Za-z0-9_-]+)`).FindStringSubmatch(m.Text); found != nil {
			return found[1]
		}
	}
	return ""
}

func TestAnAddressIsConfirmedBeforeThereIsAnAccount(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "/auth"} {
		s := newSite(t, confirmable, func(c *latchkey.Config) { c.URLPrefix = prefix })
		v := s.visitor(t)
		v.email = unique("new") + "@example.test"
		a := v.post("/register?include_auth_token", fields{"email": v.email}).want(http.StatusOK).is(nil, "user")
		v.signedOut().login().refuses(http.StatusBadRequest, "GENERIC_AUTHN_FAILED", "")
		if len(v.cookies) > 0 {
			t.Errorf("cookies %v", v.cookies)
		}
		link := s.link(t, v.email)
		if link == "" {
			t.Fatalf("no link in %v", s.mail.to(v.email))
		}
		// mail scanners open links
		for range 3 {
			s.visitor(t).get(link).want(http.StatusOK).is(v.email, "email")
			if page := s.visitor(t).page(link).want(http.StatusOK); !page.hasForm(link, "password", "password_confirm") && !page.hasForm("", "password") {
				t.Errorf("no form: %v", page)
			}
		}
		w := v.fresh() // another browser than the one that asked
		w.post(link, fields{"password": "short"}).refuses(http.StatusBadRequest, "PASSWORD_TOO_SHORT", "password")
		w.post(link, fields{}).refuses(http.StatusBadRequest, "PASSWORD_NOT_PROVIDED", "password")
		w.post(link, fields{"password": goodPassword, "password_confirm": "other"}).refuses(http.StatusBadRequest, "INVALID_PASSWORD", "password_confirm")
		if page := w.form(link, fields{"password": "short", "password_confirm": "short"}).want(http.StatusOK); page.fault("password") == "" {
			t.Errorf("nothing is said at the password: %v", page)
		}
		w.signedOut()
		w.form(link, fields{"password": goodPassword, "password_confirm": goodPassword}).goes(prefix + "/")
		w.signedIn()
		v.fresh().login().want(http.StatusOK)
		// the same answer for an address that has an account, whose owner is told
		b := v.fresh().post("/register?include_auth_token", fields{"email": strings.ToUpper(v.email)}).want(http.StatusOK)
		if len(a.response) != len(b.response) {
			t.Errorf("%v and %v", a, b)
		}
		if got := s.mail.kinds(strings.ToUpper(v.email)); len(got) != 1 || got[0] != "registered_already" {
			t.Errorf("mails %q", got)
		}
		// used up
		v.fresh().post(link, fields{"password": "Another-Kettle-77-Fen"}).want(http.StatusBadRequest)
		v.fresh().login().want(http.StatusOK)
		v.fresh().form("/register", fields{"email": unique("new") + "@example.test"}).want(http.StatusOK)
		v.fresh().post("/register", fields{"email": "nobody"}).refuses(http.StatusBadRequest, "EMAIL_INVALID", "email")
		if page := v.fresh().form("/register", fields{"email": "nobody"}).want(http.StatusOK); page.fault("email") == "" {
			t.Errorf("nothing is said at the address: %v", page)
		}
	}
}

func TestALinkThatOpensNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, confirmable)
	v := s.visitor(t)
	v.email = unique("new") + "@example.test"
	v.post("/register", fields{"email": v.email}).want(http.StatusOK)
	link := s.link(t, v.email)
	for _, bad := range []string{link + "x", link[:len(link)-1], "/confirm/x", "/recover/x", "/recover/" + strings.TrimPrefix(link, "/confirm/"), "/confirm/%00"} {
		v.get(bad).refuses(http.StatusBadRequest, "API_ERROR", "")
		v.post(bad, fields{"password": goodPassword, "new_password": goodPassword}).refuses(http.StatusBadRequest, "API_ERROR", "")
		v.page(bad).goes("/login")
		v.form(bad, fields{"password": goodPassword, "new_password": goodPassword}).goes("/login")
	}
	s.clock.pass(25 * time.Hour)
	v.get(link).want(http.StatusBadRequest)
	v.page(link).goes("/login")
	v.post(link, fields{"password": goodPassword}).want(http.StatusBadRequest)
	v.signedOut()
}

func TestALinkWithASecondFactorRequired(t *testing.T) {
	t.Parallel()
	s := newSite(t, confirmable, twoFactorRequired)
	v := s.visitor(t)
	v.email = unique("new") + "@example.test"
	v.post("/register", fields{"email": v.email}).want(http.StatusOK)
	v.post(s.link(t, v.email), fields{"password": goodPassword}).want(http.StatusOK).only("tf_required", "tf_state").is("setup_from_login", "tf_state")
	v.signedOut()
}

func TestARecoveryLinkLetsItsOwnerBackIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const next = "Another-Kettle-77-Fen"
	open := func(p *visitor) string {
		t.Helper()
		address, err := s.auth.RecoveryLink(t.Context(), p.email)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(address, s.origin)
	}
	p := s.person(t)
	link := open(p)
	v := p.fresh()
	v.get(link).want(http.StatusOK)
	v.page(link).want(http.StatusOK)
	p.page(link).goes("/") // who is signed in needs none
	v.post(link, fields{"new_password": "short"}).refuses(http.StatusBadRequest, "PASSWORD_TOO_SHORT", "new_password")
	if page := v.form(link, fields{"new_password": "short", "new_password_confirm": "short"}).want(http.StatusOK); page.fault("new_password") == "" {
		t.Errorf("nothing is said at the password: %v", page)
	}
	v.post(link, fields{"new_password": next}).want(http.StatusOK).is(p.email, "user", "email")
	v.signedIn()
	p.signedIn()
	v.fresh().post(link, fields{"new_password": goodPassword}).refuses(http.StatusBadRequest, "CREDENTIAL_REPLAYED", "")
	p.fresh().login().want(http.StatusBadRequest)
	p.fresh().login(fields{"password": next}).want(http.StatusOK)
	// second factors that stay are asked for
	q := s.person(t)
	q.setUpApp()
	w := q.fresh()
	w.post(open(q), fields{"new_password": next}).want(http.StatusOK).is(true, "tf_required")
	w.signedOut()
	w.post("/tf-validate", fields{"code": q.codes.next()}).want(http.StatusOK)
	// those that were lost go, and with them who else is signed in
	w = q.fresh()
	w.form(open(q), fields{"new_password": next, "new_password_confirm": next, "reset_factors": "y", "end_sessions": "y"}).goes("/wan-register")
	w.signedIn().get("/tf-setup").is(nil, "tf_method")
	q.signedOut()
	// and it ends
	link = open(q)
	s.clock.pass(31 * time.Minute)
	q.fresh().post(link, fields{"new_password": goodPassword}).want(http.StatusBadRequest)
	disable(t, q, false)
	if _, err := s.auth.RecoveryLink(t.Context(), q.email); err == nil {
		t.Error("a link for a disabled account")
	}
}

func TestALinkIsOpenedAgainAfterAMistypedPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	address, err := s.auth.RecoveryLink(t.Context(), p.email)
	if err != nil {
		t.Fatal(err)
	}
	link := strings.TrimPrefix(address, s.origin)
	v := p.fresh()
	for range 5 {
		v.form(link, fields{"new_password": "Another-Kettle-77-Fen", "new_password_confirm": "other"}).want(http.StatusOK)
	}
	disable(t, p, false)
	v.get(link).refuses(http.StatusBadRequest, "API_ERROR", "")
	v.page(link).goes("/login")
}
