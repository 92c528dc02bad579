package signin_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// TestRefusals_OfForms: what is wrong with a form is refused, under its field, and changes nothing.
func TestRefusals_OfForms(t *testing.T) {
	t.Parallel()
	other := "the other spelling"
	h := newHouse(t)
	p := h.person("ada", strong)
	in := p.signs(h.browser())
	fresh := h.person("fresh", strong, withoutPassword)
	without := h.browser()
	h.ok(errOf(without.passkey(fresh.email, fresh.devices["strong"])))
	register := func(email, pass string, confirm *string) func() error {
		return func() error {
			return errOf(h.Register(h.ctx, h.browser().caller(), signin.NewAccount{Email: email, Password: pass, Confirm: confirm}, signin.Wish{}))
		}
	}
	change := func(b *browser, current, next string, confirm *string) func() error {
		return func() error {
			return errOf(b.keep(h.ChangePassword(h.ctx, b.caller(), signin.PasswordChange{Current: current, New: next, Confirm: confirm})))
		}
	}
	for _, c := range []struct {
		name  string
		call  func() error
		want  message.Key
		field string
	}{
		{"register: no address", register("", "a new password", nil), message.EmailInvalid, "email"},
		{"register: no address at all", register("nobody", "a new password", nil), message.EmailInvalid, "email"},
		{"register: no password", register("x@example.test", "", nil), message.PasswordNotProvided, "password"},
		{"register: short", register("x@example.test", "1234567", nil), message.PasswordTooShort, "password"},
		{"register: long", register("x@example.test", strings.Repeat("long ", 300), nil), message.PasswordTooLong, "password"},
		{"register: common", register("x@example.test", "password123", nil), message.PasswordTooCommon, "password"},
		{"register: her own address", register("ada.lovelace@example.test", "ada.lovelace@example.test", nil), message.PasswordTooCommon, "password"},
		{"register: two spellings", register("x@example.test", "a new password", &other), message.InvalidPassword, "password_confirm"},
		{"register: in use", register("ADA@example.test", "a new password", nil), message.EmailInUse, "email"},
		{"change: nothing", change(in, "", "a new password", nil), message.PasswordNotProvided, "password"},
		{"change: wrong", change(in, "wrong", "a new password", nil), message.InvalidPassword, "password"},
		{"change: no new one", change(in, p.password, "", nil), message.PasswordNotProvided, "new_password"},
		{"change: short", change(in, p.password, "1234567", nil), message.PasswordTooShort, "new_password"},
		{"change: common", change(in, p.password, "password123", nil), message.PasswordTooCommon, "new_password"},
		{"change: two spellings", change(in, p.password, "a new password", &other), message.InvalidPassword, "new_password_confirm"},
		{"first password: short", change(without, "", "1234567", nil), message.PasswordTooShort, "new_password"},
		{"login without a password to compare", func() error { return errOf(h.browser().loginAs(fresh.email, fresh.password)) }, message.GenericAuthnFailed, ""},
		{"verify without a password to compare", func() error { return errOf(without.verify(signin.Proof{Password: fresh.password})) }, message.InvalidPassword, "password"},
		{"setup: no such method", func() error { return errOf(in.startSetup("carrier pigeon", "")) }, message.TwoFactorMethodNotAvailable, "setup"},
		{"setup: no number", func() error { return errOf(in.startSetup(account.MethodSMS, "12")) }, message.PhoneInvalid, "phone"},
		{"registration: no name", func() error { return errOf(in.startRegistration(" ", account.UsageFirst)) }, message.WebAuthnNameRequired, "name"},
	} {
		t.Log(c.name)
		if r := h.refuses(c.want, c.call); r.Field != c.field {
			t.Errorf("%s: under %q, want %q", c.name, r.Field, c.field)
		}
	}
	// several faults at once are all told
	var all signin.Refusals
	if err := register("nobody", "1234567", nil)(); !errors.As(err, &all) || len(all) != 2 {
		t.Errorf("%v", err)
	}
	in.signedIn(p)
	without.signedIn(fresh)
	h.ok(change(without, "", "a first password", nil)())
	without.signedIn(fresh)
}

