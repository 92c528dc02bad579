package e2e

import (
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/signin"
)

// refused is what the browser writes to its console when the site answers a script's request with that status.
const refused = "the server responded with a status of 4"

// progress is what the form for a passkey says, and how loudly.
func (b *tab) progress() (text, kind string) {
	b.Helper()
	p := eval[[]string](b, "(() => { const p = document.querySelector('form[data-passkey] [data-progress]'); return [p.innerText, p.dataset.kind ?? '']; })()")
	return p[0], p[1]
}

// TestCancel: who closes the browser's dialog is told nothing alarming, and can try again.
func TestCancel(t *testing.T) {
	t.Parallel()
	var told ceremonies
	s := newSite(t, func(c *latchkey.Config) { c.OnCeremony = told.hear })
	b := s.tab()
	b.authenticator(device{resident: true, verifies: true})
	// The dialog of a virtual authenticator can't be closed; what the page then gets to hear can be said.
	b.onEveryPage(`(() => {
		for (const name of ['get', 'create']) {
			const real = navigator.credentials[name].bind(navigator.credentials);
			navigator.credentials[name] = (options) => {
				if (!window.cancels || options.mediation === 'conditional') return real(options);
				return new Promise((_, refuse) => setTimeout(refuse, 1000, new DOMException('The operation either timed out or was not allowed.', 'NotAllowedError')));
			};
		}
	})()`)
	cancelled := func() {
		t.Helper()
		eval[bool](b, "window.cancels = true")
		b.usePasskey()
		b.says("page.script.waiting")
		b.says("page.script.cancelled")
		if _, kind := b.progress(); kind != "quiet" {
			t.Errorf("at %s a cancel is told as %q", b.path(), kind)
		}
		if b.has(".flash.bad") || b.has(".fault") {
			t.Errorf("at %s a cancel is told as a fault:\n%s", b.path(), b.reads("main"))
		}
		eval[bool](b, "(window.cancels = false, true)")
	}
	b.joined(ada, phrase)
	b.open("/wan-register")
	b.fill("name", "Blue key")
	b.click("#usage-first")
	cancelled()
	b.leads("/wan-register", b.usePasskey)
	b.says("WEBAUTHN_REGISTER_SUCCESSFUL", "Name", "Blue key")

	b.open("/verify")
	cancelled()
	b.leads("/account", b.usePasskey)

	b.signOut()
	for _, page := range []string{"/login", "/wan-signin"} {
		b.open(page)
		cancelled()
		b.leads("/account", b.usePasskey)
		b.signOut()
	}
	// the site has heard of each, and of no autofill that the button put aside
	want := map[string]int{"create cancelled": 1, "get cancelled": 3, "register ok": 1, "verify ok": 1, "signin ok": 2}
	b.await(func() bool { return maps.Equal(told.counts(), want) }, "the site was told %v, want %v", told.counts(), want)
}

// ceremonies counts what a site is told of.
type ceremonies struct {
	mu   sync.Mutex
	seen map[string]int
}

func (c *ceremonies) hear(one signin.Ceremony) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string]int{}
	}
	c.seen[one.Kind+" "+one.Outcome]++
}

func (c *ceremonies) counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.seen)
}

// TestTimeout: nobody touches the key.
func TestTimeout(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.SigninTimeout = 2 * time.Second })
	b := s.tab()
	key := b.authenticator(device{resident: true, verifies: true})
	b.joined(ada, phrase)
	b.addPasskey("Blue key", "first")
	b.signOut()
	b.open("/wan-signin")
	key.present(false)
	b.usePasskey()
	b.says("page.script.timeout")
	if _, kind := b.progress(); kind != "quiet" {
		t.Errorf("nothing happening is told as %q", kind)
	}
	key.present(true)
	b.leads("/account", b.usePasskey)
}

