package e2e

import (
	"strings"
	"time"

	"github.com/pquerna/otp/totp"
)

// What a person does with Latchkey.

const (
	ada     = "ada@example.org"
	grace   = "grace@example.org"
	phrase  = "a quiet harbour at dawn"
	phrase2 = "two herons over the weir"
)

// join makes an account, and is signed in then.
func (b *tab) join(email, password string) {
	b.Helper()
	b.open("/register")
	b.fill("email", email)
	b.fill("password", password)
	b.fill("password_confirm", password)
	b.click(submit("/register"))
}

// joined is join on a site where nothing more is asked.
func (b *tab) joined(email, password string) {
	b.Helper()
	b.join(email, password)
	b.arrives("/account")
}

// signOut presses the button at the top of each page.
func (b *tab) signOut() {
	b.Helper()
	b.leads("/", func() { b.click(".top " + submit("/logout")) })
}

// givePassword fills in the form of the sign-in page that is open, and sends it.
func (b *tab) givePassword(email, password string) {
	b.Helper()
	b.fill("email", email)
	b.fill("password", password)
	b.click(submit("/login"))
}

// signIn signs in by password, which leads to the page at path.
func (b *tab) signIn(email, password, path string) {
	b.Helper()
	b.open("/login")
	b.leads(path, func() { b.givePassword(email, password) })
}

// addPasskey adds a passkey to the account that is signed in. Usage is "first" or "secondary".
func (b *tab) addPasskey(name, usage string) {
	b.Helper()
	b.open("/wan-register")
	b.fill("name", name)
	b.click("#usage-" + usage)
	b.leads("/wan-register", func() { b.click(submit("/wan-register")) })
	b.says("WEBAUTHN_REGISTER_SUCCESSFUL", "Name", name)
}

// removePasskey deletes it, on the page of passkeys.
func (b *tab) removePasskey(name string) {
	b.Helper()
	b.open("/wan-register")
	row := "li.row:nth-child(" + eval[string](b, "String(1 + [...document.querySelectorAll('li.row h3')].findIndex((h) => h.innerText === "+quote(name)+"))") + ") "
	b.click(row + "summary")
	b.leads("/wan-register", func() { b.click(row + submit("/wan-delete")) })
}

// passkeyFacts is what the page of passkeys says of one, by heading; "usage" is its tag.
func (b *tab) passkeyFacts(name string) map[string]string {
	b.Helper()
	return eval[map[string]string](b, `(() => {
		const row = [...document.querySelectorAll('li.row')].find((r) => r.querySelector('h3')?.innerText === `+quote(name)+`);
		if (!row) return {};
		const facts = {usage: row.querySelector('.tag').innerText};
		for (const line of row.querySelectorAll('dl div')) facts[line.querySelector('dt').innerText] = line.querySelector('dd').innerText;
		return facts;
	})()`)
}

// usePasskey presses the button of the form that is open for it.
func (b *tab) usePasskey() {
	b.Helper()
	b.click("form[data-passkey] button[type=submit]")
}

// setUp chooses a method on the page of second steps.
func (b *tab) setUp(method string) {
	b.Helper()
	b.leads("/tf-setup", func() {
		b.click("form:has(input[value=" + method + "]):not(:has(input[value=disable])) button[type=submit]")
	})
}

// enter gives the code that the open page asks for, which leads to the page at path.
func (b *tab) enter(code, path string) {
	b.Helper()
	b.fill("code", code)
	b.leads(path, func() { b.click("form:has(input[name=code]) button[type=submit]") })
}

// addApp sets up an authenticator app, and returns it.
func (b *tab) addApp(s *site) *app {
	b.Helper()
	b.open("/tf-setup")
	b.setUp("authenticator")
	a := b.scan(s)
	b.enter(a.code(), "/tf-setup")
	return a
}

// app is an authenticator app with one account in it.
type app struct {
	b   *tab
	s   *site
	key string
}

// scan takes the key from the page that shows it.
func (b *tab) scan(s *site) *app {
	b.Helper()
	return &app{b: b, s: s, key: strings.ReplaceAll(eval[string](b, "document.querySelector('#key').textContent"), " ", "")}
}

// code is what the app shows now. It shows each code once: half a minute later there is another.
func (a *app) code() string {
	a.b.Helper()
	a.s.clock.pass(30 * time.Second)
	code, err := totp.GenerateCode(a.key, a.s.clock.now())
	if err != nil {
		a.b.Fatal(err)
	}
	return code
}

// addEmail sets up codes by email.
func (b *tab) addEmail(s *site) {
	b.Helper()
	b.open("/tf-setup")
	b.setUp("email")
	b.enter(s.mail.next(b.T, "code").Code, "/tf-setup")
}

// addPhone sets up codes by text message.
func (b *tab) addPhone(s *site, number string) {
	b.Helper()
	b.open("/tf-setup")
	b.fill("phone", number)
	b.setUp("sms")
	b.enter(s.mail.next(b.T, "code").Code, "/tf-setup")
}

// recoveryCodes makes a new set, and reads it from the page.
func (b *tab) recoveryCodes() []string {
	b.Helper()
	b.open("/mf-recovery-codes")
	b.leads("/mf-recovery-codes", func() { b.click(submit("/mf-recovery-codes")) })
	return eval[[]string](b, "[...document.querySelectorAll('#codes code')].map((c) => c.innerText)")
}
