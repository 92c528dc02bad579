package signin_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
)

// withoutPassword takes the password away, as from an account that never had one.
func withoutPassword(p *person, _ *browser) { p.h.ok(p.h.db.SetPassword(p.h.ctx, p.id, "")) }

func TestRemoval_TheLastWayInStays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", strong, weak, secondary, withoutPassword)
	b := h.browser()
	h.ok(errOf(b.passkey(p.email, p.devices["strong"])))
	h.ok(errOf(b.remove("weak")))
	h.refuses(message.LastWayIn, func() error { return errOf(b.remove("strong")) })
	h.refuses(message.LastWayIn, func() error {
		creds, err := h.Passkeys(h.ctx, p.id)
		h.ok(err)
		return errOf(h.RemovePasskey(h.ctx, b.caller(), creds[0].ID, ""))
	})
	h.ok(errOf(b.remove("secondary"))) // which is no way in
	// with a replacement it goes
	h.ok(errOf(b.enrol("new", account.UsageFirst, h.newDevice(true))))
	h.ok(errOf(b.remove("strong")))
	h.refuses(message.LastWayIn, func() error { return errOf(b.remove("new")) })
	// and with a password
	h.ok(errOf(b.change("", "a first password")))
	h.ok(errOf(b.remove("new")))
}

func TestRemoval_TheLastSecondFactorStaysWhereOneIsRequired(t *testing.T) {
	t.Parallel()
	h := newHouse(t, required)
	p := h.person("ada", app, mail, secondary, strong)
	b := h.browser()
	h.ok(errOf(b.passkey(p.email, p.devices["strong"])))
	h.ok(errOf(b.disable(account.MethodEmail)))
	h.ok(errOf(b.disable(totp)))
	h.refuses(message.LastSecondFactor, func() error { return errOf(b.remove("secondary")) })
	app(p, b)
	h.ok(errOf(b.remove("secondary")))
	h.refuses(message.TwoFactorMethodNotAvailable, func() error { return errOf(b.disable(totp)) })
	h.refuses(message.TwoFactorMethodNotAvailable, func() error { return errOf(b.disable("")) })
	h.ok(errOf(b.remove("strong"))) // which is none
	second, err := h.SecondFactors(h.ctx, p.id)
	h.ok(err)
	if len(second.Codes) != 1 {
		t.Errorf("%d methods are left", len(second.Codes))
	}
	// a strong passkey that stands in for one stays as well, as long as it is the last
	only := h.person("carol", strong, weak)
	b = h.browser()
	h.ok(errOf(b.passkey(only.email, only.devices["strong"])))
	h.ok(errOf(b.remove("weak")))
	h.refuses(message.LastSecondFactor, func() error { return errOf(b.remove("strong")) })
	h.ok(errOf(b.enrol("another", account.UsageFirst, h.newDevice(true))))
	h.ok(errOf(b.remove("strong")))
	// where none is required, all go
	free := newHouse(t)
	q := free.person("bob", app, mail, secondary)
	b = q.signs(free.browser())
	gone, err := b.disable("")
	free.ok(err)
	if len(gone) != 2 || free.post.kinds("factor_removed") != 2 {
		t.Errorf("gone: %v, %d mails", gone, free.post.kinds("factor_removed"))
	}
	free.ok(errOf(b.remove("secondary")))
}

func TestRemoval_OfAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, eve := h.person("ada", strong), h.person("eve", weak)
	b := eve.signs(h.browser())
	creds, err := h.Passkeys(h.ctx, p.id)
	h.ok(err)
	h.refuses(message.WebAuthnNameNotFound, func() error { return errOf(h.RemovePasskey(h.ctx, b.caller(), creds[0].ID, "")) })
	h.refuses(message.WebAuthnNameNotFound, func() error { return errOf(b.remove("strong")) })
	h.refuses(message.WebAuthnNameRequired, func() error { return errOf(b.remove("")) })
	h.refuses(message.InvalidInput, func() error { return errOf(b.remove("a\x00b")) })
	h.refuses(message.TwoFactorMethodNotAvailable, func() error { return errOf(b.disable("webauthn")) })
}

