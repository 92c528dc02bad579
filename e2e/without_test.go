package e2e

import (
	"testing"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/message"
)

// TestWithoutScript: with JavaScript off the pages say what does not work, offer no button for it, and all else works.
func TestWithoutScript(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.scripts(false)
	b.joined(ada, phrase)
	b.open("/wan-register")
	b.says("page.no-script")
	b.noPasskeyButton()
	app := b.addApp(s)
	codes := b.recoveryCodes()
	if len(codes) != 5 {
		t.Errorf("%d recovery codes", len(codes))
	}
	b.open("/verify")
	b.fill("password", phrase)
	b.leads("/account", func() { b.click("form:has(#password) button[type=submit]") })
	b.signOut()

	for _, page := range []string{"/login", "/wan-signin"} {
		b.open(page)
		b.says("page.no-script")
		b.noPasskeyButton()
	}
	b.leads("/login", func() { b.click("a[href='/login']") })
	b.leads("/tf-validate", func() { b.givePassword(ada, phrase) })
	b.enter(app.code(), "/account")
	b.signOut()
	b.signIn(ada, phrase, "/tf-validate")
	b.leads("/tf-rescue", func() { b.click("a[href^='/tf-rescue']") })
}

// TestWithoutWebAuthn: the same where the browser knows no passkeys, or the page came over a connection where it allows none.
func TestWithoutWebAuthn(t *testing.T) {
	for _, c := range []struct {
		name, script string
		says         message.Key
	}{
		{"an old browser", "delete window.PublicKeyCredential", "page.script.not-supported"},
		{"no https", "Object.defineProperty(window, 'isSecureContext', {value: false})", "page.script.insecure"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			b := s.tab()
			b.onEveryPage(c.script)
			b.joined(ada, phrase)
			b.open("/wan-register")
			b.says(c.says)
			b.noPasskeyButton()
			b.signOut()
			for _, page := range []string{"/wan-signin", "/login"} {
				b.open(page)
				b.says(c.says)
				b.noPasskeyButton()
			}
			b.leads("/account", func() { b.givePassword(ada, phrase) })
		})
	}
}

// TestPasskeyElsewhere: who has a passkey and comes with a browser that knows none is told so at each step, and has another way.
func TestPasskeyElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.authenticator(device{resident: true, verifies: true})
	b.joined(ada, phrase)
	b.addPasskey("Blue key", "secondary")
	codes := b.recoveryCodes()

	old := s.tab()
	old.onEveryPage("delete window.PublicKeyCredential")
	old.signIn(ada, phrase, "/wan-signin")
	old.says("page.script.not-supported")
	old.noPasskeyButton()
	old.leads("/mf-recovery", func() { old.click("a[href^='/mf-recovery']") })
	old.enter(codes[0], "/account")
	old.open("/verify")
	old.says("page.script.not-supported")
	old.noPasskeyButton()
}

// TestNoFirstFactor: where a passkey may not start a sign-in, the pages do not speak of it.
func TestNoFirstFactor(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.AllowAsFirstFactor = false })
	b := s.tab()
	b.authenticator(device{resident: true, verifies: true})
	b.open("/login")
	b.noPasskeyButton()
	b.joined(ada, phrase)
	b.open("/wan-register")
	if b.has("#usage-first") {
		t.Error("a use is offered that the site does not allow")
	}
	b.fill("name", "Blue key")
	b.leads("/wan-register", b.usePasskey)
	b.signOut()
	b.signIn(ada, phrase, "/wan-signin")
	b.leads("/account", b.usePasskey)
}

// noPasskeyButton checks that the page offers nothing that would not work.
func (b *tab) noPasskeyButton() {
	b.Helper()
	if b.has("form[data-passkey] button") || b.has("form[data-ceremony] button") {
		b.Errorf("%s has a button for passkeys:\n%s", b.path(), b.reads("main"))
	}
}
