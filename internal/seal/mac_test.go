package seal_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/seal"
)

func bs(parts ...string) [][]byte {
	var out [][]byte
	for _, p := range parts {
		out = append(out, []byte(p))
	}
	return out
}

func TestSumIsInjective(t *testing.T) {
	m := ring(t, keyA).MAC("code")
	seen := map[string]string{}
	for _, parts := range [][][]byte{
		nil, bs(""), bs("", ""), bs("", "", ""),
		bs("a"), bs("a", ""), bs("", "a"), bs("ab"), bs("a", "b"), bs("b", "a"), bs("ab", ""), bs("", "ab"),
		bs("abc"), bs("a", "bc"), bs("ab", "c"), bs("a", "b", "c"),
		bs("\x00"), bs("\x00\x00"), bs("\x00", "\x00"),
		bs("\x00\x00\x00\x00\x00\x00\x00\x01a"), bs("\x00\x00\x00\x00\x00\x00\x00\x00"),
		bs("a\x00\x00\x00\x00\x00\x00\x00\x01b"),
	} {
		name := fmt.Sprintf("%q", parts)
		sum := m.Sum(parts...)
		if len(sum) != 32 {
			t.Errorf("%s: %d bytes", name, len(sum))
		}
		if other, ok := seen[string(sum)]; ok {
			t.Errorf("%s and %s have one sum", name, other)
		}
		seen[string(sum)] = name
		if !m.Verify(sum, parts...) {
			t.Errorf("%s does not verify", name)
		}
	}
}

// The sum is HMAC-SHA256 under an HKDF-derived key, as the package says, so that what is stored stays valid.
func TestSumIsWhatItSays(t *testing.T) {
	key, err := hkdf.Key(sha256.New, keyA, nil, "latchkey mac v1 code", 32)
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte("\x00\x00\x00\x00\x00\x00\x00\x02" + "\x00\x00\x00\x00\x00\x00\x00\x06" + "123456" +
		"\x00\x00\x00\x00\x00\x00\x00\x01" + "u"))
	want := h.Sum(nil)
	if got := ring(t, keyA).MAC("code").Sum(bs("123456", "u")...); !bytes.Equal(got, want) {
		t.Errorf("Sum = %x, want %x", got, want)
	}
	const stored = "c85c25cd8e8dc3ca19bf5adb10b27f1bf1c842b919673fc073b52a4a73efc471"
	if hex.EncodeToString(want) != stored {
		t.Errorf("Sum = %x, want %s", want, stored)
	}
}

func TestVerifyRefuses(t *testing.T) {
	m := ring(t, keyA).MAC("code")
	sum := m.Sum(bs("123456")...)
	for bit := range len(sum) * 8 {
		forged := bytes.Clone(sum)
		forged[bit/8] ^= 1 << (bit % 8)
		if m.Verify(forged, bs("123456")...) {
			t.Errorf("bit %d does not count", bit)
		}
	}
	for _, forged := range [][]byte{nil, {}, sum[:31], append(bytes.Clone(sum), 0), make([]byte, 32)} {
		if m.Verify(forged, bs("123456")...) {
			t.Errorf("Verify(%x) = true", forged)
		}
	}
	if m.Verify(sum, bs("123457")...) || m.Verify(sum) {
		t.Error("it verifies other parts")
	}
}

func TestMACRotation(t *testing.T) {
	old := ring(t, keyA).MAC("code").Sum(bs("1")...)
	both := ring(t, keyB, keyA).MAC("code")
	if !both.Verify(old, bs("1")...) {
		t.Error("a sum under the old key does not verify")
	}
	if ring(t, keyB).MAC("code").Verify(old, bs("1")...) {
		t.Error("a sum verifies without its key")
	}
	if !ring(t, keyB).MAC("code").Verify(both.Sum(bs("1")...), bs("1")...) {
		t.Error("Sum is not under the first key")
	}
	sums := both.Sums(bs("1")...)
	if len(sums) != 2 || !bytes.Equal(sums[0], both.Sum(bs("1")...)) || !bytes.Equal(sums[1], old) {
		t.Errorf("Sums = %x", sums)
	}
}

func TestMACPurposesAndKeysAreApart(t *testing.T) {
	seen := map[string]string{}
	for _, key := range [][]byte{keyA, keyB} {
		for _, p := range []string{"", "code", "recovery code", "Code"} {
			sum := string(ring(t, key).MAC(p).Sum(bs("1")...))
			name := fmt.Sprintf("%x %q", key[0], p)
			if other, ok := seen[sum]; ok {
				t.Errorf("%s and %s have one sum", name, other)
			}
			seen[sum] = name
		}
	}
}

func TestNewMAC(t *testing.T) {
	seen := map[string]bool{}
	for _, key := range [][]byte{nil, {1}, keyA, keyB, bytes.Repeat([]byte{7}, 100)} {
		m := seal.NewMAC(key, "decoy")
		sum := m.Sum(bs("alice@example.test")...)
		if len(sum) != 32 || seen[string(sum)] {
			t.Errorf("key %x: sum %x", key, sum)
		}
		seen[string(sum)] = true
		if !bytes.Equal(sum, seal.NewMAC(key, "decoy").Sum(bs("alice@example.test")...)) {
			t.Errorf("key %x: the sum is not stable", key)
		}
		if !m.Verify(sum, bs("alice@example.test")...) || m.Verify(sum, bs("bob@example.test")...) {
			t.Errorf("key %x: Verify", key)
		}
	}
}

// A MAC that the platform refused to derive keys for, as its zero value stands for, verifies nothing.
func TestZeroMACFailsClosed(t *testing.T) {
	var m seal.MAC
	if m.Verify(nil) || m.Verify(m.Sum()) || m.Sum() != nil || len(m.Sums()) != 0 {
		t.Error("a MAC without keys verifies")
	}
}
