package captured

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-auth/latchkey/latchkeytest"
)

const (
	rpID   = "example.org"
	origin = "https://example.org"
)

var (
	challenge = bytes.Repeat([]byte{0x5a}, 32)
	handle    = []byte("0123456789abcdef0123456789abcdef")
)

// object is JSON, and the members of a case that differ from the ordinary.
type object = map[string]any

// a change is made to a response before it is signed.
type change = func(*latchkeytest.Ceremony)

// rsaKey is one for all tests: they are slow to make.
var rsaKey = sync.OnceValues(func() (*latchkeytest.Key, error) { return latchkeytest.NewKey(latchkeytest.RS256) })

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// newRegistration is an ordinary case of a registration.
func newRegistration(t testing.TB, changes ...change) object {
	t.Helper()
	options := object{"rp": object{"id": rpID}, "user": object{"id": base64url(handle)}, "challenge": base64url(challenge)}
	response, err := latchkeytest.NewAuthenticator().Create(marshal(t, options), origin, changes...)
	if err != nil {
		t.Fatal(err)
	}
	return object{"kind": "registration", "rp_id": rpID, "origin": origin, "challenge": base64url(challenge), "response": json.RawMessage(response)}
}

// newAuthentication is an ordinary case of an authentication, with everything that can be known of it.
func newAuthentication(t testing.TB, changes ...change) object {
	t.Helper()
	key, err := latchkeytest.NewKey(latchkeytest.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return authenticationWith(t, key, changes...)
}

func authenticationWith(t testing.TB, key *latchkeytest.Key, changes ...change) object {
	t.Helper()
	d := latchkeytest.NewAuthenticator()
	id := bytes.Repeat([]byte{7}, 32)
	d.Add(&latchkeytest.Credential{ID: id, Key: key, RPID: rpID, UserHandle: handle, Resident: true})
	response, err := d.Get(marshal(t, object{"rpId": rpID, "challenge": base64url(challenge)}), origin, changes...)
	if err != nil {
		t.Fatal(err)
	}
	return object{
		"kind": "authentication", "rp_id": rpID, "origin": origin, "challenge": base64url(challenge), "response": json.RawMessage(response),
		"stored_public_key": base64url(latchkeytest.CBOR(key.COSE())), "stored_sign_count": 0, "stored_backup_eligible": false,
		"stored_uv_initialized": true, "user_handle": base64url(handle), "allow_credentials": []string{base64url(id)},
	}
}

// with is the case with other members; nil takes one out.
func with(c object, members object) object {
	c = maps.Clone(c)
	for k, v := range members {
		if v == nil {
			delete(c, k)
		} else {
			c[k] = v
		}
	}
	return c
}

// ask has one case judged.
func ask(t testing.TB, c object) answer {
	t.Helper()
	var out bytes.Buffer
	if err := Run(bytes.NewReader(marshal(t, c)), &out, false); err != nil {
		t.Fatal(err)
	}
	if strings.Count(out.String(), "\n") != 1 || !strings.HasSuffix(out.String(), "\n") {
		t.Errorf("%q is not one line", out.String())
	}
	var a answer
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// want checks the reason, and that the explanation ends where the reason says.
func want(t testing.TB, a answer, reason string) {
	t.Helper()
	if a.Reason != reason || a.OK != (reason == "ok") || len(a.Explain) == 0 {
		t.Fatalf("got %q, want %q: %s", a.Reason, reason, strings.Join(a.Explain, "\n"))
	}
	last := len(a.Explain) - 1
	for i, line := range a.Explain {
		if refused := strings.Contains(line, ": refused: "); refused != (i == last && !a.OK) {
			t.Errorf("line %d of %d: %s", i+1, last+1, line)
		}
	}
	if a.OK && (a.Flags == nil || a.SignCount == nil || a.Algorithm == nil) {
		t.Errorf("something is missing: %+v", a)
	}
}

func flagBits(on, off byte) change {
	return func(c *latchkeytest.Ceremony) { c.Flags = func(f byte) byte { return f&^off | on } }
}

func clientData(f func(object) any) change {
	return func(c *latchkeytest.Ceremony) { c.MutateClientData = f }
}

// member gives a member of the client data another value, or leaves it out.
func member(name string, value any) change {
	return clientData(func(m object) any { return with(m, object{name: value}) })
}

func authData(f func([]byte) []byte) change {
	return func(c *latchkeytest.Ceremony) { c.MutateAuthData = f }
}

func attestation(f func(latchkeytest.Map) any) change {
	return func(c *latchkeytest.Ceremony) { c.MutateAttestationObject = f }
}

func cose(f func(latchkeytest.Map) any) change {
	return func(c *latchkeytest.Ceremony) { c.MutateCOSE = f }
}

// outer changes the response's JSON; inner its member "response".
func outer(members object) change {
	return func(c *latchkeytest.Ceremony) { c.MutateResponse = func(m object) any { return with(m, members) } }
}

func inner(members object) change {
	return func(c *latchkeytest.Ceremony) {
		c.MutateResponse = func(m object) any { return with(m, object{"response": with(m["response"].(object), members)}) }
	}
}

func count(n uint32) change { return func(c *latchkeytest.Ceremony) { c.SignCount = &n } }

func flipped(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

func none(*latchkeytest.Ceremony) {}

// framed is a response from a page in a frame.
func framed(top string) change {
	return func(c *latchkeytest.Ceremony) { c.CrossOrigin, c.TopOrigin = true, top }
}

func from(o string) change { return func(c *latchkeytest.Ceremony) { c.Origin = o } }

func asked(text string) change {
	return func(c *latchkeytest.Ceremony) { c.Challenge = text }
}

func orFail[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(fmt.Errorf("test: %w", err))
		}
		return v
	}
}
