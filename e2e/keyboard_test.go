package e2e

import "testing"

// tabTo presses Tab until the focus is on what matches, and checks that each stop on the way can be seen.
func (b *tab) tabTo(selector string) {
	b.Helper()
	type stop struct {
		There, Seen bool
		What        string
	}
	for range 40 {
		b.press("\t")
		at := eval[stop](b, `(() => {
			const e = document.activeElement;
			const box = e.getBoundingClientRect(), style = getComputedStyle(e);
			const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
			return {
				There: e.matches(`+quote(selector)+`), What: e.outerHTML.slice(0, 160),
				Seen: e === document.body || (inside && e.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2),
			};
		})()`)
		if !at.Seen {
			b.Errorf("%s: the focus can't be seen on %s", b.path(), at.What)
		}
		if at.There {
			return
		}
	}
	b.Fatalf("%s: Tab does not lead to %s", b.path(), selector)
}

// begin types into the field of a new page that has the focus from the start.
func (b *tab) begin(selector, text string) {
	b.Helper()
	b.until("document.activeElement.matches(" + quote(selector) + ")")
	b.press(text)
}

// write types into the field that Tab leads to.
func (b *tab) write(selector, text string) {
	b.Helper()
	b.tabTo(selector)
	b.press(text)
}

// TestKeyboard makes an account, signs out and in, adds a passkey, uses it and deletes it without a mouse.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	key := b.authenticator(device{resident: true, verifies: true})

	b.open("/")
	b.leads("/register", func() {
		b.tabTo("main a[href^='/register']")
		b.press("\r")
	})
	b.begin("#email", ada)
	b.write("#password", phrase)
	b.write("#password_confirm", phrase)
	b.leads("/account", func() { b.press("\r") })

	b.leads("/wan-register", func() {
		b.tabTo("section[aria-labelledby=ways-in] a[href='/wan-register']")
		b.press("\r")
	})
	b.write("#name", "Blue key")
	b.tabTo("input[name=usage]")
	b.press(" ")
	b.until("document.querySelector('#usage-first').checked")
	b.leads("/wan-register", func() {
		b.tabTo(submit("/wan-register"))
		b.press("\r")
	})
	b.says("WEBAUTHN_REGISTER_SUCCESSFUL", "Name", "Blue key")
	if n := len(key.passkeys()); n != 1 {
		t.Fatalf("the key holds %d passkeys", n)
	}

	signOut := func() {
		t.Helper()
		b.leads("/", func() {
			b.tabTo(".top button")
			b.press("\r")
		})
	}
	signOut()
	b.leads("/login", func() {
		b.tabTo("main a[href^='/login']")
		b.press("\r")
	})
	// Enter in the field of the address sends the form that it is in: the password is asked for.
	b.begin("#email", ada)
	b.write("#password", phrase)
	b.leads("/account", func() { b.press("\r") })
	signOut()
	b.open("/login")
	b.until("document.activeElement.id === 'email'")
	eval[bool](b, "(document.activeElement.blur(), true)")
	b.leads("/account", func() {
		b.tabTo("form[data-passkey] button")
		b.press("\r")
	})

	b.open("/wan-register")
	b.tabTo("summary")
	b.press("\r")
	b.until("document.querySelector('details').open")
	b.leads("/wan-register", func() {
		b.tabTo(submit("/wan-delete"))
		b.press("\r")
	})
	b.says("WEBAUTHN_CREDENTIAL_DELETED", "Name", "Blue key")
}

// TestKeyboardSecondStep sets up an authenticator app and signs in with it without a mouse.
func TestKeyboardSecondStep(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.joined(ada, phrase)
	b.open("/tf-setup")
	b.leads("/tf-setup", func() {
		b.tabTo("form:has(input[value=authenticator]) button")
		b.press("\r")
	})
	app := b.scan(s)
	b.begin("#code", app.code())
	b.leads("/tf-setup", func() { b.press("\r") })
	b.leads("/", func() {
		b.tabTo(".top button")
		b.press("\r")
	})
	b.open("/login")
	b.begin("#email", ada)
	b.write("#password", phrase)
	b.leads("/tf-validate", func() { b.press("\r") })
	b.begin("#code", app.code())
	b.leads("/account", func() { b.press("\r") })
}

// TestSkip: the first Tab of each page offers to go past its head.
func TestSkip(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.joined(ada, phrase)
	b.press("\t")
	if got := b.reads(":focus"); got != text(t, "page.skip") {
		t.Errorf("the first Tab leads to %q", got)
	}
	b.press("\r")
	b.until("document.activeElement.id === 'main'")
}

// TestReveal: a password can be looked at, and is hidden again before it is sent.
func TestReveal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.open("/login")
	b.fill("email", ada)
	b.fill("password", phrase)
	button := "[data-reveal=password]"
	b.click(button)
	if kind := eval[string](b, "document.querySelector('#password').type"); kind != "text" {
		t.Errorf("the field is of type %q", kind)
	}
	if got := b.reads(button); !contains(got, text(t, "page.script.hide")) {
		t.Errorf("the button says %q", got)
	}
	b.click(button)
	if kind := eval[string](b, "document.querySelector('#password').type"); kind != "password" {
		t.Errorf("the field is of type %q", kind)
	}
}
