package captured

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/passkey"
)

// step is one check of package passkey, in the order in which it makes them, by the reasons that it refuses with.
type step struct {
	name    string
	want    string
	found   string
	reasons []string
}

func (s step) isOf(reason string) bool { return slices.Contains(s.reasons, reason) }

// What ParseRegistration and ParseAuthentication check.
var (
	registrationForm = append(slices.Clone(commonForm),
		step{name: "attestation object", want: "CBOR with fmt, attStmt and authData, without indefinite lengths, duplicate keys or anything behind it", reasons: []string{passkey.ReasonAttestationObject}},
		step{name: "authenticator data", want: "37 bytes or more, with an attested credential, its flags true to its parts and nothing left over", reasons: []string{passkey.ReasonAuthenticatorData}},
		step{name: "transports", want: "a short list of words, or none", reasons: []string{passkey.ReasonTransports}},
		step{name: "extension results", want: "JSON of any kind, or none", reasons: []string{passkey.ReasonExtensions}},
	)
	authenticationForm = append(slices.Clone(commonForm),
		step{name: "authenticator data", want: "37 bytes or more, its flags true to its parts and nothing left over", reasons: []string{passkey.ReasonAuthenticatorData}},
		step{name: "signature's form", want: "base64url and not empty", reasons: []string{passkey.ReasonSignature}},
		step{name: "user handle's form", want: "base64url, or none", reasons: []string{passkey.ReasonUserHandle}},
	)
	commonForm = []step{
		{name: "response", want: "one JSON object in UTF-8 of at most 128 KiB, its members of the right types", reasons: []string{passkey.ReasonJSON}},
		{name: "credential type", want: `"public-key"`, reasons: []string{passkey.ReasonCredentialType}},
		{name: "credential id", want: "id and rawId are the same 1 to 1023 bytes in base64url", reasons: []string{passkey.ReasonCredentialID}},
		{name: "client data", want: "JSON in UTF-8 with type, challenge and origin", reasons: []string{passkey.ReasonClientData}},
	}
)

// ceremonySteps are the checks of both ceremonies. presence says whether the user must have been there.
func (c *testCase) ceremonySteps(typ string, presence bool, says passkey.Claims) []step {
	frames := "must not come from a frame of another site (no allow_cross_origin)"
	if c.AllowCrossOrigin {
		frames = "may come from a frame of another site (allow_cross_origin)"
	}
	top, embedders := "none", "no topOrigin may be there without crossOrigin"
	if says.TopOrigin != nil {
		top = fmt.Sprintf("%q", *says.TopOrigin)
	}
	if c.AllowCrossOrigin {
		embedders += fmt.Sprintf(", nor any but %q", append([]string{c.Origin}, c.TopOrigins...))
	}
	present := "the user must have been present"
	if !presence {
		present = "the user need not have been present (mediation conditional)"
	}
	verified := "the user need not have been verified"
	if c.UVRequired {
		verified = "the user must have been verified (uv_required)"
	}
	return []step{
		{"type", fmt.Sprintf("must be %q", typ), fmt.Sprintf("%q", says.Type), []string{passkey.ReasonType}},
		{"challenge", fmt.Sprintf("must be %q, unpadded", base64url(*c.Challenge)), fmt.Sprintf("%q", says.Challenge), []string{passkey.ReasonChallenge}},
		{"origin", fmt.Sprintf("must be %q, byte for byte", c.Origin), fmt.Sprintf("%q", says.Origin), []string{passkey.ReasonOrigin}},
		{"cross-origin", frames, fmt.Sprint("crossOrigin ", says.CrossOrigin), []string{passkey.ReasonCrossOrigin}},
		{"top origin", embedders, top, []string{passkey.ReasonTopOrigin}},
		{"relying-party id", c.wantedID(says), c.nameOfHash(says.RPIDHash), []string{passkey.ReasonRPIDHash}},
		{"user presence", present, flag("UP", says.UserPresent), []string{passkey.ReasonUserPresence}},
		{"user verification", verified, flag("UV", says.UserVerified), []string{passkey.ReasonUserVerification}},
		{"backup flags", "what is backed up must be eligible for it", flag("BE", says.BackupEligible) + ", " + flag("BS", says.BackedUp), []string{passkey.ReasonBackupState}},
	}
}

