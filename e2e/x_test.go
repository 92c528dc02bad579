package e2e
import "testing"
func TestX(t *testing.T) {
	s := newSite(t)
	b := s.tab()
	b.open("/register")
	b.fill("email", "ada@example.org")
	b.fill("password", "a quiet harbour at dawn")
	b.fill("password_confirm", "a quiet harbour at dawn")
	b.leads("/account", func() { b.click(submit("/register")) })
	t.Log(b.text("body"))
	a := b.authenticator(device{resident: true, verifies: true})
	b.open("/wan-register")
	b.fill("name", "Blue key")
	b.click("#usage-first")
	b.leads("/wan-register", func() { b.click(submit("/wan-register")) })
	t.Log(b.text("body"))
	t.Logf("%+v", a.passkeys()[0])
	b.leads("/", func() { b.click(submit("/logout")) })
	b.open("/login")
	b.arrives("/account")
	t.Log(b.text("body"))
}
