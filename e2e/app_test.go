package e2e

import (
	"testing"
	"time"
)

// TestAppRoutes: the routes of an app lead to the proof that they ask for, and back.
func TestAppRoutes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.joined(ada, phrase)
	app := b.addApp(s)
	b.signOut()

	b.open("/app/page?x=1")
	b.arrives("/login")
	b.leads("/tf-validate", func() { b.givePassword(ada, phrase) })
	b.enter(app.code(), "/app/page")
	b.sees("This is the app.")
	if got := b.path(); got != "/app/page?x=1" {
		t.Errorf("landed on %s", got)
	}

	s.clock.pass(time.Hour)
	b.open("/app/page")
	b.arrives("/app/page")
	b.open("/app/fresh")
	b.arrives("/verify")
	b.fill("password", phrase)
	b.leads("/app/fresh", func() { b.click("form:has(#password) button[type=submit]") })

	// What is posted too late is not done; the person is told, and is back where the form is.
	s.clock.pass(time.Hour)
	b.leads("/verify", func() { b.click("button") })
	b.says("flash.not_done")
	b.fill("password", phrase)
	b.leads("/app/fresh", func() { b.click("form:has(#password) button[type=submit]") })
	b.sees("This is the app.")
	b.leads("/app/fresh", func() { b.click("button") })
	b.sees("It is done.")
}

// TestAppTwoFactors: a session that proved one factor is raised by the other, and a passkey that checked its user needs nothing more.
func TestAppTwoFactors(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	key := b.authenticator(device{resident: true, verifies: true})
	b.joined(ada, phrase)
	b.addPasskey("Blue key", "secondary")
	b.open("/app/two")
	b.arrives("/verify")
	b.says("page.verify.lead.two")
	b.leads("/app/two", b.usePasskey)
	b.sees("This is the app.")
	b.open("/account")
	b.signOut()

	b.joined(grace, phrase)
	app := b.addApp(s)
	b.open("/app/two")
	b.arrives("/verify")
	b.enter(app.code(), "/app/two")
	b.addPasskey("Her key", "first")
	b.signOut()
	for _, p := range key.passkeys() {
		if p.UserName == ada {
			key.forget(p.CredentialID)
		}
	}
	b.open("/login?next=/app/two")
	b.leads("/app/two", b.usePasskey)
}
