package passkey_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
)

// tampered is the response with one bit of one binary member flipped: every bit in its turn, or every so many.
func tampered(t *testing.T, response []byte, member string, step int, try func(at int, response []byte)) {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(response, &m); err != nil {
		t.Fatal(err)
	}
	inner := m["response"].(map[string]any)
	raw, err := base64.RawURLEncoding.DecodeString(inner[member].(string))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(raw)*8; i += step {
		raw[i/8] ^= 1 << (i % 8)
		inner[member] = b64(raw)
		try(i, marshal(t, m))
		raw[i/8] ^= 1 << (i % 8)
	}
}

func wantRefused(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, passkey.ErrMalformed) && !errors.Is(err, passkey.ErrNotVerified) {
		t.Errorf("%s: %v", what, err)
	}
}

func TestAFlippedBitInAnAssertionIsNoticed(t *testing.T) {
	for _, alg := range []latchkeytest.Algorithm{latchkeytest.ES256, latchkeytest.EdDSA, latchkeytest.RS256} {
		t.Run(fmt.Sprint(alg), func(t *testing.T) {
			rp := newRP(t)
			d, c := enrolled(t, rp, func(d *latchkeytest.Device) { d.Algorithm = alg })
			response := assertion(t, rp, d, func(c *latchkeytest.Ceremony) { c.Extensions = latchkeytest.Map{{Key: "x", Value: 1}} })
			if _, err := authenticate(rp, response, c, passkey.AuthenticationCheck{}); err != nil {
				t.Fatal(err)
			}
			for _, member := range []string{"authenticatorData", "clientDataJSON", "signature"} {
				tampered(t, response, member, 1, func(bit int, response []byte) {
					_, err := authenticate(rp, response, c, passkey.AuthenticationCheck{})
					wantRefused(t, fmt.Sprintf("%s, bit %d", member, bit), err)
				})
			}
		})
	}
}

func TestAFlippedBitInAStoredKeyIsNoticed(t *testing.T) {
	rp := newRP(t)
	d, c := enrolled(t, rp)
	response := assertion(t, rp, d)
	for i := range len(c.PublicKey) * 8 {
		broken := c
		broken.PublicKey = bytes.Clone(c.PublicKey)
		broken.PublicKey[i/8] ^= 1 << (i % 8)
		_, err := authenticate(rp, response, broken, passkey.AuthenticationCheck{})
		wantRefused(t, fmt.Sprintf("byte %d bit %d", i/8, i%8), err)
	}
}

// TestAFlippedBitInAnAttestedRegistrationIsNoticed: in what the statement signs. The statement itself may bear one where
// nothing depends on it, such as a certificate's own signature, which nobody asks after without a trust anchor.
func TestAFlippedBitInAnAttestedRegistrationIsNoticed(t *testing.T) {
	covered := map[string]bool{"packed-self.ES256": true, "packed.ES256": true, "packed.EdDSA": true, "fido-u2f.ES256": true}
	for _, v := range vectors(t) {
		if !covered[v.Name] {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			rp := v.rp(t)
			check := passkey.RegistrationCheck{Challenge: v.Registration.Challenge}
			response := v.registration(t)
			good, err := register(rp, response, check)
			if err != nil {
				t.Fatal(err)
			}
			data := bytes.Index(v.Registration.AttestationObject, v.Registration.AuthenticatorData)
			tampered(t, response, "clientDataJSON", 9, func(bit int, response []byte) {
				_, err := register(rp, response, check)
				wantRefused(t, fmt.Sprintf("client data, bit %d", bit), err)
			})
			tampered(t, response, "attestationObject", 9, func(bit int, response []byte) {
				c, err := register(rp, response, check)
				switch {
				case bit/8 >= data && !isUnsigned(&v, bit/8-data):
					wantRefused(t, fmt.Sprintf("authenticator data, bit %d", bit-data*8), err)
				case err == nil && !sameKey(c, good):
					t.Errorf("attestation object, bit %d: another key was registered", bit)
				}
			})
		})
	}
}

// isUnsigned tells the bytes of authenticator data that a statement of fido-u2f does not cover: flags, count and AAGUID.
func isUnsigned(v *vector, i int) bool {
	return v.AttestationFormat == "fido-u2f" && i >= 32 && i < 37+16
}

func sameKey(a, b account.Credential) bool {
	return bytes.Equal(a.PublicKey, b.PublicKey) && bytes.Equal(a.CredentialID, b.CredentialID)
}

// TestASignatureHasOneEncoding: DER, whatever other spelling of the same two numbers there is.
func TestASignatureHasOneEncoding(t *testing.T) {
	rp := newRP(t)
	d, c := enrolled(t, rp)
	for name, f := range map[string]func([]byte) []byte{
		"a long form of the length": func(b []byte) []byte { return append([]byte{0x30, 0x81, b[1]}, b[2:]...) },
		"an indefinite length":      func(b []byte) []byte { return append(append([]byte{0x30, 0x80}, b[2:]...), 0, 0) },
		"a padded r": func(b []byte) []byte {
			return append([]byte{0x30, b[1] + 1, 0x02, b[3] + 1, 0}, b[4:]...)
		},
		"something behind s": func(b []byte) []byte { b = append(b, 5, 0); b[1] += 2; return b },
		"something behind":   func(b []byte) []byte { return append(b, 5, 0) },
		"a set":              func(b []byte) []byte { b[0] = 0x31; return b },
		"cut off":            func(b []byte) []byte { return b[:len(b)-1] },
		"one byte":           func([]byte) []byte { return []byte{0x30} },
		"raw": func(b []byte) []byte {
			r, s := b[4:4+b[3]], b[6+b[3]:]
			return append(bytes.TrimLeft(r, "\x00"), bytes.TrimLeft(s, "\x00")...)
		},
	} {
		_, err := authenticate(rp, assertion(t, rp, d, func(c *latchkeytest.Ceremony) { c.MutateSignature = f }), c, passkey.AuthenticationCheck{})
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		wantRefusal(t, err, passkey.ErrNotVerified, "signature")
	}
}
