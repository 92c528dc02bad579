package signin_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// link makes a recovery link for the account.
func (p *person) link() string {
	p.h.t.Helper()
	u, err := p.h.db.User(p.h.ctx, p.id)
	p.h.ok(err)
	token, err := p.h.RecoveryLink(p.h.ctx, signin.Client{}, u)
	p.h.ok(err)
	return token
}

func (b *browser) useLink(token string, r signin.Recovery) (signin.Outcome, error) {
	b.h.t.Helper()
	return b.keep(b.svc.UseRecoveryLink(b.h.ctx, b.caller(), token, r))
}

const anew = "a password by the link"

func TestLinks_RecoveryIsSpentByUse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	token := p.link()
	if h.post.kinds("recovery_link_made") != 1 {
		t.Error("the owner was not told")
	}
	for range 3 { // opening it changes nothing
		before := h.snapshot()
		u, err := h.RecoveryUser(h.ctx, token)
		if err != nil || u.ID != p.id || differences(before, h.snapshot()) != "" || h.spent() != 0 {
			t.Errorf("%v, %v", u, err)
		}
	}
	// nor does a form that is wrong
	b := h.browser()
	h.refuses(message.PasswordTooShort, func() error { return errOf(b.useLink(token, signin.Recovery{New: "short"})) })
	other := "another"
	h.refuses(message.InvalidPassword, func() error { return errOf(b.useLink(token, signin.Recovery{New: anew, Confirm: &other})) })
	h.ok(errOf(b.useLink(token, signin.Recovery{New: anew})))
	b.proofs(p, 1, pw)
	h.refuses(message.CredentialReplayed, func() error { return errOf(h.browser().useLink(token, signin.Recovery{New: "yet another one"})) })
	h.refused(message.GenericAuthnFailed, errOf(h.browser().login(p)))
	p.password = anew
	h.ok(errOf(h.browser().login(p)))
}

func TestLinks_RecoveryEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	token := p.link()
	h.clock.advance(30*time.Minute + time.Microsecond)
	h.refuses(message.WebAuthnExpired, func() error { return errOf(h.browser().useLink(token, signin.Recovery{New: anew})) })
	h.clock.advance(-time.Microsecond)
	p.disabled()
	h.refuses(message.APIError, func() error { return errOf(h.browser().useLink(token, signin.Recovery{New: anew})) })
	p.enabled()
	h.refuses(message.APIError, func() error { return errOf(h.browser().useLink(token[1:], signin.Recovery{New: anew})) })
	h.ok(errOf(h.browser().useLink(token, signin.Recovery{New: anew})))
}

func TestLinks_OneOfManyUsesWins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.person("ada").link()
	h.oneWins(func(int) error {
		return errOf(h.UseRecoveryLink(h.ctx, &signin.Caller{}, token, signin.Recovery{New: anew}))
	}, message.CredentialReplayed)
}

// Of two uses that have both opened the link, the one that spends it sets the password.
func TestLinks_TheSecondOfTwoUsesSetsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	token := p.link()
	h.store.onceBefore("SetPassword", func() {
		h.refuses(message.CredentialReplayed, func() error { return errOf(h.browser().useLink(token, signin.Recovery{New: "the second's password"})) })
	})
	h.ok(errOf(h.browser().useLink(token, signin.Recovery{New: anew})))
	p.password = anew
	h.ok(errOf(h.browser().login(p)))
}

// The second factors that were not reset are asked for, and a device that was remembered under the old password is forgotten.
func TestLinks_RecoveryIsOneFactor(t *testing.T) {
	t.Parallel()
	h := newHouse(t, remembering)
	p := h.person("ada", app)
	b := p.signs(h.browser(), remember())
	h.ok(b.logout())
	h.ok(errOf(b.useLink(p.link(), signin.Recovery{New: anew})))
	b.nobody()
	b.waits(account.PendingReady, totp)
	h.ok(errOf(b.code(p.nextCode())))
	b.proofs(p, 2, pw, totp)
	p.password = anew
	b.cookie = ""
	h.ok(errOf(b.login(p)))
	b.nobody()
}

// A link is used in a browser where a sign-in waits, of the same account or of another.
func TestLinks_RecoveryStartsOver(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, q := h.person("ada", app), h.person("bob", app)
	for _, waiting := range []*person{p, q} {
		for _, end := range []bool{false, true} {
			b := h.browser()
			h.ok(errOf(b.login(waiting)))
			was := *b
			h.ok(errOf(b.useLink(p.link(), signin.Recovery{New: anew, EndSessions: end})))
			b.waits(account.PendingReady, totp)
			if c := was.caller(); c.Pending != nil {
				t.Error("the sign-in from before still waits")
			}
			p.password = anew
		}
	}
}

