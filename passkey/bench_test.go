package passkey_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
)

// BenchmarkP256 is one bare verification, the limit that the others are to be compared with.
func BenchmarkP256(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("x"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
			b.Fatal("refused")
		}
	}
}

func BenchmarkParseAuthentication(b *testing.B) {
	rp := newRP(b)
	d, _ := enrolled(b, rp)
	response := assertion(b, rp, d)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := passkey.ParseAuthentication(response); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyAuthentication(b *testing.B) {
	rp := newRP(b)
	d, c := enrolled(b, rp)
	r, err := passkey.ParseAuthentication(assertion(b, rp, d))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rp.VerifyAuthentication(r, c, passkey.AuthenticationCheck{Challenge: challenge, Origin: origin}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifyBadSignature and BenchmarkVerifyDecoy ought to take the same time.
func BenchmarkVerifyBadSignature(b *testing.B) {
	rp := newRP(b)
	d, c := enrolled(b, rp)
	_, other := enrolled(b, rp)
	other.CredentialID = c.CredentialID
	r, err := passkey.ParseAuthentication(assertion(b, rp, d))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := rp.VerifyAuthentication(r, other, passkey.AuthenticationCheck{Challenge: challenge}); err == nil {
			b.Fatal("accepted")
		}
	}
}

func BenchmarkVerifyDecoy(b *testing.B) {
	rp := newRP(b)
	d, _ := enrolled(b, rp)
	r, err := passkey.ParseAuthentication(assertion(b, rp, d))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := rp.VerifyDecoy(r, passkey.AuthenticationCheck{Challenge: challenge}); err == nil {
			b.Fatal("accepted")
		}
	}
}

func BenchmarkRegistration(b *testing.B) {
	for _, attestation := range []string{"none", "packed"} {
		b.Run(attestation, func(b *testing.B) {
			rp := newRP(b)
			response := creation(b, rp, latchkeytest.NewAuthenticator(), func(c *latchkeytest.Ceremony) { c.Attestation = attestation })
			b.ReportAllocs()
			for b.Loop() {
				if _, err := register(rp, response, passkey.RegistrationCheck{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRequestOptions(b *testing.B) {
	rp := newRP(b)
	_, c := enrolled(b, rp)
	b.ReportAllocs()
	for b.Loop() {
		marshal(b, rp.RequestOptions(passkey.RequestParams{Challenge: challenge, Allow: []passkey.Descriptor{{ID: c.CredentialID, Transports: c.Transports}}}))
	}
}
