package replicas

import (
	"net/http"
	"slices"
)

// remembered is how many of the things that are over are tried again in each check.
const remembered = 3

// check demands that all that was acknowledged is so, and nothing else is.
func (p *person) check() {
	p.t.Helper()
	if n, ok := p.sessions(); !ok || n != p.expected() {
		p.fail("%d sessions, want %d", n, p.expected())
	}
	for _, c := range p.live {
		if r := c.Get("/sessions"); r.Status != http.StatusOK {
			p.fail("an acknowledged session answers %d %v", r.Status, r.Codes())
		}
	}
	for _, c := range last(p.dead) {
		if r := c.Get("/sessions"); r.Status != http.StatusUnauthorized {
			p.fail("a session that was ended answers %d %v", r.Status, r.Codes())
		}
	}
	names, _ := p.names()
	want := slices.Clone(p.keys)
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		p.fail("the passkeys are %q, want %q", names, want)
	}
	if left := p.home.Get("/mf-recovery-codes").Response["recovery_codes_remaining"]; left != float64(len(p.codes)) {
		p.fail("%v recovery codes are left, want %d", left, len(p.codes))
	}
	for _, f := range last(p.spent) {
		if r := p.send(p.home, f); r.Status == http.StatusOK {
			p.fail("a state that was used is good again: %s", f.path)
		}
		if r := p.send(p.visitor(), f); r.Status == http.StatusOK {
			p.fail("a state that was used is good again: %s", f.path)
		}
	}
	if len(p.used) > 0 {
		p.checkUsed(p.used[len(p.used)-1])
	}
}

// checkUsed tries a recovery code that was used.
func (p *person) checkUsed(code string) {
	p.t.Helper()
	c := p.visitor()
	if !p.half(c) {
		p.fail("nobody answers")
		return
	}
	if r := c.Post("/mf-recovery", map[string]any{"code": code}); r.Status != http.StatusBadRequest {
		p.fail("a recovery code that was used answers %d %v", r.Status, r.Codes())
	}
	c.Logout()
}

func last[T any](all []T) []T { return all[max(0, len(all)-remembered):] }
