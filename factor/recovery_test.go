package factor_test

import (
	"bytes"
	"crypto/rand"
	mathrand "math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/factor"
)

func TestNewRecoveryCodes(t *testing.T) {
	shape := regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$`)
	seen := map[string]bool{}
	for range 100 {
		codes, err := factor.NewRecoveryCodes(rand.Reader, 10)
		if err != nil || len(codes) != 10 {
			t.Fatalf("%d codes, %v", len(codes), err)
		}
		for _, code := range codes {
			if !shape.MatchString(code) || seen[code] {
				t.Errorf("code %q", code)
			}
			seen[code] = true
		}
	}
}

func TestNewRecoveryCodesNumbers(t *testing.T) {
	for n, ok := range map[int]bool{-1: false, 0: true, 1: true, 5: true, factor.MaxRecoveryCodes: true, factor.MaxRecoveryCodes + 1: false, 1 << 30: false} {
		codes, err := factor.NewRecoveryCodes(rand.Reader, n)
		if ok != (err == nil) || ok && len(codes) != n || !ok && codes != nil {
			t.Errorf("%d: %d codes, %v", n, len(codes), err)
		}
	}
}

func TestRecoveryCodesAreTheRandomness(t *testing.T) {
	codes, err := factor.NewRecoveryCodes(bytes.NewReader([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x44\x32\x14\xc7\x42\x54\xb6\x35\xcf")), 3)
	want := "0000-0000-0000-0000 ZZZZ-ZZZZ-ZZZZ-ZZZZ 0123-4567-89AB-CDEF"
	if got := strings.Join(codes, " "); err != nil || got != want {
		t.Errorf("codes %q, %v; want %q", got, err, want)
	}
	if codes, err := factor.NewRecoveryCodes(strings.NewReader("0123456789short"), 2); err == nil || codes != nil {
		t.Errorf("a source that ends: %q, %v", codes, err)
	}
	if codes, err := factor.NewRecoveryCodes(endless(7), 2); err == nil || codes != nil {
		t.Errorf("a source that repeats itself: %q, %v", codes, err)
	}
}

// Each symbol comes up about equally often (χ², 31 degrees of freedom, 1 in a million).
func TestRecoveryCodesAreUniform(t *testing.T) {
	source := mathrand.NewChaCha8([32]byte{2})
	counts, n := map[rune]int{}, 0
	for range 500 {
		codes, err := factor.NewRecoveryCodes(source, 20)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range strings.ReplaceAll(strings.Join(codes, ""), "-", "") {
			counts[r]++
			n++
		}
	}
	var chi2 float64
	for _, k := range counts {
		d := float64(k) - float64(n)/32
		chi2 += d * d / (float64(n) / 32)
	}
	if len(counts) != 32 || chi2 > 90 {
		t.Errorf("%d symbols, χ² = %.1f: %v", len(counts), chi2, counts)
	}
}

func TestCleanRecoveryCode(t *testing.T) {
	const want = "7K3M01VXQW4TZB2D"
	for _, typed := range []string{
		"7K3M-01VX-QW4T-ZB2D", "7k3m-01vx-qw4t-zb2d", "7K3M01VXQW4TZB2D", "7k3m 01vx qw4t zb2d", " 7K3M-01VX-QW4T-ZB2D\n", "7K3M–01VX—QW4T−ZB2D",
		"7K3M-OIVX-QW4T-ZB2D", "7k3m-oluX-qw4t-zb2d", "7K3M-oiux-QW4T-ZB2D", "７Ｋ３Ｍ-０１ＶＸ-ＱＷ４Ｔ-ＺＢ２Ｄ", "\u200b7K3M-01VX\u00a0QW4T-ZB2D", "７ｋ３ｍ－ｏｌｕｘ－ｑｗ４ｔ－ｚｂ２ｄ", "٧K٣M-٠١VX-QW٤T-ZB٢D",
	} {
		if got := factor.CleanRecoveryCode(typed); got != want {
			t.Errorf("CleanRecoveryCode(%q) = %q, want %q", typed, got, want)
		}
	}
	for _, other := range []string{"7K3M-01VX-QW4T-ZB2Ð", "7K3M-01VX-QW4T-ZB2.", "7K3M-01VX-QW4T-ZB2\x00", "7K3M_01VX_QW4T_ZB2D", "7K3M-01VX-QW4T-ZB2\xff"} {
		if got := factor.CleanRecoveryCode(other); got == want {
			t.Errorf("CleanRecoveryCode(%q) = %q", other, got)
		}
	}
	if got := factor.CleanRecoveryCode(""); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}

// What NewRecoveryCodes makes means itself.
func TestCleanRecoveryCodeOfWhatIsMade(t *testing.T) {
	codes, err := factor.NewRecoveryCodes(rand.Reader, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range codes {
		if got := factor.CleanRecoveryCode(code); got != strings.ReplaceAll(code, "-", "") {
			t.Errorf("%q: %q", code, got)
		}
	}
}

func FuzzCleanRecoveryCode(f *testing.F) {
	f.Add("7K3M-01VX-QW4T-ZB2D")
	f.Add("ıſ\u0345ŉ")
	f.Add("\xffﬁ\u200b")
	f.Fuzz(func(t *testing.T, s string) {
		got := factor.CleanRecoveryCode(s)
		if again := factor.CleanRecoveryCode(got); again != got {
			t.Errorf("%q: %q, then %q", s, got, again)
		}
		if strings.ContainsAny(got, "OILUabcdefghijklmnopqrstuvwxyz -\n") {
			t.Errorf("CleanRecoveryCode(%q) = %q", s, got)
		}
	})
}

func TestRecoveryDigests(t *testing.T) {
	r := ring(t, 1)
	stored := factor.RecoveryDigests(ownKey, r, "user", "7K3M-01VX-QW4T-ZB2D")
	if len(stored) != 2 || len(stored[0]) != 32 || bytes.Equal(stored[0], stored[1]) {
		t.Fatalf("digests %x", stored)
	}
	if got := factor.RecoveryDigests(ownKey, r, "user", "7k3m o1ux qw4t zb2d"); !bytes.Equal(got[0], stored[0]) {
		t.Error("the code as it is typed has another digest")
	}
	seen := map[string]bool{string(stored[0]): true}
	for _, c := range [][2]string{
		{"other", "7K3M-01VX-QW4T-ZB2D"}, {"user", "7K3M-01VX-QW4T-ZB2E"}, {"user", ""}, {"", "7K3M-01VX-QW4T-ZB2D"}, {"user7", "K3M-01VX-QW4T-ZB2D"}, {"", ""},
		{"use", "r7K3M01VXQW4TZB2D"}, {"user", "7K3M-01VX-QW4T"},
	} {
		d := factor.RecoveryDigests(ownKey, r, c[0], c[1])
		if len(d) != 2 || seen[string(d[0])] {
			t.Errorf("%q: digests %x", c, d)
		}
		seen[string(d[0])] = true
	}
}

// What is stored does not depend on the keys that rotate; what was stored before there was a key of its own counts while its key is there.
func TestRecoveryCodesOutliveRotation(t *testing.T) {
	const code = "7K3M-01VX-QW4T-ZB2D"
	stored := factor.RecoveryDigests(ownKey, ring(t, 1), "user", code)
	if now := factor.RecoveryDigests(ownKey, ring(t, 9), "user", code); !bytes.Equal(now[0], stored[0]) {
		t.Error("the digest depends on the rotating key")
	}
	if other := factor.RecoveryDigests([]byte("another key, of thirty-two bytes"), ring(t, 1), "user", code); bytes.Equal(other[0], stored[0]) {
		t.Error("the digest does not depend on its key")
	}
	earlier := stored[1]
	now := factor.RecoveryDigests(ownKey, ring(t, 3, 2, 1), "user", code)
	if len(now) != 4 || !bytes.Equal(now[3], earlier) {
		t.Errorf("the earlier digest is not among %x", now)
	}
	for _, d := range factor.RecoveryDigests(ownKey, ring(t, 3, 2), "user", code) {
		if bytes.Equal(d, earlier) {
			t.Error("the digest does not depend on the key")
		}
	}
}

var ownKey = bytes.Repeat([]byte{7}, 32)
