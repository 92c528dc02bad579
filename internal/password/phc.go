package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// ErrFormat is what the errors of a stored hash that is no usable argon2id PHC string wrap.
var ErrFormat = errors.New("password: not an argon2id hash")

// Sizes in bytes: of what is made (RFC 9106 §4), and the bounds of what is read.
const (
	saltSize = 16
	keySize  = 32

	minSalt, maxSalt = 8, 64
	minKey, maxKey   = 16, 64
)

// hash is a PHC string taken apart.
type hash struct {
	params    Params
	salt, key []byte
}

var b64 = base64.RawStdEncoding.Strict()

// String is the PHC string (github.com/P-H-C/phc-string-format).
func (h hash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.params.Memory, h.params.Time, h.params.Threads, b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

// parse reads one. It takes a single spelling, and no parameters that would keep the machine busy for long.
func parse(phc string) (hash, error) {
	fields := strings.Split(phc, "$")
	if len(phc) > 512 || len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" ||
		fields[2] != "v="+strconv.Itoa(argon2.Version) {
		return hash{}, ErrFormat
	}
	var h hash
	costs := strings.Split(fields[3], ",")
	if len(costs) != 3 {
		return hash{}, ErrFormat
	}
	memory, okM := cost(costs[0], "m=", 32)
	time, okT := cost(costs[1], "t=", 32)
	threads, okP := cost(costs[2], "p=", 8)
	if !okM || !okT || !okP {
		return hash{}, ErrFormat
	}
	h.params = Params{Memory: uint32(memory), Time: uint32(time), Threads: uint8(threads)}
	if err := h.params.Validate(); err != nil {
		return hash{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	var err error
	if h.salt, err = b64.DecodeString(fields[4]); err != nil || len(h.salt) < minSalt || len(h.salt) > maxSalt {
		return hash{}, ErrFormat
	}
	if h.key, err = b64.DecodeString(fields[5]); err != nil || len(h.key) < minKey || len(h.key) > maxKey {
		return hash{}, ErrFormat
	}
	if strings.ContainsAny(phc, "\r\n") { // which the decoder would skip
		return hash{}, ErrFormat
	}
	return h, nil
}

func cost(s, name string, bits int) (uint64, bool) {
	digits, ok := strings.CutPrefix(s, name)
	if !ok || strings.HasPrefix(digits, "0") {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, bits)
	return n, err == nil
}
