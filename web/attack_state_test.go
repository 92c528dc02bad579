package web_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// pairing is a way to show a valid token in the wrong place. Its answer is judged against tokenOutcomes.
type pairing struct {
	name string
	// intact: a refusal leaves the token good, and its owner uses it afterwards; unless what it is bound to has ended.
	intact bool
	show   func(t testing.TB, s *site, k kind, h *held) *answer
}

const (
	opens = "opens"
	// gate: the endpoint's gate refuses, before any token is looked at; no event tells of it.
	gate401  = "gate UNAUTHENTICATED"
	gateAnon = "gate ANONYMOUS_USER_REQUIRED"
	// none: there is no such pairing.
	none = "none"

	disabled = "after the account was disabled"
)

var tokenPairings = []pairing{
	{"by its owner", false, func(t testing.TB, s *site, _ kind, h *held) *answer { return h.finish(h.v, h.text) }},
	{"by another user in the same place", true, func(t testing.TB, s *site, k kind, h *held) *answer {
		return h.finish(k.begin(t, s).v, h.text)
	}},
	{"by another user who is signed in", true, func(t testing.TB, s *site, _ kind, h *held) *answer {
		return h.finish(s.member(t), h.text)
	}},
	{"by the user in another session", true, func(t testing.TB, s *site, _ kind, h *held) *answer {
		return h.finish(h.user.fresh().enter(), h.text)
	}},
	{"by the user in another sign-in that waits", true, func(t testing.TB, s *site, _ kind, h *held) *answer {
		return h.finish(h.user.waiting(), h.text)
	}},
	{"by the user in the same browser, signed in anew", false, func(t testing.TB, s *site, k kind, h *held) *answer {
		h.v.post("/logout", nil).want(http.StatusOK)
		if h.user.codes == nil || k.name == "second signin" {
			h.v.login().want(http.StatusOK).is(true, "tf_required")
			return h.finish(h.v, h.text)
		}
		h.v.codes = h.user.codes
		return h.finish(h.v.enter(), h.text)
	}},
	{"by a browser without cookies", true, func(t testing.TB, s *site, _ kind, h *held) *answer {
		return h.finish(h.v.fresh(), h.text)
	}},
	{"by the user's program", true, func(t testing.TB, s *site, _ kind, h *held) *answer {
		return h.finish(h.user.program(), h.text)
	}},
	{"with an answer of another origin", false, func(t testing.TB, s *site, _ kind, h *held) *answer {
		return h.elsewhere(h.v, h.text)
	}},
	{"sent from another origin", true, func(t testing.TB, s *site, _ kind, h *held) *answer {
		return h.finish(h.v.other(), h.text)
	}},
	{"at the end of its time", false, func(t testing.TB, s *site, k kind, h *held) *answer {
		s.clock.pass(k.within)
		return h.finish(h.v, h.text)
	}},
	{"after its time", false, func(t testing.TB, s *site, k kind, h *held) *answer {
		s.clock.pass(k.within + time.Second)
		return h.finish(h.v, h.text)
	}},
	{"by a clock that is a minute behind", false, func(t testing.TB, s *site, _ kind, h *held) *answer {
		s.clock.pass(-time.Minute)
		return h.finish(h.v, h.text)
	}},
	{"by a clock that is further behind", true, func(t testing.TB, s *site, _ kind, h *held) *answer {
		s.clock.pass(-time.Minute - time.Second)
		defer s.clock.pass(time.Minute + time.Second)
		return h.finish(h.v, h.text)
	}},
	{"again", false, func(t testing.TB, s *site, _ kind, h *held) *answer {
		before := h.v.fork() // the browser as it was
		h.finish(h.v, h.text).want(http.StatusOK)
		if !h.done() {
			t.Error("the first use did nothing")
		}
		before.cookies["latchkey_session"] = h.v.cookies["latchkey_session"]
		if h.v.cookies["latchkey_session"] == nil || h.v != h.user {
			delete(before.cookies, "latchkey_session")
		}
		return h.finish(before, h.text)
	}},
	{"after an answer that is wrong", false, func(t testing.TB, s *site, _ kind, h *held) *answer {
		if a := h.wrong(h.v, h.text); a.status != http.StatusBadRequest {
			t.Errorf("a wrong answer: %v", a)
		}
		return h.finish(h.v, h.text)
	}},
	{"after six answers that are wrong", false, func(t testing.TB, s *site, _ kind, h *held) *answer {
		for range 6 {
			h.wrong(h.v, h.text)
		}
		return h.finish(h.v, h.text)
	}},
	{disabled, true, func(t testing.TB, s *site, _ kind, h *held) *answer {
		disable(t, h.user, false)
		defer disable(t, h.user, true)
		return h.finish(h.v, h.text)
	}},
	{"at a server with a newer key and its own", false, func(t testing.TB, s *site, _ kind, h *held) *answer {
		a := h.finish(h.v.at(s.twin(t, keys(8, 7))), h.text)
		return a
	}},
	{"at a server that has removed its key", true, func(t testing.TB, s *site, _ kind, h *held) *answer {
		return h.finish(h.v.at(s.twin(t, keys(8))), h.text)
	}},
}

