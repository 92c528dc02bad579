package factor_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/pquerna/otp"

	"github.com/latchkey-auth/latchkey/factor"
)

// rfcKey is the key of the vectors of RFC 4226 and RFC 6238.
var rfcKey = []byte("12345678901234567890")

// RFC 6238 appendix B, SHA-1; the vectors have eight digits, of which the last six are the code of six.
func TestRFC6238Vectors(t *testing.T) {
	for unix, code := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		step, ok := factor.MatchTOTP(rfcKey, code[2:], time.Unix(unix, 0), 0)
		if !ok || step != unix/30 {
			t.Errorf("at %d: step %d, %v; want %d", unix, step, ok, unix/30)
		}
	}
}

// rfc4226 are the codes of the steps 0 to 9, RFC 4226 appendix D.
var rfc4226 = []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"}

func TestRFC4226Vectors(t *testing.T) {
	for step, code := range rfc4226 {
		got, ok := factor.MatchTOTP(rfcKey, code, time.Unix(int64(step)*30, 0), -1)
		if !ok || got != int64(step) {
			t.Errorf("step %d: %d, %v", step, got, ok)
		}
	}
}

// Every code of steps 0–9 against a clock in every second of steps 2–7, and every last accepted step.
func TestDriftAndReuse(t *testing.T) {
	for now := int64(60); now < 240; now++ {
		for codeStep, code := range rfc4226 {
			for after := int64(-1); after < 10; after++ {
				step, ok := factor.MatchTOTP(rfcKey, code, time.Unix(now, 999_999_999), after)
				distance := int64(codeStep) - now/30
				want := -1 <= distance && distance <= 1 && int64(codeStep) > after
				if ok != want || ok && step != int64(codeStep) || !ok && step != 0 {
					t.Fatalf("at %d, code of step %d, after %d: %d, %v; want %v", now, codeStep, after, step, ok, want)
				}
			}
		}
	}
}

func TestACodeCountsOnce(t *testing.T) {
	now := time.Unix(1111111111, 0)
	step, ok := factor.MatchTOTP(rfcKey, "050471", now, 0)
	if !ok {
		t.Fatal("the code does not match")
	}
	for _, later := range []time.Duration{0, time.Second, 29 * time.Second, 30 * time.Second, time.Hour, -30 * time.Second} {
		if _, ok := factor.MatchTOTP(rfcKey, "050471", now.Add(later), step); ok {
			t.Errorf("it counts again after %v", later)
		}
	}
}

// Where two steps in reach have one code, the later is spent, or the code would count twice.
func TestTwinStepsSpendTheLater(t *testing.T) {
	const twin, code = 910738, "911617"
	if totp(t, rfcKey, twin-1) != code || totp(t, rfcKey, twin) != code {
		t.Fatal("they are no twins")
	}
	for _, at := range []int64{twin - 1, twin} {
		step, ok := factor.MatchTOTP(rfcKey, code, time.Unix(at*30, 0), 0)
		if !ok || step != twin {
			t.Errorf("at step %d: %d, %v; want %d", at, step, ok, twin)
		}
	}
	if step, ok := factor.MatchTOTP(rfcKey, code, time.Unix(twin*30, 0), twin); ok {
		t.Errorf("it counts again, as step %d", step)
	}
}

func TestCodesAsTheyAreTyped(t *testing.T) {
	now := time.Unix(1111111111, 0)
	for _, code := range []string{"050471", "050 471", " 050471\n", "050-471", "0-5-0-4-7-1", "０５０４７１", "٠٥٠٤٧١", "०५०४७१", "050\u00a0471", "\u200b050471", "050\u2013471"} {
		if _, ok := factor.MatchTOTP(rfcKey, code, now, 0); !ok {
			t.Errorf("%q does not match", code)
		}
	}
	for _, code := range []string{"", "0", "50471", "0050471", "0504710", "05047", "14050471", "050472", "abcdef", "+50471", "0x5047", "050.471", "050471x",
		"\x00050471", "050471\x00", "\xff", "5047100", strings.Repeat("0", 1<<16), "𝟎𝟓𝟎𝟒𝟕"} {
		if step, ok := factor.MatchTOTP(rfcKey, code, now, 0); ok || step != 0 {
			t.Errorf("%q matches step %d", code, step)
		}
	}
}

func TestMatchTOTPAtTheEdges(t *testing.T) {
	for _, now := range []time.Time{{}, time.Unix(0, 0), time.Unix(-1, 0), time.Unix(-1e9, 0), time.Unix(math.MaxInt64, 0), time.Unix(math.MinInt64, 0)} {
		for _, after := range []int64{math.MinInt64, -1, 0, math.MaxInt64} {
			factor.MatchTOTP(rfcKey, "755224", now, after)
		}
	}
	if _, ok := factor.MatchTOTP(rfcKey, "755224", time.Unix(0, 0), 0); ok {
		t.Error("step 0 matches after step 0")
	}
	for _, key := range [][]byte{nil, {}} {
		now := time.Unix(1111111111, 0)
		for step := int64(-1); step <= 1; step++ {
			if _, ok := factor.MatchTOTP(key, totp(t, key, now.Unix()/30+step), now, 0); ok {
				t.Error("an account without a key can be signed in to")
			}
		}
	}
	for _, size := range []int{1, 10, 16, 32, 64, 65, 200} {
		key := bytes.Repeat([]byte{7}, size)
		if _, ok := factor.MatchTOTP(key, totp(t, key, 1000), time.Unix(30000, 0), 0); !ok {
			t.Errorf("a key of %d bytes does not match", size)
		}
	}
}

