package textgateway

import (
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/loopback"
)

// FuzzParseURL: what is taken goes over TLS, or no further than this machine, and no error repeats the token.
func FuzzParseURL(f *testing.F) {
	for _, raw := range []string{"https://t@sms.example.com/send?x=1", "twilio://SID:sesame@/?from=%2B447400123456", "twilio://SID:sesame@host/?from=x", "http://localhost:1", "http://t:sesame@sms.example.com", "https:", "twilio:", "https://%00", "https://a b", "http://127.0.0.1.evil.example"} {
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
		if c.isTwilio() {
			return
		}
		if c.endpoint == nil || c.endpoint.Scheme != "https" && !loopback.Is(c.endpoint.Hostname()) || c.endpoint.User != nil {
			t.Errorf("%q goes to %v", raw, c.endpoint)
		}
	})
}