// tokenOutcomes is what every pairing leads to, kind by kind in the order of tokenKinds: a refusal's key, or one of the words above.
//
// A link, and the state of a first step, open for whoever has them, as the contract has it: programs have no cookies, and a mail is read in
// another browser than the one that asked for it.
var tokenOutcomes = map[string][]string{
	//                                                 register             enrol                          first signin           second signin                  verify                 setup                        verify code                  recover                confirm          reopen
	"by its owner":                                    {opens, opens, opens, opens, opens, opens, opens, opens, opens, opens},
	"by another user in the same place":               {"API_ERROR", "API_ERROR", opens, "TWO_FACTOR_PERMISSION_DENIED", "API_ERROR", "API_ERROR", "API_ERROR", opens, opens, opens},
	"by another user who is signed in":                {"API_ERROR", "API_ERROR", gateAnon, gateAnon, "API_ERROR", "API_ERROR", "API_ERROR", gateAnon, gateAnon, opens},
	"by the user in another session":                  {"API_ERROR", none, gateAnon, gateAnon, "API_ERROR", "API_ERROR", "API_ERROR", gateAnon, none, none},
	"by the user in another sign-in that waits":       {gate401, "API_ERROR", opens, "TWO_FACTOR_PERMISSION_DENIED", gate401, gate401, gate401, opens, none, none},
	"by the user in the same browser, signed in anew": {"API_ERROR", "API_ERROR", gateAnon, "TWO_FACTOR_PERMISSION_DENIED", "API_ERROR", "API_ERROR", "API_ERROR", gateAnon, none, none},
	"by a browser without cookies":                    {gate401, gate401, opens, "TWO_FACTOR_PERMISSION_DENIED", gate401, gate401, gate401, opens, opens, opens},
	"by the user's program":                           {"API_ERROR", none, gateAnon, gateAnon, "API_ERROR", "API_ERROR", "API_ERROR", gateAnon, none, none},
	"with an answer of another origin":                {"WEBAUTHN_NO_VERIFY", "WEBAUTHN_NO_VERIFY", "WEBAUTHN_NO_VERIFY", "WEBAUTHN_NO_VERIFY", "WEBAUTHN_NO_VERIFY", none, none, none, none, none},
	"sent from another origin":                        {opens, opens, opens, opens, opens, opens, opens, opens, opens, opens},
	"at the end of its time":                          {opens, gate401, opens, opens, opens, opens, "TWO_FACTOR_INVALID_TOKEN", opens, opens, opens},
	"after its time":                                  {"WEBAUTHN_EXPIRED", gate401, "WEBAUTHN_EXPIRED", "WEBAUTHN_EXPIRED", "WEBAUTHN_EXPIRED", "TWO_FACTOR_SETUP_EXPIRED", "WEBAUTHN_EXPIRED", "WEBAUTHN_EXPIRED", "WEBAUTHN_EXPIRED", "WEBAUTHN_EXPIRED"},
	"by a clock that is a minute behind":              {opens, opens, opens, opens, opens, opens, opens, opens, opens, opens},
	"by a clock that is further behind":               {"WEBAUTHN_EXPIRED", "WEBAUTHN_EXPIRED", "WEBAUTHN_EXPIRED", "WEBAUTHN_EXPIRED", "WEBAUTHN_EXPIRED", "TWO_FACTOR_SETUP_EXPIRED", "WEBAUTHN_EXPIRED", "WEBAUTHN_EXPIRED", "WEBAUTHN_EXPIRED", "WEBAUTHN_EXPIRED"},
	"again":                                           {"CREDENTIAL_REPLAYED", gate401, "CREDENTIAL_REPLAYED", "TWO_FACTOR_PERMISSION_DENIED", "CREDENTIAL_REPLAYED", "CREDENTIAL_REPLAYED", "CREDENTIAL_REPLAYED", "CREDENTIAL_REPLAYED", "EMAIL_INUSE", "CREDENTIAL_REPLAYED"},
	"after an answer that is wrong":                   {"CREDENTIAL_REPLAYED", "CREDENTIAL_REPLAYED", "CREDENTIAL_REPLAYED", "CREDENTIAL_REPLAYED", "CREDENTIAL_REPLAYED", opens, opens, opens, opens, none},
	"after six answers that are wrong":                {"CREDENTIAL_REPLAYED", "CREDENTIAL_REPLAYED", "CREDENTIAL_REPLAYED", "CREDENTIAL_REPLAYED", "CREDENTIAL_REPLAYED", "CREDENTIAL_REPLAYED", "CREDENTIAL_REPLAYED", opens, opens, none},
	disabled:                                          {gate401, gate401, "DISABLED_ACCOUNT", "TWO_FACTOR_PERMISSION_DENIED", gate401, gate401, gate401, "API_ERROR", none, "API_ERROR"},
	"at a server with a newer key and its own":        {opens, opens, opens, opens, opens, opens, opens, opens, opens, opens},
	"at a server that has removed its key":            {"API_ERROR", "API_ERROR", "API_ERROR", "API_ERROR", "API_ERROR", "API_ERROR", "API_ERROR", "API_ERROR", "API_ERROR", "API_ERROR"},
}

