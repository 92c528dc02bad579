package web_test

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/signin"
)

// ceremonies are those that a site was told of.
type ceremonies struct {
	mu   sync.Mutex
	seen []signin.Ceremony
}

func (c *ceremonies) hear(one signin.Ceremony) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, one)
}

func (c *ceremonies) are(t *testing.T, want ...signin.Ceremony) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.seen, want) {
		t.Errorf("heard %+v, want %+v", c.seen, want)
	}
	c.seen = nil
}

// What became of a ceremony is told, with the time that it took; what was never one of ours is not.
func TestCeremoniesAreMeasured(t *testing.T) {
	t.Parallel()
	var heard ceremonies
	s := newSite(t, func(c *latchkey.Config) { c.OnCeremony = heard.hear })
	p := s.person(t)
	start := p.post("/wan-register", fields{"name": "key", "usage": "first"})
	s.clock.pass(3 * time.Second)
	p.post(with("/wan-register", start), fields{"credential": p.create(start)}).want(http.StatusOK)
	heard.are(t, signin.Ceremony{Kind: "register", Outcome: "ok", Took: 3 * time.Second})
	verify := p.post("/wan-verify", nil)
	s.clock.pass(time.Second)
	p.post(with("/wan-verify", verify), fields{"credential": p.sign(verify)}).want(http.StatusOK)
	p.post(with("/wan-verify", verify), fields{"credential": p.sign(verify)}).refuses(http.StatusBadRequest, "CREDENTIAL_REPLAYED", "")
	heard.are(t, signin.Ceremony{Kind: "verify", Outcome: "ok", Took: time.Second}, signin.Ceremony{Kind: "verify", Outcome: "refused", Took: time.Second})
	v := p.fresh()
	v.signin(nil, nil).want(http.StatusOK)
	heard.are(t, signin.Ceremony{Kind: "signin", Outcome: "ok"})
	v.fresh().post("/wan-signin/nonsense", fields{"credential": "{}"}).refuses(http.StatusBadRequest, "API_ERROR", "")
	heard.are(t)
}

// A browser tells how a ceremony ended there, in words that are known, and nothing is stored.
func TestBrowsersTellHowCeremoniesEnd(t *testing.T) {
	t.Parallel()
	var heard ceremonies
	s := newSite(t, func(c *latchkey.Config) { c.OnCeremony = heard.hear })
	v := s.visitor(t)
	for _, kind := range []string{"create", "get"} {
		for _, outcome := range signin.ClientOutcomes {
			v.post("/wan-outcome", fields{"ceremony": kind, "outcome": outcome}).want(http.StatusOK).only()
			heard.are(t, signin.Ceremony{Kind: kind, Outcome: outcome, Client: true})
		}
	}
	v.form("/wan-outcome", fields{"ceremony": "get", "outcome": "cancelled"}).goes("/")
	heard.are(t, signin.Ceremony{Kind: "get", Outcome: "cancelled", Client: true})
	for _, f := range []fields{{}, {"ceremony": "get"}, {"outcome": "cancelled"}, {"ceremony": "signin", "outcome": "cancelled"}, {"ceremony": "get", "outcome": "ok"}, {"ceremony": "get", "outcome": "x"}} {
		v.post("/wan-outcome", f).refuses(http.StatusBadRequest, "API_ERROR", "outcome")
	}
	v.get("/wan-outcome").want(http.StatusMethodNotAllowed)
	heard.are(t)
	newSite(t).visitor(t).post("/wan-outcome", fields{"ceremony": "get", "outcome": "cancelled"}).want(http.StatusOK)
}
