package names

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ErrInvalid is the answer to what is no address.
var ErrInvalid = errors.New("names: not an email address")

// Limits of an address in bytes (RFC 5321 §4.5.3.1; RFC 3696 erratum 1690), and of a domain's label (RFC 1035 §2.3.4).
const (
	maxLocal = 64
	maxEmail = 254
	maxLabel = 63
)

// Email returns the address trimmed and in NFKC, its letters' case as typed, or ErrInvalid.
//
// It takes what mail servers take, not all that RFC 5322 allows: a dot-atom, one @, a domain name with a dot in it, or
// localhost. Letters beyond ASCII pass on both sides (RFC 6531). No quoted local parts, comments, address literals or
// trailing dots. That mail arrives there is for a mailed code or link to prove.
func Email(s string) (string, error) {
	s = strings.TrimSpace(s)
	if hasUnseen(s) {
		return "", ErrInvalid
	}
	s = norm.NFKC.String(s)
	local, domain, found := strings.Cut(s, "@")
	if !found || len(s) > maxEmail || !isLocal(local) || !isDomain(domain) || lowersToASCII(s) {
		return "", ErrInvalid
	}
	return s, nil
}

// isLocal reports whether s is a dot-atom (RFC 5322 §3.2.3, RFC 6531 §3.3).
func isLocal(s string) bool {
	if s == "" || len(s) > maxLocal {
		return false
	}
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || startsWithMark(atom) {
			return false
		}
		for _, r := range atom {
			if !isWord(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r) {
				return false
			}
		}
	}
	return true
}

// isDomain reports whether s is a domain name of letters, digits and hyphens (RFC 1123 §2.1), letters beyond ASCII
// included, with a dot in it unless it is localhost.
func isDomain(s string) bool {
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if label == "" || utf8.RuneCountInString(label) > maxLabel || startsWithMark(label) ||
			strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return false
		}
		for _, r := range label {
			if !isWord(r) && r != '-' {
				return false
			}
		}
	}
	if len(labels) == 1 {
		return strings.EqualFold(s, "localhost")
	}
	// No top-level domain is a number; what ends in one is an IPv4 address.
	return strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// isWord: letters, digits and, beyond ASCII, the marks that letters carry.
func isWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd)
}

func startsWithMark(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.Is(unicode.M, r)
}

// lowersToASCII reports whether a letter beyond ASCII has an ASCII lower case, as İ (U+0130) has. Addresses are
// compared in lower case, so such an address would stand for another person's.
func lowersToASCII(s string) bool {
	for _, r := range s {
		if r >= utf8.RuneSelf && unicode.ToLower(r) < utf8.RuneSelf {
			return true
		}
	}
	return false
}
