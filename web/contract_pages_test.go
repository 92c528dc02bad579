package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/latchkeytest"
)

func TestEachPageHasTheFormsThatAPersonNeeds(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) {
		c.TwoFactorRescueEmail, c.TwoFactorRescueMail = true, "help@example.test"
	})
	p := s.person(t)
	p.again() // something to end
	p.enrol("first")
	p.setUpApp()
	p.setUpSMS()
	p.recoveryCodes()
	choosing := p.waiting()
	ready := p.waiting()
	ready.post("/tf-select", fields{"which": "sms"}).want(http.StatusOK)
	required := newSite(t, twoFactorRequired)
	setup, validating := required.person(t), required.person(t)
	validating.post("/tf-setup", fields{"setup": "email"}).want(http.StatusOK)
	for _, c := range []struct {
		v      *visitor
		page   string
		action string
		names  []string
	}{
		{s.visitor(t), "/login", "/login", []string{"email", "password", "remember"}},
		{s.visitor(t), "/login", "/wan-signin", []string{"identity", "remember"}},
		{s.visitor(t), "/register", "/register", []string{"email", "password", "password_confirm"}},
		{s.visitor(t), "/wan-signin", "/wan-signin", []string{"identity", "remember"}},
		{p, "/wan-register", "/wan-register", []string{"name", "usage"}},
		{p, "/wan-verify", "/wan-verify", nil},
		{p, "/verify", "/verify", []string{"password"}},
		{p, "/verify", "/verify", []string{"code"}},
		{p, "/verify", "/wan-verify", nil},
		{p, "/tf-setup", "/tf-setup", []string{"setup"}},
		{p, "/tf-setup", "/tf-setup", []string{"setup", "phone"}},
		{p, "/tf-setup", "/tf-setup", []string{"setup", "which"}},
		{p, "/mf-recovery-codes", "/mf-recovery-codes", nil},
		{p, "/change", "/change", []string{"password", "new_password", "new_password_confirm"}},
		{p, "/account", "/sessions/end", []string{"id"}},
		{p, "/account", "/logout", nil},
		{choosing, "/tf-select", "/tf-select", []string{"which"}},
		{choosing, "/tf-select", "/logout", nil},
		{ready, "/tf-validate", "/tf-validate", []string{"code"}},
		{ready, "/tf-rescue", "/tf-rescue", []string{"help_setup"}},
		{ready, "/mf-recovery", "/mf-recovery", []string{"code"}},
		{ready, "/wan-signin", "/wan-signin", nil},
		{setup, "/tf-setup", "/tf-setup", []string{"setup"}},
		{setup, "/tf-setup", "/wan-register", []string{"name"}},
		{validating, "/tf-validate", "/tf-validate", []string{"code"}},
		{validating, "/tf-setup", "/tf-setup", []string{"setup"}},
	} {
		for _, q := range []string{"", "?next=%2Fwhere", "?next=%2F%2Fevil.example"} {
			a := c.v.page(c.page + q).want(http.StatusOK)
			if !a.hasForm(c.action, c.names...) {
				t.Errorf("%s has no form to %s with %q: %v", c.page, c.action, c.names, a)
			}
			if strings.Contains(string(a.body), "evil.example") {
				t.Errorf("%s holds a bad next", c.page)
			}
			if strings.HasPrefix(q, "?next=%2Fw") && c.action == c.page && strings.HasPrefix(c.page, "/tf-") && !a.hasForm(c.action, append(c.names, "next")...) && !strings.Contains(strings.Join(c.names, " "), "which") {
				t.Errorf("%s loses next", c.page)
			}
		}
	}
}

