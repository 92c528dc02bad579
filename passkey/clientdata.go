package passkey

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// The ceremonies by their names in the client data.
const (
	typeCreate = "webauthn.create"
	typeGet    = "webauthn.get"
)

// clientData is what the browser says about the ceremony (CollectedClientData, WebAuthn L3 §5.8.1).
type clientData struct {
	raw          []byte
	typ          string
	challenge    string
	origin       string
	crossOrigin  bool
	topOrigin    string
	hasTopOrigin bool
}

// parseClientData decodes and parses clientDataJSON. Members that we do not know are ignored, tokenBinding among them,
// and so is a byte order mark, except that the hash covers it.
func parseClientData(encoded string) (clientData, error) {
	raw, ok := decode(encoded)
	if !ok {
		return clientData{}, malformed(ReasonClientData, errNotBase64)
	}
	text := bytes.TrimPrefix(raw, []byte("\uFEFF"))
	if !utf8.Valid(text) {
		return clientData{}, malformed(ReasonClientData, errors.New("not UTF-8"))
	}
	// A map and no struct: the names of members are exact, while encoding/json matches those of a struct in any case.
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return clientData{}, malformed(ReasonClientData, err)
	}
	c := clientData{raw: raw}
	for _, m := range []struct {
		name string
		into *string
	}{{"type", &c.typ}, {"challenge", &c.challenge}, {"origin", &c.origin}} {
		if *m.into, ok = jsonString(members[m.name]); !ok {
			return clientData{}, malformed(ReasonClientData, fmt.Errorf("%s is missing or no text", m.name))
		}
	}
	switch string(members["crossOrigin"]) {
	case "true":
		c.crossOrigin = true
	case "", "false", "null":
	default:
		return clientData{}, malformed(ReasonClientData, errors.New("crossOrigin is no boolean"))
	}
	if top := members["topOrigin"]; top != nil && string(top) != "null" {
		if c.topOrigin, c.hasTopOrigin = jsonString(top); !c.hasTopOrigin {
			return clientData{}, malformed(ReasonClientData, errors.New("topOrigin is no text"))
		}
	}
	return c, nil
}

// jsonString is the text of a JSON string. raw is valid JSON.
func jsonString(raw json.RawMessage) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if !bytes.ContainsRune(raw, '\\') {
		return string(raw[1 : len(raw)-1]), true
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// verify makes the checks of WebAuthn L3 §7.1, steps 7 to 11, and §7.2, steps 10 to 14.
func (rp *RelyingParty) verifyClientData(c *clientData, typ string, challenge []byte, origin string) error {
	if c.typ != typ {
		return notVerified(ReasonType, fmt.Errorf("%q", c.typ))
	}
	want := base64.RawURLEncoding.EncodeToString(challenge)
	if want == "" || subtle.ConstantTimeCompare([]byte(c.challenge), []byte(want)) != 1 {
		return notVerified(ReasonChallenge, nil)
	}
	if origin != "" && c.origin != origin || !slices.Contains(rp.origins, c.origin) {
		return notVerified(ReasonOrigin, fmt.Errorf("%q", c.origin))
	}
	if c.crossOrigin && !rp.crossOrigin {
		return notVerified(ReasonCrossOrigin, nil)
	}
	if c.hasTopOrigin && !(c.crossOrigin && rp.isTopOrigin(c.topOrigin)) {
		return notVerified(ReasonTopOrigin, fmt.Errorf("%q", c.topOrigin))
	}
	return nil
}

func (rp *RelyingParty) isTopOrigin(origin string) bool {
	return slices.Contains(rp.topOrigins, origin) || slices.Contains(rp.topOrigins, AnyTopOrigin) || slices.Contains(rp.origins, origin)
}

// hash is of the bytes as they came.
func (c *clientData) hash() [sha256.Size]byte { return sha256.Sum256(c.raw) }
