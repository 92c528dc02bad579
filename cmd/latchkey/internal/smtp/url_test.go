package smtp

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseURL(t *testing.T) {
	for raw, want := range map[string]Config{
		"smtp://mail.example.com":                          {Host: "mail.example.com", Port: 587},
		"smtp://mail.example.com/":                         {Host: "mail.example.com", Port: 587},
		"smtp://ann:p%40ss%3Aword@mail.example.com:2525":   {Host: "mail.example.com", Port: 2525, User: "ann", Password: "p@ss:word"},
		"smtp://ann%40example.com:secret@mail.example.com": {Host: "mail.example.com", Port: 587, User: "ann@example.com", Password: "secret"},
		"smtps://u:p@mail.example.com":                     {Host: "mail.example.com", Port: 465, Security: Implicit, User: "u", Password: "p"},
		"smtp://localhost":                                 {Host: "localhost", Port: 25, Security: Plain},
		"smtp://127.0.0.1:1025":                            {Host: "127.0.0.1", Port: 1025, Security: Plain},
		"smtp://[::1]:1025":                                {Host: "::1", Port: 1025, Security: Plain},
		"smtp://localhost?tls=starttls":                    {Host: "localhost", Port: 25},
		"smtp://relay.internal:25?tls=none":                {Host: "relay.internal", Port: 25, Security: Plain},
	} {
		got, err := ParseURL(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", raw, d)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	for _, raw := range []string{
		"", "mail.example.com", "mail.example.com:587", "http://u:sesame@mail.example.com", "smtp:u:sesame@mail.example.com",
		"smtp://u:sesame@", "smtp://u:ses/ame@mail.example.com", "smtp://u:sesame@mail.example.com:0", "smtp://u:sesame@mail.example.com:99999",
		"smtp://u:sesame@mail.example.com:port", "smtp://u:sesame@mail.example.com/path", "smtp://u:sesame@mail.example.com#x",
		"smtp://u:sesame@mail.example.com?tls=maybe", "smtp://u:sesame@mail.example.com?tls=none&tls=none",
		"smtp://u:sesame@mail.example.com?from=a@example.com", "smtps://u:sesame@mail.example.com?tls=none", "smtp://u:sesame@mail.example.com?%zz",
	} {
		_, err := ParseURL(raw)
		if err == nil {
			t.Errorf("%s was accepted", raw)
		} else if strings.Contains(err.Error(), "ses") && strings.Contains(raw, "ses") {
			t.Errorf("%s: the error repeats the password: %v", raw, err)
		}
	}
}
