package web_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// tampered is a device's answer with one of its binary members changed behind its back.
func tampered(t testing.TB, response, member string, f func([]byte) []byte) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(response), &m); err != nil {
		t.Fatal(err)
	}
	inner := m["response"].(map[string]any)
	inner[member] = b64(f(fromB64(t, inner[member].(string))))
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// tampers are changes of n bytes: cut at each, a bit flipped in each.
func tampers(n int, each func(what string, at int, f func([]byte) []byte)) {
	for i := range n {
		// a signature may have become shorter meanwhile
		each("cut at", i, func(b []byte) []byte { return b[:min(i, len(b)-1)] })
		each("a bit flipped in", i, func(b []byte) []byte { b[min(i, len(b)-1)] ^= 1 << (i % 8); return b })
	}
}

// TestEveryByteOfAnAnswerCounts cuts the members of an answer at every byte and flips a bit of every byte, in each of the five ceremonies. None is
// taken, none changes anything, each leaves one event, and the state is spent if and only if the answer could be read.
func TestEveryByteOfAnAnswerCounts(t *testing.T) {
	t.Parallel()
	for name, members := range map[string][]string{
		"register": {"attestationObject", "clientDataJSON"}, "enrol": {"attestationObject"},
		"first signin": {"authenticatorData", "signature", "clientDataJSON"}, "second signin": {"authenticatorData", "signature"}, "verify": {"authenticatorData", "signature"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, everyToken)
			l := s.ledger(t)
			g := stages(t, s)[name]
			// self attestation signs every byte of a registration, and extensions have the parser read on
			attested := func(c *latchkeytest.Ceremony) { c.Attestation = "packed" }
			extended := func(c *latchkeytest.Ceremony) { c.Extensions = latchkeytest.Map{{Key: "x", Value: 1}} }
			for _, member := range members {
				start := g.start(t)
				whole := g.answer(t, start, attested, extended)
				var size int
				tampered(t, whole, member, func(b []byte) []byte { size = len(b); return b })
				if size < 37 {
					t.Fatalf("%s has only %d bytes", member, size)
				}
				spent := 0
				tampers(size, func(what string, at int, f func([]byte) []byte) {
					response := tampered(t, whole, member, f)
					before := l.page()
					a := g.v.in(t).post(with(g.path, start), fields{"credential": response})
					after := l.page()
					read := after.spent > before.spent
					code := "API_ERROR"
					if read {
						code = "WEBAUTHN_NO_VERIFY"
						spent++
					}
					if a.status != http.StatusBadRequest || len(a.codes()) != 1 || a.codes()[0] != code {
						t.Errorf("%s, %s byte %d: %v", member, what, at, a)
					}
					if changed := l.changes(before); len(changed) > 0 {
						t.Errorf("%s, %s byte %d: changed %v", member, what, at, changed)
					}
					events := l.events(before)
					if len(events) != 1 || events[0].Kind != g.kind || read == (events[0].Reason == "malformed") {
						t.Errorf("%s, %s byte %d: spent %v, left %+v", member, what, at, read, events)
					}
					if read { // for the next
						start = g.start(t)
						whole = g.answer(t, start, attested, extended)
					}
				})
				if spent < size/4 {
					t.Errorf("%s: of %d bytes only %d tampered ones were read", member, size, spent)
				}
			}
			start := g.start(t)
			if a := g.v.in(t).post(with(g.path, start), fields{"credential": g.answer(t, start, attested, extended)}); a.status != http.StatusOK {
				t.Errorf("a whole answer: %v", a)
			}
		})
	}
}

// TestAStoredKeyIsNotConfused: a passkey whose stored public key was changed under its owner opens nothing, at any byte.
func TestAStoredKeyIsNotConfused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.enrol("first", counting)
	id := accountOf(t, s, p.email).ID
	keys, err := s.store.Credentials(t.Context(), id)
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	l := s.ledger(t)
	up := func(c *latchkeytest.Ceremony) { n := uint32(101); c.SignCount = &n }
	good := keys[0].PublicKey
	write := func(key []byte) {
		t.Helper()
		if _, err := s.raw.ExecContext(t.Context(), `UPDATE latchkey_credentials SET public_key = ?`, key); err != nil {
			t.Fatal(err)
		}
	}
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 1 << (i % 8)
		write(bad)
		v := p.fresh()
		start := v.post("/wan-signin", fields{"identity": p.email}).want(http.StatusOK)
		l.refused(t, "a stored key with a flipped bit", refusal{spends: true, kind: account.EventSigninRefused}, func() *answer {
			return v.post(with("/wan-signin", start), fields{"credential": v.sign(start, up)})
		}).refuses(http.StatusBadRequest, "WEBAUTHN_NO_VERIFY", "credential")
		v.signedOut()
	}
	write(good)
	v := p.fresh()
	start := v.post("/wan-signin", fields{"identity": p.email}).want(http.StatusOK)
	v.post(with("/wan-signin", start), fields{"credential": v.sign(start, up)}).want(http.StatusOK)
}
