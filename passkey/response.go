package passkey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/latchkey-auth/latchkey/account"
)

// What a response may be at most. Credential ids: WebAuthn L3 §7.1, step 25; the others are ours.
const (
	maxResponse        = 128 << 10
	maxCredentialID    = 1023
	maxTransports      = 16
	maxTransportLength = 32
)

// RegistrationResponse is a parsed registration. Nothing in it is verified.
type RegistrationResponse struct {
	// UnauthenticatedCredentialID is the id that the response claims.
	UnauthenticatedCredentialID []byte

	client       clientData
	attestation  attestationObject
	transports   []string
	attachment   string
	discoverable account.Discoverable
}

// AuthenticationResponse is a parsed authentication. Nothing in it is verified.
type AuthenticationResponse struct {
	// UnauthenticatedCredentialID is the id that the response claims: with it the credential is found.
	UnauthenticatedCredentialID []byte
	// UnauthenticatedUserHandle is the account that the authenticator says the passkey is for. It is not covered by the
	// signature: after verification compare it with the credential's owner. Nil: the response does not say.
	UnauthenticatedUserHandle []byte

	client            clientData
	authenticator     protocol.AuthenticatorData
	authenticatorData []byte
	signature         []byte
	usedAppID         bool
}

// credentialJSON is what both responses have (PublicKeyCredential, WebAuthn L3 §5.1).
type credentialJSON struct {
	ID         string          `json:"id"`
	RawID      string          `json:"rawId"`
	Type       string          `json:"type"`
	Attachment json.RawMessage `json:"authenticatorAttachment"`
}

// registrationJSON is RegistrationResponseJSON without the members that only repeat the attestation object. Extensions is
// where older scripts put the client's extension results.
type registrationJSON struct {
	credentialJSON
	Response struct {
		ClientDataJSON    string    `json:"clientDataJSON"`
		AttestationObject string    `json:"attestationObject"`
		Transports        []*string `json:"transports"`
	} `json:"response"`
	ClientExtensionResults json.RawMessage `json:"clientExtensionResults"`
	Extensions             json.RawMessage `json:"extensions"`
}

// authenticationJSON is AuthenticationResponseJSON.
type authenticationJSON struct {
	credentialJSON
	Response struct {
		ClientDataJSON    string  `json:"clientDataJSON"`
		AuthenticatorData string  `json:"authenticatorData"`
		Signature         string  `json:"signature"`
		UserHandle        *string `json:"userHandle"`
	} `json:"response"`
	ClientExtensionResults json.RawMessage `json:"clientExtensionResults"`
}

// ParseRegistration parses RegistrationResponseJSON, or answers an ErrMalformed. It says nothing about who sent it.
func ParseRegistration(text []byte) (*RegistrationResponse, error) {
	var in registrationJSON
	if err := unmarshalObject(text, &in); err != nil {
		return nil, err
	}
	var r RegistrationResponse
	var err error
	if r.UnauthenticatedCredentialID, err = in.credentialID(); err != nil {
		return nil, err
	}
	if r.client, err = parseClientData(in.Response.ClientDataJSON); err != nil {
		return nil, err
	}
	if r.attestation, err = parseAttestationObject(in.Response.AttestationObject); err != nil {
		return nil, err
	}
	if r.transports, err = parseTransports(in.Response.Transports); err != nil {
		return nil, err
	}
	if r.discoverable, err = parseDiscoverable(in.ClientExtensionResults, in.Extensions); err != nil {
		return nil, err
	}
	r.attachment = in.attachment()
	return &r, nil
}

