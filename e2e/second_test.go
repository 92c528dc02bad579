package e2e

import (
	"errors"
	"testing"
)

// TestSecondPasskey: after the password a passkey is asked for, and where the person was going is not forgotten.
func TestSecondPasskey(t *testing.T) {
	t.Parallel()
	for _, d := range []device{{}, {resident: true, verifies: true, internal: true}} {
		s := newSite(t)
		b := s.tab()
		key := b.authenticator(d)
		b.joined(ada, phrase)
		b.addPasskey("Blue key", "secondary")
		s.mail.next(t, "passkey_added")
		b.signOut()

		key.present(false) // or else it answers what the sign-in page offers in its field
		b.open("/change")
		b.arrives("/login")
		b.leads("/wan-signin", func() { b.givePassword(ada, phrase) })
		key.present(true)
		b.leads("/change", b.usePasskey)

		// A sign-in that waits opens nothing, and can be dropped.
		b.signOut()
		key.present(false)
		b.signIn(ada, phrase, "/wan-signin")
		b.open("/account")
		b.arrives("/login")
		b.open("/wan-signin")
		b.leads("/", func() { b.click(".leave button") })
		b.open("/tf-select")
		b.arrives("/login")
		b.says("TWO_FACTOR_PERMISSION_DENIED")

		// The key was left at home.
		b.signIn(ada, phrase, "/wan-signin")
		key.present(true)
		key.forgets()
		b.usePasskey()
		b.says("page.script.no-passkey")
	}
}

// TestApp: an authenticator app, from its picture to the sign-in.
func TestApp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.joined(ada, phrase)
	b.open("/tf-setup")
	b.setUp("authenticator")
	if !b.has("svg.qr") {
		t.Error("there is no picture to scan")
	}
	b.click("details summary")
	if !b.has("#key") {
		t.Error("there is no key to type")
	}
	b.enter("000000", "/tf-setup")
	b.says("TWO_FACTOR_INVALID_TOKEN")
	b.open("/tf-setup")
	b.setUp("authenticator")
	app := b.scan(s)
	b.enter(app.code(), "/tf-setup")
	b.says("TWO_FACTOR_CHANGE_METHOD_SUCCESSFUL")
	s.mail.next(t, "factor_added")
	b.signOut()

	b.signIn(ada, phrase, "/tf-validate")
	b.enter("000000", "/tf-validate")
	b.faultAt("code", text(t, "TWO_FACTOR_INVALID_TOKEN"))
	code := app.code()
	b.enter(" "+code[:3]+" "+code[3:]+" ", "/account")
	b.signOut()

	// A code that was seen over a shoulder is worth nothing.
	b.signIn(ada, phrase, "/tf-validate")
	b.enter(code, "/tf-validate")
	b.faultAt("code", text(t, "TWO_FACTOR_INVALID_TOKEN"))
	b.enter(app.code(), "/account")

	b.open("/tf-setup")
	b.click("details summary")
	b.leads("/tf-setup", func() { b.click("form:has(input[value=disable]) button") })
	b.says("TWO_FACTOR_DISABLED")
	s.mail.next(t, "factor_removed")
	b.signOut()
	b.signIn(ada, phrase, "/account")
}

// TestSentCodes: codes by email and by text message.
func TestSentCodes(t *testing.T) {
	for _, c := range []struct {
		name, channel, to string
		add               func(*tab, *site)
	}{
		{"email", "email", ada, func(b *tab, s *site) { b.addEmail(s) }},
		{"text message", "sms", "+442079460000", func(b *tab, s *site) { b.addPhone(s, "+44 20 7946 0000") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			b := s.tab()
			b.joined(ada, phrase)
			c.add(b, s)
			b.says("TWO_FACTOR_CHANGE_METHOD_SUCCESSFUL")
			b.signOut()

			b.signIn(ada, phrase, "/tf-validate")
			first := s.mail.next(t, "code")
			if string(first.Channel) != c.channel || first.To != c.to {
				t.Errorf("the code went by %s to %s, want %s, %s", first.Channel, first.To, c.channel, c.to)
			}
			if body := b.reads("main"); contains(body, first.Code) || contains(body, c.to) {
				t.Errorf("the page gives away the code or where it went:\n%s", body)
			}
			b.leads("/tf-validate", func() { b.click("form:has(input[name=which]) button") })
			second := s.mail.next(t, "code")
			if first.Code != second.Code {
				b.enter(first.Code, "/tf-validate")
				b.faultAt("code", text(t, "TWO_FACTOR_INVALID_TOKEN"))
			}
			b.enter(second.Code[:3]+"-"+second.Code[3:], "/account")
			b.signOut()

			b.mayComplain("503")
			s.mayLog("the line is dead")
			s.mail.breaks(errors.New("the line is dead"))
			b.open("/login")
			b.leads("/login", func() { b.givePassword(ada, phrase) })
			b.says("FAILED_TO_SEND_CODE")
		})
	}
}

// TestWrongPhone: a number that is none is said at its field.
func TestWrongPhone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.joined(ada, phrase)
	b.open("/tf-setup")
	b.fill("phone", "12")
	b.setUp("sms")
	b.faultAt("phone", text(t, "PHONE_INVALID"))
	if got := eval[string](b, "document.querySelector('#phone').value"); got != "12" {
		t.Errorf("what was typed is gone: %q", got)
	}
}

// TestSelect: several second factors, and a person who changes their mind.
func TestSelect(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.authenticator(device{verifies: true})
	b.joined(ada, phrase)
	app := b.addApp(s)
	b.addEmail(s)
	b.addPhone(s, "+442079460000")
	b.addPasskey("Blue key", "secondary")
	b.signOut()
	choose := func(method, path string) {
		t.Helper()
		b.leads(path, func() { b.click("button[name=which][value=" + method + "]") })
	}

	b.open("/login?next=/change")
	b.leads("/tf-select", func() { b.givePassword(ada, phrase) })
	offered := eval[[]string](b, "[...document.querySelectorAll('button[name=which]')].map((b) => b.value)")
	if len(offered) != 4 {
		t.Errorf("offered: %v", offered)
	}
	choose("email", "/tf-validate")
	mailed := s.mail.next(t, "code")
	b.leads("/tf-select", func() { b.click("a[href^='/tf-select']") })
	choose("sms", "/tf-validate")
	s.mail.next(t, "code")
	b.enter(mailed.Code, "/tf-validate") // the choice that was given up is worth nothing
	b.faultAt("code", text(t, "TWO_FACTOR_INVALID_TOKEN"))
	b.leads("/tf-select", func() { b.click("a[href^='/tf-select']") })
	choose("webauthn", "/wan-signin")
	b.leads("/tf-select", func() { b.click("a[href^='/tf-select']") })
	choose("authenticator", "/tf-validate")
	b.enter(app.code(), "/change")

	b.signOut()
	b.signIn(ada, phrase, "/tf-select")
	choose("webauthn", "/wan-signin")
	b.leads("/account", b.usePasskey)
}

// TestVerifiedPasskey: a passkey that checked who its user is counts as both factors; one that a touch unlocks does not.
func TestVerifiedPasskey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	key := b.authenticator(device{resident: true, verifies: true})
	b.joined(ada, phrase)
	b.addPasskey("Blue key", "first")
	app := b.addApp(s)
	b.signOut()
	b.open("/login")
	b.leads("/account", b.usePasskey)
	b.signOut()
	key.touchOnly()
	b.open("/login")
	b.leads("/tf-validate", b.usePasskey)
	b.enter(app.code(), "/account")
}
