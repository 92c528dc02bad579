package signin_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

func TestState_OfAnotherCeremonyIsRefusedAndSpendsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var all []finish
	for _, kind := range kinds {
		f, _ := begin(h, kind)
		all = append(all, f)
	}
	spent := h.spent()
	link, err := h.RecoveryLink(h.ctx, signin.Client{}, account.User{ID: "somebody"})
	h.ok(err)
	for _, f := range all {
		for _, other := range all {
			if strings.HasSuffix(f.name, "signin") && strings.HasSuffix(other.name, "signin") || f.name == other.name || f.name+other.name == "registerenrol" || f.name+other.name == "enrolregister" {
				continue // one ceremony
			}
			h.refuses(message.APIError, func() error { return f.call(f.by, other.token) })
		}
		h.refuses(message.APIError, func() error { return f.call(f.by, link) })
		h.refuses(message.APIError, func() error {
			return errOf(h.UseRecoveryLink(h.ctx, h.browser().caller(), f.token, signin.Recovery{New: "a quite new password"}))
		})
		h.refuses(message.APIError, func() error {
			return errOf(h.Confirm(h.ctx, h.browser().caller(), f.token, signin.NewAccount{Password: "a quite new password"}))
		})
	}
	if n := h.spent(); n != spent {
		t.Errorf("%d states were spent", n-spent)
	}
	for _, f := range all {
		f.succeeds(h)
	}
}

func TestState_OfAnotherUserIsRefusedAndSpendsNothing(t *testing.T) {
	each(t, func(h *house, f finish, _ *person) {
		eve := h.person("eve", secondary)
		in := eve.signs(h.browser())
		switch f.name {
		case "second signin":
			h.ok(in.logout())
			h.ok(errOf(in.login(eve))) // pending like the owner, for her own account
		case "enrol":
			in.svc = f.by.svc
		}
		f.keeps(h, f.deniedTo(), func() error { return f.call(in, f.token) })
	}, "first signin") // which is bound to nobody
}

func TestState_OfAnotherSessionIsRefusedAndSpendsNothing(t *testing.T) {
	each(t, func(h *house, f finish, p *person) {
		in := p.signs(h.browser())
		f.keeps(h, f.deniedTo(), func() error { return f.call(in, f.token) })
	}, "first signin", "second signin", "enrol")
}

func TestState_OfAnotherPendingSigninIsRefusedAndSpendsNothing(t *testing.T) {
	each(t, func(h *house, f finish, p *person) {
		other := h.browser()
		other.svc = f.by.svc
		h.ok(errOf(other.login(p)))
		f.keeps(h, f.deniedTo(), func() error { return f.call(other, f.token) })
	}, "first signin", "verify", "register", "setup")
}

// In the same browser, by the same person, a state of a sign-in that was pending opens for no later one.
func TestState_OfAnEarlierPendingSigninIsRefused(t *testing.T) {
	each(t, func(h *house, f finish, p *person) {
		h.ok(errOf(f.by.login(p)))
		h.refuses(f.deniedTo(), func() error { return f.call(f.by, f.token) })
	}, "first signin", "verify", "register", "setup")
}

func TestState_OfASecondSigninIsRefusedToNobody(t *testing.T) {
	each(t, func(h *house, f finish, _ *person) {
		f.keeps(h, message.TwoFactorPermissionDenied, func() error { return f.call(h.browser(), f.token) })
	}, "first signin", "verify", "register", "enrol", "setup")
}

// The first half of a first-factor sign-in is bound to no browser: programs have no cookies.
func TestState_OfAFirstSigninOpensAnywhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f, p := begin(h, "first signin")
	b := h.browser()
	b.client.Address = at("198.51.100.7")
	h.ok(f.call(b, f.token))
	b.signedIn(p)
}

func TestState_AfterLogoutIsRefused(t *testing.T) {
	each(t, func(h *house, f finish, _ *person) {
		c := f.by.caller()
		h.ok(f.by.logout())
		call := func() error { return f.call(f.by, f.token) }
		if f.name == "second signin" {
			h.refuses(message.TwoFactorPermissionDenied, call)
			return
		}
		// a request that was under way when its session or sign-in ended
		late := f.by.late(c)
		want := message.Unauthenticated
		if f.name == "enrol" {
			want = message.TwoFactorPermissionDenied
		}
		h.refuses(want, func() error { return f.call(late, f.token) })
	}, "first signin")
}

func TestState_IsGoodForItsTimeAndNoLonger(t *testing.T) {
	each(t, func(h *house, f finish, _ *person) {
		if f.name == "second signin" || f.name == "enrol" || f.name == "setup" {
			f.by = f.by.late(f.by.caller()) // the sign-in or the code would end sooner
		}
		h.clock.advance(f.within + time.Microsecond)
		h.refuses(f.expired, func() error { return f.call(f.by, f.token) })
		if f.name == "setup" { // the mailed code in it counts for less long
			h.clock.advance(-26 * time.Minute)
		} else {
			h.clock.advance(-time.Microsecond)
		}
		if f.by.fixed != nil && f.name != "setup" {
			if err := f.call(f.by, f.token); err != nil {
				t.Errorf("%s: just inside its time: %v", f.name, err)
			}
			return
		}
		f.succeeds(h)
	})
}