func (c *testCase) registrationSteps(says passkey.Claims, id []byte) []step {
	offered := passkey.Algorithms()
	if len(c.PubKeyCredParams) > 0 {
		offered = offered[:0]
		for _, a := range c.PubKeyCredParams {
			offered = append(offered, int64(a))
		}
	}
	clock := "now"
	if !c.VerifyAt.IsZero() {
		clock = "at " + c.VerifyAt.UTC().Format("2006-01-02T15:04:05Z")
	}
	return append(c.ceremonySteps("webauthn.create", c.Mediation != "conditional", says),
		step{"attested id", "must be the response's id, " + base64url(id), base64url(says.AttestedCredentialID), []string{passkey.ReasonCredentialID}},
		step{"algorithm", fmt.Sprintf("must be one that was offered, %d, and that can be verified", offered), nameOf(says.Algorithm), []string{passkey.ReasonAlgorithm, passkey.ReasonUnsupported}},
		step{"public key", "must be whole, fit its algorithm and lie on its curve", fmt.Sprintf("%d bytes of COSE", len(says.PublicKey)), []string{passkey.ReasonKey}},
		step{"attestation format", "must be none, packed, tpm, android-key, apple, fido-u2f or compound", fmt.Sprintf("%q", says.AttestationFormat), []string{passkey.ReasonAttestationFormat}},
		step{"attestation", "must verify cryptographically, its certificates valid " + clock + "; whose it is does not matter", fmt.Sprintf("certificates: %d", says.Certificates), []string{passkey.ReasonAttestation}},
	)
}

func (c *testCase) authenticationSteps(says passkey.Claims) []step {
	algorithm := passkey.AlgorithmOf(*c.StoredPublicKey)
	eligible := "not compared: the case does not say what it was (stored_backup_eligible)"
	if c.StoredBackupEligible != nil {
		eligible = "must be what it was at the registration, " + flag("BE", *c.StoredBackupEligible)
	}
	return append(c.ceremonySteps("webauthn.get", true, says),
		step{"algorithm", "must be one that can be verified", nameOf(algorithm), []string{passkey.ReasonUnsupported}},
		step{"stored key", "must be a whole COSE key that fits its algorithm", fmt.Sprintf("%d bytes", len(*c.StoredPublicKey)), []string{passkey.ReasonKey}},
		step{"signature", "must verify with the stored key, over the authenticator data and the SHA-256 of the client data", "", []string{passkey.ReasonSignature}},
		step{"sign count", fmt.Sprintf("must be above %d, unless both are 0", c.StoredSignCount), fmt.Sprint(says.SignCount), []string{passkey.ReasonSignCount}},
		step{"backup eligible", eligible, flag("BE", says.BackupEligible), []string{passkey.ReasonBackupEligible}},
	)
}

func (c *testCase) wantedID(says passkey.Claims) string {
	want := fmt.Sprintf("must be the SHA-256 of %q", c.RPID)
	switch {
	case c.Kind == registration || c.AppID == "":
	case says.UsedAppID:
		want += fmt.Sprintf(", or of the appid %q", c.AppID)
	default:
		want += fmt.Sprintf(" (appid %q was asked for, and the response does not say that it was used)", c.AppID)
	}
	return want
}

// nameOfHash says what a hash is of, where it is one of the usual mistakes.
func (c *testCase) nameOfHash(hash []byte) string {
	for _, guess := range []string{c.RPID, c.AppID, c.Origin, strings.TrimPrefix(strings.TrimPrefix(c.Origin, "https://"), "http://"), ""} {
		if sum := sha256.Sum256([]byte(guess)); bytes.Equal(hash, sum[:]) {
			return fmt.Sprintf("that of %q", guess)
		}
	}
	return fmt.Sprintf("%x, which is of something else", hash)
}

func flag(name string, set bool) string {
	if set {
		return name + " set"
	}
	return name + " clear"
}

// nameOf is a COSE algorithm, with its name where it has one that people know.
func nameOf(algorithm int64) string {
	name := map[int64]string{
		-7: "ES256", -8: "EdDSA", -9: "ESP256", -19: "Ed25519", -35: "ES384", -36: "ES512", -37: "PS256", -38: "PS384", -39: "PS512", -47: "ES256K",
		-48: "ML-DSA-44", -49: "ML-DSA-65", -50: "ML-DSA-87", -51: "ESP384", -52: "ESP512", -53: "Ed448", -257: "RS256", -258: "RS384", -259: "RS512", -65535: "RS1",
	}[algorithm]
	switch {
	case algorithm == 0:
		return "none"
	case name == "":
		return fmt.Sprint(algorithm)
	}
	return fmt.Sprintf("%d (%s)", algorithm, name)
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
