package signin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// mostFailures is how many wrong guesses in a row close a step.
const mostFailures = 100

// everywhere is a browser that nobody knows, at an address of its own.
func (h *house) everywhere(i int) *browser {
	b := h.browser()
	b.client.Address = at(fmt.Sprintf("198.51.%d.%d", i/250, i%250))
	return b
}

// closes guesses wrong at a step until it takes no more, hours apart, so that no bucket is what stops it.
func (h *house) closes(want message.Key, guess func(i int) error) *signin.Refusal {
	h.t.Helper()
	for i := range mostFailures {
		h.refused(want, guess(i))
	}
	r := h.refused(message.TooManyAttempts, guess(mostFailures))
	if r.Text != message.StepClosed || r.RetryAfter <= 0 {
		h.t.Errorf("refused with %+v", r)
	}
	return r
}

// Each guessable step closes after a hundred failures in a row, to the right answer too, and no time opens it.
func TestStreak_AHundredFailuresCloseAStep(t *testing.T) {
	t.Parallel()
	for name, g := range guesses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, rates(5, 1000, 1000))
			p := h.person("ada", app, recoveryCodes, strong)
			b := h.browser()
			g.arrive(b, p)
			b.known = "" // a thief's
			again := func(i int) error {
				h.clock.advance(2 * time.Minute)
				if b.pending != "" && i%4 == 3 { // a pending sign-in does not last: the thief knows the password
					b.pending = ""
					g.arrive(b, p)
				}
				return g.wrong(b, p)
			}
			h.closes(g.want, again)
			h.clock.advance(3 * time.Hour)
			if b.pending != "" {
				b.pending = ""
				g.arrive(b, p)
			}
			h.refuses(message.TooManyAttempts, func() error { return g.right(b, p) })
			if n := h.post.kinds("step_closed"); n != 1 {
				t.Errorf("the owner had %d mails", n)
			}
			closed := 0
			for _, e := range h.events() {
				if e.Kind == account.EventStepClosed && e.UserID == p.id && e.Reason != "" {
					closed++
				}
			}
			if closed != 1 {
				t.Errorf("%d events", closed)
			}
			// another way in opens it again
			h.ok(errOf(h.browser().passkey(p.email, p.devices["strong"])))
			h.ok(g.right(b, p))
		})
	}
}

// An address without an account closes just the same, and nobody is mailed.
func TestStreak_UnknownAddressesCloseAlike(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.person("ada")
	for _, email := range []string{"ada@example.test", "nobody@example.test"} {
		h.closes(message.GenericAuthnFailed, func(i int) error { return errOf(h.everywhere(i).loginAs(email, "wrong")) })
	}
	if n := h.post.kinds("step_closed"); n != 1 || h.post.all()[len(h.post.all())-1].To != "ada@example.test" {
		t.Errorf("%d mails", n)
	}
	h.refuses(message.TooManyAttempts, func() error { return errOf(h.browser().loginAs(" NOBODY@example.test ", "wrong")) })
}

// To know the password is not to own the account: the thief's sign-ins by it leave the streak of the codes as it is.
func TestStreak_ThePasswordOpensNoOtherStep(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", app, recoveryCodes)
	wrong := p.wrongCode()
	h.closes(message.TwoFactorInvalidToken, func(i int) error {
		b := h.everywhere(i)
		h.ok(errOf(b.login(p)))
		return errOf(b.code(wrong))
	})
	b := h.browser()
	h.ok(errOf(b.login(p)))
	h.refuses(message.TooManyAttempts, func() error { return errOf(b.code(p.nextCode())) })
	h.ok(errOf(b.recover(p.recovery[0]))) // which is another way in, whole
	b = h.browser()
	h.ok(errOf(b.login(p)))
	h.ok(errOf(b.code(p.nextCode())))
}

// Nor does it open the codes of /verify to somebody who sits at a session.
func TestStreak_AVerifiedPasswordOpensNoCodes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", app)
	b := p.signs(h.browser())
	h.closes(message.TwoFactorInvalidToken, func(int) error { return errOf(b.verify(signin.Proof{Code: p.wrongCode()})) })
	h.ok(errOf(b.verify(signin.Proof{Password: p.password})))
	h.refuses(message.TooManyAttempts, func() error { return errOf(b.verify(signin.Proof{Code: p.nextCode()})) })
}