// ParseAuthentication parses AuthenticationResponseJSON, or answers an ErrMalformed. It says nothing about who sent it.
func ParseAuthentication(text []byte) (*AuthenticationResponse, error) {
	var in authenticationJSON
	if err := unmarshalObject(text, &in); err != nil {
		return nil, err
	}
	var r AuthenticationResponse
	var err error
	if r.UnauthenticatedCredentialID, err = in.credentialID(); err != nil {
		return nil, err
	}
	if r.client, err = parseClientData(in.Response.ClientDataJSON); err != nil {
		return nil, err
	}
	var ok bool
	if r.authenticatorData, ok = decode(in.Response.AuthenticatorData); !ok {
		return nil, malformed(ReasonAuthenticatorData, errNotBase64)
	}
	if err := r.authenticator.Unmarshal(r.authenticatorData); err != nil {
		return nil, malformed(ReasonAuthenticatorData, translate(err))
	}
	if r.signature, ok = decode(in.Response.Signature); !ok || len(r.signature) == 0 {
		return nil, malformed(ReasonSignature, errNotBase64)
	}
	if h := in.Response.UserHandle; h != nil && *h != "" {
		if r.UnauthenticatedUserHandle, ok = decode(*h); !ok {
			return nil, malformed(ReasonUserHandle, errNotBase64)
		}
	}
	r.usedAppID = string(bytes.TrimSpace(member(in.ClientExtensionResults, "appid"))) == "true"
	return &r, nil
}

var errNotBase64 = errors.New("missing, or not base64url")

func unmarshalObject(text []byte, into any) error {
	if len(text) > maxResponse {
		return malformed(ReasonJSON, fmt.Errorf("%d bytes", len(text)))
	}
	if !utf8.Valid(text) {
		return malformed(ReasonJSON, errors.New("not UTF-8"))
	}
	if text = bytes.TrimLeft(text, " \t\r\n"); len(text) == 0 || text[0] != '{' {
		return malformed(ReasonJSON, errors.New("not an object"))
	}
	if err := json.Unmarshal(text, into); err != nil {
		return malformed(ReasonJSON, err)
	}
	return nil
}

// credentialID is the one id that id and rawId agree on.
func (c *credentialJSON) credentialID() ([]byte, error) {
	if c.Type != publicKey {
		return nil, malformed(ReasonCredentialType, nil)
	}
	id, ok := decode(c.ID)
	if !ok || len(id) == 0 || len(id) > maxCredentialID {
		return nil, malformed(ReasonCredentialID, errors.New("id is missing, too long or not base64url"))
	}
	if raw, ok := decode(c.RawID); !ok || !bytes.Equal(raw, id) {
		return nil, malformed(ReasonCredentialID, errors.New("rawId is not id"))
	}
	return id, nil
}

// attachment ignores what is not of the specification, whatever it is (WebAuthn L3 §5.4.5).
func (c *credentialJSON) attachment() string {
	switch string(c.Attachment) {
	case `"` + platform + `"`:
		return platform
	case `"` + crossPlatform + `"`:
		return crossPlatform
	}
	return ""
}

// parseTransports keeps the browser's words as they are, unknown ones too (WebAuthn L3 §5.8.4). Control characters are not
// words, and a database would stumble over them.
func parseTransports(in []*string) ([]string, error) {
	if len(in) > maxTransports {
		return nil, malformed(ReasonTransports, fmt.Errorf("%d transports", len(in)))
	}
	out := make([]string, len(in))
	for i, t := range in {
		if t == nil || utf8.RuneCountInString(*t) > maxTransportLength {
			return nil, malformed(ReasonTransports, errors.New("a transport is too long or no text"))
		}
		for _, r := range *t {
			if r < ' ' || r == 0x7f {
				return nil, malformed(ReasonTransports, errors.New("a transport has a control character"))
			}
		}
		out[i] = *t
	}
	return out, nil
}

// parseDiscoverable reads credProps.rk where the results of the client extensions have it. They are a claim of the client,
// unsigned, so that odd ones are ignored; only text that is not JSON at all is refused.
func parseDiscoverable(results ...json.RawMessage) (account.Discoverable, error) {
	found := account.DiscoverableUnknown
	for _, raw := range results {
		if len(raw) > 0 && raw[0] == '"' {
			var text string
			if err := json.Unmarshal(raw, &text); err != nil || !json.Valid([]byte(text)) {
				return "", malformed(ReasonExtensions, errors.New("text that is not JSON"))
			}
			raw = json.RawMessage(text)
		}
		if found != account.DiscoverableUnknown {
			continue
		}
		switch string(bytes.TrimSpace(member(member(raw, "credProps"), "rk"))) {
		case "true":
			found = account.DiscoverableYes
		case "false":
			found = account.DiscoverableNo
		}
	}
	return found, nil
}

// member is the member of that very name, or nothing where raw is no object.
func member(raw json.RawMessage, name string) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return nil
	}
	return members[name]
}
