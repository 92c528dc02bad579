package passkey

import "errors"

// What a response is refused for. Test with errors.Is. Every refusal is an *[Error] and is either ErrMalformed or
// ErrNotVerified, never both.
var (
	// ErrMalformed: the response cannot be parsed, whoever sent it.
	ErrMalformed = errors.New("passkey: the response is malformed")
	// ErrNotVerified: the response was parsed, and it does not verify.
	ErrNotVerified = errors.New("passkey: the response does not verify")
	// ErrSignCount is an ErrNotVerified: the signature is good and the sign count did not advance, as when the
	// authenticator was copied (WebAuthn L3 §6.1.1).
	ErrSignCount = errors.New("passkey: the sign count did not advance")
	// ErrBackupEligibleChanged is an ErrNotVerified: the signature is good and the backup-eligible flag, which never
	// changes, is not what it was at registration (WebAuthn L3 §6.1.3).
	ErrBackupEligibleChanged = errors.New("passkey: the backup-eligible flag changed")
)

// The reasons of a refusal: [Error.Reason] is always one of these words. The first group comes with ErrMalformed, the
// second with ErrNotVerified, ReasonCredentialID and ReasonSignature with either.
const (
	ReasonJSON              = "json"
	ReasonCredentialType    = "credential-type"
	ReasonClientData        = "client-data"
	ReasonAttestationObject = "attestation-object"
	ReasonAuthenticatorData = "authenticator-data"
	ReasonUserHandle        = "user-handle"
	ReasonTransports        = "transports"
	ReasonExtensions        = "extensions"

	ReasonCredentialID      = "credential-id"
	ReasonType              = "type"
	ReasonChallenge         = "challenge"
	ReasonOrigin            = "origin"
	ReasonCrossOrigin       = "cross-origin"
	ReasonTopOrigin         = "top-origin"
	ReasonRPIDHash          = "rp-id-hash"
	ReasonUserPresence      = "user-presence"
	ReasonUserVerification  = "user-verification"
	ReasonBackupState       = "backup-state"
	ReasonAlgorithm         = "algorithm"
	ReasonUnsupported       = "unsupported-algorithm"
	ReasonKey               = "key"
	ReasonAttestationFormat = "attestation-format"
	ReasonAttestation       = "attestation"
	ReasonSignature         = "signature"
	ReasonSignCount         = "sign-count"
	ReasonBackupEligible    = "backup-eligible"
	ReasonDecoy             = "decoy"
)

// Error is every refusal of this package. Its text is for an operator's log and never for people: it quotes what a
// stranger sent.
type Error struct {
	// Reason is one word of a bounded set, fit for an audit log and a metric's label.
	Reason string
	kind   error
	cause  error
}

func (e *Error) Error() string {
	text := e.kind.Error() + " (" + e.Reason + ")"
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Is makes every refusal of a parsed response an ErrNotVerified.
func (e *Error) Is(target error) bool {
	return target == e.kind || target == ErrNotVerified && e.kind != ErrMalformed
}

// Unwrap returns the cause, if there is one.
func (e *Error) Unwrap() error { return e.cause }

func malformed(reason string, cause error) error {
	return &Error{Reason: reason, kind: ErrMalformed, cause: cause}
}

func notVerified(reason string, cause error) error {
	return &Error{Reason: reason, kind: ErrNotVerified, cause: cause}
}

// ReasonOf is the reason of a refusal by this package, or empty for any other error.
func ReasonOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}
