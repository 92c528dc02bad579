package passkey

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

// UserVerification is what the relying party asks of the authenticator (WebAuthn L3 §5.8.6).
type UserVerification string

const (
	VerificationRequired    UserVerification = "required"
	VerificationPreferred   UserVerification = "preferred"
	VerificationDiscouraged UserVerification = "discouraged"
)

// Valid reports whether it is one of the three words.
func (v UserVerification) Valid() bool {
	return v == VerificationRequired || v == VerificationPreferred || v == VerificationDiscouraged
}

// ResidentKey says whether the passkey shall be discoverable (WebAuthn L3 §5.4.6).
type ResidentKey string

const (
	ResidentKeyRequired    ResidentKey = "required"
	ResidentKeyPreferred   ResidentKey = "preferred"
	ResidentKeyDiscouraged ResidentKey = "discouraged"
)

// AuthenticatorSelection is which authenticators may make the passkey (WebAuthn L3 §5.4.4).
type AuthenticatorSelection struct {
	// Attachment is "platform", "cross-platform" or empty for either.
	Attachment  string      `json:"authenticatorAttachment,omitempty"`
	ResidentKey ResidentKey `json:"residentKey,omitempty"`
	// RequireResidentKey repeats ResidentKey for Level 1 clients. [RelyingParty.CreationOptions] keeps the two together.
	RequireResidentKey bool             `json:"requireResidentKey"`
	UserVerification   UserVerification `json:"userVerification,omitempty"`
}

// Valid reports whether every word of it is one that WebAuthn knows; each may be left out.
func (s AuthenticatorSelection) Valid() bool {
	attachment := s.Attachment == "" || s.Attachment == platform || s.Attachment == crossPlatform
	resident := slices.Contains([]ResidentKey{"", ResidentKeyRequired, ResidentKeyPreferred, ResidentKeyDiscouraged}, s.ResidentKey)
	return attachment && resident && (s.UserVerification == "" || s.UserVerification.Valid())
}

// UserEntity is the account that a passkey is made for (WebAuthn L3 §5.4.3).
type UserEntity struct {
	// Handle is the account's user handle: at most 64 random bytes that say nothing about the person.
	Handle []byte
	// Name tells the account from the person's others: an address, mostly.
	Name string
	// DisplayName is the person's name. Empty: Name.
	DisplayName string
}

// CreationParams are what one registration asks for.
type CreationParams struct {
	User      UserEntity
	Challenge []byte
	// Exclude are the account's passkeys: an authenticator that has one of them makes no second.
	Exclude   []account.Credential
	Selection AuthenticatorSelection
	// Timeout is the browser's time, in whole milliseconds. Zero: the browser's own.
	Timeout time.Duration
	// Attestation is the conveyance: "none", "indirect", "direct" or "enterprise". Empty: "none".
	Attestation string
	// Hints are "security-key", "client-device" and "hybrid", the most preferred first.
	Hints []string
	// Algorithms are the COSE algorithms to offer, the most preferred first. Empty: [Algorithms].
	Algorithms []int64
}

// RequestParams are what one authentication asks for.
type RequestParams struct {
	Challenge []byte
	// Allow are the passkeys that may answer. Empty: any discoverable one.
	Allow            []Descriptor
	UserVerification UserVerification
	// Timeout and Hints are as in [CreationParams].
	Timeout time.Duration
	Hints   []string
}

// Descriptor names a passkey to the browser (WebAuthn L3 §5.8.3).
type Descriptor struct {
	ID []byte
	// Transports are the browser's own words from the registration. Empty: not known.
	Transports []string
}

// MarshalJSON writes PublicKeyCredentialDescriptorJSON.
func (d Descriptor) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Type       string    `json:"type"`
		ID         Base64URL `json:"id"`
		Transports []string  `json:"transports,omitempty"`
	}{publicKey, d.ID, d.Transports})
}

