package loopback

import "testing"

func TestIs(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "app.localhost": true, "127.0.0.1": true, "127.8.9.1": true, "::1": true,
		"": false, "localhost.example.com": false, "notlocalhost": false, "0.0.0.0": false, "10.0.0.1": false, "127.0.0.1.example.com": false, "::2": false,
	} {
		if Is(host) != want {
			t.Errorf("%q is this machine: %v", host, !want)
		}
	}
}
