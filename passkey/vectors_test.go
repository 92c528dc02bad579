package passkey_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
)

// bytes64 is base64url in the vectors.
type bytes64 []byte

func (b *bytes64) UnmarshalText(text []byte) (err error) {
	*b, err = base64.RawURLEncoding.AppendDecode(nil, text)
	return err
}

// ceremonyVector is one ceremony of a vector (WebAuthn L3 §16).
type ceremonyVector struct {
	Challenge         bytes64
	ClientDataJSON    bytes64
	AttestationObject bytes64
	AuthenticatorData bytes64
	Signature         bytes64
	Flags             struct{ UP, UV, BE, BS bool }
	SignCount         uint32 `json:"sign_count"`
}

type vector struct {
	Name                string
	RPID                string `json:"rp_id"`
	Origin              string
	AttestationFormat   string `json:"attestation_format"`
	Algorithm           int64
	CredentialID        bytes64 `json:"credential_id"`
	CredentialPublicKey bytes64 `json:"credential_public_key"`
	AAGUID              bytes64
	Registration        ceremonyVector
	Authentication      ceremonyVector
}

// refusedVectors are those that we refuse, what for, and what the error says. docs/webauthn-conformance.md lists them for people.
var refusedVectors = map[string]struct{ reason, says string }{
	// Go has no Ed448, and the specification asks for Ed25519 alone.
	"packed.Ed448": {"algorithm", "-53 was not offered"},
	// The vector's TPM has a maker that the TCG's registry does not know.
	"tpm.ES256": {"attestation", "TPM manufacturer"},
	// The library takes these two formats up to their vendors' roots only, and the vectors have their own.
	"android-key.ES256": {"attestation", "x5c cert chain"},
	"apple.ES256":       {"attestation", "x5c cert chain"},
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/w3c-l3.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []vector }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Vectors
}

func (v *vector) rp(t testing.TB) *passkey.RelyingParty {
	return newRP(t, func(c *passkey.Config) {
		c.RPID, c.Origins, c.AllowCrossOrigin, c.TopOrigins = v.RPID, []string{v.Origin}, true, []string{"https://example.com"}
	})
}

func (v *vector) registration(t testing.TB) []byte {
	return marshal(t, map[string]any{
		"id": b64(v.CredentialID), "rawId": b64(v.CredentialID), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64(v.Registration.ClientDataJSON), "attestationObject": b64(v.Registration.AttestationObject)},
	})
}

func (v *vector) authentication(t testing.TB) []byte {
	a := v.Authentication
	return marshal(t, map[string]any{
		"id": b64(v.CredentialID), "rawId": b64(v.CredentialID), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64(a.ClientDataJSON), "authenticatorData": b64(a.AuthenticatorData), "signature": b64(a.Signature)},
	})
}

func TestTheVectorsOfTheSpecification(t *testing.T) {
	refused := maps.Clone(refusedVectors)
	listed, err := os.ReadFile("../docs/webauthn-conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, no := range refused {
		if !bytes.Contains(listed, []byte("| "+name+" | `"+no.reason+"` |")) {
			t.Errorf("docs/webauthn-conformance.md does not list %s", name)
		}
	}
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			rp := v.rp(t)
			no, isRefused := refused[v.Name]
			delete(refused, v.Name)
			check := passkey.RegistrationCheck{Challenge: v.Registration.Challenge, Origin: v.Origin, RequireUserVerification: v.Registration.Flags.UV}
			c, err := register(rp, v.registration(t), check)
			if isRefused {
				wantRefusal(t, err, passkey.ErrNotVerified, no.reason)
				if !strings.Contains(err.Error(), no.says) {
					t.Errorf("%v does not say %q", err, no.says)
				}
				if no.reason == "algorithm" {
					return
				}
				// Nothing else is wrong: without its attestation the same registration is good.
				v.Registration.AttestationObject = latchkeytest.CBOR(noneStatement.With("authData", []byte(v.Registration.AuthenticatorData)))
				v.AttestationFormat = "none"
				c, err = register(rp, v.registration(t), check)
			}
			v.checkCredential(t, c, err)
			a := v.Authentication
			use, err := authenticate(rp, v.authentication(t), c, passkey.AuthenticationCheck{Challenge: a.Challenge, Origin: v.Origin, RequireUserVerification: a.Flags.UV})
			if err != nil {
				t.Fatal("authentication:", err)
			}
			if want := (passkey.Assertion{SignCount: a.SignCount, BackedUp: a.Flags.BS, UserVerified: a.Flags.UV && c.UserVerified}); use != want {
				t.Errorf("got %+v, want %+v", use, want)
			}
			_, err = authenticate(rp, v.authentication(t), c, passkey.AuthenticationCheck{Challenge: v.Registration.Challenge})
			wantRefusal(t, err, passkey.ErrNotVerified, "challenge")
			if !a.Flags.UV {
				_, err = authenticate(rp, v.authentication(t), c, passkey.AuthenticationCheck{Challenge: a.Challenge, RequireUserVerification: true})
				wantRefusal(t, err, passkey.ErrNotVerified, "user-verification")
			}
		})
	}
	if len(refused) > 0 {
		t.Errorf("there are no vectors %v", slices.Sorted(maps.Keys(refused)))
	}
}

func (v *vector) checkCredential(t *testing.T, c account.Credential, err error) {
	t.Helper()
	if err != nil {
		t.Fatal("registration:", err)
	}
	r := v.Registration
	if !bytes.Equal(c.CredentialID, v.CredentialID) || !bytes.Equal(c.PublicKey, v.CredentialPublicKey) || !bytes.Equal(c.AAGUID[:], v.AAGUID) || c.Algorithm != v.Algorithm {
		t.Errorf("another credential: %+v", c)
	}
	if c.AttestationFormat != v.AttestationFormat || c.SignCount != r.SignCount || c.UserVerified != r.Flags.UV || c.BackupEligible != r.Flags.BE || c.BackedUp != r.Flags.BS {
		t.Errorf("other properties: %+v", c)
	}
	if !bytes.Equal(c.Registration.AuthenticatorData, r.AuthenticatorData) || !bytes.Equal(c.Registration.ClientDataJSON, r.ClientDataJSON) {
		t.Error("other evidence")
	}
}
