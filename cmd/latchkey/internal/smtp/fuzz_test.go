package smtp

import (
	"strings"
	"testing"
)

// FuzzParseURL: what is taken can be dialled, and no error repeats the password.
func FuzzParseURL(f *testing.F) {
	for _, raw := range []string{"smtp://ann:p%40ss@mail.example.com:2525", "smtps://u:p@mail.example.com", "smtp://[::1]:1025", "smtp://h?tls=none", "smtp:x", "://", "smtp://h:0", "smtp://%00", "smtp://h/\r\n", "smtp://u:sesame@h#x", "smtp://u:sesame@h?from=x"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		c, err := ParseURL(raw)
		if err != nil {
			if strings.Contains(raw, ":sesame@") && strings.Contains(err.Error(), "sesame") {
				t.Errorf("%q: %v", raw, err)
			}
			return
		}
		if c.Host == "" || c.Port < 1 || c.Port > 65535 || strings.ContainsAny(c.Host, "\r\n\x00 ") {
			t.Errorf("%q is taken as %q:%d", raw, c.Host, c.Port)
		}
	})
}
