package passkey

import (
	"bytes"

	"github.com/go-webauthn/webauthn/protocol"
)

// Claims is what a response says, verified or not: for logs, and for people who look for what is wrong with it.
type Claims struct {
	// Type, Challenge and Origin are the client data's, the challenge as text. TopOrigin is nil where there is none.
	Type, Challenge, Origin string
	CrossOrigin             bool
	TopOrigin               *string

	RPIDHash                        []byte
	UserPresent, UserVerified       bool
	BackupEligible, BackedUp        bool
	AttestedData, Extensions        bool
	SignCount                       uint32
	UsedAppID                       bool // an authentication's
	AAGUID                          [16]byte
	AttestationFormat               string
	AttestedCredentialID, PublicKey []byte
	Certificates                    int
	Algorithm                       int64 // of PublicKey; 0 where it names none
}

// Claims is what the registration says.
func (r *RegistrationResponse) Claims() Claims {
	a := &r.attestation
	c := r.client.claims(&a.AuthData)
	c.AAGUID = [16]byte(a.AuthData.AttData.AAGUID)
	c.AttestationFormat = a.Format
	c.AttestedCredentialID = bytes.Clone(a.AuthData.AttData.CredentialID)
	c.PublicKey = bytes.Clone(a.key)
	c.Algorithm = AlgorithmOf(a.key)
	chain, _ := a.AttStatement["x5c"].([]any)
	c.Certificates = len(chain)
	return c
}

// Claims is what the authentication says.
func (r *AuthenticationResponse) Claims() Claims {
	c := r.client.claims(&r.authenticator)
	c.UsedAppID = r.usedAppID
	return c
}

func (c *clientData) claims(a *protocol.AuthenticatorData) Claims {
	out := Claims{
		Type: c.typ, Challenge: c.challenge, Origin: c.origin, CrossOrigin: c.crossOrigin,
		RPIDHash:    bytes.Clone(a.RPIDHash),
		UserPresent: a.Flags.HasUserPresent(), UserVerified: a.Flags.HasUserVerified(),
		BackupEligible: a.Flags.HasBackupEligible(), BackedUp: a.Flags.HasBackupState(),
		AttestedData: a.Flags.HasAttestedCredentialData(), Extensions: a.Flags.HasExtensions(),
		SignCount: a.Counter,
	}
	if c.hasTopOrigin {
		out.TopOrigin = &c.topOrigin
	}
	return out
}

// AlgorithmOf is the algorithm that a COSE_Key names, or 0.
func AlgorithmOf(cose []byte) int64 {
	members, err := keyParts(cose)
	if err != nil {
		return 0
	}
	algorithm, err := keyAlgorithm(members)
	if err != nil {
		return 0
	}
	return algorithm
}
