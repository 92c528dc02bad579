package captured

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// vector is one of the specification's own (WebAuthn L3 §16).
type vector struct {
	Name                string
	RPID                string `json:"rp_id"`
	Origin              string
	AttestationFormat   string `json:"attestation_format"`
	Algorithm           int64
	CredentialID        string `json:"credential_id"`
	CredentialPublicKey string `json:"credential_public_key"`
	AAGUID              octets
	Registration        ceremony
	Authentication      ceremony
}

type ceremony struct {
	Challenge         string
	ClientDataJSON    string
	AttestationObject string
	AuthenticatorData string
	Signature         string
	Flags             struct{ UP, UV, BE, BS, AT, ED bool }
	SignCount         uint32 `json:"sign_count"`
}

// refusedVectors are the registrations that docs/webauthn-conformance.md lists.
var refusedVectors = map[string]string{
	"packed.Ed448": "unsupported-algorithm", "tpm.ES256": "attestation", "android-key.ES256": "attestation", "apple.ES256": "attestation",
}

func vectors(t testing.TB) []vector {
	t.Helper()
	var file struct{ Vectors []vector }
	text := orFail[[]byte](t)(os.ReadFile("../../../../passkey/testdata/w3c-l3.json"))
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) < 15 {
		t.Fatalf("%d vectors", len(file.Vectors))
	}
	return file.Vectors
}

func (v *vector) ask(c *ceremony) object {
	return object{
		"id": v.Name, "rp_id": v.RPID, "origin": v.Origin, "challenge": c.Challenge, "uv_required": c.Flags.UV, "pub_key_cred_params": []int64{v.Algorithm},
		"allow_cross_origin": true, "top_origins": []string{"https://example.com"},
	}
}

func (v *vector) response(members object) object {
	return object{"id": v.CredentialID, "rawId": v.CredentialID, "type": "public-key", "clientExtensionResults": object{}, "response": members}
}

func TestTheVectorsOfTheSpecification(t *testing.T) {
	docs := string(orFail[[]byte](t)(os.ReadFile("../../../../docs/verify-response.md")))
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			r, a := &v.Registration, &v.Authentication
			made := ask(t, with(v.ask(r), object{
				"kind": "registration", "response": v.response(object{"clientDataJSON": r.ClientDataJSON, "attestationObject": r.AttestationObject}),
			}))
			reason := refusedVectors[v.Name]
			if reason == "" {
				reason = "ok"
			} else if !strings.Contains(docs, "| "+v.Name+" | `"+reason+"` |") {
				t.Errorf("docs/verify-response.md does not list %s with %s", v.Name, reason)
			}
			want(t, made, reason)
			if *made.AAGUID != guid([16]byte(v.AAGUID)) || *made.Format != v.AttestationFormat || *made.Algorithm != v.Algorithm || *made.SignCount != r.SignCount ||
				*made.Flags != flags(r.Flags) || string(made.ID) != `"`+v.Name+`"` {
				t.Errorf("%+v", made)
			}
			used := ask(t, with(v.ask(a), object{
				"kind": "authentication", "stored_public_key": v.CredentialPublicKey, "stored_backup_eligible": r.Flags.BE, "stored_uv_initialized": r.Flags.UV,
				"response": v.response(object{"clientDataJSON": a.ClientDataJSON, "authenticatorData": a.AuthenticatorData, "signature": a.Signature}),
			}))
			if v.Algorithm == -53 {
				want(t, used, "unsupported-algorithm")
				return
			}
			want(t, used, "ok")
			if *used.Flags != flags(a.Flags) || *used.Algorithm != v.Algorithm {
				t.Errorf("%+v", used)
			}
		})
	}
}

// TestTheClockOfTheCase: the vectors' certificates begin in 2024.
func TestTheClockOfTheCase(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Name != "packed.ES256" && v.Name != "fido-u2f.ES256" {
			continue
		}
		r := &v.Registration
		c := with(v.ask(r), object{
			"kind": "registration", "response": v.response(object{"clientDataJSON": r.ClientDataJSON, "attestationObject": r.AttestationObject}),
		})
		want(t, ask(t, with(c, object{"verify_at": "2025-06-01T12:00:00+02:00"})), "ok")
		want(t, ask(t, with(c, object{"verify_at": "2023-06-01T12:00:00Z"})), "attestation")
	}
	// Without certificates, any time will do.
	want(t, ask(t, with(newRegistration(t, func(c *latchkeytest.Ceremony) { c.Attestation = "packed" }), object{"verify_at": "1999-01-01T00:00:00Z"})), "ok")
}
