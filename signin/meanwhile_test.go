package signin_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// TestMeanwhile_WhatWasProvedIsGone has something happen between the check of a proof and the transaction that uses it. The answer
// is a refusal and never a failure of the system, and nothing has changed but by what happened.
func TestMeanwhile_WhatWasProvedIsGone(t *testing.T) {
	t.Parallel()
	type scene struct {
		before string // the call of the store that it gets in ahead of
		act    func(b *browser, p *person) error
		arrive func(b *browser, p *person) // how the browser got where it is
	}
	signedIn := func(b *browser, p *person) { p.signs(b) }
	waiting := func(b *browser, p *person) { b.h.ok(errOf(b.login(p))); b.h.ok(errOf(b.choose(totp))) }
	anonymous := func(*browser, *person) {}
	byCode := scene{"FinishSignin", func(b *browser, p *person) error { return errOf(b.code(p.nextCode())) }, waiting}
	bySecondary := scene{"FinishSignin", func(b *browser, p *person) error { return errOf(b.passkey("", p.devices["secondary"])) }, waiting}
	byRecovery := scene{"FinishSignin", func(b *browser, p *person) error { return errOf(b.recover(p.recovery[0])) }, waiting}
	byPasskey := scene{"FinishSignin", func(b *browser, p *person) error { return errOf(b.passkey(p.email, p.devices["strong"])) }, anonymous}
	byPassword := scene{"FinishSignin", func(b *browser, p *person) error { return errOf(b.login(p)) }, anonymous}
	verifyCode := scene{"FinishVerify", func(b *browser, p *person) error { return errOf(b.verify(signin.Proof{Code: p.nextCode()})) }, signedIn}
	verifyPassword := scene{"FinishVerify", func(b *browser, p *person) error { return errOf(b.verify(signin.Proof{Password: p.password})) }, signedIn}
	verifyPasskey := scene{"FinishVerify", func(b *browser, p *person) error {
		c := b.startVerify()
		return errOf(b.finishVerify(c, p.devices["strong"].get(c)))
	}, signedIn}
	registering := scene{"FinishRegistration", func(b *browser, p *person) error {
		return errOf(b.enrol("new one", account.UsageFirst, b.h.newDevice(true)))
	}, signedIn}
	settingUp := scene{"FinishSetup", func(b *browser, p *person) error {
		s, err := b.startSetup(account.MethodEmail, "")
		b.h.ok(err)
		return errOf(b.finishSetup(s, b.h.post.code(p.email)))
	}, signedIn}
	changing := scene{"EndSessions", func(b *browser, p *person) error { return errOf(b.change(p.password, "another password, quite")) }, signedIn}
	removing := scene{"RemoveCredential", func(b *browser, _ *person) error { return errOf(b.remove("secondary")) }, signedIn}
	dropping := scene{"RemoveFactors", func(b *browser, _ *person) error { return errOf(b.disable(totp)) }, signedIn}
	renewing := scene{"ReplaceRecoveryCodes", func(b *browser, _ *person) error {
		return errOf(b.svc.NewRecoveryCodes(b.h.ctx, b.caller()))
	}, signedIn}
	choosing := scene{"UpdatePending", func(b *browser, _ *person) error { return errOf(b.choose(account.MethodSMS)) }, waiting}
	trying := scene{"TryCode", func(b *browser, p *person) error { return errOf(b.code(b.h.post.code(p.phone))) }, func(b *browser, p *person) {
		waiting(b, p)
		b.h.ok(errOf(b.choose(account.MethodSMS)))
	}}

	disable := func(_ *browser, p *person) { p.disabled() }
	logout := func(b *browser, _ *person) {
		other := *b // the same browser, in another tab
		b.h.ok(other.svc.Logout(b.h.ctx, other.caller()))
	}
	owner := func(do func(b *browser)) func(*browser, *person) {
		return func(b *browser, p *person) {
			o := b.h.arranger()
			h := b.h
			u, err := h.db.User(h.ctx, p.id)
			h.ok(err)
			// by the back door, for the app's codes are used up
			session := &account.Session{ID: "owner's", UserID: p.id, Kind: account.SessionBrowser}
			h.ok(h.db.FinishSignin(h.ctx, account.FinishSignin{UserID: p.id, Session: session}))
			o.fixed = &signin.Caller{User: &u, Session: session}
			do(o)
		}
	}
	remove := func(name string) func(*browser, *person) {
		return owner(func(o *browser) { o.h.ok(errOf(o.remove(name))) })
	}
	noApp := owner(func(o *browser) { o.h.ok(errOf(o.disable(totp))) })
	newCodes := owner(func(o *browser) { o.h.ok(errOf(o.svc.NewRecoveryCodes(o.h.ctx, o.caller()))) })

	for name, c := range map[string]struct {
		scene     scene
		meanwhile func(*browser, *person)
		want      message.Key
	}{
		"password, disabled":            {byPassword, disable, message.DisabledAccount},
		"passkey, disabled":             {byPasskey, disable, message.DisabledAccount},
		"passkey, removed":              {byPasskey, remove("strong"), message.WebAuthnUnknownCredentialID},
		"code, disabled":                {byCode, disable, message.DisabledAccount},
		"code, app removed":             {byCode, noApp, message.TwoFactorInvalidToken},
		"code, signed out":              {byCode, logout, message.TwoFactorPermissionDenied},
		"secondary, removed":            {bySecondary, remove("secondary"), message.WebAuthnUnknownCredentialID},
		"secondary, disabled":           {bySecondary, disable, message.DisabledAccount},
		"secondary, signed out":         {bySecondary, logout, message.TwoFactorPermissionDenied},
		"recovery code, replaced":       {byRecovery, newCodes, message.InvalidRecoveryCode},
		"recovery code, disabled":       {byRecovery, disable, message.DisabledAccount},
		"recovery code, signed out":     {byRecovery, logout, message.TwoFactorPermissionDenied},
		"verify by code, app removed":   {verifyCode, noApp, message.TwoFactorInvalidToken},
		"verify by code, disabled":      {verifyCode, disable, message.DisabledAccount},
		"verify by code, signed out":    {verifyCode, logout, message.Unauthenticated},
		"verify, signed out":            {verifyPassword, logout, message.Unauthenticated},
		"verify, disabled":              {verifyPassword, disable, message.DisabledAccount},
		"verify by passkey, removed":    {verifyPasskey, remove("strong"), message.WebAuthnUnknownCredentialID},
		"verify by passkey, signed out": {verifyPasskey, logout, message.Unauthenticated},
		"register, signed out":          {registering, logout, message.Unauthenticated},
		"register, disabled":            {registering, disable, message.DisabledAccount},
		"setup, signed out":             {settingUp, logout, message.Unauthenticated},
		"setup, disabled":               {settingUp, disable, message.DisabledAccount},
		"change password, signed out":   {changing, logout, message.Unauthenticated},
		"remove, signed out":            {removing, logout, message.Unauthenticated},
		"remove, disabled":              {removing, disable, message.DisabledAccount},
		"drop a method, signed out":     {dropping, logout, message.Unauthenticated},
		"drop a method, disabled":       {dropping, disable, message.DisabledAccount},
		"new codes, signed out":         {renewing, logout, message.Unauthenticated},
		"new codes, disabled":           {renewing, disable, message.DisabledAccount},
		"choose, signed out":            {choosing, logout, message.TwoFactorPermissionDenied},
		"try a code, signed out":        {trying, logout, message.TwoFactorPermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := h.person("ada", app, sms, secondary, strong, recoveryCodes)
			b := h.browser()
			c.scene.arrive(b, p)
			var before map[string]string
			var mark int
			h.store.onceBefore(c.scene.before, func() {
				c.meanwhile(b, p)
				before, mark = h.snapshot(), h.mark()
			})
			r := h.refused(c.want, c.scene.act(b, p))
			if before == nil {
				t.Fatal("the store was never asked")
			}
			if d := differences(before, h.snapshot()); d != "" {
				t.Errorf("something changed: %s", d)
			}
			h.explained(r, h.heard(mark), h.events()[mark:])
			if c.scene.before == "EndSessions" {
				h.ok(errOf(h.browser().login(p))) // the password is the old one
			}
			if b.caller().SignedIn() && c.scene.before == "FinishSignin" {
				t.Error("signed in")
			}
		})
	}
}

