package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/passkey"
)

// TestStory is the way of a person from their first visit to signing in with a passkey and giving it up again, for
// each kind of key.
func TestStory(t *testing.T) {
	for _, kind := range []struct {
		name string
		device
	}{
		{"resident, verifying its user", device{resident: true, verifies: true}},
		{"resident, a touch is enough", device{resident: true}},
		{"not resident, verifying its user", device{verifies: true}},
		{"not resident, a touch is enough", device{}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.clock.pass(-3 * time.Hour)
			b := s.tab()
			b.authenticator(kind.device)

			b.joined(ada, phrase)
			b.signOut()
			b.signIn(ada, phrase, "/account")

			b.open("/wan-register")
			b.says("page.wan-register.none")
			b.addPasskey("Blue key", "first")
			facts := b.passkeyFacts("Blue key")
			for what, want := range map[string]string{
				"usage": text(t, "page.usage.first.short"), text(t, "page.passkey.where"): text(t, "page.passkey.bound"),
				text(t, "page.passkey.transports"):   text(t, "page.transport.usb"),
				text(t, "page.passkey.discoverable"): yes(t, kind.resident), text(t, "page.passkey.verified"): yes(t, kind.verifies),
			} {
				if facts[what] != want {
					t.Errorf("the page says %q of %q, want %q", facts[what], what, want)
				}
			}
			if day := facts[text(t, "page.added")]; day == "" || strings.Contains(day, "UTC") {
				t.Errorf("added %q: not a day in the person's own words", day)
			}
			if used := facts[text(t, "page.last-used")]; used == "" || used == "this minute" {
				t.Errorf("last used %q, three hours after it was made", used)
			}
			s.clock.pass(3 * time.Hour)

			b.signOut()
			b.open("/login")
			b.fill("email", ada)
			b.leads("/account", b.usePasskey)

			b.signOut()
			b.open("/wan-signin")
			b.fill("identity", ada)
			b.leads("/account", b.usePasskey)

			b.signOut()
			for _, page := range []string{"/login", "/wan-signin"} {
				b.open(page)
				if !kind.resident {
					b.usePasskey()
					b.says("page.script.no-passkey")
					continue
				}
				b.leads("/account", b.usePasskey)
				b.signOut()
			}

			b.signIn(ada, phrase, "/account")
			b.open("/wan-register")
			if used := b.passkeyFacts("Blue key")[text(t, "page.last-used")]; used != "this minute" {
				t.Errorf("last used %q, want this minute", used)
			}
			b.removePasskey("Blue key")
			b.says("WEBAUTHN_CREDENTIAL_DELETED", "Name", "Blue key")
			b.says("page.wan-register.none")
		})
	}
}

func yes(t *testing.T, is bool) string {
	if is {
		return text(t, "page.yes")
	}
	return text(t, "page.no")
}

// onThisDevice is a site whose people keep their passkeys on their phones and computers.
func onThisDevice(c *latchkey.Config) { c.Policy = passkey.SyncedPasskeys{} }

// TestAutofill signs in with what the browser offers in the field: nothing is typed and nothing pressed.
func TestAutofill(t *testing.T) {
	t.Parallel()
	s := newSite(t, onThisDevice)
	b := s.tab()
	key := b.authenticator(device{resident: true, verifies: true, internal: true, synced: true})
	b.joined(ada, phrase)
	b.addPasskey("This computer", "first")
	facts := b.passkeyFacts("This computer")
	if got, want := facts[text(t, "page.passkey.where")], text(t, "page.passkey.synced"); got != want {
		t.Errorf("the page says %q of a synced passkey, want %q", got, want)
	}
	if got, want := facts[text(t, "page.passkey.transports")], text(t, "page.transport.internal"); got != want {
		t.Errorf("the page says %q of a passkey of this computer, want %q", got, want)
	}
	for _, page := range []string{"/login", "/wan-signin"} {
		b.signOut()
		b.open(page + "?next=/change")
		b.arrives("/change")
	}

	// While the offer is open and nobody takes it, the button works: the offer steps aside.
	for _, page := range []string{"/login", "/wan-signin"} {
		b.signOut()
		key.present(false)
		b.open(page)
		b.offers()
		b.later() // the key has been asked by now, and was silent
		key.present(true)
		b.leads("/account", b.usePasskey)
	}

	// And so does the password.
	b.signOut()
	key.present(false)
	b.signIn(ada, phrase, "/account")
}

// TestChooses: a person says what a passkey is called and what it is for. Nothing is chosen for them, and the browser
// itself says what is missing.
func TestChooses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	key := b.authenticator(device{resident: true, verifies: true})
	b.joined(ada, phrase)
	b.open("/wan-register")
	if n := eval[int](b, "document.querySelectorAll('input[type=radio]:checked').length"); n != 0 {
		t.Errorf("%d uses are chosen beforehand", n)
	}
	missing := "[...document.querySelectorAll('form[data-passkey] :invalid')].map((e) => e.name + ':' + e.validity.valueMissing).join()"
	b.usePasskey()
	if got := eval[string](b, missing); !strings.Contains(got, "name:true") || !strings.Contains(got, "usage:true") {
		t.Errorf("missing: %q, want the name and the usage", got)
	}
	if got := eval[string](b, "document.activeElement.name"); got != "name" {
		t.Errorf("the browser leads to %q, want the name", got)
	}
	b.fill("name", "Blue key")
	b.usePasskey()
	if got := eval[string](b, "document.activeElement.name"); got != "usage" {
		t.Errorf("the browser leads to %q, want the usage", got)
	}
	if n := len(key.passkeys()); n != 0 {
		t.Errorf("%d passkeys were made of an unfinished form", n)
	}
	b.click("#usage-secondary")
	b.leads("/wan-register", b.usePasskey)
	if got := b.passkeyFacts("Blue key")["usage"]; got != text(t, "page.usage.secondary.short") {
		t.Errorf("usage %q", got)
	}
}

// TestPlainCeremonies runs the pages that carry a ceremony themselves, which is where a form leads that no script has sent.
func TestPlainCeremonies(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.SigninTimeout = 2 * time.Second })
	b := s.tab()
	key := b.authenticator(device{resident: true, verifies: true})
	plainly := func() { eval[bool](b, "(document.querySelector('form[data-passkey]').submit(), true)") }
	b.joined(ada, phrase)
	b.open("/wan-register")
	b.fill("name", "Blue key")
	b.click("#usage-first")
	b.leads("/wan-register", func() {
		plainly()
		b.says("WEBAUTHN_REGISTER_SUCCESSFUL", "Name", "Blue key")
	})

	b.open("/wan-verify?next=/change")
	b.leads("/change", plainly)

	b.signOut()
	b.open("/wan-signin?next=/change")
	key.present(false)
	plainly()
	b.says("page.script.waiting")
	b.says("page.script.timeout")
	b.says("page.script.try-again")
	key.present(true)
	b.leads("/change", func() { b.click("form[data-ceremony] button") })
}