func TestThePageOfACeremony(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("first")
	for _, c := range []struct {
		path string
		v    *visitor
		f    fields
		kind string
	}{
		{"/wan-register", p, fields{"name": "another", "usage": "first"}, "register"},
		{"/wan-signin", p.fresh(), fields{"identity": p.email, "remember": "on"}, "signin"},
		{"/wan-verify", p, nil, "verify"},
	} {
		a := c.v.form(c.path+"?next=%2Fwhere", c.f).want(http.StatusOK)
		action := c.path + "/" + a.action(c.path)
		names := []string{"credential", "next"}
		if c.kind == "signin" {
			names = append(names, "remember")
		}
		if !a.hasForm(action, names...) || a.hidden("next") != "/where" || !strings.Contains(string(a.body), `data-ceremony="`+c.kind+`"`) || !strings.Contains(string(a.body), `type="submit"`) {
			t.Errorf("%s: %v", c.path, a)
		}
		if c.kind != "register" {
			c.v.form(action, fields{"credential": c.v.sign(a), "next": a.hidden("next")}).goes("/where")
			continue
		}
		c.v.form(action, fields{"credential": "nonsense", "next": a.hidden("next")}).goesWith("/wan-register", "/where")
		c.v.page("/wan-register?next=%2Fwhere").want(http.StatusOK)
		c.v.device = latchkeytest.NewAuthenticator()
		c.v.form(action, fields{"credential": c.v.create(a), "next": a.hidden("next")}).goes("/where")
		c.v.page("/wan-register").shows("another")
	}
}

func TestARegistrationFormThatIsWrongIsShownAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("first")
	name := p.passkeys()[0]
	for _, f := range []fields{{}, {"name": ""}, {"name": "<b>"}, {"name": name}, {"name": strings.Repeat("k", 65)}, {"name": "k", "usage": "third"}} {
		a := p.form("/wan-register?next=%2Fwhere", f).want(http.StatusOK)
		field := "name"
		if f["usage"] != nil {
			field = "usage"
		}
		if a.ceremony("/wan-register") != "" || !a.hasForm("/wan-register", "name", "usage") || a.fault(field) == "" || a.hidden("next") != "/where" {
			t.Errorf("%v: %v", f, a)
		}
		a.shows(name) // the list is there as well
	}
}

func TestWhatAPersonTypedIsNeverMarkup(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	const hostile = `"><script>alert(1)</script>{{7*7}}`
	for _, a := range []*answer{
		s.visitor(t).form("/login", fields{"email": hostile, "password": "x"}), s.visitor(t).form("/register", fields{"email": hostile, "password": "x"}),
		p.form("/wan-register", fields{"name": hostile, "usage": hostile}), p.form("/tf-setup", fields{"setup": "sms", "phone": hostile}),
		s.visitor(t).page(query("/login", "next", "/"+hostile)), s.visitor(t).form("/wan-signin", fields{"identity": hostile, "remember": hostile, "next": "/" + hostile}),
	} {
		if a.want(http.StatusOK); strings.Contains(string(a.body), "<script>alert") || strings.Contains(string(a.body), "{{") && !strings.Contains(string(a.body), "{{7*7}}") {
			t.Errorf("markup: %v", a)
		}
	}
	v := p.fresh()
	v.header.Set("User-Agent", hostile)
	v.login().want(http.StatusOK)
	if a := v.page("/account"); strings.Contains(string(a.body), "<script>alert") {
		t.Errorf("markup: %v", a)
	}
}

func TestOddTransportsAreNoFailure(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	long := strings.Repeat("x", 32)
	for name, transports := range map[string][]string{"none": {}, "sixteen": strings.Fields(strings.Repeat(long+" ", 16)), "seventeen": strings.Fields(strings.Repeat("usb ", 17)), "long": {long + "x"}} {
		start := p.post("/wan-register", fields{"name": name}).want(http.StatusOK)
		p.device = latchkeytest.NewAuthenticator()
		a := p.post(with("/wan-register", start), fields{"credential": p.create(start, func(c *latchkeytest.Ceremony) { c.Transports = transports })})
		if a.status != http.StatusOK && a.status != http.StatusBadRequest {
			t.Errorf("%s: %v", name, a)
		}
		if (name == "none" || name == "sixteen") && a.status != http.StatusOK {
			t.Errorf("%s: %v", name, a)
		}
	}
	for _, k := range p.get("/wan-register").at("registered_credentials").([]any) {
		m := k.(map[string]any)
		if list := strs(m["transports"]); len(list) > 16 || len(list) > 0 && len(list[0]) > 32 {
			t.Errorf("%v: %d transports", m["name"], len(list))
		}
	}
}
