package passkey_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
)

const (
	rpID   = "example.org"
	origin = "https://example.org"
)

var (
	handle    = []byte("0123456789abcdef0123456789abcdef")
	challenge = bytes.Repeat([]byte{0x5a}, passkey.ChallengeSize)
)

// rsaKey is one for all tests: they are slow to make.
var rsaKey = sync.OnceValues(func() (*latchkeytest.Key, error) { return latchkeytest.NewKey(latchkeytest.RS256) })

func newRP(t testing.TB, changes ...func(*passkey.Config)) *passkey.RelyingParty {
	t.Helper()
	cfg := passkey.Config{RPID: rpID, RPName: "Example", Origins: []string{origin}}
	for _, f := range changes {
		f(&cfg)
	}
	rp, err := passkey.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return rp
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// creation is a registration response of the device.
func creation(t testing.TB, rp *passkey.RelyingParty, d *latchkeytest.Authenticator, changes ...func(*latchkeytest.Ceremony)) []byte {
	t.Helper()
	if d.Algorithm == latchkeytest.RS256 {
		key, err := rsaKey()
		if err != nil {
			t.Fatal(err)
		}
		changes = append([]func(*latchkeytest.Ceremony){func(c *latchkeytest.Ceremony) { c.Credential.Key = key }}, changes...)
	}
	options := marshal(t, rp.CreationOptions(passkey.CreationParams{User: passkey.UserEntity{Handle: handle, Name: "ada"}, Challenge: challenge}))
	response, err := d.Create(options, origin, changes...)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func assertion(t testing.TB, rp *passkey.RelyingParty, d *latchkeytest.Authenticator, changes ...func(*latchkeytest.Ceremony)) []byte {
	t.Helper()
	options := marshal(t, rp.RequestOptions(passkey.RequestParams{Challenge: challenge}))
	response, err := d.Get(options, origin, changes...)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// register does what a caller does with a registration.
func register(rp *passkey.RelyingParty, response []byte, check passkey.RegistrationCheck) (account.Credential, error) {
	r, err := passkey.ParseRegistration(response)
	if err != nil {
		return account.Credential{}, err
	}
	if check.Challenge == nil {
		check.Challenge = challenge
	}
	c, err := rp.VerifyRegistration(r, check)
	c.UserHandle = handle
	return c, err
}

var (
	errUnknownCredential = errors.New("no such credential")
	errOtherUser         = errors.New("the passkey of another account")
)

// authenticate does what a caller does with an authentication, who knows this one credential.
func authenticate(rp *passkey.RelyingParty, response []byte, c account.Credential, check passkey.AuthenticationCheck) (passkey.Assertion, error) {
	r, err := passkey.ParseAuthentication(response)
	if err != nil {
		return passkey.Assertion{}, err
	}
	if !c.Is(r.UnauthenticatedCredentialID) {
		return passkey.Assertion{}, errUnknownCredential
	}
	if check.Challenge == nil {
		check.Challenge = challenge
	}
	use, err := rp.VerifyAuthentication(r, c, check)
	if err != nil {
		return passkey.Assertion{}, err
	}
	if h := r.UnauthenticatedUserHandle; h != nil && !bytes.Equal(h, c.UserHandle) {
		return passkey.Assertion{}, errOtherUser
	}
	return use, nil
}

// enrolled is a device with a registered passkey.
func enrolled(t testing.TB, rp *passkey.RelyingParty, changes ...func(*latchkeytest.Device)) (*latchkeytest.Authenticator, account.Credential) {
	t.Helper()
	d := latchkeytest.NewAuthenticator()
	for _, f := range changes {
		f(&d.Device)
	}
	c, err := register(rp, creation(t, rp, d), passkey.RegistrationCheck{})
	if err != nil {
		t.Fatal(err)
	}
	return d, c
}

// wantRefusal checks kind and reason of a refusal.
func wantRefusal(t testing.TB, err, kind error, reason string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
	if errors.Is(err, passkey.ErrMalformed) == errors.Is(err, passkey.ErrNotVerified) {
		t.Errorf("%v is not one of malformed and not verified", err)
	}
	var e *passkey.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *passkey.Error", err)
	}
	if e.Reason != reason || passkey.ReasonOf(err) != reason {
		t.Errorf("reason %q, want %q (%v)", e.Reason, reason, err)
	}
}

// set gives a member of the response, named by its path, another value; nil leaves it out.
func set(path string, value any) func(*latchkeytest.Ceremony) {
	return func(c *latchkeytest.Ceremony) {
		c.MutateResponse = func(m map[string]any) any {
			at, keys := m, strings.Split(path, ".")
			for _, k := range keys[:len(keys)-1] {
				at = at[k].(map[string]any)
			}
			if value == nil {
				delete(at, keys[len(keys)-1])
			} else {
				at[keys[len(keys)-1]] = value
			}
			return m
		}
	}
}

func drop(path string) func(*latchkeytest.Ceremony) { return set(path, nil) }

func ceremony(f func(*latchkeytest.Ceremony)) func(*latchkeytest.Ceremony) { return f }

func clientData(f func(map[string]any) any) func(*latchkeytest.Ceremony) {
	return func(c *latchkeytest.Ceremony) { c.MutateClientData = f }
}

func flags(on, off byte) func(*latchkeytest.Ceremony) {
	return func(c *latchkeytest.Ceremony) { c.Flags = func(f byte) byte { return f&^off | on } }
}

// null is a JSON null where nil means "left out".
var null = json.RawMessage("null")