// The same of a bearer token, whose session is not renewed.
func TestMeanwhile_ABearerThatEndedChangesNoPassword(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	b := p.signs(h.browser(), signin.Wish{Bearer: true})
	b.program = true
	c := b.signedIn(p)
	h.ok(b.logout())
	h.refuses(message.Unauthenticated, func() error { return errOf(b.late(c).change(p.password, "another password, quite")) })
	h.ok(errOf(h.browser().login(p)))
}

// An answer that is sent twice is a replay, and no sign that somebody copied the passkey.
func TestMeanwhile_AReplayIsNoCopiedPasskey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", strong)
	b := h.browser()
	start := b.startSignin(p.email)
	answer := p.devices["strong"].get(start)
	h.ok(errOf(b.finishSignin(start, answer)))
	h.refuses(message.CredentialReplayed, func() error { return errOf(h.browser().finishSignin(start, answer)) })
	verify := b.startVerify()
	answer = p.devices["strong"].get(verify)
	h.ok(errOf(b.finishVerify(verify, answer)))
	h.refuses(message.CredentialReplayed, func() error { return errOf(b.finishVerify(verify, answer)) })
	for _, e := range h.events() {
		if e.Kind == account.EventSignCountBack {
			t.Errorf("the log says %+v", e)
		}
	}
}

