package e2e

import (
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
)

// stale makes every session one that proved itself too long ago, grace and all.
func (s *site) stale() { s.clock.pass(4 * time.Hour) }

// hourly is a site that asks again after an hour.
func hourly(c *latchkey.Config) { c.Freshness, c.FreshnessGrace = time.Hour, 0 }

// TestStale: after a while the person proves that it is still them, and lands where they were going.
func TestStale(t *testing.T) {
	for _, c := range []struct {
		name  string
		prove func(b *tab, a *app)
	}{
		{"passkey", func(b *tab, _ *app) { b.usePasskey() }},
		{"password", func(b *tab, _ *app) {
			b.fill("password", phrase)
			b.click("form:has(#password) button[type=submit]")
		}},
		{"code", func(b *tab, a *app) {
			b.fill("code", a.code())
			b.click("form:has(#code) button[type=submit]")
		}},
		{"passkey on its own page", func(b *tab, _ *app) {
			b.open("/wan-verify?next=" + "/wan-register%3Fx%3D1")
			b.usePasskey()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, hourly)
			b := s.tab()
			b.authenticator(device{resident: true, verifies: true})
			b.joined(ada, phrase)
			var a *app
			if c.name != "password" { // which alone would not do, beside an app
				a = b.addApp(s)
			}
			b.addPasskey("Blue key", "first")
			s.stale()
			b.open("/wan-register?x=1")
			b.arrives("/verify")
			b.says("REAUTHENTICATION_REQUIRED")
			b.leads("/wan-register", func() { c.prove(b, a) })
			if got := b.path(); got != "/wan-register?x=1" {
				t.Errorf("landed on %s", got)
			}
			b.says("REAUTHENTICATION_SUCCESSFUL")
			b.open("/tf-setup")
			b.arrives("/tf-setup")
		})
	}
}

// TestStaleMistakes: a wrong proof keeps the person on the page, and where they were going is kept too.
func TestStaleMistakes(t *testing.T) {
	t.Parallel()
	s := newSite(t, hourly)
	b := s.tab()
	b.joined(ada, phrase)
	s.stale()
	b.open("/tf-setup")
	b.arrives("/verify")
	b.fill("password", phrase2)
	b.leads("/verify", func() { b.click("form:has(#password) button[type=submit]") })
	b.faultAt("password", text(t, "INVALID_PASSWORD"))
	b.fill("password", phrase)
	b.leads("/tf-setup", func() { b.click("form:has(#password) button[type=submit]") })
}

// TestStaleForm: a form that was sent too late is not quietly sent again. The person proves it is them, and is back at the form.
func TestStaleForm(t *testing.T) {
	t.Parallel()
	s := newSite(t, hourly)
	b := s.tab()
	b.mayComplain(refused)
	key := b.authenticator(device{resident: true, verifies: true})
	b.joined(ada, phrase)
	b.open("/wan-register")
	b.fill("name", "Blue key")
	b.click("#usage-first")
	s.stale()
	b.leads("/verify", b.usePasskey)
	if n := len(key.passkeys()); n != 0 {
		t.Errorf("%d passkeys were made", n)
	}
	b.says("flash.not_done")
	b.fill("password", phrase)
	b.leads("/wan-register", func() { b.click("form:has(#password) button[type=submit]") })
	b.says("page.wan-register.none")
}

// TestSomebodyElsesPasskey: another account's passkey proves nothing here.
func TestSomebodyElsesPasskey(t *testing.T) {
	t.Parallel()
	s := newSite(t, hourly)
	b := s.tab()
	key := b.authenticator(device{resident: true, verifies: true})
	b.joined(grace, phrase)
	b.addPasskey("Grace's", "first")
	b.signOut()
	b.joined(ada, phrase)
	b.addPasskey("Ada's", "first")
	for _, p := range key.passkeys() {
		if p.UserName == ada {
			key.forget(p.CredentialID)
		}
	}
	s.stale()
	b.open("/tf-setup")
	b.arrives("/verify")
	b.usePasskey()
	b.says("page.script.no-passkey")
	b.open("/tf-setup")
	b.arrives("/verify")
}

// TestTwoTabs: who signs out in one tab is signed out in the other, whatever it still shows.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	one := s.tab()
	one.joined(ada, phrase)
	two := one.another()
	two.open("/wan-register")
	two.arrives("/wan-register")
	one.signOut()

	two.mayComplain(refused)
	two.authenticator(device{resident: true, verifies: true})
	two.fill("name", "Blue key")
	two.click("#usage-first")
	two.leads("/login", two.usePasskey)
	two.says("flash.not_done")
	two.leads("/wan-register", func() { two.givePassword(ada, phrase) })
	two.says("page.wan-register.none")

	// Signed in again in one tab, the other is as well.
	one.open("/login?next=/account")
	one.arrives("/account")
}

// TestOtherSessions: the account page ends the sign-ins of other browsers, one or all of them, at once.
func TestOtherSessions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	here := s.tab()
	here.joined(ada, phrase)
	phone, library := s.tab(), s.tab()
	phone.signIn(ada, phrase, "/account")

	here.open("/account")
	here.leads("/account", func() { here.click("form[action='/sessions/end']:has(input[name=id]) button") })
	phone.open("/account")
	phone.arrives("/login")
	phone.signIn(ada, phrase, "/account")
	library.signIn(ada, phrase, "/account")

	here.open("/account")
	here.leads("/account", func() { here.click("form[action='/sessions/end']:has(input[name=others]) button") })
	if n := eval[int](here, "document.querySelectorAll('form[action=\"/sessions/end\"] input[name=id]').length"); n != 0 {
		t.Errorf("%d other sessions are left", n)
	}
	for _, b := range []*tab{phone, library} {
		b.open("/account")
		b.arrives("/login")
	}

	// A new password ends the others, too.
	phone.signIn(ada, phrase, "/account")
	here.open("/change")
	here.fill("password", phrase)
	here.fill("new_password", phrase2)
	here.fill("new_password_confirm", phrase2)
	here.leads("/account", func() { here.click(submit("/change")) })
	phone.open("/account")
	phone.arrives("/login")
	s.mail.next(t, "password_changed")
}
