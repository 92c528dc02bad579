package signin_test

import (
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/signin"
)

// TestEdges_RememberedDevice lets a browser in by one factor, if it was remembered when it gave two.
func TestEdges_RememberedDevice(t *testing.T) {
	t.Parallel()
	h := newHouse(t, remembering)
	p := h.person("ada", app, recoveryCodes, weak)
	b := h.browser()
	p.signs(b, remember())
	if b.device == "" {
		t.Fatal("the device is not remembered")
	}
	h.ok(b.logout())
	h.ok(errOf(b.login(p)))
	b.proofs(p, 1, pw, account.MethodDevice)
	h.ok(b.logout())
	h.ok(errOf(b.passkey(p.email, p.devices["weak"])))
	b.proofs(p, 1, pk, account.MethodDevice)
	if made := b.device; made != "" {
		h.ok(b.logout())
		h.ok(errOf(b.login(p, remember())))
		if b.device != made {
			t.Error("a remembered device renewed itself")
		}
	}

	// nor once every sign-in is to be validated
	h.ok(b.logout())
	strict := h.cfg
	strict.TwoFactorAlwaysValidate = true
	b.svc = signin.New(strict, h.store, h.store)
	h.ok(errOf(b.login(p)))
	b.waits(account.PendingReady, totp)

	// not by one who did not ask, nor with a recovery code, nor where every sign-in is validated
	b = h.browser()
	p.signs(b)
	if b.device != "" {
		t.Error("a device was remembered unasked")
	}
	b = h.browser()
	h.ok(errOf(b.login(p, remember())))
	h.ok(errOf(b.recover(p.recovery[0])))
	if b.device != "" {
		t.Error("a recovery code made a device remembered")
	}
	always := newHouse(t)
	q := always.person("ada", app)
	b = always.browser()
	q.signs(b, remember())
	if b.device != "" {
		t.Error("a device was remembered where none is to be")
	}
	// a password alone, with nothing to validate, makes none either
	plain := h.person("bob")
	b = h.browser()
	plain.signs(b, remember())
	if b.device != "" {
		t.Error("a device was remembered for one factor")
	}
}

func TestEdges_ARememberedDeviceEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*browser, *person){
		"by time": func(b *browser, _ *person) { b.h.clock.advance(720 * time.Hour) },
		"when the password changes": func(b *browser, p *person) {
			b.h.ok(errOf(b.change(p.password, "another password, quite")))
			p.password = "another password, quite"
		},
		"when a code method is added": func(b *browser, p *person) { mail(p, b) },
		"when a passkey is added":     func(b *browser, p *person) { secondary(p, b) },
		"when a code method is removed": func(b *browser, p *person) {
			mail(p, b)
			b.device = ""
			p.again(b)
			b.h.ok(errOf(b.disable(account.MethodEmail)))
		},
		"when a passkey is removed":        func(b *browser, p *person) { secondary(p, b); p.again(b); b.h.ok(errOf(b.remove("secondary"))) },
		"when recovery codes are made":     func(b *browser, p *person) { recoveryCodes(p, b) },
		"when everything is signed out":    func(b *browser, _ *person) { b.h.ok(errOf(b.end(signin.Ending{All: true}))) },
		"when all others are signed out":   func(b *browser, _ *person) { b.h.ok(errOf(b.end(signin.Ending{Others: true}))) },
		"by itself":                        func(b *browser, _ *person) { b.endDevice() },
		"for the account of somebody else": func(b *browser, p *person) { *p = *b.h.person("eve", app) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, remembering)
			p := h.person("ada", app)
			b := p.signs(h.browser(), remember())
			end(b, p)
			b.cookie = ""
			h.ok(errOf(b.login(p)))
			b.nobody()
		})
	}
}

// again has the browser remembered anew.
func (p *person) again(b *browser) {
	b.cookie, b.device = "", ""
	p.h.ok(errOf(b.login(p, remember())))
	p.h.ok(errOf(b.code(p.nextCode(), remember())))
}

// endDevice ends the remembered device by its id, from the list of sessions.
func (b *browser) endDevice() {
	list, err := b.svc.Sessions(b.h.ctx, b.caller())
	b.h.ok(err)
	for _, s := range list {
		if s.Kind == account.SessionDevice {
			b.h.ok(errOf(b.end(signin.Ending{ID: s.ID})))
		}
	}
}
