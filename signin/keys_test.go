package signin_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/seal"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// with is a service on the same store with those secret keys.
func (h *house) with(keys ...byte) *signin.Service {
	h.t.Helper()
	var raw [][]byte
	for _, k := range keys {
		raw = append(raw, key(k))
	}
	ring, err := seal.NewRing(raw)
	h.ok(err)
	cfg := h.cfg
	cfg.Ring = ring
	return signin.New(cfg, h.store, h.store)
}

// at is a browser at another service.
func (h *house) at(svc *signin.Service) *browser {
	b := h.browser()
	b.svc = svc
	return b
}

// After a rotation with resealing the old key can go, and everybody gets in with what they had.
func TestKeys_RotationLosesNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, q := h.person("ada", app, recoveryCodes, strong), h.person("bob", app, mail, recoveryCodes)
	sessions := []*browser{p.signs(h.browser()), q.signs(h.browser())}

	both := h.with(2, 1)
	done, err := both.Reseal(h.ctx)
	h.ok(err)
	if done.Sealed != 3 || done.Current != 0 || len(done.Lost) != 0 { // two apps and the key of recovery codes
		t.Errorf("resealed %+v", done)
	}
	again, err := both.Reseal(h.ctx)
	h.ok(err)
	if again.Sealed != 0 || again.Current != 3 {
		t.Errorf("the second time %+v", again)
	}

	anew := h.with(2)
	h.ok(anew.CheckKeys(h.ctx))
	for i, p := range []*person{p, q} {
		b := h.at(anew)
		h.ok(errOf(b.login(p)))
		if i == 1 {
			h.ok(errOf(b.choose(account.MethodAuthenticator)))
		}
		h.ok(errOf(b.code(p.nextCode())))
		b = h.at(anew)
		h.ok(errOf(b.login(p)))
		if i == 1 {
			h.ok(errOf(b.choose(account.MethodAuthenticator)))
		}
		h.ok(errOf(b.recover(p.recovery[0])))
		sessions[i].svc = anew
		sessions[i].signedIn(p)
	}
	h.ok(errOf(h.at(anew).passkey(p.email, p.devices["strong"])))

	// the old one opens nothing that is sealed now: codes are wrong, and nothing breaks
	old := h.with(1)
	b := h.at(old)
	h.ok(errOf(b.login(p)))
	h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(b.code(p.nextCode())) })
	h.refuses(message.InvalidRecoveryCode, func() error { return errOf(b.recover(p.recovery[1])) })
	if err := old.CheckKeys(h.ctx); !errors.Is(err, signin.ErrKeys) {
		t.Errorf("the old key is taken for the right one: %v", err)
	}
	if _, err := old.Reseal(h.ctx); !errors.Is(err, signin.ErrKeys) {
		t.Errorf("resealed under a key that opens nothing: %v", err)
	}
}

// A key that is lost for good costs the recovery codes, and is told whose apps.
func TestKeys_LostForGood(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", app, recoveryCodes)
	lost := h.with(9)
	h.ok(lost.ForgetLostKeys(h.ctx))
	h.ok(h.with(9).CheckKeys(h.ctx))
	done, err := h.with(9).Reseal(h.ctx)
	h.ok(err)
	if done.Sealed != 0 || done.Current != 1 || !slices.Equal(done.Lost, []string{p.id}) {
		t.Errorf("%+v", done)
	}
	// where nothing is lost, nothing is given up
	other := newHouse(t)
	q := other.person("bob", app, recoveryCodes)
	other.ok(other.ForgetLostKeys(other.ctx))
	b := other.browser()
	other.ok(errOf(b.login(q)))
	other.ok(errOf(b.recover(q.recovery[0])))
}

// Whoever makes new recovery codes while the keys are wrong gets ones that work.
func TestKeys_NewRecoveryCodesUnderTheWrongKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", mail, recoveryCodes)
	svc := h.with(9)
	b := h.at(svc)
	h.ok(errOf(b.login(p)))
	h.ok(errOf(b.code(h.post.code(p.email))))
	recoveryCodes(p, b)
	b = h.at(svc)
	h.ok(errOf(b.login(p)))
	h.ok(errOf(b.recover(p.recovery[0])))
}

// A server that replaces an app's secret while another reseals is not undone.
func TestKeys_ResealingUndoesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", app)
	b := p.signs(h.browser())
	h.store.onceBefore("ResealFactor", func() { app(p, b) })
	if _, err := h.with(2, 1).Reseal(h.ctx); err != nil {
		t.Fatal(err)
	}
	h.clock.advance(30e9)
	again := h.browser()
	h.ok(errOf(again.login(p)))
	h.ok(errOf(again.code(p.nextCode())))
}

// Authenticators are given random bytes that nobody takes for an address.
func TestKeys_UserHandlesHoldNoAddress(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	seen := map[string]bool{}
	for i := range 60 {
		p := h.person(fmt.Sprint("p", i), secondary)
		handle, err := h.db.UserHandle(h.ctx, p.id, nil)
		h.ok(err)
		if len(handle) != 32 || seen[string(handle)] || bytes.ContainsRune(handle, '@') {
			t.Errorf("handle %x", handle)
		}
		seen[string(handle)] = true
	}
}
