package e2e

import (
	"strconv"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
)

func required(c *latchkey.Config) { c.TwoFactorRequired = true }

// TestRequiredApp: where everybody needs a second factor, a new account sets one up on its way in: here an app.
func TestRequiredApp(t *testing.T) {
	t.Parallel()
	s := newSite(t, required)
	b := s.tab()
	b.open("/change")
	b.arrives("/login")
	b.leads("/register", func() { b.click("main a[href^='/register']") })
	b.fill("email", ada)
	b.fill("password", phrase)
	b.fill("password_confirm", phrase)
	b.leads("/tf-setup", func() { b.click(submit("/register")) })
	b.says("page.tf-setup.lead.required")
	b.open("/account")
	b.arrives("/login")

	b.open("/tf-setup?next=/change")
	b.setUp("authenticator")
	app := b.scan(s)
	b.enter("000000", "/tf-validate")
	b.faultAt("code", text(t, "TWO_FACTOR_INVALID_TOKEN"))
	b.enter(app.code(), "/change")
	b.signOut()
	b.signIn(ada, phrase, "/tf-validate")
	b.enter(app.code(), "/account")

	// It can't be taken away again.
	b.open("/tf-setup")
	if b.has("details summary") {
		t.Error("the only second factor may be removed")
	}
}

// TestRequiredPasskey: the same with a passkey, which then confirms the sign-in that it was made in.
func TestRequiredPasskey(t *testing.T) {
	t.Parallel()
	s := newSite(t, required)
	b := s.tab()
	b.authenticator(device{verifies: true})
	b.open("/register?next=/change")
	b.fill("email", ada)
	b.fill("password", phrase)
	b.fill("password_confirm", phrase)
	b.leads("/tf-setup", func() { b.click(submit("/register")) })
	b.fill("name", "Blue key")
	if b.has("input[name=usage]:not([type=hidden])") {
		t.Error("the person is asked what it is for, and has no choice")
	}
	b.leads("/wan-signin", b.usePasskey)
	b.says("page.wan-signin.secondary")
	b.leads("/change", b.usePasskey)
	b.signOut()
	b.signIn(ada, phrase, "/wan-signin")
	b.leads("/account", b.usePasskey)

	// The last one stays.
	b.removePasskey("Blue key")
	b.says("LAST_SECOND_FACTOR")
	if facts := b.passkeyFacts("Blue key"); len(facts) == 0 {
		t.Error("the last second factor is gone")
	}
}

// TestRequiredAfterAll: an account from before second factors were required has a strong passkey. The password alone must
// not lead to setting up another factor: that passkey is the second step.
func TestRequiredAfterAll(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.authenticator(device{resident: true, verifies: true})
	b.joined(ada, phrase)
	b.addPasskey("Blue key", "first")
	b.signOut()

	s.configure(required)
	b.signIn(ada, phrase, "/wan-signin")
	b.says("page.wan-signin.secondary")
	b.open("/tf-setup")
	b.arrives("/login")
	b.signIn(ada, phrase, "/wan-signin")
	b.leads("/account", b.usePasskey)
	b.signOut()
	b.open("/login")
	b.leads("/account", b.usePasskey)
}

// TestRememberedDevice: where the site allows it, a browser that was told to is not asked again, until its owner says so.
func TestRememberedDevice(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.TwoFactorAlwaysValidate = false })
	b := s.tab()
	b.joined(ada, phrase)
	app := b.addApp(s)
	b.signOut()

	b.open("/login")
	b.click("#remember")
	b.leads("/tf-validate", func() { b.givePassword(ada, phrase) })
	b.enter(app.code(), "/account")
	b.signOut()
	b.signIn(ada, phrase, "/account")

	elsewhere := s.tab()
	elsewhere.signIn(ada, phrase, "/tf-validate")

	s.clock.pass(31 * 24 * time.Hour)
	b.open("/account")
	b.arrives("/login")
	b.signIn(ada, phrase, "/tf-validate")
	b.open("/login")
	b.click("#remember")
	b.leads("/tf-validate", func() { b.givePassword(ada, phrase) })
	b.enter(app.code(), "/account")

	// The account page lists it, and forgets it.
	forget := "form[action='/sessions/end']:has(button) button:not(.danger)"
	row := eval[int](b, `1 + [...document.querySelectorAll('section[aria-labelledby=sessions] li.row')].findIndex((r) => r.innerText.includes(`+quote(text(t, "page.session.device"))+`))`)
	if row == 0 {
		t.Fatalf("the remembered device is not listed:\n%s", b.reads("main"))
	}
	b.leads("/account", func() {
		b.click("section[aria-labelledby=sessions] li.row:nth-child(" + strconv.Itoa(row) + ") " + forget)
	})
	b.signOut()
	b.signIn(ada, phrase, "/tf-validate")
}
