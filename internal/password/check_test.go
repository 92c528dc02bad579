package password_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/password"
)

func TestCheck(t *testing.T) {
	const email = "Alice.Liddell@Example.Test"
	site := []string{"Wonderland Tea House", "wonderland.example"}
	for _, c := range []struct {
		pw   string
		want error
	}{
		{"correct horse battery staple", nil},
		{"alice was here", nil},
		{"Alice.Liddell1", nil},
		{"ほげほげふがふがぴよぴよ", nil},
		{"x9$kQ2!m", nil},
		{"        a", nil},
		{strings.Repeat("correct horse ", 73), nil}, // 1022 bytes

		{"", password.ErrTooShort},
		{"1234567", password.ErrTooShort},
		{"pass", password.ErrTooShort},
		{"ééééééé", password.ErrTooShort},
		{"e\u0301e\u0301e\u0301e\u0301", password.ErrTooShort}, // four characters, however typed
		{"\xff\xff", password.ErrTooShort},

		{strings.Repeat("x", 1025), password.ErrTooLong},
		{strings.Repeat("é", 513), password.ErrTooLong},
		{strings.Repeat("correct horse ", 74), password.ErrTooLong},

		{"password", password.ErrCommon},
		{"PASSWORD", password.ErrCommon},
		{"PassWord", password.ErrCommon},
		{"ｐａｓｓｗｏｒｄ", password.ErrCommon},
		{"password1", password.ErrCommon},
		{"Password123", password.ErrCommon},
		{"qwertyuiop", password.ErrCommon},
		{"iloveyou1", password.ErrCommon},
		{"trustno1", password.ErrCommon},
		{"12345678", password.ErrCommon},
		{"1qaz2wsx", password.ErrCommon},

		{"aaaaaaaaaaaaaaaaa", password.ErrCommon},
		{"AAAAaaaaAAAA", password.ErrCommon},
		{"                ", password.ErrCommon},
		{"ЖЖЖЖЖЖЖЖЖЖ", password.ErrCommon},
		{"23456789:;", password.ErrCommon},
		{"abcdefghijklm", password.ErrCommon},
		{"zyxwvutsrq", password.ErrCommon},
		{"AbCdEfGhIjK", password.ErrCommon},

		{"alice.liddell@example.test", password.ErrCommon},
		{"ALICE.LIDDELL@EXAMPLE.TEST", password.ErrCommon},
		{"alice.liddell", password.ErrCommon},
		{"ａｌｉｃｅ.liddell", password.ErrCommon},
		{"wonderland tea house", password.ErrCommon},
		{"Wonderland.Example", password.ErrCommon},
	} {
		if err := password.Check(c.pw, email, 8, site...); !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
			t.Errorf("Check(%.40q) = %v, want %v", c.pw, err, c.want)
		}
	}
}

func TestCheckWithoutContext(t *testing.T) {
	for _, email := range []string{"", "  ", "@", "@example.test", "nobody"} {
		if err := password.Check("a fine password", email, 8, "", "  "); err != nil {
			t.Errorf("email %q: %v", email, err)
		}
	}
	if err := password.Check("", "", 0); err != nil {
		t.Errorf("nothing asked of it: %v", err)
	}
	if err := password.Check("x", "", -1); err != nil {
		t.Errorf("a negative least length: %v", err)
	}
	if err := password.Check("x", "", 1000); !errors.Is(err, password.ErrTooShort) {
		t.Errorf("a long least length: %v", err)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("password", "alice@example.test", 8, "Latchkey")
	f.Add("İİİİİİİİ", "i@x", 8, "ß")
	f.Add("\xff\x00", "", -5, "")
	f.Fuzz(func(t *testing.T, pw, email string, min int, word string) {
		err := password.Check(pw, email, min, word)
		if err != nil && !errors.Is(err, password.ErrTooShort) && !errors.Is(err, password.ErrTooLong) && !errors.Is(err, password.ErrCommon) {
			t.Errorf("Check(%q): %v", pw, err)
		}
		if err == nil && pw != "" && (pw == email || pw == word) && strings.TrimSpace(pw) == pw {
			t.Errorf("Check(%q, %q, %q) passes", pw, email, word)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	for b.Loop() {
		if err := password.Check("correct horse battery staple", "alice@example.test", 8, "Latchkey"); err != nil {
			b.Fatal(err)
		}
	}
}