// Of two removals that race, one leaves the last.
func TestRemoval_RacingRemovalsLeaveOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		has  []has
		acts []func(b *browser) error
		left string
	}{
		"ways in": {
			[]has{strong, weak, withoutPassword},
			[]func(b *browser) error{
				func(b *browser) error { return errOf(b.remove("strong")) },
				func(b *browser) error { return errOf(b.remove("weak")) },
			},
			`SELECT COUNT(*) FROM latchkey_credentials WHERE usage = 'first'`,
		},
		"second factors": {
			[]has{strong, app, secondary},
			[]func(b *browser) error{
				func(b *browser) error { return errOf(b.disable(totp)) },
				func(b *browser) error { return errOf(b.remove("secondary")) },
			},
			`SELECT (SELECT COUNT(*) FROM latchkey_factors) + (SELECT COUNT(*) FROM latchkey_credentials WHERE usage = 'secondary')`,
		},
		"code methods": {
			[]has{strong, app, mail},
			[]func(b *browser) error{
				func(b *browser) error { return errOf(b.disable(totp)) },
				func(b *browser) error { return errOf(b.disable(account.MethodEmail)) },
			},
			`SELECT COUNT(*) FROM latchkey_factors`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, required)
			p := h.person("ada", c.has...)
			b := h.browser()
			h.ok(errOf(b.passkey(p.email, p.devices["strong"])))
			caller := b.caller()
			var refused atomic.Int32
			atOnce(2*len(c.acts), func(i int) {
				if c.acts[i%len(c.acts)](b.late(caller)) != nil {
					refused.Add(1)
				}
			})
			if n := column[int](h, c.left)[0]; n != 1 {
				t.Errorf("%d are left", n)
			}
			if refused.Load() == 0 {
				t.Error("nothing was refused")
			}
		})
	}
}

// The finish of a registration takes the state's nickname and usage, and no two passkeys get one name or id.
func TestRemoval_NamesAndIDsAreUnique(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, eve := h.person("ada", strong), h.person("eve")
	b, hers := p.signs(h.browser()), eve.signs(h.browser())
	h.refuses(message.WebAuthnNameInUse, func() error { return errOf(b.startRegistration("strong", account.UsageFirst)) })
	one, err := b.startRegistration("twice", account.UsageFirst)
	h.ok(err)
	two, err := b.startRegistration("twice", account.UsageFirst)
	h.ok(err)
	h.ok(errOf(b.finishRegistration(one, h.newDevice(true).create(one))))
	h.refuses(message.WebAuthnNameInUse, func() error { return errOf(b.finishRegistration(two, h.newDevice(true).create(two))) })
	// the id of somebody else's passkey
	c, err := hers.startRegistration("mine", account.UsageFirst)
	h.ok(err)
	taken := p.devices["strong"].Credentials()[0].ID
	h.refuses(message.WebAuthnCredentialIDInUse, func() error {
		return errOf(hers.finishRegistration(c, h.newDevice(true).create(c, func(c *ceremonyChange) { c.Credential.ID = taken })))
	})
	for _, bad := range []struct {
		name  string
		usage account.Usage
		want  message.Key
	}{
		{"", account.UsageFirst, message.WebAuthnNameRequired}, {"x", "third", message.APIError}, {"a\nb", account.UsageFirst, message.InvalidInput},
		{strings.Repeat("x", 65), account.UsageFirst, message.InvalidInputLength},
	} {
		h.refuses(bad.want, func() error { return errOf(b.startRegistration(bad.name, bad.usage)) })
	}
	h.refuses(message.Unauthenticated, func() error { return errOf(h.browser().startRegistration("x", account.UsageFirst)) })
}
