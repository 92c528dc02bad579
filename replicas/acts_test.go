package replicas

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"

	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// act does one thing, or asks again for what got no answer. It reports whether there was one.
func (p *person) act(r *rand.Rand) bool {
	p.t.Helper()
	if p.open != nil {
		return p.open()
	}
	switch n := r.IntN(20); {
	case len(p.live) > 6 && n < 10:
		p.logout(r)
	case len(p.live)+p.orphans > 12:
		p.endOthers()
	case n < 9:
		p.signIn()
	case n < 13 && len(p.keys) < 12:
		p.addKey()
	case n < 16 && len(p.keys) > 2:
		p.deleteKey(r)
	case n < 18:
		p.useCode()
	default:
		p.logout(r)
	}
	return p.open == nil
}

// signIn signs in with the passkey, which is both factors.
func (p *person) signIn() {
	c := p.visitor()
	f, ok := p.begin(c, "/wan-signin", map[string]any{"identity": p.email}, p.device.Get)
	if !ok {
		return
	}
	p.open = func() bool {
		n, ok := p.sessions()
		if !ok {
			return false
		}
		r := p.send(c, f)
		switch {
		case !answered(r):
			return false
		case r.Status == http.StatusOK && n == p.expected():
			p.signedIn(c, f)
		case replayed(r) && n == p.expected()+1:
			p.orphans++
			p.spent = append(p.spent, f)
			p.open = nil
		default:
			p.fail("a sign-in without an answer: %d sessions of %d known, and its state is answered with %d %v", n, p.expected(), r.Status, r.Codes())
		}
		return true
	}
	r := p.send(c, f)
	if !answered(r) {
		return
	}
	if r.Status != http.StatusOK {
		p.fail("a sign-in: %d %v", r.Status, r.Codes())
		return
	}
	p.signedIn(c, f)
}

func (p *person) signedIn(c *latchkeytest.Client, f finish) {
	p.live = append(p.live, c)
	p.spent = append(p.spent, f)
	p.ack()
}

// addKey registers one more passkey, on a device of its own.
func (p *person) addKey() {
	p.made++
	name := fmt.Sprint("key ", p.made)
	f, ok := p.begin(p.home, "/wan-register", map[string]any{"name": name, "usage": "first"}, latchkeytest.NewAuthenticator().Create)
	if !ok {
		return
	}
	p.open = func() bool {
		names, ok := p.names()
		if !ok {
			return false
		}
		there := slices.Contains(names, name)
		r := p.send(p.home, f)
		switch {
		case !answered(r):
			return false
		case r.Status == http.StatusOK && !there, replayed(r) && there:
			p.added(name, f)
		default:
			p.fail("a registration without an answer: it is there: %v, and its state is answered with %d %v", there, r.Status, r.Codes())
		}
		return true
	}
	r := p.send(p.home, f)
	if !answered(r) {
		return
	}
	if r.Status != http.StatusOK {
		p.fail("a registration: %d %v", r.Status, r.Codes())
		return
	}
	p.added(name, f)
}

func (p *person) added(name string, f finish) {
	p.keys = append(p.keys, name)
	p.spent = append(p.spent, f)
	p.ack()
}

// deleteKey removes a passkey, but the first two.
func (p *person) deleteKey(r *rand.Rand) {
	i := 2 + r.IntN(len(p.keys)-2)
	name := p.keys[i]
	p.open = func() bool {
		names, ok := p.names()
		if !ok {
			return false
		}
		if slices.Contains(names, name) {
			r := p.home.DeletePasskey(name)
			if !answered(r) {
				return false
			}
			if r.Status != http.StatusOK {
				p.fail("a passkey is there and not deleted: %d %v", r.Status, r.Codes())
				return true
			}
		}
		p.keys = slices.Delete(p.keys, i, i+1)
		p.ack()
		return true
	}
	p.open()
}

// useCode signs in with the passkey as one factor, and a recovery code as the other.
func (p *person) useCode() {
	if len(p.codes) == 0 {
		p.renewCodes()
		return
	}
	c := p.visitor()
	if !p.half(c) {
		return
	}
	code := p.codes[0]
	p.open = func() bool {
		n, ok := p.sessions()
		if !ok {
			return false
		}
		r := c.Post("/mf-recovery", map[string]any{"code": code})
		switch {
		case !answered(r):
			return false
		case r.Status == http.StatusOK && n == p.expected():
			p.live = append(p.live, c)
			p.usedCode()
		case r.Status != http.StatusOK && n == p.expected()+1:
			p.orphans++
			p.usedCode()
		default:
			p.fail("a recovery code: %d sessions of %d known, and it is answered with %d %v", n, p.expected(), r.Status, r.Codes())
		}
		return true
	}
	p.open()
}

// half signs in with the passkey, without its user's verification.
func (p *person) half(c *latchkeytest.Client) bool {
	f, ok := p.begin(c, "/wan-signin", map[string]any{"identity": p.email}, p.device.Get, func(c *latchkeytest.Ceremony) { c.UserVerified = false })
	if !ok {
		return false
	}
	r := p.send(c, f)
	if !answered(r) {
		return false
	}
	if required, _ := r.Want(p.t, http.StatusOK).Response["tf_required"].(bool); !required {
		p.fail("one factor was enough: %v", r.Response)
		return false
	}
	return true
}

func (p *person) usedCode() {
	p.used, p.codes = append(p.used, p.codes[0]), p.codes[1:]
	p.ack()
}

// renewCodes makes new ones. Without an answer nobody knows them, and they are made once more.
func (p *person) renewCodes() {
	p.open = func() bool {
		r := p.home.Post("/mf-recovery-codes", nil)
		if !answered(r) {
			return false
		}
		p.codes = codes(r.Want(p.t, http.StatusOK))
		p.ack()
		return true
	}
	p.open()
}

// logout ends one of the sessions.
func (p *person) logout(r *rand.Rand) {
	if len(p.live) == 0 {
		return
	}
	i := r.IntN(len(p.live))
	c := p.live[i]
	p.open = func() bool {
		r := c.Get("/sessions")
		if r.Status == http.StatusOK {
			r = c.Logout()
		}
		if !answered(r) {
			return false
		}
		if r.Status != http.StatusOK && r.Status != http.StatusUnauthorized {
			p.fail("signing out: %d %v", r.Status, r.Codes())
			return true
		}
		p.live = slices.Delete(p.live, i, i+1)
		p.dead = append(p.dead, c)
		p.ack()
		return true
	}
	p.open()
}

// endOthers ends all sessions but the one at home.
func (p *person) endOthers() {
	p.open = func() bool {
		r := p.home.Post("/sessions/end", map[string]any{"others": true})
		if !answered(r) {
			return false
		}
		r.Want(p.t, http.StatusOK)
		p.dead, p.live, p.orphans = append(p.dead, p.live...), nil, 0
		p.ack()
		return true
	}
	p.open()
}
