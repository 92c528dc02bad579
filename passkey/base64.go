package passkey

import (
	"encoding/base64"
	"strings"
)

// Both encodings refuse stray bits at the end, so that a value has one unpadded and one padded spelling.
var (
	unpadded = base64.RawURLEncoding.Strict()
	padded   = base64.URLEncoding.Strict()
)

// Base64URL are bytes that JSON carries as unpadded base64url (Base64URLString, WebAuthn L3 §5.1).
type Base64URL []byte

// MarshalText encodes the bytes.
func (b Base64URL) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// decode reads base64url, padded (as older scripts send it) or not. Unlike the standard library it takes no line breaks.
func decode(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	encoding := unpadded
	if strings.HasSuffix(s, "=") {
		encoding = padded
	}
	b, err := encoding.DecodeString(s)
	return b, err == nil
}
