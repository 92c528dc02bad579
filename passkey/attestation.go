package passkey

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// What an attestation statement may hold at most. Real certificates have under 3 KiB; a key of the size that a whole
// response could carry would take seconds to verify with.
const (
	maxCertificate   = 4 << 10
	maxCertificates  = 8
	maxSubStatements = 8
)

// attestationObject is a parsed attestation object (WebAuthn L3 §6.5.4).
type attestationObject struct {
	protocol.AttestationObject
	// key is the public key's bytes as the authenticator wrote them.
	key []byte
}

func parseAttestationObject(encoded string) (attestationObject, error) {
	raw, ok := decode(encoded)
	if !ok {
		return attestationObject{}, malformed(ReasonAttestationObject, errNotBase64)
	}
	if err := exactNames(raw); err != nil {
		return attestationObject{}, malformed(ReasonAttestationObject, err)
	}
	var a attestationObject
	if err := webauthncbor.Unmarshal(raw, &a.AttestationObject); err != nil {
		return attestationObject{}, malformed(ReasonAttestationObject, translate(err))
	}
	if a.AttStatement == nil && a.SubStatements == nil {
		return attestationObject{}, malformed(ReasonAttestationObject, errors.New("no statement"))
	}
	data := &a.AuthData
	if err := data.Unmarshal(a.RawAuthData); err != nil {
		return attestationObject{}, malformed(ReasonAuthenticatorData, translate(err))
	}
	id := data.AttData.CredentialID
	if len(id) == 0 {
		return attestationObject{}, malformed(ReasonAuthenticatorData, errors.New("no attested credential"))
	}
	// Before the key stand the fixed part (37 bytes), the AAGUID (16), the id's length (2) and the id; after it the
	// extensions. The library's copy of the key is encoded anew, which is not what was registered.
	a.key = a.RawAuthData[37+16+2+len(id) : len(a.RawAuthData)-len(data.ExtData)]
	return a, nil
}

// exactNames refuses members that the library would take for those of an attestation object although they are written otherwise: it does not
// tell capitals from small letters, and what others read as a missing statement must not be one here.
func exactNames(raw []byte) error {
	var object map[string]webauthncbor.RawMessage
	if err := webauthncbor.Unmarshal(raw, &object); err != nil {
		return translate(err)
	}
	maps := []map[string]webauthncbor.RawMessage{object}
	if s := object["attStmt"]; len(s) > 0 && s[0]>>5 == 4 { // compound's, an array of such objects
		var parts []map[string]webauthncbor.RawMessage
		if err := webauthncbor.Unmarshal(s, &parts); err != nil {
			return translate(err)
		}
		maps = append(maps, parts...)
	}
	for _, m := range maps {
		for name := range m {
			for _, known := range []string{"fmt", "attStmt", "authData"} {
				if name != known && strings.EqualFold(name, known) {
					return fmt.Errorf("a member %q", name)
				}
			}
		}
	}
	return nil
}

// verifyStatement verifies the attestation statement (WebAuthn L3 §7.1, steps 21 and 22, and §8). Whether the one who
// signed it is to be trusted is not asked, but that formats android-key and apple are verified up to their vendors' roots,
// which are part of the library. Other certificates must be valid at that time; zero: now.
func (a *attestationObject) verifyStatement(clientDataHash []byte, at time.Time) error {
	if err := checkStatement(a.Format, a.AttStatement); err != nil {
		return err
	}
	if len(a.SubStatements) > maxSubStatements {
		return notVerified(ReasonAttestation, fmt.Errorf("%d statements", len(a.SubStatements)))
	}
	for _, s := range a.SubStatements {
		if err := checkStatement(s.Format, s.AttStatement); err != nil {
			return err
		}
	}
	object := a.AttestationObject
	if !at.IsZero() {
		if err := judgeAt(&object, at); err != nil {
			return err
		}
	}
	if err := object.VerifyAttestation(clientDataHash, nil, protocol.AttestationPolicy{}, protocol.SignaturePolicy{}); err != nil {
		return notVerified(ReasonAttestation, translate(err))
	}
	return nil
}

// checkStatement refuses formats that we do not take and certificates that no authenticator has. android-safetynet is not
// taken: its service has ended, and no new statement can be genuine.
func checkStatement(format string, statement map[string]any) error {
	switch protocol.AttestationFormat(format) {
	case protocol.AttestationFormatNone, protocol.AttestationFormatPacked, protocol.AttestationFormatTPM,
		protocol.AttestationFormatAndroidKey, protocol.AttestationFormatApple,
		protocol.AttestationFormatFIDOUniversalSecondFactor, protocol.AttestationFormatCompound:
	default:
		return notVerified(ReasonAttestationFormat, fmt.Errorf("%q", format))
	}
	certificates, _ := statement["x5c"].([]any)
	if len(certificates) > maxCertificates {
		return notVerified(ReasonAttestation, fmt.Errorf("%d certificates", len(certificates)))
	}
	for _, c := range certificates {
		if raw, ok := c.([]byte); !ok || len(raw) > maxCertificate {
			return notVerified(ReasonAttestation, errors.New("a certificate is too long or no byte string"))
		}
	}
	return nil
}

// translate keeps what an error of the library says and lets go of its type, which errors.Is does not work with and which
// is not to become part of our interface.
func translate(err error) error {
	var e *protocol.Error
	if !errors.As(err, &e) {
		return errors.New(err.Error())
	}
	if e.DevInfo == "" {
		return errors.New(e.Details)
	}
	return errors.New(e.Details + ": " + e.DevInfo)
}