// A passkey that was copied shows by its count: the answer is refused, the log says so, and the count stays.
func TestMeanwhile_ACopiedPasskeyIsRefusedAndNoted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", strong)
	d := p.devices["strong"]
	copied := &device{Authenticator: d.Clone(), t: t}
	b := h.browser()
	h.ok(errOf(b.passkey(p.email, d)))
	noted := func(kind account.EventKind) (n int) {
		for _, e := range h.events() {
			if e.Kind == kind && e.Subject == "strong" && e.UserID == p.id && e.Reason != "" {
				n++
			}
		}
		return n
	}
	thief := h.browser()
	h.refuses(message.WebAuthnNoVerify, func() error { return errOf(thief.passkey(p.email, copied)) })
	if noted(account.EventSignCountBack) != 1 {
		t.Errorf("the copy was noted %d times", noted(account.EventSignCountBack))
	}
	verify := b.startVerify()
	stuck := func(c *latchkeytest.Ceremony) { n := uint32(1); c.SignCount = &n }
	h.refuses(message.WebAuthnNoVerify, func() error { return errOf(b.finishVerify(verify, d.get(verify, stuck))) })
	if noted(account.EventSignCountBack) != 2 {
		t.Errorf("the copy was noted %d times", noted(account.EventSignCountBack))
	}
	flag := func(c *latchkeytest.Ceremony) { c.BackupEligible = true }
	h.refuses(message.WebAuthnNoVerify, func() error { return errOf(thief.passkey(p.email, d, flag)) })
	if noted(account.EventBackupChanged) != 1 {
		t.Errorf("the flag was noted %d times", noted(account.EventBackupChanged))
	}
	thief.nobody()
	h.ok(errOf(h.browser().passkey(p.email, d)))
}

// A recovery code that was made under an earlier key works, and leaves no trace of the keys that it was not made under.
func TestMeanwhile_ARecoveryCodeOutlivesTheKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", app, recoveryCodes)
	rotated := newerKeys(h)
	b := h.browser()
	b.svc = rotated
	h.ok(errOf(b.login(p)))
	mark := h.mark()
	h.ok(errOf(b.recover(p.recovery[0])))
	for _, e := range h.heard(mark) {
		if slices.Contains(refusals, e.Kind) {
			t.Errorf("a good code left %+v", e)
		}
	}
	h.ok(b.logout())
	h.ok(errOf(b.login(p)))
	mark = h.mark()
	h.refuses(message.InvalidRecoveryCode, func() error { return errOf(b.recover(p.recovery[0])) })
	if n := len(h.heard(mark)); n != 1 {
		t.Errorf("a spent code left %d events", n)
	}
}

// Signing out a session that ended meanwhile tells of nothing that the log does not hold.
func TestMeanwhile_LogoutTellsWhatTheLogHolds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	b := p.signs(h.browser())
	late := b.late(b.caller())
	h.ok(b.logout())
	h.ok(late.logout())
	if heard, logged := h.heard(0), h.events(); !slices.Equal(heard, logged) {
		t.Errorf("the app heard %+v, the log holds %+v", heard, logged)
	}
}

// A request that was given up, or a store that cannot write now, loses nobody's last seen, and keeps nobody out.
func TestMeanwhile_LastSeenIsNotLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	b := p.signs(h.browser())
	seen := func() int64 { return column[int64](h, `SELECT MAX(last_seen) FROM latchkey_sessions`)[0] }
	before := seen()
	h.clock.advance(2 * seenEvery)
	h.store.fails("SeenSessions", account.ErrUnavailable)
	b.signedIn(p)
	h.store.fails("", nil)
	h.ok(h.Flush(h.ctx))
	if seen() == before {
		t.Error("a sighting was lost with the store")
	}

	before = seen()
	h.clock.advance(2 * seenEvery)
	ctx, cancel := context.WithCancel(h.ctx)
	h.store.onceBefore("SeenSessions", cancel)
	if _, err := h.Identify(ctx, b.client, signin.Credentials{Cookie: b.cookie}); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	h.ok(h.Flush(h.ctx))
	if seen() == before {
		t.Error("a sighting was lost with its request")
	}
}