// TestNoPasskeyHere: the browser holds none for this site.
func TestNoPasskeyHere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	key := b.authenticator(device{resident: true, verifies: true})
	b.open("/login")
	b.usePasskey()
	b.says("page.script.no-passkey")
	if _, kind := b.progress(); kind != "bad" {
		t.Errorf("that there is none is told as %q", kind)
	}

	// The account has one, and it is elsewhere.
	b.joined(ada, phrase)
	b.addPasskey("Blue key", "first")
	b.signOut()
	key.forgets()
	b.open("/wan-signin")
	b.fill("identity", ada)
	b.usePasskey()
	b.says("page.script.no-passkey")
}

// TestOffline: the site can't be reached for a while.
func TestOffline(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.mayComplain("net::ERR_")
	b.authenticator(device{resident: true, verifies: true})
	b.joined(ada, phrase)
	b.addPasskey("Blue key", "first")
	b.signOut()
	b.open("/wan-signin")
	s.down.Store(true)
	b.fill("identity", ada)
	b.usePasskey()
	b.says("page.script.network")
	s.down.Store(false)
	b.later()
	b.leads("/account", b.usePasskey)
}

// TestAlreadyRegistered: a key is not registered twice for the same account.
func TestAlreadyRegistered(t *testing.T) {
	t.Parallel()
	for _, d := range []device{{resident: true, verifies: true}, {}} {
		s := newSite(t)
		b := s.tab()
		key := b.authenticator(d)
		b.joined(ada, phrase)
		b.addPasskey("Blue key", "first")
		b.fill("name", "The same")
		b.click("#usage-secondary")
		b.usePasskey()
		b.says("page.script.already-registered")
		if n := len(key.passkeys()); n != 1 {
			t.Errorf("the key holds %d passkeys", n)
		}
		b.open("/wan-register")
		if facts := b.passkeyFacts("The same"); len(facts) != 0 {
			t.Errorf("it is listed twice: %v", facts)
		}
	}
}

// TestUnknownPasskey: a passkey that was deleted on the site is refused in plain words, and the browser is told to forget it.
func TestUnknownPasskey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	key := b.authenticator(device{resident: true, verifies: true})
	b.joined(ada, phrase)
	b.addPasskey("Blue key", "first")
	b.signOut()

	elsewhere := s.tab()
	elsewhere.signIn(ada, phrase, "/account")
	elsewhere.removePasskey("Blue key")

	b.open("/login?next=/change")
	b.leads("/wan-signin", b.usePasskey)
	b.says("WEBAUTHN_UNKNOWN_CREDENTIAL_ID")
	if got := eval[string](b, "new URLSearchParams(location.search).get('next') ?? ''"); got != "/change" {
		t.Errorf("next is %q afterwards, want /change", got)
	}
	b.holds(key, 0)
	b.usePasskey()
	b.says("page.script.no-passkey")

	b.open("/login?next=/change")
	b.leads("/change", func() { b.givePassword(ada, phrase) })
}

// TestDeletedPasskey: the browser is told what an account has left, so that it stops offering what was deleted here.
func TestDeletedPasskey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	key := b.authenticator(device{resident: true, verifies: true})
	b.joined(ada, phrase)
	b.addPasskey("Blue key", "first")
	b.holds(key, 1)
	b.removePasskey("Blue key")
	b.holds(key, 0)
}

// holds waits until the key has that many passkeys.
func (b *tab) holds(key *authenticator, n int) {
	b.Helper()
	b.await(func() bool { return len(key.passkeys()) == n }, "the key holds %d passkeys", n)
}

// TestWrongUse: a second step's passkey starts no sign-in, and a first one is not taken for the second step.
func TestWrongUse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.authenticator(device{resident: true, verifies: true})
	b.joined(ada, phrase)
	b.addPasskey("Blue key", "secondary")
	b.signOut()
	b.open("/wan-signin")
	b.leads("/wan-signin", b.usePasskey)
	b.says("WEBAUTHN_CREDENTIAL_WRONG_USAGE")
	b.open("/account")
	b.arrives("/login")
}