func TestNewTOTPKey(t *testing.T) {
	key, err := factor.NewTOTPKey(bytes.NewReader(rfcKey))
	if err != nil || !bytes.Equal(key, rfcKey) {
		t.Errorf("key %q, %v", key, err)
	}
	if key, err := factor.NewTOTPKey(iotest.OneByteReader(bytes.NewReader(rfcKey))); err != nil || !bytes.Equal(key, rfcKey) {
		t.Errorf("from a slow source: %q, %v", key, err)
	}
	if key, err := factor.NewTOTPKey(bytes.NewReader(rfcKey[:19])); !errors.Is(err, io.ErrUnexpectedEOF) || key != nil {
		t.Errorf("from a short source: %q, %v", key, err)
	}
	if key, err := factor.NewTOTPKey(rand.Reader); err != nil || len(key) != factor.TOTPKeySize {
		t.Errorf("key %x, %v", key, err)
	}
}

func TestTOTPText(t *testing.T) {
	if got := factor.TOTPText(rfcKey); got != "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" {
		t.Errorf("TOTPText = %q", got)
	}
	if got := factor.TOTPGroups(rfcKey); got != "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ" {
		t.Errorf("TOTPGroups = %q", got)
	}
	if got := factor.TOTPGroups([]byte("123")); got != "GEZD G" {
		t.Errorf("TOTPGroups = %q", got)
	}
	if factor.TOTPText(nil) != "" || factor.TOTPGroups(nil) != "" {
		t.Error("no key has a text")
	}
}

func TestTOTPURI(t *testing.T) {
	const tail = "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	const end = "&algorithm=SHA1&digits=6&period=30"
	for _, c := range []struct{ issuer, account, want string }{
		{"Latchkey", "alice@example.test", "otpauth://totp/Latchkey:alice%40example.test?" + tail + "&issuer=Latchkey" + end},
		{"Tea & Cake", "a+b@example.test", "otpauth://totp/Tea%20%26%20Cake:a%2Bb%40example.test?" + tail + "&issuer=Tea%20%26%20Cake" + end},
		{"A: B", "x:y", "otpauth://totp/A%20B:xy?" + tail + "&issuer=A%20B" + end},
		{"", "alice", "otpauth://totp/alice?" + tail + end},
		{" : ", "alice", "otpauth://totp/alice?" + tail + end},
		{"é/?#%", "鍵", "otpauth://totp/%C3%A9%2F%3F%23%25:%E9%8D%B5?" + tail + "&issuer=%C3%A9%2F%3F%23%25" + end},
	} {
		if got := factor.TOTPURI(c.issuer, c.account, rfcKey); got != c.want {
			t.Errorf("TOTPURI(%q, %q)\n got %s\nwant %s", c.issuer, c.account, got, c.want)
		}
	}
}

// An app that parses the URI gets back what was put in.
func FuzzTOTPURI(f *testing.F) {
	f.Add("Latchkey", "alice@example.test")
	f.Add("Tea & Cake: 100%", "a/b?c#d+e")
	f.Add("", "")
	f.Add("\xff", "\x00\n")
	f.Fuzz(func(t *testing.T, issuer, account string) {
		uri := factor.TOTPURI(issuer, account, rfcKey)
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Fragment != "" || u.User != nil {
			t.Fatalf("%q: %v, %v", uri, u, err)
		}
		clean := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, ":", "")) }
		label := clean(account)
		if clean(issuer) != "" {
			label = clean(issuer) + ":" + label
		}
		q := u.Query()
		if u.Path != "/"+label || q.Get("issuer") != clean(issuer) || q.Get("secret") != factor.TOTPText(rfcKey) || q.Get("digits") != "6" {
			t.Errorf("%q, %q: %s", issuer, account, uri)
		}
		key, err := otp.NewKeyFromURL(uri)
		if err != nil || key.Secret() != factor.TOTPText(rfcKey) || key.Period() != 30 || key.Digits() != otp.DigitsSix {
			t.Errorf("%s: %v, %v", uri, key, err)
		}
	})
}

func FuzzMatchTOTP(f *testing.F) {
	f.Add([]byte("12345678901234567890"), "050471", int64(1111111111), int64(0))
	f.Add([]byte{}, "", int64(-1), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, key []byte, code string, unix, after int64) {
		step, ok := factor.MatchTOTP(key, code, time.Unix(unix, 0), after)
		if !ok && step != 0 {
			t.Errorf("step %d without a match", step)
		}
		if ok && (step <= after || step < unix/30-1 || step > unix/30+1 || factor.CleanCode(code) != totp(t, key, step)) {
			t.Errorf("MatchTOTP(%x, %q, %d, %d) = %d", key, code, unix, after, step)
		}
	})
}

func ExampleTOTPURI() {
	key, _ := base32.StdEncoding.DecodeString("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	fmt.Println(factor.TOTPURI("Tea House", "alice@example.test", key))
	// Output:
	// otpauth://totp/Tea%20House:alice%40example.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Tea%20House&algorithm=SHA1&digits=6&period=30
}