// A success begins the count anew.
func TestStreak_InARow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	for range 3 {
		for i := range mostFailures - 1 {
			h.refused(message.GenericAuthnFailed, errOf(h.everywhere(i).loginAs(p.email, "wrong")))
		}
		h.ok(errOf(h.browser().login(p)))
	}
}

// The link in the mail opens the steps, once, and signs nobody in.
func TestStreak_TheMailedLinkOpensIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *signin.Config) { c.Base = "https://latchkey.test/auth" })
	p := h.person("ada")
	shut := func() string {
		h.closes(message.GenericAuthnFailed, func(i int) error { return errOf(h.everywhere(i).loginAs(p.email, "wrong")) })
		sent := h.post.all()
		_, token, found := strings.Cut(sent[len(sent)-1].Text, "https://latchkey.test/auth/reopen/")
		if !found {
			t.Fatalf("the mail has no link: %+v", sent[len(sent)-1])
		}
		token, _, _ = strings.Cut(token, "\n")
		return h.secret("reopening link", token)
	}
	token := shut()
	stranger := h.browser()
	u, err := h.ReopenUser(h.ctx, token) // as a mail scanner opens it
	h.ok(err)
	if u.ID != p.id {
		t.Errorf("the link is %s's", u.ID)
	}
	h.refuses(message.TooManyAttempts, func() error { return errOf(stranger.login(p)) })
	for _, bad := range []string{"", "x", token[:len(token)-1], flipped(token), p.link()} {
		h.refused(message.APIError, h.Reopen(h.ctx, stranger.caller(), bad))
	}
	h.refuses(message.TooManyAttempts, func() error { return errOf(stranger.login(p)) })
	held := h.held(p.id)
	h.ok(h.Reopen(h.ctx, stranger.caller(), token))
	stranger.nobody()
	if h.held(p.id) != held {
		t.Error("something was gained by the link")
	}
	h.ok(errOf(stranger.login(p)))
	h.refuses(message.CredentialReplayed, func() error { return h.Reopen(h.ctx, stranger.caller(), token) })

	h.clock.advance(25 * time.Hour) // the next mail's day
	late := shut()
	h.clock.advance(24*time.Hour + time.Minute)
	h.refuses(message.WebAuthnExpired, func() error { return h.Reopen(h.ctx, stranger.caller(), late) })
	p.disabled()
	h.clock.advance(time.Hour)
	p.enabled()
	h.ok(h.Unlock(h.ctx, signin.Client{}, u)) // as an operator does
	h.ok(errOf(h.browser().login(p)))
}

// A disabled account's link opens nothing.
func TestStreak_ALinkOfADisabledAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *signin.Config) { c.Base = "https://latchkey.test" })
	p := h.person("ada")
	h.closes(message.GenericAuthnFailed, func(i int) error { return errOf(h.everywhere(i).loginAs(p.email, "wrong")) })
	sent := h.post.all()
	_, token, _ := strings.Cut(sent[len(sent)-1].Text, "/reopen/")
	token, _, _ = strings.Cut(token, "\n")
	p.disabled()
	h.refuses(message.APIError, func() error { return h.Reopen(h.ctx, h.browser().caller(), token) })
}

// The mail goes out once a day, however long somebody goes on.
func TestStreak_OneMailADay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	h.closes(message.GenericAuthnFailed, func(i int) error { return errOf(h.everywhere(i).loginAs(p.email, "wrong")) })
	for range 5 {
		h.refused(message.TooManyAttempts, errOf(h.browser().login(p)))
	}
	if n := h.post.kinds("step_closed"); n != 1 {
		t.Errorf("%d mails", n)
	}
	h.clock.advance(24 * time.Hour)
	for range 5 {
		h.refused(message.TooManyAttempts, errOf(h.browser().login(p)))
	}
	if n := h.post.kinds("step_closed"); n != 2 {
		t.Errorf("%d mails on the second day", n)
	}
}
