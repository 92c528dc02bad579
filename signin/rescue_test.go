package signin_test

import (
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// TestEdges_Rescue walks the ways out of a second factor that is lost.
func TestEdges_Rescue(t *testing.T) {
	t.Parallel()
	open := func(c *signin.Config) {
		c.TwoFactorRescueEmail, c.TwoFactorRescueMail = true, "help@example.test"
	}
	h := newHouse(t, open)
	p := h.person("ada", app, recoveryCodes)
	b := h.browser()
	h.ok(errOf(b.login(p)))
	h.ok(b.rescue(signin.RescueHelp))
	h.ok(b.rescue(signin.RescueRecovery))
	b.waits(account.PendingReady, totp)
	if h.post.kinds("rescue") != 1 {
		t.Error("the operator was not called")
	}
	h.ok(b.rescue(signin.RescueEmail))
	b.waits(account.PendingReady, account.MethodEmail)
	h.ok(errOf(b.code(h.post.code(p.email))))
	b.proofs(p, 2, pw, account.MethodEmail)

	// who has only a passkey is not rescued by mail, and nobody is where it is off
	q := h.person("bob", secondary)
	b = h.browser()
	h.ok(errOf(b.login(q)))
	h.refuses(message.TwoFactorMethodNotAvailable, func() error { return b.rescue(signin.RescueEmail) })
	h.refuses(message.TwoFactorMethodNotAvailable, func() error { return b.rescue(signin.RescueRecovery) })
	h.refuses(message.TwoFactorMethodNotAvailable, func() error { return b.rescue("anything") })

	closed := newHouse(t)
	p = closed.person("ada", app)
	b = closed.browser()
	closed.ok(errOf(b.login(p)))
	for _, option := range []string{signin.RescueEmail, signin.RescueHelp, signin.RescueRecovery, ""} {
		closed.refuses(message.TwoFactorMethodNotAvailable, func() error { return b.rescue(option) })
	}
}
