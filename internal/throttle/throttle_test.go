package throttle_test

import (
	"encoding"
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/throttle"
)

var _ encoding.TextMarshaler = throttle.Rate{}
var _ encoding.TextUnmarshaler = (*throttle.Rate)(nil)

func TestParseRate(t *testing.T) {
	for s, want := range map[string]throttle.Rate{
		"off":               {},
		"10/5m":             {N: 10, Per: 5 * time.Minute},
		"100/5m":            {N: 100, Per: 5 * time.Minute},
		"1/1s":              {N: 1, Per: time.Second},
		"5/10m0s":           {N: 5, Per: 10 * time.Minute},
		"3/1h30m":           {N: 3, Per: 90 * time.Minute},
		"007/1.5s":          {N: 7, Per: 1500 * time.Millisecond},
		"1000000/8784h":     {N: throttle.MaxN, Per: throttle.MaxPer},
		"1000000/1s":        {N: throttle.MaxN, Per: throttle.MinPer},
		"20/24h0m0s":        {N: 20, Per: 24 * time.Hour},
		"20/300000000000ns": {N: 20, Per: 5 * time.Minute},
	} {
		got, err := throttle.ParseRate(s)
		if err != nil || got != want {
			t.Errorf("ParseRate(%q) = %+v, %v; want %+v", s, got, err, want)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestParseRateRefuses(t *testing.T) {
	for _, s := range []string{
		"", "/", "10", "10/", "/5m", "0/5m", "-1/5m", "+1/5m", "1e3/5m", "0x10/5m", "1_000/5m", "١/5m", "1.5/5m", " 10/5m",
		"10 /5m", "10/ 5m", "10/5m ", "10/5", "10/0s", "10/-5m", "10/999ms", "10/8785h", "1000001/5m", "10/5m/5m",
		"99999999999999999999/5m", "10/99999999999999h", "OFF", "Off", "on", "none", "0", "off/5m", "10/off", "10/5 minutes", "\x00",
	} {
		if got, err := throttle.ParseRate(s); !errors.Is(err, throttle.ErrRate) || got != (throttle.Rate{}) {
			t.Errorf("ParseRate(%q) = %+v, %v; want ErrRate", s, got, err)
		}
	}
}

func TestString(t *testing.T) {
	for want, r := range map[string]throttle.Rate{
		"off":      {},
		"10/5m":    {N: 10, Per: 5 * time.Minute},
		"1/1h":     {N: 1, Per: time.Hour},
		"1/10h":    {N: 1, Per: 10 * time.Hour},
		"1/1h30m":  {N: 1, Per: 90 * time.Minute},
		"1/1h0m5s": {N: 1, Per: time.Hour + 5*time.Second},
		"1/10s":    {N: 1, Per: 10 * time.Second},
		"1/1m30s":  {N: 1, Per: 90 * time.Second},
		"1/10m":    {N: 1, Per: 10 * time.Minute},
		"1/1.5s":   {N: 1, Per: 1500 * time.Millisecond},
	} {
		if got := r.String(); got != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, r := range []throttle.Rate{
		{N: -1, Per: time.Minute}, {N: throttle.MaxN + 1, Per: time.Minute}, {N: 1}, {N: 1, Per: -time.Minute},
		{N: 1, Per: time.Millisecond}, {N: 1, Per: throttle.MaxPer + 1},
	} {
		if err := r.Validate(); !errors.Is(err, throttle.ErrRate) {
			t.Errorf("%+v: Validate = %v", r, err)
		}
	}
	if err := (throttle.Rate{Per: -1}).Validate(); err != nil {
		t.Errorf("off: %v", err)
	}
}

func TestUnmarshalText(t *testing.T) {
	r := throttle.Rate{N: 1, Per: time.Minute}
	if err := r.UnmarshalText([]byte("nonsense")); err == nil || r.N != 1 {
		t.Errorf("a bad text changed the rate: %+v, %v", r, err)
	}
	if err := r.UnmarshalText([]byte("10/5m")); err != nil || r != (throttle.Rate{N: 10, Per: 5 * time.Minute}) {
		t.Errorf("r = %+v, %v", r, err)
	}
	if text, err := r.MarshalText(); err != nil || string(text) != "10/5m" {
		t.Errorf("MarshalText = %q, %v", text, err)
	}
}

func FuzzParseRate(f *testing.F) {
	for _, s := range []string{"off", "10/5m", "1/1h0m5s", "0/5m", "10/5", "9/1.5s", "1000000/8784h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := throttle.ParseRate(s)
		if err != nil {
			return
		}
		if err := r.Validate(); err != nil {
			t.Errorf("ParseRate(%q) = %+v: %v", s, r, err)
		}
		again, err := throttle.ParseRate(r.String())
		if err != nil || again != r {
			t.Errorf("%q: %+v printed as %q is read as %+v, %v", s, r, r, again, err)
		}
	})
}

func TestBucket(t *testing.T) {
	rate := throttle.Rate{N: 10, Per: 5 * time.Minute}
	b := rate.Bucket("password", "alice@example.test")
	if b.Limit != 10 || b.Per != 5*time.Minute {
		t.Errorf("bucket %+v", b)
	}
	if !regexp.MustCompile(`^password:[0-9a-f]{32}$`).MatchString(b.Key) {
		t.Errorf("key %q", b.Key)
	}
	if strings.Contains(b.Key, "alice") {
		t.Error("the subject stands in the key")
	}
	if again := rate.Bucket("password", "alice@example.test"); again != b {
		t.Error("the key is not stable")
	}
	seen := map[string]bool{}
	for _, kind := range []string{"password", "code", "address"} {
		for _, subject := range []string{"", "alice@example.test", "Alice@example.test", "192.0.2.1", "2001:db8::/64"} {
			key := rate.Bucket(kind, subject).Key
			if seen[key] {
				t.Errorf("%s %s: shared key", kind, subject)
			}
			seen[key] = true
		}
	}
	if off := (throttle.Rate{}).Bucket("password", "x"); off.Limit != 0 || !(throttle.Rate{}).Off() {
		t.Errorf("off: %+v", off)
	}
	var _ account.Bucket = b
}

func TestAddressSubject(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1":                "192.0.2.1",
		"::ffff:192.0.2.1":         "192.0.2.1",
		"0.0.0.0":                  "0.0.0.0",
		"2001:db8:1:2:3:4:5:6":     "2001:db8:1:2::/64",
		"2001:db8:1:2::":           "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff:ffff::": "2001:db8:1:2::/64",
		"2001:db8:1:3::1":          "2001:db8:1:3::/64",
		"fe80::1%eth0":             "fe80::/64",
		"::1":                      "::/64",
		"::ffff:192.0.2.1%eth0":    "192.0.2.1",
	} {
		if got := throttle.AddressSubject(netip.MustParseAddr(in)); got != want {
			t.Errorf("AddressSubject(%s) = %q, want %q", in, got, want)
		}
	}
	if got := throttle.AddressSubject(netip.Addr{}); got != "none" {
		t.Errorf("no address: %q", got)
	}
}
