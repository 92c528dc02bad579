package factor_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/latchkey-auth/latchkey/factor"
	"github.com/latchkey-auth/latchkey/internal/seal"
)

func ring(t testing.TB, keys ...byte) *seal.Ring {
	t.Helper()
	var raw [][]byte
	for _, k := range keys {
		raw = append(raw, bytes.Repeat([]byte{k}, seal.KeySize))
	}
	r, err := seal.NewRing(raw)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// draws is a source of randomness that gives those numbers.
func draws(numbers ...uint32) io.Reader {
	var b []byte
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return bytes.NewReader(b)
}

func TestNewCode(t *testing.T) {
	for _, c := range []struct {
		draws []uint32
		want  string
	}{
		{[]uint32{0}, "000000"}, {[]uint32{1}, "000001"}, {[]uint32{999_999}, "999999"}, {[]uint32{1_000_000}, "000000"}, {[]uint32{123_456_789}, "456789"},
		{[]uint32{4_293_999_999}, "999999"},
		// What would favour the codes up to 967295 is drawn again.
		{[]uint32{4_294_000_000 - 1}, "999999"}, {[]uint32{4_294_000_000, 7}, "000007"}, {[]uint32{1<<32 - 1, 1<<32 - 1, 8}, "000008"},
	} {
		if got, err := factor.NewCode(draws(c.draws...)); err != nil || got != c.want {
			t.Errorf("NewCode of %v = %q, %v; want %q", c.draws, got, err, c.want)
		}
	}
	for name, r := range map[string]io.Reader{
		"empty": draws(), "short": strings.NewReader("abc"), "ends": draws(1<<32 - 1), "stuck": endless(0xff),
	} {
		if code, err := factor.NewCode(r); err == nil || code != "" {
			t.Errorf("%s: %q, %v", name, code, err)
		}
	}
}

// endless repeats one byte for ever.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

// Each digit comes up about equally often at each place (χ², 9 degrees of freedom, 1 in a million).
func TestCodesAreUniform(t *testing.T) {
	source := rand.NewChaCha8([32]byte{1})
	shape := regexp.MustCompile(`^[0-9]{6}$`)
	const n = 100_000
	var counts [factor.CodeDigits][10]int
	for range n {
		code, err := factor.NewCode(source)
		if err != nil || !shape.MatchString(code) {
			t.Fatalf("%q, %v", code, err)
		}
		for i, d := range code {
			counts[i][d-'0']++
		}
	}
	for place, c := range counts {
		var chi2 float64
		for _, k := range c {
			d := float64(k) - n/10
			chi2 += d * d / (n / 10)
		}
		if chi2 > 45 {
			t.Errorf("place %d: χ² = %.1f, %v", place, chi2, c)
		}
	}
}

func TestCleanCode(t *testing.T) {
	for in, want := range map[string]string{
		"123456": "123456", " 123 456 ": "123456", "123-456": "123456", "1–2—3−4‐5-6": "123456", "\t12\r\n34\u00a056": "123456",
		"１２３４５６": "123456", "۱۲۳۴۵۶": "123456", "١٢٣٤٥٦": "123456", "१२३४५६": "123456", "\u202a123456\u202c": "123456", "": "", " - ": "",
		"12a456": "12a456", "1.5": "1.5", "+123": "+123", "①": "①", "²": "²", "Ⅳ": "Ⅳ",
	} {
		if got := factor.CleanCode(in); got != want {
			t.Errorf("CleanCode(%q) = %q, want %q", in, got, want)
		}
	}
}

// Every decimal digit that Unicode has stands for its own value: digits follow one another from zero to nine.
func TestCleanCodeOfEveryDigit(t *testing.T) {
	next := byte('0')
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unicode.Is(unicode.Nd, r) {
			continue
		}
		if got := factor.CleanCode(string(r)); got != string(next) {
			t.Errorf("%U is %q, want %q", r, got, next)
		}
		if next++; next > '9' {
			next = '0'
		}
	}
}

func FuzzCleanCode(f *testing.F) {
	f.Add("123 456")
	f.Add("\xff\u0660")
	f.Fuzz(func(t *testing.T, s string) {
		got := factor.CleanCode(s)
		if again := factor.CleanCode(got); again != got {
			t.Errorf("%q: %q, then %q", s, got, again)
		}
		for _, r := range got {
			if unicode.IsSpace(r) || r > '9' && unicode.IsDigit(r) {
				t.Errorf("CleanCode(%q) = %q", s, got)
			}
		}
	})
}

func TestCodes(t *testing.T) {
	c := factor.NewCodes(ring(t, 1))
	mac := c.MAC("123456", "user", "pending", "email")
	if len(mac) != 32 || bytes.Contains(mac, []byte("123456")) {
		t.Errorf("mac %q", mac)
	}
	for _, typed := range []string{"123456", "123 456", "123-456", "１２３４５６"} {
		if !c.Match(mac, typed, "user", "pending", "email") {
			t.Errorf("%q does not match", typed)
		}
	}
	for _, code := range []string{"", "12345", "1234567", "123457", "0123456", "abcdef", "\x00"} {
		if c.Match(mac, code, "user", "pending", "email") {
			t.Errorf("%q matches", code)
		}
	}
	for _, binding := range [][]string{
		nil, {"user"}, {"user", "pending"}, {"user", "pending", "sms"}, {"other", "pending", "email"}, {"user", "other", "email"}, {"pending", "user", "email"},
		{"userpending", "email"}, {"userpending", "", "email"}, {"user", "pending", "email", ""}, {"", "user", "pending", "email"}, {"User", "pending", "email"},
	} {
		if c.Match(mac, "123456", binding...) {
			t.Errorf("it matches for %q", binding)
		}
	}
	for _, mac := range [][]byte{nil, {}, make([]byte, 32), mac[:31], append(bytes.Clone(mac), 0)} {
		if c.Match(mac, "123456", "user", "pending", "email") {
			t.Errorf("%x matches", mac)
		}
	}
	if c.Match(c.MAC("", "user"), "123456", "user") || c.Match(nil, "", "user") {
		t.Error("no code matches")
	}
}

func TestCodesOutliveRotation(t *testing.T) {
	mac := factor.NewCodes(ring(t, 1)).MAC("123456", "user")
	if !factor.NewCodes(ring(t, 2, 1)).Match(mac, "123456", "user") {
		t.Error("a code that was sent before a rotation is lost")
	}
	if factor.NewCodes(ring(t, 2)).Match(mac, "123456", "user") {
		t.Error("a code matches without the key it was kept under")
	}
}

func TestBrokenRandomness(t *testing.T) {
	broken := errors.New("broken")
	if _, err := factor.NewCode(failing{broken}); !errors.Is(err, broken) {
		t.Errorf("NewCode: %v", err)
	}
	if _, err := factor.NewTOTPKey(failing{broken}); !errors.Is(err, broken) {
		t.Errorf("NewTOTPKey: %v", err)
	}
	if _, err := factor.NewRecoveryCodes(failing{broken}, 1); !errors.Is(err, broken) {
		t.Errorf("NewRecoveryCodes: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