// TestPasskeyNames: what the site finds wrong with a passkey's name stands at the field.
func TestPasskeyNames(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.mayComplain(refused)
	key := b.authenticator(device{verifies: true})
	b.joined(ada, phrase)
	b.addPasskey("Blue key", "first")
	for _, c := range []struct{ name, says string }{
		{"Blue key", text(t, "WEBAUTHN_NAME_INUSE")},
		{"<b>Blue</b>", text(t, "INVALID_INPUT")},
		{"   ", text(t, "WEBAUTHN_NAME_REQUIRED")},
	} {
		b.open("/wan-register")
		b.fill("name", c.name)
		b.click("#usage-secondary")
		b.usePasskey()
		b.sees(c.says)
		b.faultAt("name", c.says)
	}
	if n := eval[int](b, "document.querySelector('#name').maxLength"); n != 64 {
		t.Errorf("the field takes %d characters", n)
	}
	if n := len(key.passkeys()); n != 1 {
		t.Errorf("the key holds %d passkeys", n)
	}
}

// faultAt checks that the field says what is wrong with it, to eyes and to screen readers.
func (b *tab) faultAt(name, says string) {
	b.Helper()
	got := eval[[]string](b, `(() => {
		const field = document.querySelector('input[name='+JSON.stringify(`+quote(name)+`)+']:not([type=hidden])');
		const by = (field.getAttribute('aria-describedby') ?? '').split(' ').map((id) => document.getElementById(id)?.innerText ?? '').join(' ');
		return [field.getAttribute('aria-invalid') ?? '', by.replace(/\s+/g, ' ')];
	})()`)
	if got[0] != "true" || !contains(got[1], says) {
		b.Errorf("field %s: aria-invalid %q, described by %q, want %q", name, got[0], got[1], says)
	}
}

// TestForms: what is wrong with a form is said at its fields, and what was typed is still there.
func TestForms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.joined(grace, phrase)
	b.signOut()

	b.open("/register?next=/change")
	again := func(email, password, confirm string) {
		t.Helper()
		b.leads("/register", func() {
			b.fill("email", email)
			b.fill("password", password)
			b.fill("password_confirm", confirm)
			b.click(submit("/register"))
		})
		if got := eval[string](b, "document.querySelector('#email').value"); got != email {
			t.Errorf("the address is gone: %q", got)
		}
		if got := eval[string](b, "document.querySelector('#password').value"); got != "" {
			t.Errorf("the password came back: %q", got)
		}
		if title := eval[string](b, "document.title"); !contains(title, text(t, "page.problem")) {
			t.Errorf("title %q", title)
		}
	}
	again(ada, "password1", "password1")
	b.faultAt("password", text(t, "PASSWORD_TOO_COMMON"))
	again(ada, phrase, phrase2)
	b.faultAt("password_confirm", text(t, "PASSWORD_MISMATCH"))
	again(grace, phrase2, phrase2)
	b.faultAt("email", text(t, "EMAIL_INUSE"))
	b.fill("email", ada)
	b.fill("password", phrase)
	b.fill("password_confirm", phrase)
	b.leads("/change", func() { b.click(submit("/register")) })

	b.fill("password", phrase2)
	b.fill("new_password", phrase2)
	b.fill("new_password_confirm", phrase2)
	b.leads("/change", func() { b.click(submit("/change")) })
	b.faultAt("password", text(t, "INVALID_PASSWORD"))
	b.fill("password", phrase)
	b.fill("new_password", phrase2)
	b.fill("new_password_confirm", phrase2)
	b.leads("/account", func() { b.click(submit("/change")) })
	b.signOut()

	b.open("/login?next=/change")
	b.leads("/login", func() { b.givePassword(ada, phrase) })
	b.says("GENERIC_AUTHN_FAILED")
	b.leads("/change", func() { b.givePassword(ada, phrase2) })
}
