package e2e

import (
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/passkey"
)

// TestStory is the way of a person from their first visit to signing in with a passkey and giving it up again, for
// each kind of key.
func TestStory(t *testing.T) {
	for _, kind := range []struct {
		name string
		device
		discoverable, verified string // as the page says it
	}{
		{"resident, verifying its user", device{resident: true, verifies: true}, "Works", "By PIN, finger or face"},
		{"resident, a touch is enough", device{resident: true}, "Works", "No, a touch is enough"},
		{"not resident, verifying its user", device{verifies: true}, "Needs your email", "By PIN, finger or face"},
		{"not resident, a touch is enough", device{}, "Needs your email", "No, a touch is enough"},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			b := s.tab()
			b.authenticator(kind.device)

			b.joined(ada, phrase)
			b.signOut()
			b.signIn(ada, phrase, "/account")

			b.open("/wan-register")
			b.sees("You have none yet.")
			b.addPasskey("Blue key", "first")
			facts := b.passkeyFacts("Blue key")
			for what, want := range map[string]string{
				"Usage": "Signs you in", "Kept": "On one device only", "Reached by": "USB", "Without your email": kind.discoverable,
				"Checks who you are": kind.verified, "Last used": "Never",
			} {
				if facts[what] != want {
					t.Errorf("the page says %q of %q, want %q", facts[what], what, want)
				}
			}
			if facts["Added"] == "" || strings.Contains(facts["Added"], "UTC") {
				t.Errorf("added %q: not a day in the person's own words", facts["Added"])
			}

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
					b.sees("This browser found no passkey for this site.")
					continue
				}
				b.leads("/account", b.usePasskey)
				b.signOut()
			}

			b.signIn(ada, phrase, "/account")
			b.open("/wan-register")
			if used := b.passkeyFacts("Blue key")["Last used"]; used != "this minute" {
				t.Errorf("last used %q, want this minute", used)
			}
			b.removePasskey("Blue key")
			b.sees("The passkey “Blue key” was deleted.")
			b.sees("You have none yet.")
		})
	}
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
	if facts["Kept"] != "Synced between your devices" || facts["Reached by"] != "This device" {
		t.Errorf("the page says %q, %q of a synced passkey of this computer", facts["Kept"], facts["Reached by"])
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
	if got := b.passkeyFacts("Blue key")["Usage"]; got != "Confirms a sign-in" {
		t.Errorf("usage %q", got)
	}
}

// TestPlainCeremonies runs the pages that carry a ceremony themselves, which is where a form leads that no script has sent.
func TestPlainCeremonies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	key := b.authenticator(device{resident: true, verifies: true})
	plainly := func() { eval[bool](b, "(document.querySelector('form[data-passkey]').submit(), true)") }
	b.joined(ada, phrase)
	b.open("/wan-register")
	b.fill("name", "Blue key")
	b.click("#usage-first")
	b.leads("/wan-register", func() {
		plainly()
		b.until("document.querySelector('h1')?.innerText === 'Your passkeys' || document.querySelector('.flash.good')")
	})
	b.sees("Your passkey “Blue key” was added.")

	b.open("/wan-verify?next=/change")
	b.leads("/change", plainly)

	b.signOut()
	b.open("/wan-signin?next=/change")
	key.present(false)
	plainly()
	b.sees("Waiting for your passkey…")
	b.leads("/change", func() {
		key.present(true)
		b.until("performance.now() > 500") // a press that soon is taken for the second of a double click
		b.click("form[data-ceremony] button")
	})
}