func TestLinks_RecoveryEndsWhatItIsToldTo(t *testing.T) {
	t.Parallel()
	for _, r := range []signin.Recovery{{}, {EndSessions: true}, {ResetFactors: true}, {EndSessions: true, ResetFactors: true}} {
		h := newHouse(t)
		p := h.person("ada", strong, secondary, app, recoveryCodes)
		bystander := h.person("bob", strong, app)
		old, far := p.signs(h.browser()), bystander.signs(h.browser())
		r.New = anew
		b := h.browser()
		h.ok(errOf(b.useLink(p.link(), r)))
		if old.caller().SignedIn() == r.EndSessions {
			t.Errorf("%+v: the old session: %v", r, !r.EndSessions)
		}
		second, err := h.SecondFactors(h.ctx, p.id)
		h.ok(err)
		creds, err := h.Passkeys(h.ctx, p.id)
		h.ok(err)
		if left := len(second.Codes) + second.RecoveryCodes + len(creds); (left == 0) != r.ResetFactors {
			t.Errorf("%+v: %d factors are left", r, left)
		}
		if r.ResetFactors {
			b.signedIn(p)
		} else {
			b.nobody()
		}
		far.signedIn(bystander)
		if creds, err := h.Passkeys(h.ctx, bystander.id); len(creds) != 1 || err != nil {
			t.Errorf("%v, %v", creds, err)
		}
	}
}

// Resetting the factors alone leaves the first passkeys.
func TestLinks_ResetFactors(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", strong, secondary, app, recoveryCodes)
	u, err := h.db.User(h.ctx, p.id)
	h.ok(err)
	h.ok(h.ResetFactors(h.ctx, signin.Client{}, u, false))
	creds, err := h.Passkeys(h.ctx, p.id)
	h.ok(err)
	if len(creds) != 1 || creds[0].Usage != account.UsageFirst {
		t.Errorf("%+v", creds)
	}
	h.ok(errOf(h.browser().passkey(p.email, p.devices["strong"])))
}

// confirmation is the token of the last confirmation mail.
func (h *house) confirmation() string {
	h.t.Helper()
	all := h.post.all()
	_, token, ok := strings.Cut(all[len(all)-1].Text, "/confirm/")
	if !ok {
		h.t.Fatalf("no link in %+v", all[len(all)-1])
	}
	return strings.Fields(token)[0]
}

func TestLinks_ConfirmationTellsNobodyWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	ask := func(email string) (map[string]int, error) {
		var err error
		calls := h.store.during(func() { err = h.AskConfirmation(h.ctx, h.browser().caller(), email, "https://latchkey.test/confirm/") })
		return calls, err
	}
	known, err1 := ask(p.email)
	h.ok(err1)
	if all := h.post.all(); all[len(all)-1].Kind != "registered_already" || strings.Contains(all[len(all)-1].Text, "/confirm/") {
		t.Errorf("%+v", all[len(all)-1])
	}
	unknown, err2 := ask("new@example.test")
	h.ok(err2)
	if !maps.Equal(known, unknown) {
		t.Errorf("queries %v and %v", known, unknown)
	}
	if n := column[int](h, `SELECT COUNT(*) FROM latchkey_users`)[0]; n != 1 {
		t.Error("an account was made before it was confirmed")
	}
	token := h.confirmation()
	if email, err := h.ConfirmationEmail(token); email != "new@example.test" || err != nil {
		t.Errorf("%s, %v", email, err)
	}
	h.refusesAny(func() error {
		return errOf(h.Confirm(h.ctx, h.browser().caller(), token, signin.NewAccount{Password: "short"}))
	})
	b := h.browser()
	confirm := func() (signin.Outcome, error) {
		// whatever address the form names, it is the confirmed one's account
		return b.keep(h.Confirm(h.ctx, b.caller(), token, signin.NewAccount{Email: "eve@example.test", Password: "a new password"}))
	}
	h.clock.advance(24*time.Hour + time.Microsecond)
	h.refuses(message.WebAuthnExpired, func() error { return errOf(confirm()) })
	h.clock.advance(-time.Microsecond)
	out, err := confirm()
	h.ok(err)
	if out.User.Email != "new@example.test" {
		t.Errorf("the account of %s", out.User.Email)
	}
	h.refuses(message.EmailInUse, func() error { return errOf(confirm()) })
}
