package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/seal"
)

var (
	keyA = bytes.Repeat([]byte{0xa1}, seal.KeySize)
	keyB = bytes.Repeat([]byte{0xb2}, seal.KeySize)
	keyC = bytes.Repeat([]byte{0xc3}, seal.KeySize)
)

func ring(t testing.TB, keys ...[]byte) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(keys)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sealed(t testing.TB, b *seal.Box, plaintext []byte) string {
	t.Helper()
	token, err := b.Seal(plaintext)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func refused(t *testing.T, b *seal.Box, token, why string) {
	t.Helper()
	if plaintext, err := b.Open(token); !errors.Is(err, seal.ErrNotOurs) || plaintext != nil {
		t.Errorf("%s: Open(%q) = %q, %v; want ErrNotOurs", why, token, plaintext, err)
	}
}

func TestRoundTrip(t *testing.T) {
	b := ring(t, keyA).Box("state")
	alphabet := regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	for size := range 300 {
		want := bytes.Repeat([]byte{byte(size)}, size)
		token := sealed(t, b, want)
		if !alphabet.MatchString(token) {
			t.Fatalf("token %q is not base64url", token)
		}
		got, err := b.Open(token)
		if err != nil || got == nil || !bytes.Equal(got, want) {
			t.Fatalf("Open = %v, %v; want %v", got, err, want)
		}
	}
}

func TestTokensOfOneContentDiffer(t *testing.T) {
	b := ring(t, keyA).Box("state")
	seen := map[string]bool{}
	for range 1000 {
		token := sealed(t, b, []byte("same"))
		if seen[token] {
			t.Fatal("a token came twice")
		}
		seen[token] = true
	}
}

func TestPurposesAreApart(t *testing.T) {
	r := ring(t, keyA)
	purposes := []string{"", "state", "state ", "State", "setup", "stat", "\x00", strings.Repeat("p", 1000)}
	for _, p := range purposes {
		token := sealed(t, r.Box(p), []byte("x"))
		for _, q := range purposes {
			_, err := r.Box(q).Open(token)
			if p == q && err != nil || p != q && !errors.Is(err, seal.ErrNotOurs) {
				t.Errorf("sealed for %q, opened for %q: %v", p, q, err)
			}
		}
	}
}

func TestRotation(t *testing.T) {
	const p = "state"
	old := sealed(t, ring(t, keyA).Box(p), []byte("old"))
	both := ring(t, keyB, keyA).Box(p)
	if got, err := both.Open(old); err != nil || string(got) != "old" {
		t.Fatalf("the old key opens no more: %q, %v", got, err)
	}
	fresh := sealed(t, both, []byte("new"))
	if got, err := ring(t, keyB).Box(p).Open(fresh); err != nil || string(got) != "new" {
		t.Fatalf("the first key did not seal: %q, %v", got, err)
	}
	refused(t, ring(t, keyA).Box(p), fresh, "a ring without the key")
	refused(t, ring(t, keyB, keyC).Box(p), old, "the old key dropped")
	if got, err := ring(t, keyC, keyB, keyA).Box(p).Open(old); err != nil || string(got) != "old" {
		t.Fatalf("the third key does not open: %q, %v", got, err)
	}
}

func TestEveryBitCounts(t *testing.T) {
	b := ring(t, keyA, keyB).Box("state")
	raw, err := base64.RawURLEncoding.DecodeString(sealed(t, b, []byte("the content of a token")))
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(raw) * 8 {
		forged := bytes.Clone(raw)
		forged[bit/8] ^= 1 << (bit % 8)
		refused(t, b, base64.RawURLEncoding.EncodeToString(forged), "one bit")
	}
}

// A key id is part of what is sealed: a token shown under another key's id is not ours, though both keys are in the ring.
func TestKeyIDCannotBeExchanged(t *testing.T) {
	b := ring(t, keyA, keyB).Box("state")
	a, _ := base64.RawURLEncoding.DecodeString(sealed(t, ring(t, keyA).Box("state"), []byte("x")))
	other, _ := base64.RawURLEncoding.DecodeString(sealed(t, ring(t, keyB).Box("state"), []byte("x")))
	if bytes.Equal(a[:4], other[:4]) {
		t.Fatal("two keys have one id")
	}
	refused(t, b, base64.RawURLEncoding.EncodeToString(append(bytes.Clone(other[:4]), a[4:]...)), "exchanged id")
}

func TestCutAndLengthened(t *testing.T) {
	b := ring(t, keyA).Box("state")
	token := sealed(t, b, []byte("content"))
	for n := range len(token) {
		refused(t, b, token[:n], "cut at the end")
		refused(t, b, token[n+1:], "cut at the start")
	}
	refused(t, b, token+"A", "lengthened")
	refused(t, b, token+token, "doubled")
}

func TestOneSpelling(t *testing.T) {
	b := ring(t, keyA).Box("state")
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n\r\t\x00é"
	for size := range 4 { // every remainder of base64
		token := sealed(t, b, make([]byte, size))
		for i := range token {
			for _, c := range letters {
				if altered := token[:i] + string(c) + token[i+1:]; altered != token {
					refused(t, b, altered, "another letter")
				}
			}
		}
		for i := range len(token) + 1 {
			for _, c := range []string{"\n", "\r", "\r\n", " ", "=", "\x00"} {
				refused(t, b, token[:i]+c+token[i:], "something put in")
			}
		}
		refused(t, b, token+"==", "padded")
	}
}

func TestRefusedRings(t *testing.T) {
	for name, keys := range map[string][][]byte{
		"none":      nil,
		"empty":     {},
		"nil key":   {nil},
		"short":     {keyA[:31]},
		"long":      {append(bytes.Clone(keyA), 0)},
		"later one": {keyA, keyB[:16]},
		"twice":     {keyA, keyB, keyA},
	} {
		if r, err := seal.NewRing(keys); err == nil || r != nil {
			t.Errorf("%s: NewRing = %v, %v; want an error", name, r, err)
		}
	}
}

func TestErrorsNameNoKey(t *testing.T) {
	_, err := seal.NewRing([][]byte{[]byte("short secret")})
	if err == nil || strings.Contains(err.Error(), "short secret") {
		t.Errorf("err = %v", err)
	}
}

func TestRingCopiesItsKeys(t *testing.T) {
	key := bytes.Clone(keyA)
	r := ring(t, key)
	clear(key)
	token := sealed(t, r.Box("state"), []byte("x"))
	if _, err := ring(t, keyA).Box("state").Open(token); err != nil {
		t.Error("the ring used the caller's slice")
	}
}

// pinned is "latchkey", sealed for "state" under keyA.
const pinned = "V0HrBopZZucijDiwCqYUMoYE6FjXd7laJLaxh_d0qpYRRd0TySpCOQ"

// What earlier releases sealed must stay readable.
func TestFormatStays(t *testing.T) {
	got, err := ring(t, keyB, keyA).Box("state").Open(pinned)
	if err != nil || string(got) != "latchkey" {
		t.Errorf("Open = %q, %v", got, err)
	}
}

func TestConcurrentUse(t *testing.T) {
	b := ring(t, keyA, keyB).Box("state")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				token, err := b.Seal([]byte{byte(i)})
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := b.Open(token); err != nil || len(got) != 1 || got[0] != byte(i) {
					t.Errorf("Open = %v, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzOpen(f *testing.F) {
	b := ring(f, keyA, keyB).Box("state")
	for _, s := range []string{"", "A", pinned, pinned + "=", pinned[:20], pinned + "\n", strings.Repeat("A", 60)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		plaintext, err := b.Open(s)
		if err == nil && s != pinned {
			t.Errorf("Open(%q) = %q", s, plaintext)
		}
		if err != nil && (!errors.Is(err, seal.ErrNotOurs) || plaintext != nil) {
			t.Errorf("Open(%q) = %q, %v", s, plaintext, err)
		}
	})
}

// What the first key sealed outlives the others; nothing else is taken for it.
func TestCurrent(t *testing.T) {
	old, both := ring(t, keyA).Box("purpose"), ring(t, keyB, keyA).Box("purpose")
	before, after := sealed(t, old, []byte("content")), sealed(t, both, []byte("content"))
	if !old.Current(before) || both.Current(before) || !both.Current(after) || old.Current(after) {
		t.Error("the wrong key is taken for the first")
	}
	for _, bad := range []string{"", "x", before[:10], "!" + after} {
		if both.Current(bad) {
			t.Errorf("%q is current", bad)
		}
	}
}
