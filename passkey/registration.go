package passkey

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/latchkey-auth/latchkey/account"
)

// RegistrationCheck is what the registration that was begun expects.
type RegistrationCheck struct {
	// Challenge is the one that was given out for it.
	Challenge []byte
	// Origin is the one where it began. Empty: any configured one.
	Origin string
	// RequireUserVerification: the options said "required".
	RequireUserVerification bool
	// Conditional: it was begun with mediation "conditional", in which nobody touches the authenticator (WebAuthn L3 §5.1.3).
	// The response does not say so; the server must remember it.
	Conditional bool
	// Algorithms are the COSE algorithms that the options offered. Empty: [Algorithms].
	Algorithms []int64
	// At is when the certificates of an attestation statement must be valid. Zero: now.
	At time.Time
}

// VerifyRegistration verifies a registration and returns the credential record that it makes, all but what only the caller
// knows: ID, UserID, UserHandle, Nickname, Usage, Created, LastUsed. Every error is an ErrNotVerified.
//
// The caller must see to it that the credential id is not registered yet, with any account (WebAuthn L3 §7.1, step 26).
func (rp *RelyingParty) VerifyRegistration(r *RegistrationResponse, check RegistrationCheck) (account.Credential, error) {
	if err := rp.verifyClientData(&r.client, typeCreate, check.Challenge, check.Origin); err != nil {
		return account.Credential{}, err
	}
	a := &r.attestation
	if err := rp.verifyAuthenticator(&a.AuthData, "", !check.Conditional, check.RequireUserVerification); err != nil {
		return account.Credential{}, err
	}
	attested := &a.AuthData.AttData
	if !bytes.Equal(attested.CredentialID, r.UnauthenticatedCredentialID) {
		return account.Credential{}, notVerified(ReasonCredentialID, errors.New("the authenticator made another one"))
	}
	offered := check.Algorithms
	if len(offered) == 0 {
		offered = algorithms
	}
	algorithm, err := checkKey(a.key, offered)
	if err != nil {
		return account.Credential{}, err
	}
	hash := r.client.hash()
	if err := a.verifyStatement(hash[:], check.At); err != nil {
		return account.Credential{}, err
	}
	flags := a.AuthData.Flags
	return account.Credential{
		CredentialID:      attested.CredentialID,
		PublicKey:         a.key,
		Algorithm:         algorithm,
		SignCount:         a.AuthData.Counter,
		Transports:        r.transports,
		BackupEligible:    flags.HasBackupEligible(),
		BackedUp:          flags.HasBackupState(),
		UserVerified:      flags.HasUserVerified(),
		Attachment:        r.attachment,
		Discoverable:      r.discoverable,
		AAGUID:            [16]byte(attested.AAGUID),
		AttestationFormat: a.Format,
		Registration:      account.Registration{AuthenticatorData: a.RawAuthData, ClientDataJSON: r.client.raw},
	}, nil
}

// verifyAuthenticator makes the checks of WebAuthn L3 §7.1, steps 14 to 17, and §7.2, steps 15 to 18. appID stands beside the
// relying-party id, if it is not empty.
func (rp *RelyingParty) verifyAuthenticator(a *protocol.AuthenticatorData, appID string, userPresence, userVerification bool) error {
	switch {
	case !bytes.Equal(a.RPIDHash, rp.idHash[:]) && !isAppID(a.RPIDHash, appID):
		return notVerified(ReasonRPIDHash, nil)
	case userPresence && !a.Flags.HasUserPresent():
		return notVerified(ReasonUserPresence, nil)
	case userVerification && !a.Flags.HasUserVerified():
		return notVerified(ReasonUserVerification, nil)
	case a.Flags.HasBackupState() && !a.Flags.HasBackupEligible():
		return notVerified(ReasonBackupState, errors.New("backed up without being eligible"))
	}
	return nil
}

func isAppID(hash []byte, appID string) bool {
	want := sha256.Sum256([]byte(appID))
	return appID != "" && bytes.Equal(hash, want[:])
}
