package passkey_test

import (
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
)

// FuzzStatementParts gives the binary parts of each statement to the fuzzer: certificates, signatures, the structures of a TPM. They are
// parsed before anything signed is looked at.
func FuzzStatementParts(f *testing.F) {
	all := vectors(f)
	for i, v := range all {
		var object struct {
			AttStmt map[string]any `cbor:"attStmt"`
		}
		if err := webauthncbor.Unmarshal(v.Registration.AttestationObject, &object); err != nil {
			f.Fatal(err)
		}
		part := func(name string) []byte {
			b, _ := object.AttStmt[name].([]byte)
			return b
		}
		var cert []byte
		if x5c, ok := object.AttStmt["x5c"].([]any); ok {
			cert = x5c[0].([]byte)
		}
		f.Add(i, -7, part("sig"), cert, part("certInfo"), part("pubArea"))
	}
	rp := all[0].rp(f)
	f.Fuzz(func(t *testing.T, i, alg int, sig, cert, certInfo, pubArea []byte) {
		v := all[uint(i)%uint(len(all))]
		statement := latchkeytest.Map{{Key: "alg", Value: alg}, {Key: "sig", Value: sig}}
		if len(cert) > 0 {
			statement = statement.With("x5c", []any{cert})
		}
		if len(pubArea) > 0 {
			statement = statement.With("ver", "2.0").With("certInfo", certInfo).With("pubArea", pubArea)
		}
		v.Registration.AttestationObject = latchkeytest.CBOR(latchkeytest.Map{
			{Key: "fmt", Value: v.AttestationFormat}, {Key: "attStmt", Value: statement}, {Key: "authData", Value: []byte(v.Registration.AuthenticatorData)},
		})
		checkRegistration(t, rp, v.registration(t), passkey.RegistrationCheck{Challenge: v.Registration.Challenge})
	})
}
