package signin

import (
	"slices"
	"time"
)

// Ceremony is what became of one WebAuthn ceremony, for measuring: nothing in it says whose it was.
type Ceremony struct {
	// Kind is register, signin or verify; of what a browser told, create or get.
	Kind string
	// Outcome is ok, refused or failed; of what a browser told, one of [ClientOutcomes].
	Outcome string
	// Client: it ended in the browser, which told so; the site has seen no answer.
	Client bool
	// Took is the time from the start to the answer, most of which is the person's; 0 of what a browser told.
	Took time.Duration
}

// ClientOutcomes are the words for how a ceremony ends in a browser: the error codes of latchkey.js.
var ClientOutcomes = []string{"cancelled", "timeout", "no-passkey", "already-registered", "not-supported", "insecure", "security", "failed"}

// finished tells of a ceremony whose answer came, by what it led to.
func (s *Service) finished(which ceremony, st *state, err *error) {
	if s.OnCeremony == nil {
		return
	}
	c := Ceremony{Kind: string(which), Outcome: "ok", Took: max(0, s.now().Sub(st.At))}
	if *err != nil {
		c.Outcome = "failed"
		if _, ok := AsRefusal(*err); ok {
			c.Outcome = "refused"
		}
	}
	s.OnCeremony(c)
}

// EndedInBrowser tells of a ceremony that a browser says it ended, kind create or get. It reports whether the words are known ones.
func (s *Service) EndedInBrowser(kind, outcome string) bool {
	if kind != "create" && kind != "get" || !slices.Contains(ClientOutcomes, outcome) {
		return false
	}
	if s.OnCeremony != nil {
		s.OnCeremony(Ceremony{Kind: kind, Outcome: outcome, Client: true})
	}
	return true
}
