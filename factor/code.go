package factor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/latchkey-auth/latchkey/internal/seal"
)

// CodeDigits is the length of a mailed or texted code.
const CodeDigits = 6

// errRand is the answer to a source of randomness that gives what chance never would.
var errRand = errors.New("factor: the source of randomness repeats itself")

// NewCode draws a code of six digits from rand, each of the million as likely as any other.
func NewCode(rand io.Reader) (string, error) {
	const codes = 1_000_000
	const fair = 1<<32 - (1<<32)%codes // numbers from here on would favour some codes
	var b [4]byte
	for range 128 {
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return "", fmt.Errorf("factor: drawing a code: %w", err)
		}
		if n := binary.BigEndian.Uint32(b[:]); uint64(n) < fair {
			return fmt.Sprintf("%0*d", CodeDigits, n%codes), nil
		}
	}
	return "", errRand
}

// CleanCode is the code as it was meant: without the spaces, dashes and invisible characters that come with typing and
// pasting, and in ASCII digits, whatever digits the keyboard has. What is left of something else matches nothing.
func CleanCode(s string) string {
	return strings.Map(func(r rune) rune {
		if isFiller(r) {
			return -1
		}
		if d, ok := digit(r); ok {
			return '0' + d
		}
		return r
	}, s)
}

// isFiller reports whether r is there to part what is typed, or unseen.
func isFiller(r rune) bool {
	return unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf) || r == '−'
}

// digit is the value of a decimal digit. Unicode encodes each set of them as ten in a row from zero (Unicode
// Standard §4.6), and so do the ranges of its table.
func digit(r rune) (rune, bool) {
	for _, x := range unicode.Nd.R16 {
		if rune(x.Lo) <= r && r <= rune(x.Hi) {
			return (r - rune(x.Lo)) % 10, true
		}
	}
	for _, x := range unicode.Nd.R32 {
		if rune(x.Lo) <= r && r <= rune(x.Hi) {
			return (r - rune(x.Lo)) % 10, true
		}
	}
	return 0, false
}

// Codes keeps sent codes without keeping them: a million of them is soon tried out against a plain hash, but not
// against an HMAC under a key that is not in the database. It is safe for concurrent use.
type Codes struct {
	mac *seal.MAC
}

// NewCodes returns the codes of that ring.
func NewCodes(ring *seal.Ring) *Codes { return &Codes{mac: ring.MAC("sent code")} }

// MAC is what to store of a code. The binding is what it was sent for: the account, the pending sign-in, the method. It
// matches with the same binding only, in the same order.
func (c *Codes) MAC(code string, binding ...string) []byte { return c.mac.Sum(parts(code, binding)...) }

// Match reports whether mac was made of that code and binding, under any key of the ring. It compares in constant time.
func (c *Codes) Match(mac []byte, code string, binding ...string) bool {
	return c.mac.Verify(mac, parts(code, binding)...)
}

func parts(code string, binding []string) [][]byte {
	p := [][]byte{[]byte(CleanCode(code))}
	for _, b := range binding {
		p = append(p, []byte(b))
	}
	return p
}
