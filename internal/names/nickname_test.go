package names_test

import (
	"errors"
	"iter"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/latchkey-auth/latchkey/internal/names"
)

func TestNickname(t *testing.T) {
	for in, want := range map[string]string{
		"My key":                      "My key",
		"  My key  ":                  "My key",
		"My  key":                     "My  key",
		"Key\u2160":                   "KeyI",
		"cafe\u0301":                  "caf\u00e9",
		"Key — two":                   "Key — two",
		"a-b‐c–d—e_f‿g":               "a-b‐c–d—e_f‿g",
		"مفتاح":                       "مفتاح",
		"鍵":                           "鍵",
		"कुंजी":                       "कुंजी",
		"กุญแจ":                       "กุญแจ",
		"Bob's phone (old)":           "Bob's phone (old)",
		"Bob’s":                       "Bob’s",
		"v1.2":                        "v1.2",
		"Ⅳ ½x":                        "",
		"ﬁrst":                        "first",
		"ＫＥＹ　１":                       "KEY 1",
		"\u00a0key\u2003two\u00a0":    "key two",
		"№ 5":                         "No 5",
		"Key™":                        "KeyTM",
		"Key…":                        "Key...",
		"x²":                          "x2",
		"①":                           "1",
		"٣":                           "٣",
		"...":                         "...",
		"()":                          "()",
		"’":                           "’",
		"０":                           "0",
		"＇":                           "'",
		"Ａ\u0301":                     "Á",
		strings.Repeat("é", 64):       strings.Repeat("é", 64),
		strings.Repeat("e\u0301", 64): strings.Repeat("é", 64),
		strings.Repeat("鍵", 64):       strings.Repeat("鍵", 64),
		strings.Repeat(" ", 500) + "k" + strings.Repeat(" ", 500): "k",
	} {
		got, err := names.Nickname(in, 64)
		if want == "" {
			if !errors.Is(err, names.ErrCharacters) {
				t.Errorf("Nickname(%q) = %q, %v; want ErrCharacters", in, got, err)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("Nickname(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestNicknameCharacters(t *testing.T) {
	// Each alone, at the start, in the middle and at the end.
	for _, bad := range []string{
		"\x00", "\x01", "\t", "\n", "\r", "\v", "\f", "\x1b", "\x7f", "\u0080", "\u0085", "\u009f",
		"\u00ad", "\u061c", "\u180e", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2028", "\u2029",
		"\u202a", "\u202e", "\u2060", "\u2066", "\u2069", "\ufeff", "\ufff9", "\U000e0001", "\U000e0061", "\U0001d173",
		"\u034f", "\u115f", "\u1160", "\u17b4", "\u3164", "\uffa0", "\ufe0f", "\ufe00", "\u180b", "\U000e0100", "\u2800",
		"\ue000", "\U000f0000", "\ufdd0", "\uffff", "\u0378", "\U0010ffff", "\ufffd", "\xff", "\xc3", "\xed\xa0\x80", "\xc0\x80",
		"😀", "👍🏽", "❤", "☺", "1\ufe0f\u20e3", "🇩🇪",
		"<", ">", "&", "\"", ";", "/", "\\", "$", "%", "{", "}", "?", "!", "#", "*", "+", "=", ",", ":", "@", "[", "]", "^", "`", "|", "~",
		"＜", "＞", "＆", "／", "＼", "＄", "％", "；", "？", "℀", "½", "«", "“", "‘", "·", "、", "。", "€", "©", "\u1680",
	} {
		for _, s := range []string{bad, bad + "key", "k" + bad + "y", "key" + bad, " " + bad + " "} {
			if got, err := names.Nickname(s, 64); !errors.Is(err, names.ErrCharacters) {
				t.Errorf("Nickname(%q) = %q, %v; want ErrCharacters", s, got, err)
			}
		}
	}
}

func TestNicknameRequired(t *testing.T) {
	for _, s := range []string{"", " ", "    ", "\u00a0", "\u2003\u3000", strings.Repeat(" ", 1000)} {
		if got, err := names.Nickname(s, 64); !errors.Is(err, names.ErrRequired) {
			t.Errorf("Nickname(%q) = %q, %v; want ErrRequired", s, got, err)
		}
	}
}

func TestNicknameLength(t *testing.T) {
	for _, c := range []struct {
		s   string
		max int
		ok  bool
	}{
		{strings.Repeat("a", 64), 64, true},
		{strings.Repeat("a", 65), 64, false},
		{strings.Repeat("鍵", 65), 64, false},
		{strings.Repeat("e\u0301", 65), 64, false},
		{"ﷺ", 18, true}, // one character, eighteen after normalisation
		{"ﷺ", 17, false},
		{" a ", 1, true},
		{"ab", 1, false},
		{"a", 0, false},
		{"a", -1, false},
		{strings.Repeat("a", 1<<16), 64, false},
	} {
		_, err := names.Nickname(c.s, c.max)
		if c.ok && err != nil || !c.ok && !errors.Is(err, names.ErrTooLong) {
			t.Errorf("Nickname(%.20q…, %d): %v", c.s, c.max, err)
		}
	}
}

// everyCharacter is all of Unicode, but for a sample of the large blocks whose characters are alike or not assigned.
func everyCharacter() iter.Seq[rune] {
	return func(yield func(rune) bool) {
		for r := rune(0); r <= unicode.MaxRune; r++ {
			alike := unicode.In(r, unicode.Han, unicode.Hangul, unicode.Tangut, unicode.Yi, unicode.Cuneiform, unicode.Egyptian_Hieroglyphs) ||
				0x2fa20 <= r && r < 0xe0000 || 0xe0200 <= r
			if (!alike || r%61 == 0) && !yield(r) {
				return
			}
		}
	}
}

// Every single character passes or not by the rule, and what comes out is stable.
func TestNicknameOfEveryCharacter(t *testing.T) {
	for r := range everyCharacter() {
		got, err := names.Nickname("a"+string(r)+"b", 100)
		if err != nil {
			continue
		}
		checkNickname(t, got, 100)
		if unicode.In(r, unicode.C) {
			t.Errorf("%U passes", r)
		}
	}
}

func checkNickname(t *testing.T, got string, max int) {
	t.Helper()
	if again, err := names.Nickname(got, max); err != nil || again != got {
		t.Errorf("%q is not stable: %q, %v", got, again, err)
	}
	if !norm.NFKC.IsNormalString(got) || !utf8.ValidString(got) || got != strings.TrimSpace(got) || got == "" {
		t.Errorf("%q is not in normal form", got)
	}
	if n := utf8.RuneCountInString(got); n > max {
		t.Errorf("%q has %d characters", got, n)
	}
	if strings.ContainsAny(got, "<>&\"`;/\\${}%?\x00\n\r\t") {
		t.Errorf("%q has a character of markup", got)
	}
}

func FuzzNickname(f *testing.F) {
	for _, s := range []string{"My key", "cafe\u0301", "\u202ex", "¨x", "ﷺ", " \u0301", "1\ufe0f\u20e3", "\xff", "\uff9e\uff9f"} {
		f.Add(s, 64)
	}
	f.Fuzz(func(t *testing.T, s string, max int) {
		if got, err := names.Nickname(s, max); err == nil {
			checkNickname(t, got, max)
		}
	})
}

func TestPresentable(t *testing.T) {
	for name, want := range map[string]bool{
		"Ada’s phone": true, "👩🏽‍🚀 ❤️": true, "#1/2": true, strings.Repeat("ä", 255): true,
		"": false, " ": false, "\u200d": false, "\ufe0f": false, strings.Repeat("a", 256): false, "a\nb": false, "a\x00": false, "a\u2028b": false,
		"abc\u202edef": false, "\u2066a": false, "a\xff": false,
	} {
		if got := names.Presentable(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
