package factor

import (
	"encoding/base32"
	"fmt"
	"io"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/seal"
)

// MaxRecoveryCodes is the most that a set has.
const MaxRecoveryCodes = 100

// recoveryBytes is the randomness of one code: 80 bits, sixteen symbols.
const recoveryBytes = 10

// recoverySymbols is Douglas Crockford's base 32: digits and letters without I, L, O and U. What is read or typed for a
// 0 or a 1 can mean nothing else.
const recoverySymbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

var recoveryText = base32.NewEncoding(recoverySymbols).WithPadding(base32.NoPadding)

// NewRecoveryCodes draws n codes from rand, all different, like "7K3M-90XA-QW4T-ZB2D". N is at most MaxRecoveryCodes.
func NewRecoveryCodes(rand io.Reader, n int) ([]string, error) {
	if n < 0 || n > MaxRecoveryCodes {
		return nil, fmt.Errorf("factor: %d recovery codes are not between 0 and %d", n, MaxRecoveryCodes)
	}
	codes, seen := make([]string, 0, n), make(map[string]bool, n)
	raw := make([]byte, recoveryBytes)
	for range n {
		if _, err := io.ReadFull(rand, raw); err != nil {
			return nil, fmt.Errorf("factor: drawing a recovery code: %w", err)
		}
		code := group(recoveryText.EncodeToString(raw), 4, "-")
		if seen[code] {
			return nil, errRand
		}
		seen[code] = true
		codes = append(codes, code)
	}
	return codes, nil
}

// CleanRecoveryCode is the code as it was meant, in the form that is digested: upper case, without spaces and dashes, O
// read as 0, I and L as 1, U as V, full-width letters and other digits as the plain ones. What is left of something
// else matches nothing.
func CleanRecoveryCode(s string) string {
	return strings.Map(func(r rune) rune {
		if isFiller(r) {
			return -1
		}
		if d, ok := digit(r); ok {
			return '0' + d
		}
		if 'Ａ' <= r && r <= 'ｚ' {
			r -= 'Ａ' - 'A'
		}
		if 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		}
		switch r {
		case 'O':
			return '0'
		case 'I', 'L':
			return '1'
		case 'U':
			return 'V'
		}
		return r
	}, s)
}

// RecoveryDigests are the digests of one account's code, the one to store first: under the key of recovery codes, which outlives the server's
// own keys; nil leaves it out. The others are under each key of the ring, for codes that were made without such a key. A code that is
// presented counts if any is stored for that account.
func RecoveryDigests(key []byte, ring *seal.Ring, userID, code string) [][]byte {
	parts := [][]byte{[]byte(userID), []byte(CleanRecoveryCode(code))}
	digests := ring.MAC("recovery code").Sums(parts...)
	if key == nil {
		return digests
	}
	return append([][]byte{seal.NewMAC(key, "recovery code").Sum(parts...)}, digests...)
}

// group parts a text into groups of n bytes.
func group(s string, n int, by string) string {
	var b strings.Builder
	for i := 0; i < len(s); i += n {
		if i > 0 {
			b.WriteString(by)
		}
		b.WriteString(s[i:min(i+n, len(s))])
	}
	return b.String()
}
