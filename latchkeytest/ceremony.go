package latchkeytest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// The flags of authenticator data (WebAuthn L3 §6.1).
const (
	FlagUserPresent    byte = 0x01
	FlagUserVerified   byte = 0x04
	FlagBackupEligible byte = 0x08
	FlagBackedUp       byte = 0x10
	FlagAttestedData   byte = 0x40
	FlagExtensions     byte = 0x80
)

// Ceremony is one answer of a device, before it is made. It starts as the device and the options say; a test changes what it
// wants to be different. What the hooks do not see is made consistent with what they did: the signature is over the mutated
// data.
type Ceremony struct {
	Device

	// Type, Challenge, Origin, CrossOrigin and TopOrigin go into the client data, the challenge as text.
	Type, Challenge, Origin string
	CrossOrigin             bool
	TopOrigin               string
	// RPID is hashed into the authenticator data, unless RPIDHash is set.
	RPID     string
	RPIDHash []byte
	// Flags are the flag byte's last changes.
	Flags func(byte) byte
	// SignCount overrides the counter.
	SignCount *uint32
	// Extensions is CBOR behind the rest of the authenticator data, which sets the flag.
	Extensions any
	// Credential is the passkey that is made, or that answers.
	Credential *Credential
	// UserHandle is what an authentication reports: the credential's if that is discoverable. Nil: nothing.
	UserHandle []byte
	// DeclaredIDLength overrides the length before the credential id.
	DeclaredIDLength *uint16
	// ExtensionResults is clientExtensionResults.
	ExtensionResults any
	// SignWith signs instead of the credential's key.
	SignWith *Key

	// MutateClientData returns the client data's bytes, or what json.Marshal makes them of.
	MutateClientData func(map[string]any) any
	// MutateCOSE returns what is encoded as the public key.
	MutateCOSE     func(Map) any
	MutateAuthData func([]byte) []byte
	// MutateAttestationObject returns what is encoded as the attestation object. Its statement is signed by then.
	MutateAttestationObject func(Map) any
	// MutateSignature changes an assertion's signature, or a self attestation's.
	MutateSignature func([]byte) []byte
	// AfterSign changes an assertion's authenticator data behind the signature's back.
	AfterSign func([]byte) []byte
	// MutateResponse returns the response's bytes, or what json.Marshal makes them of. Its member "response" is a map as well.
	MutateResponse func(map[string]any) any
}

// options is what both kinds of options have.
type options struct {
	RP   struct{ ID string }
	RPID string
	User struct{ ID string }

	Challenge          string
	ExcludeCredentials []descriptor
	AllowCredentials   []descriptor
	PublicKey          json.RawMessage
}

type descriptor struct{ ID string }

func parseOptions(text []byte) (*options, error) {
	var o options
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("latchkeytest: options: %w", err)
	}
	if o.PublicKey != nil {
		return parseOptions(o.PublicKey)
	}
	return &o, nil
}

