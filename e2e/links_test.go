package e2e

import (
	"regexp"
	"testing"

	"github.com/latchkey-auth/latchkey"
)

// TestConfirm: where addresses are confirmed first, an account begins with the link in a mail, and an address that has one
// gets another mail and the same page.
func TestConfirm(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.Confirmable = true })
	b := s.tab()
	ask := func() string {
		t.Helper()
		b.open("/register")
		b.fill("email", ada)
		b.leads("/register", func() { b.click(submit("/register")) })
		b.says("flash.check_mail")
		return b.reads("main")
	}
	first := ask()
	link := regexp.MustCompile(`http\S+`).FindString(s.mail.next(t, "confirm").Text)
	b.openLink(link)
	b.says("page.confirm.lead", "Email", ada)
	b.fill("password", "password1")
	b.fill("password_confirm", "password1")
	b.click("main form button.primary")
	b.says("PASSWORD_TOO_COMMON")
	b.fill("password", phrase)
	b.fill("password_confirm", phrase)
	b.leads("/account", func() { b.click("main form button.primary") })
	b.signOut()

	b.openLink(link)
	b.fill("password", phrase2)
	b.fill("password_confirm", phrase2)
	b.leads(eval[string](b, "location.pathname"), func() { b.click("main form button.primary") })
	b.says("EMAIL_INUSE")
	if again := ask(); again != first {
		t.Errorf("the page gives away that there is an account:\n%s\ninstead of\n%s", again, first)
	}
	s.mail.next(t, "registered_already")
	b.signIn(ada, phrase, "/account")
}

// TestRecoveryLink: the operator's link lets in who lost everything, once.
func TestRecoveryLink(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.authenticator(device{resident: true, verifies: true})
	b.joined(ada, phrase)
	b.addPasskey("Blue key", "first")
	b.addApp(s)
	link, err := s.auth.RecoveryLink(t.Context(), ada)
	if err != nil {
		t.Fatal(err)
	}

	elsewhere := s.tab()
	elsewhere.openLink(link)
	elsewhere.fill("new_password", phrase2)
	elsewhere.fill("new_password_confirm", phrase2)
	elsewhere.click("#end_sessions")
	elsewhere.click("#reset_factors")
	elsewhere.leads("/wan-register", func() { elsewhere.click("main form button.primary") })
	elsewhere.says("flash.password_set")
	elsewhere.says("page.wan-register.none")
	elsewhere.signOut()
	elsewhere.signIn(ada, phrase2, "/account")

	b.open("/account")
	b.arrives("/login")
	b.openLink(link)
	b.arrives("/login")
	b.says("flash.link_dead")
}
