package sqlstore

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/latchkey-auth/latchkey/account"
)

// micros is how a time is stored. The zero time is an ordinary one, before all others.
func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// microsOf is how a duration is stored.
func microsOf(d time.Duration) int64 { return d.Microseconds() }

// text makes what came from outside storable: PostgreSQL takes neither NUL nor broken UTF-8 in a text.
func text(s string) string {
	if storable(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// storable reports whether a text can be in the database at all. What cannot is not looked for.
func storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// blob is never NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// toJSON is how a list of words is stored.
func toJSON[T ~string](words []T) (string, error) {
	if len(words) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(words)
	return text(string(b)), err
}

func fromJSON[T ~string](stored string, words *[]T) error {
	if stored == "[]" {
		*words = nil
		return nil
	}
	if err := json.Unmarshal([]byte(stored), words); err != nil {
		return fmt.Errorf("a stored list of words is damaged: %w", err)
	}
	return nil
}

func toDigest(stored []byte) (d account.Digest, err error) {
	if len(stored) != len(d) {
		return d, fmt.Errorf("a stored digest has %d bytes", len(stored))
	}
	copy(d[:], stored)
	return d, nil
}
