package smtp

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strconv"
	"time"

	"github.com/latchkey-auth/latchkey/internal/loopback"
)

// Security is how the connection is protected.
type Security int

const (
	// StartTLS upgrades the connection, or fails.
	StartTLS Security = iota
	// Implicit is TLS from the first byte.
	Implicit
	// Plain is no protection.
	Plain
)

// Config is where mails go and who they are from.
type Config struct {
	Host     string
	Port     int
	Security Security
	User     string
	Password string
	// From is the sender that people see, and the envelope's.
	From mail.Address
	// Timeout bounds one Send as a whole; 0 means 15 seconds.
	Timeout time.Duration
	// Roots are the certificates to trust; nil: the system's.
	Roots *x509.CertPool
}

// ParseURL reads the form that the package describes. Its errors never repeat the URL.
func ParseURL(raw string) (Config, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return Config{}, errors.New("it is not a URL such as smtp://user:password@mail.example.com:587 (special characters in a password are percent-encoded)")
	}
	if (u.Path != "" && u.Path != "/") || u.Fragment != "" {
		return Config{}, errors.New("nothing but ?tls= may follow the host and port")
	}
	c := Config{Host: u.Hostname(), User: u.User.Username()}
	c.Password, _ = u.User.Password()
	switch u.Scheme {
	case "smtp":
		c.Port = 587
		if loopback.Is(c.Host) {
			c.Port, c.Security = 25, Plain
		}
	case "smtps":
		c.Port, c.Security = 465, Implicit
	default:
		return Config{}, errors.New("it must begin with smtp:// or smtps://")
	}
	if p := u.Port(); p != "" {
		if c.Port, err = strconv.Atoi(p); err != nil || c.Port < 1 || c.Port > 65535 {
			return Config{}, errors.New("its port is not one")
		}
	}
	return c, c.options(u)
}

// options reads what stands after the question mark.
func (c *Config) options(u *url.URL) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("what follows its question mark can't be read")
	}
	for name, values := range query {
		if name != "tls" || len(values) != 1 {
			return fmt.Errorf("it has an option %q; the only one is tls, once", name)
		}
		switch {
		case c.Security == Implicit:
			return errors.New("smtps:// is TLS already: leave out ?tls=")
		case values[0] == "starttls":
			c.Security = StartTLS
		case values[0] == "none":
			c.Security = Plain
		default:
			return errors.New("?tls= is starttls or none")
		}
	}
	return nil
}