func TestState_FromTheFutureIsRefused(t *testing.T) {
	each(t, func(h *house, f finish, _ *person) {
		h.clock.advance(-time.Minute - time.Microsecond)
		f.by = f.by.late(f.by.caller())
		h.refuses(f.expired, func() error { return f.call(f.by, f.token) })
		h.clock.advance(time.Microsecond)
		h.ok(f.call(f.by, f.token))
	})
}

func TestState_AlteredIsRefusedAndSpendsNothing(t *testing.T) {
	each(t, func(h *house, f finish, _ *person) {
		raw, err := base64.RawURLEncoding.DecodeString(f.token)
		h.ok(err)
		altered := []string{"", "x", f.token[:len(f.token)-1], f.token[:len(f.token)/2], f.token[1:], f.token + "A", f.token + "=", f.token + "\n", strings.Repeat("A", len(f.token))}
		for _, i := range []int{0, 4, 16, len(raw) / 2, len(raw) - 1} {
			flipped := append([]byte(nil), raw...)
			flipped[i] ^= 0x10
			altered = append(altered, base64.RawURLEncoding.EncodeToString(flipped))
		}
		before, spent := h.snapshot(), h.spent()
		for _, token := range altered {
			h.refused(message.APIError, f.call(f.by, token))
		}
		if d := differences(before, h.snapshot()); d != "" || h.spent() != spent {
			t.Errorf("%d states spent; %s", h.spent()-spent, d)
		}
		f.succeeds(h)
	})
}

func TestState_ReplayedIsRefused(t *testing.T) {
	each(t, func(h *house, f finish, p *person) {
		f.succeeds(h)
		want := message.CredentialReplayed
		if f.name == "second signin" { // its pending sign-in went with it
			want = message.TwoFactorPermissionDenied
		}
		if f.name == "enrol" { // and this one no longer enrols
			want = message.Unauthenticated
		}
		h.refuses(want, func() error { return f.call(f.by, f.token) })
	})
}

func TestState_FailedVerificationSpendsIt(t *testing.T) {
	each(t, func(h *house, f finish, _ *person) {
		before := h.spent()
		h.refuses(message.WebAuthnNoVerify, func() error { return f.wrong(f.by, f.token) })
		if h.spent() != before+1 {
			t.Error("the failed verification did not spend the state")
		}
		h.refuses(message.CredentialReplayed, func() error { return f.call(f.by, f.token) })
		h.refuses(message.CredentialReplayed, func() error { return f.wrong(f.by, f.token) })
		if f.done() {
			t.Error("it had its effect")
		}
	}, "setup")
}

func TestState_ParseFailureSpendsNothing(t *testing.T) {
	each(t, func(h *house, f finish, _ *person) {
		f.keeps(h, message.APIError, func() error { return f.malformed(f.by, f.token) })
	}, "setup")
}

// TestState_OriginOfTheStartIsTheFinishs: a ceremony that began with an Origin finishes on that one; one that began without, on any
// configured one, and on no other.
func TestState_OriginOfTheStartIsTheFinishs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", strong)
	foreign := func(c *ceremonyChange) { c.Origin = "https://evil.test" }
	for i, c := range []struct {
		start  string
		change change
		ok     bool
	}{
		{origin, nil, true}, {origin, elsewhere, false}, {origin, foreign, false},
		{otherOrigin, elsewhere, true}, {otherOrigin, nil, false},
		{"", nil, true}, {"", elsewhere, true}, {"", foreign, false},
	} {
		changes := []change{c.change}
		if c.change == nil {
			changes = nil
		}
		b := h.browser()
		b.client.Origin = c.start
		start := b.startSignin(p.email)
		b.client.Origin = "" // what the second request says counts for nothing
		answer := p.devices["strong"].get(start, changes...)
		if !c.ok {
			h.refuses(message.WebAuthnNoVerify, func() error { return errOf(b.finishSignin(start, answer)) })
			continue
		}
		h.ok(errOf(b.finishSignin(start, answer)))
		b.signedIn(p)

		b.client.Origin = c.start
		verify := b.startVerify()
		h.ok(errOf(b.finishVerify(verify, p.devices["strong"].get(verify, changes...))))
		if ours, bound := map[string]string{origin: otherOrigin, otherOrigin: origin}[c.start]; bound {
			there := func(c *ceremonyChange) { c.Origin = ours }
			wrong := b.startVerify()
			h.refuses(message.WebAuthnNoVerify, func() error { return errOf(b.finishVerify(wrong, p.devices["strong"].get(wrong, there))) })
		}
		wrong := b.startVerify()
		h.refuses(message.WebAuthnNoVerify, func() error { return errOf(b.finishVerify(wrong, p.devices["strong"].get(wrong, foreign))) })

		reg, err := b.startRegistration(fmt.Sprint("key ", i), account.UsageFirst)
		h.ok(err)
		h.refuses(message.WebAuthnNoVerify, func() error {
			return errOf(b.finishRegistration(reg, h.newDevice(true).create(reg, foreign)))
		})
	}
}
