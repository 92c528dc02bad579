package phone

import (
	"errors"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for typed, want := range map[string]string{
		"+442079460000":         "+442079460000",
		"+44 20 7946 0000":      "+442079460000",
		" +44 (0)20 7946-0000 ": "+442079460000",
		"+447400100001":         "+447400100001",
		"+49 30 901820":         "+4930901820",
		"+1 (212) 555-0123":     "+12125550123",
		"+39 06 698 1":          "+39066981",
		"+４４２０７９４６００００":         "+442079460000",
		"tel:+44-20-7946-0000":  "+442079460000",
	} {
		got, err := Parse(typed)
		if got != want || err != nil {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for typed, want := range map[string]error{
		"": ErrInvalid, "hello": ErrInvalid, "020 7946 0000": ErrInvalid, "442079460000": ErrInvalid, "+": ErrInvalid, "+44": ErrInvalid,
		"+44 1": ErrInvalid, "+999 123456789": ErrInvalid, "+44 20 7946 0000 0000 0000": ErrInvalid, "+44 20 7946 0000 ext. 5": ErrInvalid,
		"+44" + strings.Repeat("2", 100): ErrInvalid, "+49000000000": ErrInvalid,
		"+44 909 879 0000": ErrCostly, "+1 900 555 0123": ErrCostly,
	} {
		got, err := Parse(typed)
		if got != "" || !errors.Is(err, want) {
			t.Errorf("%q: %q, %v, want %v", typed, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("+44 20 7946 0000")
	f.Add("tel:+1-212;phone-context=+1")
	f.Fuzz(func(t *testing.T, typed string) {
		got, err := Parse(typed)
		if err != nil {
			return
		}
		again, err := Parse(got)
		if err != nil || again != got || len(got) > 16 || strings.Trim(got, "+0123456789") != "" {
			t.Errorf("%q gives %q, which gives %q, %v", typed, got, again, err)
		}
	})
}