// TestRefusals_OfTheDisabled: nothing of a disabled account's is good. On the day that it is enabled again it has its factors as they were,
// and nothing that was signed in to it: no session, no sign-in that waits, no remembered device.
func TestRefusals_OfTheDisabled(t *testing.T) {
	t.Parallel()
	h := newHouse(t, remembering)
	p := h.person("ada", strong, secondary, app, recoveryCodes)
	b := p.signs(h.browser(), remember())
	stale := b.late(b.caller())
	waiting := h.browser()
	h.ok(errOf(waiting.login(p)))
	start := h.browser().startSignin(p.email)
	verify := b.startVerify()
	reg, err := b.startRegistration("new", account.UsageFirst)
	h.ok(err)
	p.disabled()
	b.nobody()
	if c := waiting.caller(); c.Pending != nil {
		t.Error("the sign-in of a disabled account still waits")
	}
	late := h.browser()
	late.device = b.device
	for name, act := range map[string]func() error{
		"login":                        func() error { return errOf(h.browser().login(p)) },
		"login on a remembered device": func() error { return errOf(late.login(p)) },
		"passkey":                      func() error { return errOf(h.browser().finishSignin(start, p.devices["strong"].get(start))) },
		"verify":                       func() error { return errOf(stale.verify(signin.Proof{Password: p.password})) },
		"verify by passkey":            func() error { return errOf(stale.finishVerify(verify, p.devices["strong"].get(verify))) },
		"registration":                 func() error { return errOf(stale.finishRegistration(reg, h.newDevice(true).create(reg))) },
	} {
		t.Log(name)
		r := h.refusesAny(act)
		if name == "login" && r.Key != message.GenericAuthnFailed {
			t.Errorf("%s: %v", name, r)
		}
	}
	p.enabled()
	b.nobody()
	if c := waiting.caller(); c.Pending != nil {
		t.Error("the sign-in waits again")
	}
	h.clock.advance(time.Minute)
	h.ok(errOf(late.login(p)))
	late.waits(account.PendingSelect, "")
	h.ok(errOf(late.code(p.code())))
	late.signedIn(p)
}

// TestRefusals_KeepTheCount: an answer that is refused for whose it is, or what it is for, leaves the passkey's count and last use
// as they were, so that the owner's next one counts.
func TestRefusals_KeepTheCount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", strong, secondary)
	d := p.devices["secondary"]
	for range 3 {
		start := h.browser().startSignin("")
		h.refuses(message.WebAuthnWrongUsage, func() error { return errOf(h.browser().finishSignin(start, d.get(start))) })
	}
	creds, err := h.Passkeys(h.ctx, p.id)
	h.ok(err)
	for _, c := range creds {
		if !c.LastUsed.Equal(c.Created) {
			t.Errorf("%s was used", c.Nickname)
		}
	}
	h.clock.advance(time.Hour)
	b := h.browser()
	h.ok(errOf(b.login(p)))
	h.ok(errOf(b.passkey("", d)))
	creds, err = h.Passkeys(h.ctx, p.id)
	h.ok(err)
	for _, c := range creds {
		if used := c.LastUsed.Equal(h.clock.Now()); used != (c.Nickname == "secondary") {
			t.Errorf("%s was used: %v", c.Nickname, used)
		}
	}
}

// What a password was hashed with before is renewed by the right password, and by nothing else.
func TestRefusals_AnOldHashIsRenewedByASuccess(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	dear := signin.New(dearer(h), h.store, h.store)
	b := h.browser()
	b.svc = dear
	hash := func() string {
		u, err := h.db.User(h.ctx, p.id)
		h.ok(err)
		return u.PasswordHash
	}
	old := hash()
	h.refusesAny(func() error { return errOf(b.loginAs(p.email, "wrong")) })
	p.disabled()
	h.refusesAny(func() error { return errOf(b.login(p)) })
	p.enabled()
	h.ok(errOf(b.login(p)))
	if hash() == old {
		t.Error("the hash is old still")
	}
	old = hash()
	b = h.browser()
	b.svc = dear
	h.ok(errOf(b.login(p)))
	if hash() != old {
		t.Error("a new hash was renewed")
	}
}
