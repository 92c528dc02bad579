package signin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/throttle"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// Whoever knows the old password has read its hash before the owner changes it, and comes to the end of the sign-in only after everything was
// ended.
func TestOldPassword_ASignInThatItBeganDoesNotSurviveTheChange(t *testing.T) {
	t.Parallel()
	for name, things := range map[string][]has{"signed in": nil, "pending": {app}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := h.person("ada", things...)
			owner, thief := h.browser(), h.browser()
			if things == nil {
				p.signs(owner)
			}
			before := h.held(p.id)
			h.store.onceBefore("FinishSignin", func() {
				if things == nil {
					h.ok(errOf(owner.change(p.password, "a wholly new phrase")))
				} else {
					h.ok(h.db.SetPassword(h.ctx, p.id, hashOf(h, "a wholly new phrase")))
				}
			})
			out, err := thief.loginAs(p.email, p.password, signin.Wish{Bearer: true})
			h.refused(message.GenericAuthnFailed, err)
			thief.nobody()
			if out.Bearer != "" || h.held(p.id) > before {
				t.Errorf("the old password left something: %v", h.holdings(p.id))
			}
		})
	}
}

// A login renews a hash of old costs; it must not bring the password of that hash back.
func TestOldPassword_RenewingItsHashDoesNotBringItBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	late := h.browser()
	late.svc = signin.New(dearer(h), h.store, h.store)
	next := hashOf(h, "a wholly new phrase")
	h.store.onceBefore("RenewPassword", func() { h.ok(h.db.SetPassword(h.ctx, p.id, next)) })
	h.refused(message.GenericAuthnFailed, errOf(late.login(p)))
	u, err := h.db.User(h.ctx, p.id)
	h.ok(err)
	if u.PasswordHash != next {
		t.Error("the old password is the account's again")
	}
}

func TestOldPassword_ARecoveryEndsWhatWaitsInOtherBrowsers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *signin.Config) { c.TwoFactorRequired = true })
	p := h.person("ada")
	thief, owner := h.browser(), h.browser()
	h.ok(errOf(thief.login(p)))
	thief.waits(account.PendingSetup, "")
	h.ok(errOf(owner.useLink(p.link(), signin.Recovery{New: anew})))
	thief.nobody()
	h.refusesAny(func() error { return errOf(thief.startSetup(totp, "")) })
}

func TestOldPassword_EveryRecoveryLinkDiesWithIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	first, second, third := p.link(), p.link(), p.link()
	owner := h.browser()
	h.ok(errOf(owner.useLink(second, signin.Recovery{New: anew})))
	for _, token := range []string{first, third} {
		if _, err := h.RecoveryUser(h.ctx, token); err == nil {
			t.Error("an earlier link still opens")
		}
		h.refuses(message.CredentialReplayed, func() error {
			return errOf(h.browser().useLink(token, signin.Recovery{New: "the thief's own phrase", ResetFactors: true, EndSessions: true}))
		})
	}
	owner.signedIn(p)
}

func hashOf(h *house, password string) string {
	hash, err := h.cfg.Passwords.Hash(h.ctx, password)
	h.ok(err)
	return hash
}

// An id that was shown for an identity is taken, whether it is a decoy's or a passkey's: else registering it would tell which.
func TestUnknown_ADecoyCannotBeRegistered(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	known := h.person("known", strong)
	mallory := h.person("mallory")
	b := mallory.signs(h.browser())
	for _, email := range []string{known.email, "nobody@example.test"} {
		ids, _ := allowed(t, h.browser().startSignin(email).options)
		c, err := b.startRegistration("mine "+strings.Split(email, "@")[0], account.UsageFirst)
		h.ok(err)
		response := h.newDevice(true).create(c, func(c *ceremonyChange) { c.Credential.ID = ids[0] })
		h.refuses(message.WebAuthnCredentialIDInUse, func() error { return errOf(b.finishRegistration(c, response)) })
		h.refuses(message.CredentialReplayed, func() error { return errOf(b.finishRegistration(c, response)) })
	}
}

// bounded are the throttles of the default settings.
func bounded(c *signin.Config) {
	c.ThrottleAddress, c.ThrottleSend = throttle.Rate{N: 100, Per: 5 * time.Minute}, throttle.Rate{N: 5, Per: 10 * time.Minute}
}

func TestFlood_PasskeysHaveABound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	b := p.signs(h.browser())
	begun, err := b.startRegistration("begun before", account.UsageFirst)
	h.ok(err)
	for n := range 30 {
		h.ok(errOf(b.enrol("key "+strings.Repeat("i", n+1), account.UsageFirst, h.newDevice(true))))
	}
	for half, act := range map[string]func() error{
		"start":  func() error { return errOf(b.startRegistration("one more", account.UsageFirst)) },
		"finish": func() error { return errOf(b.finishRegistration(begun, h.newDevice(true).create(begun))) },
	} {
		if r := h.refuses(message.APIError, act); r.Text != message.PasskeysTooMany {
			t.Errorf("the %s of the passkey after the last is refused with %v", half, r)
		}
	}
}

func TestFlood_RefusalsOfNobodyLeaveOnlySoManyRows(t *testing.T) {
	t.Parallel()
	h := newHouse(t, bounded)
	b := h.browser()
	mark := h.mark()
	for range 400 {
		if _, err := b.loginAs("", ""); err == nil {
			t.Fatal("signed in by nothing")
		}
	}
	if n := len(h.events()); n != 300 {
		t.Errorf("400 empty sign-ins left %d rows", n)
	}
	if n := len(h.heard(mark)); n != 400 {
		t.Errorf("the app heard of %d of 400", n)
	}
}

func TestFlood_NoticesHaveABound(t *testing.T) {
	t.Parallel()
	h := newHouse(t, bounded)
	p := h.person("ada")
	b := p.signs(h.browser())
	h.clock.advance(time.Hour) // of which a mail told
	before := len(h.post.all())
	for range 30 {
		h.ok(errOf(h.NewRecoveryCodes(h.ctx, b.caller())))
	}
	if n := len(h.post.all()) - before; n != 20 {
		t.Errorf("30 new sets of recovery codes sent %d mails", n)
	}
	left := 0
	for _, e := range h.events() {
		if e.Reason == "notice_throttled" {
			left++
		}
	}
	if left != 10 {
		t.Errorf("%d notices were recorded as left out", left)
	}
}

func TestFlood_OneNumberGetsOnlySoManyTexts(t *testing.T) {
	t.Parallel()
	h := newHouse(t, bounded)
	const victim = "+447400123456"
	sent := 0
	for _, name := range []string{"ada", "bob", "cyd"} {
		b := h.person(name).signs(h.browser())
		for range 4 {
			_, err := b.startSetup(account.MethodSMS, victim)
			if r, ok := signin.AsRefusal(err); ok && r.Key == message.TooManyAttempts {
				continue
			}
			h.ok(err)
			sent++
		}
	}
	if sent != 5 {
		t.Errorf("%d texts went to one number", sent)
	}
}
