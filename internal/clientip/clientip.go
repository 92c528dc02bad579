package clientip

import (
	"net/http"
	"net/netip"
	"strings"
)

// Resolver knows which proxies to believe. Its zero value believes none.
type Resolver struct {
	// Trusted are the addresses of the operator's own proxies.
	Trusted []netip.Prefix
}

// From returns the client's address: the connection's, unless that is a trusted proxy's; then the rightmost address in
// X-Forwarded-For that is not. Where every entry is trusted, it is the leftmost. At an entry that is no address it
// stops, and the answer is the proxy that passed it on: a header that nobody can vouch for never names the client.
//
// IPv4 addresses mapped into IPv6 are returned as IPv4, zones are dropped. The answer is the zero Addr only where the
// connection has no IP address, as over a Unix socket; headers are not believed there.
func (v Resolver) From(r *http.Request) netip.Addr {
	client, ok := parse(r.RemoteAddr)
	if !ok || !v.trusts(client) {
		return client
	}
	lines := r.Header.Values("X-Forwarded-For")
	for i := len(lines) - 1; i >= 0; i-- {
		rest, more := lines[i], true
		for more {
			var entry string
			rest, entry, more = cutLast(rest)
			hop, ok := parse(strings.Trim(entry, " \t"))
			if !ok || hop.IsUnspecified() || hop.IsMulticast() {
				return client
			}
			client = hop
			if !v.trusts(client) {
				return client
			}
		}
	}
	return client
}

// Connection is the address that the connection came from, and whether its headers are believed.
func (v Resolver) Connection(r *http.Request) (from netip.Addr, believed bool) {
	from, ok := parse(r.RemoteAddr)
	return from, ok && v.trusts(from)
}

// trusts reports whether one of the operator's proxies has that address.
func (v Resolver) trusts(a netip.Addr) bool {
	for _, p := range v.Trusted {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// cutLast cuts a list before its last entry; more says whether there is anything before it.
func cutLast(list string) (before, last string, more bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return "", list, false
	}
	return list[:i], list[i+1:], true
}

// parse reads an address with or without a port, an IPv6 address with or without brackets.
func parse(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		var ap netip.AddrPort
		if ap, err = netip.ParseAddrPort(s); err == nil {
			a = ap.Addr()
		}
	}
	if err != nil && strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		if a, err = netip.ParseAddr(s[1 : len(s)-1]); err == nil && a.Is4() {
			return netip.Addr{}, false
		}
	}
	if err != nil {
		return netip.Addr{}, false
	}
	return a.Unmap().WithZone(""), true
}