// CreationOptions marshals to PublicKeyCredentialCreationOptionsJSON (WebAuthn L3 §5.1.9), its members in the order of the
// fields.
type CreationOptions struct {
	RP                     RPEntity               `json:"rp"`
	User                   UserOptions            `json:"user"`
	Challenge              Base64URL              `json:"challenge"`
	PubKeyCredParams       []KeyParameter         `json:"pubKeyCredParams"`
	Timeout                int64                  `json:"timeout,omitempty"`
	ExcludeCredentials     []Descriptor           `json:"excludeCredentials"`
	AuthenticatorSelection AuthenticatorSelection `json:"authenticatorSelection"`
	Hints                  []string               `json:"hints,omitempty"`
	Attestation            string                 `json:"attestation"`
	Extensions             CreationExtensions     `json:"extensions"`
}

// RPEntity is the relying party as the browser sees it.
type RPEntity struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// UserOptions is [UserEntity] as the browser sees it.
type UserOptions struct {
	ID          Base64URL `json:"id"`
	Name        string    `json:"name"`
	DisplayName string    `json:"displayName"`
}

// KeyParameter is one kind of key that we can verify.
type KeyParameter struct {
	Type string `json:"type"`
	Alg  int64  `json:"alg"`
}

// CreationExtensions are the extensions that a registration asks for.
type CreationExtensions struct {
	// CredProps asks whether the passkey became discoverable (WebAuthn L3 §10.1.3).
	CredProps bool `json:"credProps"`
}

// RequestOptions marshals to PublicKeyCredentialRequestOptionsJSON (WebAuthn L3 §5.1.10), its members in the order of the
// fields.
type RequestOptions struct {
	Challenge        Base64URL        `json:"challenge"`
	Timeout          int64            `json:"timeout,omitempty"`
	RPID             string           `json:"rpId"`
	AllowCredentials []Descriptor     `json:"allowCredentials"`
	Hints            []string         `json:"hints,omitempty"`
	UserVerification UserVerification `json:"userVerification"`
}

// CreationOptions makes the options of a registration.
func (rp *RelyingParty) CreationOptions(p CreationParams) CreationOptions {
	offered := p.Algorithms
	if len(offered) == 0 {
		offered = algorithms
	}
	o := CreationOptions{
		RP:                     RPEntity{ID: rp.id, Name: rp.name},
		User:                   UserOptions{ID: p.User.Handle, Name: p.User.Name, DisplayName: p.User.DisplayName},
		Challenge:              p.Challenge,
		PubKeyCredParams:       make([]KeyParameter, len(offered)),
		Timeout:                p.Timeout.Milliseconds(),
		ExcludeCredentials:     make([]Descriptor, len(p.Exclude)),
		AuthenticatorSelection: p.Selection,
		Hints:                  slices.Clone(p.Hints),
		Attestation:            p.Attestation,
		Extensions:             CreationExtensions{CredProps: true},
	}
	if o.User.DisplayName == "" {
		o.User.DisplayName = p.User.Name
	}
	for i, a := range offered {
		o.PubKeyCredParams[i] = KeyParameter{Type: publicKey, Alg: a}
	}
	for i, c := range p.Exclude {
		o.ExcludeCredentials[i] = Descriptor{ID: c.CredentialID, Transports: c.Transports}
	}
	s := &o.AuthenticatorSelection
	if s.ResidentKey == "" && s.RequireResidentKey {
		s.ResidentKey = ResidentKeyRequired
	}
	s.RequireResidentKey = s.ResidentKey == ResidentKeyRequired
	if o.Attestation == "" {
		o.Attestation = "none"
	}
	return o
}

// RequestOptions makes the options of an authentication.
func (rp *RelyingParty) RequestOptions(p RequestParams) RequestOptions {
	o := RequestOptions{
		Challenge:        p.Challenge,
		Timeout:          p.Timeout.Milliseconds(),
		RPID:             rp.id,
		AllowCredentials: append([]Descriptor{}, p.Allow...),
		Hints:            slices.Clone(p.Hints),
		UserVerification: p.UserVerification,
	}
	if o.UserVerification == "" {
		o.UserVerification = VerificationPreferred
	}
	return o
}
