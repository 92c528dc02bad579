package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/internal/loopback"
	"github.com/latchkey-auth/latchkey/web"
)

// soon is how long before a certificate's end the doctor warns of it.
const soon = 14 * 24 * time.Hour

// site: what passkeys are bound to. What can't be right at all has stopped the settings.
func (d *doctor) site() {
	id := d.s.Library.RPID
	for _, o := range d.s.Library.Origins {
		host := hostOf(o)
		switch {
		case net.ParseIP(host) != nil:
			d.say(odd, "ORIGINS", o+" is an address, and browsers keep passkeys for names alone", "use http://localhost with the port, or a domain with https")
		case strings.HasPrefix(o, "http://"):
			d.say(good, "ORIGINS", o+" is for browsers on this machine alone; a site for others needs a domain with https", "")
		case host == id:
			d.say(good, "ORIGINS", o+" is https, and its host is the relying-party id", "")
		default:
			d.say(good, "ORIGINS", o+" is https, and its host is below the relying-party id", "")
		}
	}
	d.say(good, "RP_ID", fmt.Sprintf("passkeys are bound to %q for good", id), "")
	at, err := net.ResolveTCPAddr("tcp", d.s.Listen)
	if err != nil {
		d.say(bad, "LISTEN", fmt.Sprintf("%s names no address of this machine: %v", d.s.Listen, err), "write it as in 127.0.0.1:8080 or :8080")
		return
	}
	if d.s.Local && portOf(d.s.Library.Origins[0]) != portOf("http://"+at.String()) {
		d.say(odd, "LISTEN", fmt.Sprintf("%s has another port than %s", d.s.Listen, d.s.Library.Origins[0]), "set both to the same port, unless a proxy connects them")
	}
}

func hostOf(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// secure are the origins with https.
func (d *doctor) secure() []string {
	var all []string
	for _, o := range d.s.Library.Origins {
		if strings.HasPrefix(o, "https://") {
			all = append(all, o)
		}
	}
	return all
}

// certificate: the files, their dates and their names.
func (d *doctor) certificate() {
	const about = "TLS_CERT, TLS_KEY"
	if d.s.TLSCert == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(d.s.TLSCert, d.s.TLSKey)
	if err != nil {
		d.say(bad, about, err.Error(), "give files of a certificate and of the key that belongs to it, both in PEM, which this user may read")
		return
	}
	leaf := pair.Leaf
	wrong := false
	say := func(v web.Verdict, what, fix string) {
		wrong = true
		d.say(v, about, what, fix)
	}
	const renew = "renew the certificate and restart the server"
	switch {
	case d.now.After(leaf.NotAfter):
		say(bad, "the certificate ended on "+leaf.NotAfter.Format(time.DateOnly), renew)
	case d.now.Before(leaf.NotBefore):
		say(bad, "the certificate begins on "+leaf.NotBefore.Format(time.DateOnly)+" only", "check the clock, or give the certificate that is valid now")
	case d.now.Add(soon).After(leaf.NotAfter):
		say(odd, "the certificate ends on "+leaf.NotAfter.Format(time.DateOnly), renew)
	}
	for _, o := range d.s.Library.Origins {
		if strings.HasPrefix(o, "http://") {
			say(bad, "the server speaks HTTPS, and the origin "+o+" does not", "write https:// in ORIGINS, or leave TLS_CERT and TLS_KEY out")
		} else if err := leaf.VerifyHostname(hostOf(o)); err != nil {
			say(bad, fmt.Sprintf("the certificate is not for %s: %v", hostOf(o), err), "give a certificate with the host of every origin among its names")
		}
	}
	if !wrong {
		d.say(good, about, "they belong together, are for every origin, and end on "+leaf.NotAfter.Format(time.DateOnly), "")
	}
}

// proxies: who speaks HTTPS to browsers, and whose word is taken for where a request comes from.
func (d *doctor) proxies() {
	trusted := d.s.Library.TrustedProxies
	for _, p := range trusted {
		if p.Bits() == 0 {
			d.say(bad, "TRUSTED_PROXIES", p.String()+" is everybody: anyone could claim any address and slip past the limits", "name the proxies' own addresses or network, such as 10.0.0.0/8")
			return
		}
	}
	if len(d.secure()) == 0 || d.s.TLSCert != "" {
		if len(trusted) > 0 {
			d.say(good, "TRUSTED_PROXIES", fmt.Sprintf("X-Forwarded-For of %v is believed", trusted), "")
		}
		return
	}
	host, _, err := net.SplitHostPort(d.s.Listen)
	local := err == nil && loopback.Is(host)
	switch {
	case local && len(trusted) == 0:
		d.say(odd, "TRUSTED_PROXIES", "a proxy on this machine must be what speaks HTTPS, and it is not believed: all requests seem to come from one address, which limits then stop for everybody",
			"set TRUSTED_PROXIES=127.0.0.1,::1, and let the proxy set X-Forwarded-For")
	case !local && len(trusted) == 0:
		d.say(odd, "LISTEN", d.s.Listen+" speaks plain HTTP to other machines, and the site is https",
			"set TLS_CERT and TLS_KEY; or, behind a proxy that speaks HTTPS, listen where only it can connect and set TRUSTED_PROXIES to its address")
	default:
		d.say(good, "TRUSTED_PROXIES", fmt.Sprintf("X-Forwarded-For of %v is believed; the proxy must speak HTTPS and set it", trusted), "")
	}
}
