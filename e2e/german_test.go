package e2e

import "testing"

// TestScreenshotsGerman looks at pages whose words are longer.
func TestScreenshotsGerman(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.authenticator(device{resident: true, verifies: true})
	b.joined(ada, phrase)
	b.addPasskey("Blauer Schlüssel", "first")
	app := b.addApp(s)
	b.addPhone(s, "+44 20 7946 0000")

	b.speaks("de")
	b.open("/account")
	if lang := eval[string](b, "document.documentElement.lang"); lang != "de" {
		t.Fatalf("the page is in %q", lang)
	}
	b.show("german-account")
	b.open("/wan-register")
	b.click("summary")
	b.show("german-passkeys")
	b.open("/tf-setup")
	b.show("german-second-steps")
	b.open("/mf-recovery-codes")
	b.show("german-recovery-codes")
	b.open("/change")
	b.show("german-change")
	b.open("/verify")
	b.show("german-verify")
	b.signOut()
	b.show("german-landing")
	b.open("/register")
	b.show("german-register")
	b.signIn(ada, phrase, "/tf-select")
	b.show("german-second-select")
	b.leads("/tf-validate", func() { b.click("button[value=authenticator]") })
	b.show("german-second-app")
	b.enter(app.code(), "/account")
	b.signOut()
	b.open("/login")
	b.show("german-login")
}
