package factor_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/latchkey-auth/latchkey/factor"
)

func TestMaskEmail(t *testing.T) {
	for in, want := range map[string]string{
		"alice@example.test": "a…e@example.test", "bob@example.test": "b…b@example.test", "al@example.test": "a…@example.test", "a@example.test": "…@example.test",
		"élise@example.test": "é…e@example.test", "鍵鍵鍵@例子.测试": "鍵…鍵@例子.测试", "@example.test": "…@example.test", "nobody": "…", "": "…", "a@b@c": "a…b@c",
		"alice@": "a…e@",
	} {
		if got := factor.MaskEmail(in); got != want {
			t.Errorf("MaskEmail(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMaskPhone(t *testing.T) {
	for in, want := range map[string]string{
		"+447700900100": "+44 … 00", "+12025550123": "+1 … 23", "+79161234567": "+7 … 67", "+353861234567": "+353 … 67", "+4915112345678": "+49 … 78",
		"+390612345678": "+39 … 78", "+8613912345678": "+86 … 78", "+35312345": "+353 … 45", "+44 7700 900100": "+44 … 00",
		"": "…", "+": "…", "+1": "…", "447700900100": "…", "nonsense": "…", "+44x7700900100": "…", "+0123456789": "…",
	} {
		if got := factor.MaskPhone(in); got != want {
			t.Errorf("MaskPhone(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestE164(t *testing.T) {
	for in, want := range map[string]string{
		"+447700900100": "+447700900100", "+44 7700 900100": "+447700900100", " +44-7700-900-100 ": "+447700900100", "+1 (202) 555-0123": "+12025550123",
		"+1\u00a0202\u2011555\u20130123": "+12025550123", "\u202a+447700900100\u202c": "+447700900100", "+12345678": "+12345678",
		"+123456789012345": "+123456789012345", "+39 (06) 1234 5678": "+390612345678", "+ 44 7700 900100": "+447700900100",
	} {
		if got, err := factor.E164(in); err != nil || got != want {
			t.Errorf("E164(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "+", "447700900100", "00447700900100", "07700900100", "+1234567", "+1234567890123456", "+0447700900100", "++447700900100", "+44+7700900100",
		"+44 (0) 7700 900100", "+44(0)7700900100", "+44 ( 0 ) 7700 900100", "+4477009001a0", "+44.7700.900100", "+44/7700/900100", "+447700900100;ext=1",
		"+447700900100 x12", "+447700900100#", "+447700900100,1", "tel:+447700900100", "+４４７７００９００１００", "+٤٤٧٧٠٠٩٠٠١٠٠", "＋447700900100", "+44\x007700900100",
		"(+44)7700900100", "+\xff", "+" + strings.Repeat("1", 1<<16), strings.Repeat("-", 1<<16),
	} {
		if got, err := factor.E164(in); !errors.Is(err, factor.ErrPhone) || got != "" {
			t.Errorf("E164(%q) = %q, %v; want ErrPhone", in, got, err)
		}
	}
}

func FuzzE164(f *testing.F) {
	f.Add("+44 (7700) 900-100")
	f.Add("+()()12345678")
	f.Add("\u200e+1 202 555 0123")
	f.Fuzz(func(t *testing.T, s string) {
		masked := factor.MaskPhone(s)
		if !utf8.ValidString(masked) || len(masked) > len("+123 … 45") {
			t.Errorf("MaskPhone(%q) = %q", s, masked)
		}
		got, err := factor.E164(s)
		if err != nil {
			return
		}
		if len(got) < 9 || len(got) > 16 || got[0] != '+' || got[1] == '0' || strings.Trim(got[1:], "0123456789") != "" {
			t.Errorf("E164(%q) = %q", s, got)
		}
		if again, err := factor.E164(got); err != nil || again != got {
			t.Errorf("%q is not stable: %q, %v", got, again, err)
		}
	})
}

func FuzzMaskEmail(f *testing.F) {
	f.Add("alice@example.test")
	f.Add("@\xff@")
	f.Fuzz(func(t *testing.T, s string) {
		got := factor.MaskEmail(s)
		if !strings.Contains(got, "…") {
			t.Errorf("MaskEmail(%q) = %q", s, got)
		}
		local := s[:max(strings.LastIndexByte(s, '@'), 0)]
		if utf8.RuneCountInString(local) > 2 && strings.HasPrefix(got, local) {
			t.Errorf("MaskEmail(%q) = %q shows it whole", s, got)
		}
	})
}
