package loopback

import (
	"net/netip"
	"strings"
)

// Is reports whether the host of a URL is this machine, by name (localhost and what is below it, RFC 6761 §6.3) or by address.
func Is(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