// TestEveryTokenInEveryWrongPlace shows valid tokens of every kind where they do not belong: each is refused as the table says, changes nothing,
// and, where it was only shown by the wrong one, is as good as before to its owner.
func TestEveryTokenInEveryWrongPlace(t *testing.T) {
	t.Parallel()
	for _, p := range tokenPairings {
		if len(tokenOutcomes[p.name]) != len(tokenKinds) {
			t.Fatalf("%s: %d outcomes for %d kinds of tokens", p.name, len(tokenOutcomes[p.name]), len(tokenKinds))
		}
	}
	if len(tokenOutcomes) != len(tokenPairings) {
		t.Fatalf("%d rows of outcomes for %d pairings", len(tokenOutcomes), len(tokenPairings))
	}
	for i, k := range tokenKinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, everyToken)
			l := s.ledger(t)
			for _, p := range tokenPairings {
				want := tokenOutcomes[p.name][i]
				if want == none {
					continue
				}
				p.judge(t, s, l, k, want)
			}
		})
	}
}

// judge shows one token in one wrong place.
func (p pairing) judge(t *testing.T, s *site, l *ledger, k kind, want string) {
	t.Helper()
	h := k.begin(t, s)
	if h.done() {
		t.Fatalf("%s: done before it was", p.name)
	}
	var before page
	var changed []string
	watched := *h
	watch := func(ask func(*visitor, string) *answer) func(*visitor, string) *answer {
		return func(v *visitor, text string) *answer {
			t.Helper()
			before = l.page()
			a := ask(v.in(t), text)
			changed = l.changes(before)
			return a
		}
	}
	watched.finish, watched.elsewhere = watch(h.finish), watch(h.elsewhere)
	a := p.show(t, s, k, &watched)
	if want == opens {
		if a.status != http.StatusOK || k.name != "first signin" && k.name != "second signin" && !h.done() {
			t.Errorf("%s: %v; done: %v", p.name, a, h.done())
		}
		return
	}
	code, gated := strings.CutPrefix(want, "gate ")
	if !slices.Equal(a.codes(), []string{code}) {
		t.Errorf("%s: %v, want %s", p.name, a, want)
		return
	}
	if len(changed) > 0 {
		t.Errorf("%s: %v: and yet something changed: %v", p.name, a, changed)
	}
	events := l.events(before)
	switch {
	case gated && len(events) > 0:
		t.Errorf("%s: a gate left %+v", p.name, events)
	case !gated && (len(events) != 1 || events[0].Kind != k.refused && code != "TOO_MANY_ATTEMPTS" || events[0].Reason == ""):
		t.Errorf("%s: left the events %+v", p.name, events)
	}
	// what was judged is spent, what was only shown by the wrong one is not
	judged := code == "WEBAUTHN_NO_VERIFY" || code == "DISABLED_ACCOUNT"
	if spent := l.page().spent - before.spent; spent != 0 != judged {
		t.Errorf("%s: %d states were spent", p.name, spent)
	}
	// what ended with the account does not come back with it
	if ended := p.name == disabled && (gated || code == "TWO_FACTOR_PERMISSION_DENIED"); ended {
		if a := h.finish(h.v, h.text); !slices.Equal(a.codes(), []string{code}) {
			t.Errorf("%s: and enabled again: %v, want %s", p.name, a, code)
		}
	} else if p.intact && code != "DISABLED_ACCOUNT" {
		if a := h.finish(h.v, h.text); a.status != http.StatusOK || !h.done() {
			t.Errorf("%s: afterwards its owner is told %v", p.name, a)
		}
	}
}

