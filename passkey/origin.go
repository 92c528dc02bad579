package passkey

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

const localhost = "localhost"

// checkRPID says what is wrong with a relying-party id: it must be a domain in the form that browsers hash, which is
// lower-case ASCII, or else a loopback address, which only software authenticators take.
func checkRPID(id string) error {
	if id == "" {
		return errors.New("no relying-party id")
	}
	if isAddress(id) {
		if isLoopback(id) {
			return nil
		}
		return fmt.Errorf("relying-party id %q is an address: browsers take only domains", id)
	}
	if !isDomain(id) {
		return fmt.Errorf("relying-party id %q is not a domain in lower-case ASCII without a port", id)
	}
	return nil
}

// checkOrigin returns the host of an origin, or what is wrong with it. What a browser would write differently is wrong,
// because origins are compared byte for byte.
func checkOrigin(origin string) (host string, err error) {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("origin %q is not of the form https://host[:port]", origin)
	}
	host = u.Hostname()
	if !isDomain(host) && !isAddress(host) {
		return "", fmt.Errorf("origin %q: the host is not a domain in lower-case ASCII or an address", origin)
	}
	if u.Scheme == "http" && !isLoopback(host) {
		return "", fmt.Errorf("origin %q: passkeys need https, except on localhost: write https://", origin)
	}
	if want := serialize(u.Scheme, host, u.Port()); origin != want {
		return "", fmt.Errorf("origin %q: browsers write %q", origin, want)
	}
	return host, nil
}

// checkScope says whether a page on host may use the relying-party id (WebAuthn L3 §5.1.3). A single label is no domain
// to share: it stands for itself alone.
func checkScope(id, host, origin string) error {
	if id == "" || host == id {
		return nil
	}
	if strings.Contains(id, ".") && strings.HasSuffix(host, "."+id) {
		return nil
	}
	return fmt.Errorf("origin %q is outside of the relying-party id %q: the id must be its host or a domain above it", origin, id)
}

// serialize writes an origin as browsers do (HTML, "serialization of an origin").
func serialize(scheme, host, port string) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || scheme == "https" && n == 443 || scheme == "http" && n == 80 {
		return scheme + "://" + host
	}
	return scheme + "://" + host + ":" + strconv.FormatUint(n, 10)
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func isLoopback(host string) bool {
	if host == localhost || strings.HasSuffix(host, "."+localhost) {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() && a.String() == host
}

// isDomain tells a valid domain string (WebAuthn L3 §5.1.3): labels of lower-case letters, digits, hyphens inside and
// underscores, the last one not a number.
func isDomain(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return strings.Trim(labels[len(labels)-1], "0123456789") != ""
}
