package clientip_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/clientip"
)

var proxies = clientip.Resolver{Trusted: []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("127.0.0.1/32"),
	netip.MustParsePrefix("fd00::/8"),
	netip.MustParsePrefix("fe80::/10"),
}}

func request(remote string, forwarded ...string) *http.Request {
	r := &http.Request{RemoteAddr: remote, Header: http.Header{}}
	for _, f := range forwarded {
		r.Header.Add("X-Forwarded-For", f)
	}
	return r
}

func TestFrom(t *testing.T) {
	for _, c := range []struct {
		name      string
		remote    string
		forwarded []string
		want      string
	}{
		{"direct", "192.0.2.1:1234", nil, "192.0.2.1"},
		{"direct, IPv6", "[2001:db8::1]:1234", nil, "2001:db8::1"},
		{"direct, mapped", "[::ffff:192.0.2.1]:1234", nil, "192.0.2.1"},
		{"direct, with a zone", "[fe90::1%eth0]:1234", nil, "fe90::1"},
		{"direct, forged header", "192.0.2.1:1234", []string{"203.0.113.9"}, "192.0.2.1"},
		{"direct, forged proxy", "192.0.2.1:1234", []string{"203.0.113.9, 10.0.0.1"}, "192.0.2.1"},
		{"address without a port", "192.0.2.1", nil, "192.0.2.1"},

		{"one proxy", "10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"one proxy, mapped", "[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"one proxy with a zone", "[fe80::1%eth0]:1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"one proxy, no header", "10.0.0.1:1", nil, "10.0.0.1"},
		{"one proxy, empty header", "10.0.0.1:1", []string{""}, "10.0.0.1"},
		{"one proxy, client lies", "10.0.0.1:1", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		{"one proxy, client lies about a proxy", "10.0.0.1:1", []string{"1.1.1.1, 10.0.0.2, 203.0.113.9"}, "203.0.113.9"},
		{"one proxy, client lies garbage", "10.0.0.1:1", []string{"<script>, 203.0.113.9"}, "203.0.113.9"},
		{"two proxies", "10.0.0.1:1", []string{"203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
		{"two proxies, two lines", "10.0.0.1:1", []string{"203.0.113.9", "10.0.0.2"}, "203.0.113.9"},
		{"three lines", "10.0.0.1:1", []string{"1.1.1.1", "203.0.113.9,10.0.0.3", "10.0.0.2"}, "203.0.113.9"},
		{"IPv6 proxies", "[fd00::1]:1", []string{"2001:db8::5, fd00::2"}, "2001:db8::5"},
		{"spaces", "10.0.0.1:1", []string{"  203.0.113.9 \t,\t 10.0.0.2 "}, "203.0.113.9"},
		{"ports", "10.0.0.1:1", []string{"203.0.113.9:55, 10.0.0.2:66"}, "203.0.113.9"},
		{"IPv6 with a port", "10.0.0.1:1", []string{"[2001:db8::5]:55"}, "2001:db8::5"},
		{"IPv6 in brackets", "10.0.0.1:1", []string{"[2001:db8::5]"}, "2001:db8::5"},
		{"client inside", "10.0.0.1:1", []string{"10.7.7.7"}, "10.7.7.7"},
		{"all inside", "10.0.0.1:1", []string{"10.7.7.7, 10.0.0.2"}, "10.7.7.7"},

		{"garbage", "10.0.0.1:1", []string{"unknown"}, "10.0.0.1"},
		{"garbage next to a proxy", "10.0.0.1:1", []string{"203.0.113.9, unknown"}, "10.0.0.1"},
		{"garbage behind a proxy", "10.0.0.1:1", []string{"203.0.113.9, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"empty entry", "10.0.0.1:1", []string{"203.0.113.9, , 10.0.0.2"}, "10.0.0.2"},
		{"comma at the end", "10.0.0.1:1", []string{"203.0.113.9,"}, "10.0.0.1"},
		{"empty last line", "10.0.0.1:1", []string{"203.0.113.9", ""}, "10.0.0.1"},
		{"obfuscated", "10.0.0.1:1", []string{"_hidden, 10.0.0.2"}, "10.0.0.2"},
		{"host name", "10.0.0.1:1", []string{"client.example.test"}, "10.0.0.1"},
		{"quoted", "10.0.0.1:1", []string{`"203.0.113.9"`}, "10.0.0.1"},
		{"IPv4 in brackets", "10.0.0.1:1", []string{"[203.0.113.9]"}, "10.0.0.1"},
		{"leading zeros", "10.0.0.1:1", []string{"203.0.113.09"}, "10.0.0.1"},
		{"short IPv4", "10.0.0.1:1", []string{"203.113"}, "10.0.0.1"},
		{"a number", "10.0.0.1:1", []string{"3405803785"}, "10.0.0.1"},
		{"bad port", "10.0.0.1:1", []string{"203.0.113.9:99999"}, "10.0.0.1"},
		{"prefix", "10.0.0.1:1", []string{"203.0.113.0/24"}, "10.0.0.1"},
		{"semicolon", "10.0.0.1:1", []string{"203.0.113.9;10.0.0.2"}, "10.0.0.1"},
		{"unspecified", "10.0.0.1:1", []string{"0.0.0.0"}, "10.0.0.1"},
		{"unspecified, IPv6", "10.0.0.1:1", []string{"::"}, "10.0.0.1"},
		{"multicast", "10.0.0.1:1", []string{"224.0.0.1"}, "10.0.0.1"},
		{"control", "10.0.0.1:1", []string{"203.0.113.9\x00"}, "10.0.0.1"},
		{"zone in the header", "10.0.0.1:1", []string{"2001:db8::5%eth0"}, "2001:db8::5"},
		{"very many", "10.0.0.1:1", []string{"203.0.113.9" + strings.Repeat(",10.0.0.2", 10_000)}, "203.0.113.9"},
	} {
		if got := proxies.From(request(c.remote, c.forwarded...)); got != netip.MustParseAddr(c.want) {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
}

func TestZeroResolverBelievesNothing(t *testing.T) {
	var v clientip.Resolver
	if got := v.From(request("127.0.0.1:1", "203.0.113.9")); got != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("From = %v", got)
	}
}

func TestNoAddress(t *testing.T) {
	everything := clientip.Resolver{Trusted: []netip.Prefix{{}, netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
	for _, remote := range []string{"", "@", "/run/latchkey.sock", "nonsense", "localhost:80", "192.0.2.1:", ":80"} {
		for _, v := range []clientip.Resolver{{}, everything} {
			if got := v.From(request(remote, "203.0.113.9")); got.IsValid() {
				t.Errorf("%q: %v", remote, got)
			}
		}
	}
}

// A prefix may be written in the mapped form, as the addresses of a dual-stack listener are.
func TestMappedPrefix(t *testing.T) {
	v := clientip.Resolver{Trusted: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")}}
	if got := v.From(request("[::ffff:10.0.0.1]:1", "203.0.113.9")); got != netip.MustParseAddr("203.0.113.9") {
		t.Errorf("From = %v", got)
	}
	if got := v.From(request("11.0.0.1:1", "203.0.113.9")); got != netip.MustParseAddr("11.0.0.1") {
		t.Errorf("From = %v", got)
	}
}

func TestOtherHeadersDontCount(t *testing.T) {
	r := request("10.0.0.1:1")
	for _, h := range []string{"Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP"} {
		r.Header.Set(h, "203.0.113.9")
	}
	if got := proxies.From(r); got != netip.MustParseAddr("10.0.0.1") {
		t.Errorf("From = %v", got)
	}
}

// Whatever a client sends, a proxy that appends the client's address decides.
func FuzzFrom(f *testing.F) {
	for _, s := range []string{"", "1.1.1.1", "10.0.0.2", "unknown,", "1.1.1.1, 10.0.0.2", ",,,", "[::1]:5", "\x00", "::ffff:10.0.0.1"} {
		f.Add(s)
	}
	client := netip.MustParseAddr("203.0.113.9")
	f.Fuzz(func(t *testing.T, sent string) {
		if got := proxies.From(request("10.0.0.1:1", sent, client.String())); got != client {
			t.Errorf("a line of its own: %v", got)
		}
		if got := proxies.From(request("10.0.0.1:1", sent+", "+client.String())); got != client {
			t.Errorf("appended: %v", got)
		}
		if got := proxies.From(request("10.0.0.1:1", sent)); !got.IsValid() || got.Is4In6() || got.Zone() != "" {
			t.Errorf("%q: %v", sent, got)
		}
	})
}
