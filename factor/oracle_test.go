package factor_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"testing"
)

// totp computes a code as RFC 4226 §5.3 writes it down, apart from the library that the package uses.
func totp(t testing.TB, key []byte, step int64) string {
	t.Helper()
	h := hmac.New(sha1.New, key)
	if err := binary.Write(h, binary.BigEndian, step); err != nil {
		t.Fatal(err)
	}
	sum := h.Sum(nil)
	at := sum[19] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%1_000_000)
}
