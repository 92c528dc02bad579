package passkey

import (
	"encoding/base64"
	"strings"
)

// All encodings refuse stray bits at the end, so that a value has one unpadded and one padded spelling in either alphabet.
var (
	unpadded      = base64.RawURLEncoding.Strict()
	padded        = base64.URLEncoding.Strict()
	plainUnpadded = base64.RawStdEncoding.Strict()
	plainPadded   = base64.StdEncoding.Strict()
)

// Base64URL are bytes that JSON carries as unpadded base64url (Base64URLString, WebAuthn L3 §5.1).
type Base64URL []byte

// MarshalText encodes the bytes.
func (b Base64URL) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// decode reads base64url, padded (as older scripts send it) or not, and plain base64 (as some of them do). Unlike the standard
// library it takes no line breaks.
func decode(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	encoding, withPadding := unpadded, padded
	if strings.ContainsAny(s, "+/") {
		encoding, withPadding = plainUnpadded, plainPadded
	}
	if strings.HasSuffix(s, "=") {
		encoding = withPadding
	}
	b, err := encoding.DecodeString(s)
	return b, err == nil
}
