package signin_test

import (
	"time"

	otp "github.com/pquerna/otp/totp"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/signin"
)

// person is somebody with an account, and all that they know and hold.
type person struct {
	h               *house
	id, email       string
	password, phone string
	devices         map[string]*device
	// key is their authenticator app's, in base32.
	key      string
	recovery []string
}

// has arranges something that a person has.
type has func(*person, *browser)

// person makes an account with a password and what else it has. Nobody is signed in to it afterwards.
func (h *house) person(name string, things ...has) *person {
	h.t.Helper()
	p := &person{h: h, email: name + "@example.test", password: "the password of " + name, phone: "+491512345678", devices: map[string]*device{}}
	h.secret("password", p.password)
	b := h.arranger()
	out, err := b.keep(h.lenient.Register(h.ctx, b.caller(), signin.NewAccount{Email: p.email, Password: p.password}, signin.Wish{}))
	h.ok(err)
	p.id = out.User.ID
	for _, give := range things {
		h.clock.advance(time.Millisecond) // so that what is made has an order
		give(p, b)
	}
	h.ok(b.logout())
	return p
}

// withPasskey is a passkey of that nickname and usage, on a device of its own.
func withPasskey(nickname string, usage account.Usage, verifying bool) has {
	return func(p *person, b *browser) {
		p.h.t.Helper()
		d := p.h.newDevice(verifying)
		_, err := b.enrol(nickname, usage, d)
		p.h.ok(err)
		p.devices[nickname] = d
	}
}

// Passkeys that most tests need. A strong one verified its user.
var (
	strong    = withPasskey("strong", account.UsageFirst, true)
	weak      = withPasskey("weak", account.UsageFirst, false)
	secondary = withPasskey("secondary", account.UsageSecondary, false)
)

// app is the authenticator app.
func app(p *person, b *browser) {
	p.h.t.Helper()
	s, err := b.startSetup(account.MethodAuthenticator, "")
	p.h.ok(err)
	p.key = s.KeyText
	_, err = b.finishSetup(s, p.code())
	p.h.ok(err)
}

func mail(p *person, b *browser) {
	p.h.t.Helper()
	s, err := b.startSetup(account.MethodEmail, "")
	p.h.ok(err)
	_, err = b.finishSetup(s, p.h.post.code(p.email))
	p.h.ok(err)
}

func sms(p *person, b *browser) {
	p.h.t.Helper()
	s, err := b.startSetup(account.MethodSMS, p.phone)
	p.h.ok(err)
	_, err = b.finishSetup(s, p.h.post.code(p.phone))
	p.h.ok(err)
}

func recoveryCodes(p *person, b *browser) {
	p.h.t.Helper()
	codes, err := b.svc.NewRecoveryCodes(p.h.ctx, b.caller())
	p.h.ok(err)
	p.recovery = codes
	for _, c := range codes {
		p.h.secret("recovery code", c)
	}
}

// code is what their authenticator app shows now.
func (p *person) code() string { return p.codeAt(p.h.clock.Now()) }

func (p *person) codeAt(t time.Time) string {
	p.h.t.Helper()
	code, err := otp.GenerateCode(p.key, t)
	p.h.ok(err)
	return code
}

// nextCode waits for the app's next code.
func (p *person) nextCode() string {
	p.h.clock.advance(30 * time.Second)
	return p.code()
}

// wrongCode is one that the app does not show for a long time to come.
func (p *person) wrongCode() string {
	near := map[string]bool{}
	for step := -3; step <= 60; step++ {
		near[p.codeAt(p.h.clock.Now().Add(time.Duration(step)*30*time.Second))] = true
	}
	for _, c := range []string{"000000", "111111", "222222", "333333"} {
		if !near[c] {
			return c
		}
	}
	return "444444"
}

// not is another code of six digits.
func not(code string) string {
	if code == "123456" {
		return "654321"
	}
	return "123456"
}

// signs signs the person in by password, and by the authenticator app or a secondary passkey where that is asked for.
func (p *person) signs(b *browser, w ...signin.Wish) *browser {
	p.h.t.Helper()
	out, err := b.login(p, w...)
	p.h.ok(err)
	if out.Pending != nil {
		if p.key != "" {
			_, err = b.code(p.nextCode())
		} else {
			_, err = b.passkey("", p.devices["secondary"])
		}
		p.h.ok(err)
	}
	b.signedIn(p)
	return b
}

// disabled switches the account off.
func (p *person) disabled() *person {
	p.h.t.Helper()
	p.h.ok(p.h.db.SetActive(p.h.ctx, p.id, false))
	return p
}

func (p *person) enabled() {
	p.h.t.Helper()
	p.h.ok(p.h.db.SetActive(p.h.ctx, p.id, true))
}
