package names_test

import (
	"errors"
	"net/mail"
	"strings"
	"testing"
	"unicode"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/names"
)

func TestEmail(t *testing.T) {
	for in, want := range map[string]string{
		"alice@example.test":                      "alice@example.test",
		" alice@example.test\r\n":                 "alice@example.test",
		"Alice@Example.Test":                      "Alice@Example.Test",
		"a@b.c":                                   "a@b.c",
		"a.b.c@example.test":                      "a.b.c@example.test",
		"alice+tag@example.test":                  "alice+tag@example.test",
		"o'brien@example.test":                    "o'brien@example.test",
		"a!#$%&'*/=?^_`{|}~-@b.c":                 "a!#$%&'*/=?^_`{|}~-@b.c",
		"123@example.test":                        "123@example.test",
		"-@example.test":                          "-@example.test",
		"root@localhost":                          "root@localhost",
		"root@LOCALHOST":                          "root@LOCALHOST",
		"a@xn--bcher-kva.example":                 "a@xn--bcher-kva.example",
		"a@bücher.example":                        "a@bücher.example",
		"a@bu\u0308cher.example":                  "a@bücher.example",
		"jörg@example.test":                       "jörg@example.test",
		"用户@例子.测试":                                "用户@例子.测试",
		"अजय@डाटा.भारत":                           "अजय@डाटा.भारत",
		"a@1.2.3.example":                         "a@1.2.3.example",
		"a@3com.example":                          "a@3com.example",
		"a@example.c0m":                           "a@example.c0m",
		"a@a-b--c.example":                        "a@a-b--c.example",
		"ａｌｉｃｅ＠example．test":                      "alice@example.test",
		"a@№.test":                                "a@No.test",
		"a%00@example.test\n":                     "a%00@example.test",
		"ıpek@example.test":                       "ıpek@example.test",
		strings.Repeat("a", 64) + "@example.test": strings.Repeat("a", 64) + "@example.test",
		"a@" + strings.Repeat("b", 63) + ".test":  "a@" + strings.Repeat("b", 63) + ".test",
		"a@" + strings.Repeat("b234567890.", 22) + "b2345.test": "a@" + strings.Repeat("b234567890.", 22) + "b2345.test",
	} {
		got, err := names.Email(in)
		if err != nil || got != want {
			t.Errorf("Email(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestEmailInvalid(t *testing.T) {
	for _, s := range []string{
		"", " ", "nobody", "@", "@@", "@example.test", "a@", "a b@example.test", "a@exam ple.test", "a @example.test",
		"a@ example.test", "a@example.test\nBcc: x", "a@example.test\r\nBcc: x@example.test", "a\n@example.test",
		"<a@example.test>", "Alice <a@example.test>", "a@@example.test", "a@b@example.test", "\"a b\"@example.test",
		"\"a\"@example.test", "a(comment)@example.test", "a@example.test,b@example.test", "a@example.test;b@example.test",
		"a,b@example.test", "a:b@example.test", "mailto:a@example.test", "a\\b@example.test", "a[b@example.test",
		".a@example.test", "a.@example.test", "a..b@example.test", "a@.example.test", "a@example.test.", "a@example..test",
		"a@-example.test", "a@example-.test", "a@example.-test", "a@exa_mple.test", "a@exa!mple.test", "a@example",
		"a@test", "a@localhost.", "a@[192.0.2.1]", "a@192.0.2.1", "a@[IPv6:2001:db8::1]", "a@example.123", "a@example.test:25",
		"a@example.test/x", "a@example.test?x", "a@example.test#x", "a\x00@example.test", "a@example\x00.test", "a\x7f@example.test",
		"a\u200b@example.test", "a\u202e@example.test", "a@exam\u00adple.test", "\ufeffa@example.test", "a\u2028@example.test",
		"a\u00a0b@example.test", "a\u3164@example.test", "a\ufe0f@example.test", "😀@example.test", "a@😀.test", "a€@example.test",
		"a@example。test", "a@exam/ple.test", "a@exa℀mple.test", "a﹤@example.test", "\u0301a@example.test",
		"a.\u0301@example.test", "a@\u0301x.test", "alİce@example.test", "a@exİmple.test", "\xff@example.test", "a@\xff.test",
		"a@example.test\x00", strings.Repeat("a", 65) + "@example.test", strings.Repeat("é", 33) + "@example.test",
		"a@" + strings.Repeat("b", 64) + ".test", "a@" + strings.Repeat("b234567890.", 22) + "b23456.test",
		"a@" + strings.Repeat(".", 300), strings.Repeat("a@", 1000), strings.Repeat("a", 1<<16),
	} {
		if got, err := names.Email(s); !errors.Is(err, names.ErrInvalid) || got != "" {
			t.Errorf("Email(%q) = %q, %v; want ErrInvalid", s, got, err)
		}
	}
}

func checkEmail(t *testing.T, got string) {
	t.Helper()
	if again, err := names.Email(got); err != nil || again != got {
		t.Errorf("%q is not stable: %q, %v", got, again, err)
	}
	if strings.Count(got, "@") != 1 || len(got) > 254 || strings.ContainsFunc(got, unicode.IsSpace) ||
		strings.ContainsAny(got, "\"<>(),:;[]\\") {
		t.Errorf("Email let %q pass", got)
	}
	// No letter beyond ASCII may turn into an ASCII one where addresses are compared.
	canonical := account.CanonicalEmail(got)
	if ascii(canonical) && !ascii(got) {
		t.Errorf("%q stands for %q", got, canonical)
	}
	// A mailer that writes it into a header must be able to read it back.
	if a, err := mail.ParseAddress("<" + got + ">"); err != nil || a.Address != got {
		t.Errorf("net/mail reads %q as %v, %v", got, a, err)
	}
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

func TestEmailOfEveryCharacter(t *testing.T) {
	for r := range everyCharacter() {
		for _, s := range []string{"a" + string(r) + "@example.test", "a@b" + string(r) + "c.test"} {
			if got, err := names.Email(s); err == nil {
				checkEmail(t, got)
			}
		}
	}
}

func FuzzEmail(f *testing.F) {
	for _, s := range []string{
		"alice@example.test", "a@b@c.d", "ａ＠ｂ．ｃ", "İ@example.test", "\u212a@example.test", "a@localhost", "用户@例子.测试",
		"a..b@c.d", "\"a\"@b.c", "a@example.test\nBcc: x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := names.Email(s); err == nil {
			checkEmail(t, got)
		}
	})
}
