package message_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/message"
)

// FuzzMatch: whatever languages a browser asks for, it gets one that there is.
func FuzzMatch(f *testing.F) {
	c, err := message.New()
	if err != nil {
		f.Fatal(err)
	}
	for _, header := range []string{"", "de", "de-AT, en;q=0.5", "*", "de;q=0", "x-klingon", "en-u-rg-dezzzz-x-a", "de;q=1e400", ";;;", strings.Repeat("a-", 300), strings.Repeat("de,", 300), "\x00", "zh-Hant-TW", "i-default", "de\r\nX: y", "de;q=nan"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if got := c.Match(header); !slices.Contains(c.Languages(), got) {
			t.Errorf("%q is answered in %q", header, got)
		}
	})
}
