package settings

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/keys"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/smtp"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/textgateway"
	"github.com/latchkey-auth/latchkey/internal/names"
	"github.com/latchkey-auth/latchkey/passkey"
	"github.com/latchkey-auth/latchkey/store/postgres"
)

func allowAsVerify(s *Settings, text string) *problem {
	switch text {
	case "true", "1":
		text = "first,secondary"
	case "false", "0":
		text = ""
	}
	return choices(func(s *Settings) *[]account.Usage { return &s.Library.AllowAsVerify }, account.UsageFirst, account.UsageSecondary)(s, text)
}

func origins(s *Settings, text string) *problem {
	const hint = "write each as the browser's address bar begins, as in https://login.example.com or http://localhost:8080, with commas between them"
	all := list(text)
	if len(all) == 0 {
		return &problem{"it is empty", hint}
	}
	for _, o := range all {
		u, err := url.Parse(o)
		if err != nil {
			return &problem{fmt.Sprintf("%q is no origin", o), hint}
		}
		// Whether a relying-party id covers it is another question.
		if _, err := passkey.New(passkey.Config{RPID: u.Hostname(), Origins: []string{o}}); err != nil {
			return &problem{plain(err), hint}
		}
	}
	s.Library.Origins = all
	return nil
}

// plain is the text of faults of package passkey on one line.
func plain(err error) string {
	return strings.ReplaceAll(strings.TrimPrefix(err.Error(), "passkey: "), "\n", "; ")
}

func urlPrefix(s *Settings, text string) *problem {
	if text != "" && !regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$`).MatchString(text) {
		return &problem{fmt.Sprintf("%q is not a path below which to serve", text), "write it as in /auth: a slash before each part, none at the end; or leave it empty"}
	}
	s.Library.URLPrefix = text
	return nil
}

func view(field func(*Settings) *string) setter {
	return func(s *Settings, text string) *problem {
		u, err := url.Parse(text)
		path := strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "//")
		switch {
		case text == "":
		case err != nil, strings.ContainsFunc(text, func(r rune) bool { return r == '\\' || unicode.IsControl(r) || unicode.IsSpace(r) }),
			!path && (u.Scheme != "https" && u.Scheme != "http" || u.Host == ""):
			return &problem{fmt.Sprintf("%q is neither a path nor a URL", text), "write a path as in /welcome, or a URL as in https://app.example.com/"}
		}
		*field(s) = text
		return nil
	}
}

func rescueMail(s *Settings, text string) *problem {
	if text != "" {
		if _, err := names.Email(text); err != nil {
			return &problem{fmt.Sprintf("%q is not an address", text), "write one address, as in help@example.com"}
		}
	}
	s.Library.TwoFactorRescueMail = text
	return nil
}

// listen reads host:port into a field.
func listen(field func(*Settings) *string) func(*Settings, string) *problem {
	return func(s *Settings, text string) *problem {
		host, port, err := net.SplitHostPort(text)
		n, notNumber := strconv.Atoi(port)
		if err != nil || notNumber != nil || n < 0 || n > 65535 || strings.ContainsAny(host, "/ ") {
			return &problem{fmt.Sprintf("%q is not an address with a port", text), "write it as in 127.0.0.1:8080, [::1]:8080 or :8080"}
		}
		*field(s) = text
		return nil
	}
}

// metricsListen is listen where nothing means that there is none.
func metricsListen(s *Settings, text string) *problem {
	if text == "" {
		s.MetricsListen = ""
		return nil
	}
	return listen(func(s *Settings) *string { return &s.MetricsListen })(s, text)
}

func database(s *Settings, text string) *problem {
	const (
		hint    = "give the path of a file, as in /var/lib/latchkey/latchkey.db, or postgres://… for PostgreSQL"
		uriHint = "write it as in postgres://latchkey:password@db.example.com:5432/latchkey?sslmode=verify-full"
	)
	switch {
	case text == "":
		return &problem{"it is empty", hint}
	case postgres.IsURI(text):
		if err := postgres.Check(text); err != nil {
			return &problem{strings.TrimPrefix(err.Error(), "postgres: "), uriHint}
		}
	case strings.Contains(text, "://"), strings.HasPrefix(text, "file:"), strings.HasPrefix(text, ":memory:"), strings.ContainsRune(text, 0):
		return &problem{"it is neither the path of a file nor a postgres:// URI", hint}
	}
	s.Database = text
	return nil
}

func secretKeys(s *Settings, text string) *problem {
	const hint = "make a key with: openssl rand -base64 32"
	if strings.TrimSpace(text) == "" {
		return &problem{"it is empty", hint + " (or, with SQLite, leave the setting out, and one is made and kept beside the database)"}
	}
	var all [][]byte
	for i, item := range list(text) {
		key, err := keys.Decode(item)
		if err != nil {
			return &problem{fmt.Sprintf("key %d %v", i+1, err), hint}
		}
		all = append(all, key)
	}
	s.Library.SecretKeys = all
	return nil
}

func trustedProxies(s *Settings, text string) *problem {
	var all []netip.Prefix
	for _, item := range list(text) {
		prefix, err := parsePrefix(item)
		if err != nil {
			return &problem{fmt.Sprintf("%q is neither an address nor a network", item), "write them as in 10.0.0.5 or 10.0.0.0/8, with commas between them"}
		}
		all = append(all, prefix)
	}
	s.Library.TrustedProxies = all
	return nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		if err == nil && p.Addr().Is4In6() {
			err = errors.New("an IPv4 network in the form of an IPv6 one")
		}
		return p.Masked(), err
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	a = a.Unmap()
	return a.WithZone("").Prefix(a.BitLen())
}

func mailFrom(s *Settings, text string) *problem {
	if text == "" {
		s.mailFrom = nil
		return nil
	}
	a, err := mail.ParseAddress(text)
	if err != nil || strings.ContainsFunc(a.Name+a.Address, unicode.IsControl) {
		return &problem{fmt.Sprintf("%q is not an address", text), "write it as in no-reply@example.com or Example <no-reply@example.com>"}
	}
	s.mailFrom = a
	return nil
}

func smtpURL(s *Settings, text string) *problem {
	if text == "" {
		return nil
	}
	cfg, err := smtp.ParseURL(text)
	if err != nil {
		return &problem{err.Error(), "write it as in smtp://user:password@mail.example.com:587, or smtps://… for TLS from the start"}
	}
	s.SMTP = &cfg
	return nil
}

func smsURL(s *Settings, text string) *problem {
	if text == "" {
		return nil
	}
	cfg, err := textgateway.ParseURL(text)
	if err != nil {
		return &problem{err.Error(), "write it as in https://TOKEN@sms.example.com/send, or twilio://ACCOUNT_SID:AUTH_TOKEN@/?from=+442079460000"}
	}
	s.Texts = &cfg
	return nil
}