func ids(list []descriptor) ([][]byte, error) {
	var out [][]byte
	for _, d := range list {
		id, err := decode(d.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}

// Create answers PublicKeyCredentialCreationOptionsJSON, alone or as the member publicKey, with RegistrationResponseJSON: it makes
// a passkey as navigator.credentials.create does in a page of the origin.
func (a *Authenticator) Create(optionsJSON []byte, origin string, changes ...func(*Ceremony)) ([]byte, error) {
	o, err := parseOptions(optionsJSON)
	if err != nil {
		return nil, err
	}
	excluded, err := ids(o.ExcludeCredentials)
	if err != nil {
		return nil, err
	}
	if len(excluded) > 0 && a.find("", excluded) != nil {
		return nil, ErrExcluded
	}
	handle, err := decode(o.User.ID)
	if err != nil {
		return nil, err
	}
	c := a.begin("webauthn.create", o.Challenge, o.RP.ID, origin)
	c.Credential = &Credential{RPID: c.RPID, UserHandle: handle}
	change(c, changes)
	made := c.Credential
	made.Resident, made.BackupEligible = c.Resident, c.BackupEligible
	if made.ID == nil {
		made.ID = make([]byte, c.IDLength)
		rand.Read(made.ID)
	}
	if made.Key == nil {
		if made.Key, err = NewKey(c.Algorithm); err != nil {
			return nil, err
		}
	}
	response, err := c.create(a.signCount(c))
	if err != nil {
		return nil, err
	}
	a.Add(made)
	return response, nil
}

// Get answers PublicKeyCredentialRequestOptionsJSON, alone or as the member publicKey, with AuthenticationResponseJSON: it signs
// with a passkey as navigator.credentials.get does in a page of the origin.
func (a *Authenticator) Get(optionsJSON []byte, origin string, changes ...func(*Ceremony)) ([]byte, error) {
	o, err := parseOptions(optionsJSON)
	if err != nil {
		return nil, err
	}
	allowed, err := ids(o.AllowCredentials)
	if err != nil {
		return nil, err
	}
	c := a.begin("webauthn.get", o.Challenge, o.RPID, origin)
	if c.Credential = a.find(c.RPID, allowed); c.Credential != nil {
		c.BackupEligible = c.Credential.BackupEligible
		if c.Credential.Resident {
			c.UserHandle = c.Credential.UserHandle
		}
	}
	change(c, changes)
	if c.Credential == nil {
		return nil, ErrNoCredential
	}
	return c.get(a.signCount(c))
}

func (a *Authenticator) begin(typ, challenge, rpID, origin string) *Ceremony {
	if rpID == "" {
		if u, err := url.Parse(origin); err == nil {
			rpID = u.Hostname()
		}
	}
	return &Ceremony{Device: a.Device, Type: typ, Challenge: challenge, Origin: origin, RPID: rpID}
}

func change(c *Ceremony, changes []func(*Ceremony)) {
	for _, f := range changes {
		f(c)
	}
}

func (a *Authenticator) signCount(c *Ceremony) uint32 {
	n := a.count(c.Device)
	if c.SignCount != nil {
		return *c.SignCount
	}
	return n
}

func (c *Ceremony) create(count uint32) ([]byte, error) {
	made := c.Credential
	var cose any = made.Key.COSE()
	if c.MutateCOSE != nil {
		cose = c.MutateCOSE(made.Key.COSE())
	}
	length := uint16(len(made.ID))
	if c.DeclaredIDLength != nil {
		length = *c.DeclaredIDLength
	}
	attested := binary.BigEndian.AppendUint16(bytes.Clone(c.AAGUID[:]), length)
	attested = append(append(attested, made.ID...), encode(cose)...)
	authData := c.authData(count, attested)
	clientData, err := c.clientData()
	if err != nil {
		return nil, err
	}
	statement := Map{}
	if c.Attestation == "packed" {
		signature, err := c.sign(authData, clientData)
		if err != nil {
			return nil, err
		}
		statement = Map{{"alg", made.Key.Algorithm}, {"sig", signature}}
	}
	object := Map{{"fmt", c.Attestation}, {"attStmt", statement}, {"authData", authData}}
	encoded := CBOR(object)
	if c.MutateAttestationObject != nil {
		encoded = encode(c.MutateAttestationObject(object))
	}
	response := map[string]any{"clientDataJSON": b64(clientData), "attestationObject": b64(encoded), "authenticatorData": b64(authData), "publicKeyAlgorithm": made.Key.Algorithm}
	if c.Transports != nil {
		response["transports"] = c.Transports
	}
	if c.ExtensionResults == nil {
		c.ExtensionResults = map[string]any{"credProps": map[string]any{"rk": c.Resident}}
	}
	return c.finish(response)
}

func (c *Ceremony) get(count uint32) ([]byte, error) {
	authData := c.authData(count, nil)
	clientData, err := c.clientData()
	if err != nil {
		return nil, err
	}
	signature, err := c.sign(authData, clientData)
	if err != nil {
		return nil, err
	}
	if c.AfterSign != nil {
		authData = c.AfterSign(bytes.Clone(authData))
	}
	response := map[string]any{"clientDataJSON": b64(clientData), "authenticatorData": b64(authData), "signature": b64(signature)}
	if c.UserHandle != nil {
		response["userHandle"] = b64(c.UserHandle)
	}
	if c.ExtensionResults == nil {
		c.ExtensionResults = map[string]any{}
	}
	return c.finish(response)
}

func (c *Ceremony) authData(count uint32, attested []byte) []byte {
	var flags byte
	for _, f := range []struct {
		on   bool
		flag byte
	}{
		{c.UserPresent, FlagUserPresent}, {c.UserVerified, FlagUserVerified}, {c.BackupEligible, FlagBackupEligible},
		{c.BackedUp, FlagBackedUp}, {attested != nil, FlagAttestedData}, {c.Extensions != nil, FlagExtensions},
	} {
		if f.on {
			flags |= f.flag
		}
	}
	if c.Flags != nil {
		flags = c.Flags(flags)
	}
	hash := c.RPIDHash
	if hash == nil {
		sum := sha256.Sum256([]byte(c.RPID))
		hash = sum[:]
	}
	data := binary.BigEndian.AppendUint32(append(bytes.Clone(hash), flags), count)
	data = append(data, attested...)
	if c.Extensions != nil {
		data = append(data, encode(c.Extensions)...)
	}
	if c.MutateAuthData != nil {
		data = c.MutateAuthData(data)
	}
	return data
}

func (c *Ceremony) clientData() ([]byte, error) {
	if c.MutateClientData == nil {
		return json.Marshal(struct {
			Type        string `json:"type"`
			Challenge   string `json:"challenge"`
			Origin      string `json:"origin"`
			CrossOrigin bool   `json:"crossOrigin"`
			TopOrigin   string `json:"topOrigin,omitempty"`
		}{c.Type, c.Challenge, c.Origin, c.CrossOrigin, c.TopOrigin})
	}
	members := map[string]any{"type": c.Type, "challenge": c.Challenge, "origin": c.Origin, "crossOrigin": c.CrossOrigin}
	if c.TopOrigin != "" {
		members["topOrigin"] = c.TopOrigin
	}
	return asJSON(c.MutateClientData(members))
}

func (c *Ceremony) sign(authData, clientData []byte) ([]byte, error) {
	key := c.Credential.Key
	if c.SignWith != nil {
		key = c.SignWith
	}
	hash := sha256.Sum256(clientData)
	signature, err := key.Sign(append(bytes.Clone(authData), hash[:]...))
	if err == nil && c.MutateSignature != nil {
		signature = c.MutateSignature(signature)
	}
	return signature, err
}

func (c *Ceremony) finish(response map[string]any) ([]byte, error) {
	out := map[string]any{
		"id": b64(c.Credential.ID), "rawId": b64(c.Credential.ID), "type": "public-key",
		"authenticatorAttachment": c.Attachment, "response": response, "clientExtensionResults": c.ExtensionResults,
	}
	if c.MutateResponse != nil {
		return asJSON(c.MutateResponse(out))
	}
	return json.Marshal(out)
}

// encode is CBOR, or bytes as they are.
func encode(v any) []byte {
	if b, ok := v.([]byte); ok {
		return b
	}
	return CBOR(v)
}

func asJSON(v any) ([]byte, error) {
	switch v := v.(type) {
	case []byte:
		return v, nil
	case string:
		return []byte(v), nil
	}
	return json.Marshal(v)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return nil, fmt.Errorf("latchkeytest: options: %w", err)
	}
	return b, nil
}
