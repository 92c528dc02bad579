package passkey

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/latchkey-auth/latchkey/account"
)

// AuthenticationCheck is what the authentication that was begun expects.
type AuthenticationCheck struct {
	// Challenge is the one that was given out for it.
	Challenge []byte
	// Origin is the one where it began. Empty: any configured one.
	Origin string
	// RequireUserVerification: the options said "required".
	RequireUserVerification bool
	// AppID is the value of the extension appid, if the options asked for it: a response that says that it used it may be
	// of a key that was registered by U2F under that name (WebAuthn L3 §10.1.1). [RelyingParty.RequestOptions] never asks.
	AppID string
}

// Assertion is what a verified response says. The credential's record takes over SignCount and BackedUp.
type Assertion struct {
	SignCount uint32
	BackedUp  bool
	// UserVerified: the authenticator verified its user, and had done so when the passkey was registered. Without the latter
	// it proves nothing: whoever finds a security key without a PIN can set one (WebAuthn L3 §7.2, step 24).
	UserVerified bool
	// BackupEligibleChanged: see [AcceptBackupEligibleChange].
	BackupEligibleChanged bool
}

// VerifyAuthentication verifies a response against the credential with its id. Every error is an ErrNotVerified.
//
// The caller must see to it that the credential may be used: that it is of the account that was named or is pending, and
// that UnauthenticatedUserHandle, if there is one, is that account's (WebAuthn L3 §7.2, steps 5 and 6).
func (rp *RelyingParty) VerifyAuthentication(r *AuthenticationResponse, c account.Credential, check AuthenticationCheck) (Assertion, error) {
	if !c.Is(r.UnauthenticatedCredentialID) {
		return Assertion{}, notVerified(ReasonCredentialID, errors.New("the credential has another id"))
	}
	if err := rp.verifySigned(r, c.PublicKey, check); err != nil {
		return Assertion{}, err
	}
	flags, count := r.authenticator.Flags, r.authenticator.Counter
	if (count != 0 || c.SignCount != 0) && count <= c.SignCount {
		return Assertion{}, &Error{Reason: ReasonSignCount, kind: ErrSignCount, cause: fmt.Errorf("%d after %d", count, c.SignCount)}
	}
	changed := flags.HasBackupEligible() != c.BackupEligible
	if changed && rp.backupEligibleChange == RefuseBackupEligibleChange {
		return Assertion{}, &Error{Reason: ReasonBackupEligible, kind: ErrBackupEligibleChanged}
	}
	return Assertion{
		SignCount:             count,
		BackedUp:              flags.HasBackupState(),
		UserVerified:          flags.HasUserVerified() && c.UserVerified,
		BackupEligibleChanged: changed,
	}, nil
}

// verifySigned makes every check up to the signature (WebAuthn L3 §7.2, steps 10 to 21).
func (rp *RelyingParty) verifySigned(r *AuthenticationResponse, cose []byte, check AuthenticationCheck) error {
	if err := rp.verifyClientData(&r.client, typeGet, check.Challenge, check.Origin); err != nil {
		return err
	}
	appID := ""
	if r.usedAppID {
		appID = check.AppID
	}
	if err := rp.verifyAuthenticator(&r.authenticator, appID, true, check.RequireUserVerification); err != nil {
		return err
	}
	key, err := parseKey(cose)
	if err != nil {
		return err
	}
	hash := r.client.hash()
	ok, err := webauthncose.VerifySignature(key, slices.Concat(r.authenticatorData, hash[:]), r.signature)
	if err != nil {
		return notVerified(ReasonSignature, translate(err))
	}
	if !ok {
		return notVerified(ReasonSignature, nil)
	}
	return nil
}

// decoyKey is a COSE_Key on P-256 whose private half nobody has: its x is the SHA-256 of "latchkey decoy key 3", its y the
// even one.
const decoyKey = "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" +
	"\xaa\x44\x27\xda\xe4\x96\xa0\x0c\x0c\xf7\x2b\xa1\x28\xb5\xca\x48\xe7\xe1\x10\xe5\xa4\xb2\x82\xb5\xe3\x3e\xec\xcc\xa1\xb2\x51\x68" +
	"\x22\x58\x20" +
	"\x42\xec\xf2\xc1\xe2\x1e\xfc\xf0\xff\x3a\x0b\xf0\xe9\x23\xe1\x42\xe9\x22\x70\xe5\x2c\x01\xbe\x31\x19\x4e\xc5\x48\x76\x7f\xf7\xba"

// VerifyDecoy does the work of VerifyAuthentication with a key of its own and always answers an ErrNotVerified, with
// ReasonDecoy: an id that was made up for an unknown identity costs what a real one with a bad signature costs.
func (rp *RelyingParty) VerifyDecoy(r *AuthenticationResponse, check AuthenticationCheck) error {
	return notVerified(ReasonDecoy, rp.verifySigned(r, []byte(decoyKey), check))
}