// TestNoTokenIsLeftOut: every endpoint that takes a token, and every key that tokens are sealed with, has a kind in the table.
func TestNoTokenIsLeftOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	routes, ceremonies := map[string]bool{}, map[string]bool{}
	for _, k := range tokenKinds {
		routes[k.route], ceremonies[k.ceremony] = true, true
	}
	for _, r := range routesOf(s) {
		if strings.Contains(r.Path, "{state}") && !routes[r.Path] {
			t.Errorf("no kind of token is for %s", r.Path)
		}
	}
	found := constants(t, "../signin", "ceremony")
	for _, c := range found {
		if !ceremonies[c] {
			t.Errorf("no kind of token is of the ceremony %q", c)
		}
	}
	if len(found) != len(ceremonies) {
		t.Errorf("ceremonies %q, kinds of %v", found, ceremonies)
	}
}

// TestNoTokenOpensAsAnother shows the token of each ceremony at the other half of every other one, by who may be there and with what is right
// there. Nothing comes of it, and every token is good afterwards.
func TestNoTokenOpensAsAnother(t *testing.T) {
	t.Parallel()
	s := newSite(t, everyToken)
	l := s.ledger(t)
	all := make([]*held, len(tokenKinds))
	for i, k := range tokenKinds {
		all[i] = k.begin(t, s)
		s.clock.pass(time.Second)
	}
	pairs := 0
	for i, k := range tokenKinds {
		for j, other := range tokenKinds {
			if k.ceremony == other.ceremony {
				continue
			}
			pairs++
			before := l.page()
			what := fmt.Sprintf("the token of %s as one of %s", k.name, other.name)
			a := all[j].finish(all[j].v, all[i].text)
			if !slices.Equal(a.codes(), []string{"API_ERROR"}) || a.status != http.StatusBadRequest {
				t.Errorf("%s: %v", what, a)
			}
			events := l.events(before)
			if len(events) != 1 || events[0].Kind != other.refused || events[0].Reason != "state_not_ours" {
				t.Errorf("%s: left %+v", what, events)
			}
			if changed := l.changes(before); len(changed) > 0 || l.page().spent != before.spent {
				t.Errorf("%s: changed %v", what, changed)
			}
		}
	}
	if pairs != 10*10-10-4 {
		t.Errorf("%d pairs", pairs)
	}
	for i, k := range tokenKinds {
		if a := all[i].finish(all[i].v, all[i].text); a.status != http.StatusOK || !all[i].done() {
			t.Errorf("%s: afterwards its owner is told %v", k.name, a)
		}
	}
}
