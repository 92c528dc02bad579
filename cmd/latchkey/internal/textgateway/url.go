package textgateway

import (
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/loopback"
)

// Config says where text messages go. [ParseURL] makes one.
type Config struct {
	// endpoint carries no credentials.
	endpoint *url.URL
	user     string
	password string
	basic    bool
	// from is set for the Twilio form alone.
	from string
}

func (c Config) isTwilio() bool { return c.from != "" }

// ParseURL reads either form that the package describes. Its errors never repeat the URL.
func ParseURL(raw string) (Config, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" {
		return Config{}, errors.New("it is not a URL such as https://TOKEN@sms.example.com/send (special characters in a token are percent-encoded)")
	}
	c := Config{user: u.User.Username()}
	c.password, c.basic = u.User.Password()
	u.User, u.Fragment = nil, ""
	switch {
	case u.Scheme == "twilio":
		return c.twilio(u)
	case u.Scheme != "https" && u.Scheme != "http":
		return Config{}, errors.New("it must begin with https:// or twilio://")
	case u.Hostname() == "":
		return Config{}, errors.New("it names no host")
	case u.Scheme == "http" && !loopback.Is(u.Hostname()):
		return Config{}, errors.New("codes must not travel in plain text: it must begin with https://")
	}
	c.endpoint = u
	return c, nil
}

func (c Config) twilio(u *url.URL) (Config, error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Config{}, errors.New("what follows its question mark can't be read")
	}
	c.from = query.Get("from")
	if n, ok := strings.CutPrefix(c.from, " "); ok { // an unescaped + means a space in a query
		c.from = "+" + n
	}
	switch {
	case c.user == "" || c.password == "":
		return Config{}, errors.New("an account SID and an auth token must stand in it: twilio://ACCOUNT_SID:AUTH_TOKEN@/?from=+442079460000")
	case c.from == "" || len(query) > 1 || len(query["from"]) > 1:
		return Config{}, errors.New("?from= must name the sender once, and nothing else: twilio://ACCOUNT_SID:AUTH_TOKEN@/?from=+442079460000")
	case u.Path != "" && u.Path != "/":
		return Config{}, errors.New("nothing but ?from= may follow the host")
	}
	host, scheme := u.Host, "https"
	if host == "" {
		host = "api.twilio.com"
	} else if loopback.Is(u.Hostname()) {
		scheme = "http"
	}
	c.endpoint = (&url.URL{Scheme: scheme, Host: host}).JoinPath("2010-04-01", "Accounts", url.PathEscape(c.user), "Messages.json")
	return c, nil
}

// Address is the host and port of the gateway.
func (c Config) Address() string {
	port := c.endpoint.Port()
	switch {
	case port != "":
	case c.endpoint.Scheme == "http":
		port = "80"
	default:
		port = "443"
	}
	return net.JoinHostPort(c.endpoint.Hostname(), port)
}
