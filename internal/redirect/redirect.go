package redirect

import (
	"encoding/hex"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxLength is the longest target, in bytes.
const MaxLength = 2048

// maxDecodings bounds how often a path is percent-decoded to see what hides in it.
const maxDecodings = 5

// Next returns the candidate unchanged, and true, if it is a path of this site with perhaps a query and a fragment.
// Else it returns "" and false.
//
// It starts with exactly one slash. Nowhere has it a backslash, white space, a control or an invisible character;
// its path has no empty segment but the last, also once it is percent-decoded, however often it was encoded, or
// normalised to NFKC. The query and the fragment may hold anything else, as they never lead elsewhere.
func Next(candidate string) (string, bool) {
	if candidate == "" || len(candidate) > MaxLength || !utf8.ValidString(candidate) || strings.ContainsFunc(candidate, neverRaw) {
		return "", false
	}
	u, err := url.Parse(candidate)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	path := candidate
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	if !isSafePath(path) {
		return "", false
	}
	return candidate, true
}

// isSafePath looks at a path as it is and as whoever decodes it again will see it.
func isSafePath(path string) bool {
	for range maxDecodings {
		composed := norm.NFKC.String(path)
		if !isPlainPath(path) || !isPlainPath(composed) {
			return false
		}
		decoded := unescape(composed)
		if decoded == path {
			return true
		}
		path = decoded
	}
	return false
}

// unescape decodes what is percent-encoded and leaves every other % alone, as the most lenient of decoders do.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if raw, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b.WriteByte(raw[0])
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// isPlainPath reports whether a path stands as it is: absolute, without an empty segment, in UTF-8.
func isPlainPath(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.Contains(path, "//") && utf8.ValidString(path) &&
		!strings.ContainsFunc(path, neverDecoded)
}

// neverRaw: what a browser never sends unencoded, and what it would strip or turn into a slash.
func neverRaw(r rune) bool { return r == ' ' || neverDecoded(r) }

// neverDecoded: what has no place in a path even encoded. A space has.
func neverDecoded(r rune) bool {
	return r == '\\' || r != ' ' && unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
