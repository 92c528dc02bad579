package device_test

import (
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/device"
)

func TestDescribe(t *testing.T) {
	const webkit = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
	const blink = "AppleWebKit/537.36 (KHTML, like Gecko)"
	for ua, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                  "Firefox on Linux",
		"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                          "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0":                                        "Firefox on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0":                                    "Firefox on Mac",
		"Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0":                                                    "Firefox on Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) " + webkit + " FxiOS/140.0 Mobile/15E148 Safari/605.1.15":         "Firefox on iPhone",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) " + webkit + " Version/18.5 Mobile/15E148 Safari/604.1":           "Safari on iPhone",
		"Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) " + webkit + " Version/18.5 Mobile/15E148 Safari/604.1":                    "Safari on iPad",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " + webkit + " Version/18.5 Safari/605.1.15":                             "Safari on Mac",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) " + webkit + " CriOS/138.0.0.0 Mobile/15E148 Safari/604.1":        "Chrome on iPhone",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) " + webkit + " EdgiOS/138.0 Version/18.0 Mobile Safari/604.1":     "Edge on iPhone",
		"Mozilla/5.0 (Linux; Android 10; K) " + blink + " Chrome/138.0.0.0 Mobile Safari/537.36":                                  "Chrome on Android",
		"Mozilla/5.0 (Linux; Android 10; K) " + blink + " Chrome/138.0.0.0 Mobile Safari/537.36 EdgA/138.0.0.0":                   "Edge on Android",
		"Mozilla/5.0 (Linux; Android 10; K) " + blink + " SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36":              "Samsung Internet on Android",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9 Build/AP3A; wv) " + blink + " Version/4.0 Chrome/138.0.0.0 Mobile Safari/537.36": "Chrome on Android",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + blink + " Chrome/138.0.0.0 Safari/537.36":                                  "Chrome on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + blink + " Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0":                    "Edge on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + blink + " Chrome/138.0.0.0 Safari/537.36 OPR/122.0.0.0":                    "Opera on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + blink + " Chrome/138.0.0.0 Safari/537.36 Vivaldi/7.5":                      "Vivaldi on Windows",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) " + blink + " Chrome/138.0.0.0 Safari/537.36":                                   "Chrome on ChromeOS",
		"Mozilla/5.0 (X11; Linux x86_64) " + blink + " HeadlessChrome/138.0.0.0 Safari/537.36":                                    "Headless Chrome on Linux",
		"Mozilla/5.0 (X11; Linux x86_64) " + blink + " Ubuntu Chromium/120.0 Chrome/120.0 Safari/537.36":                          "Chromium on Linux",
		"Mozilla/5.0 (X11; Linux x86_64) " + webkit + " Version/18.0 Safari/605.1.15":                                             "Safari on Linux",
		"Mozilla/5.0 (X11; Linux x86_64) " + webkit + " Version/18.0 Safari/605.1.15 Epiphany/605.1.15":                           "GNOME Web on Linux",
		"Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko":                                                   "Internet Explorer on Windows",
		"Mozilla/5.0 (X11; FreeBSD amd64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                 "Firefox on FreeBSD",
		"curl/8.14.1":                      "curl",
		"Wget/1.25.0":                      "Wget",
		"Go-http-client/1.1":               "Go program",
		"Go-http-client/2.0":               "Go program",
		"python-requests/2.32.4":           "Python program",
		"okhttp/4.12.0":                    "Android app",
		"node":                             "Node.js program",
		"PostmanRuntime/7.44.1":            "Postman",
		"Mozilla/5.0 (X11; Linux x86_64)":  "Browser on Linux",
		"Firefox/1.0":                      "Firefox",
		"":                                 device.Unknown,
		"-":                                device.Unknown,
		"Mozilla/5.0":                      device.Unknown,
		"<script>alert(1)</script>":        device.Unknown,
		"\x00\xff":                         device.Unknown,
		strings.Repeat("x", 512) + "curl/": device.Unknown,
		"MyApp/1.0 curl/8":                 device.Unknown,
	} {
		if got := device.Describe(ua); got != want {
			t.Errorf("Describe(%q) = %q, want %q", ua, got, want)
		}
	}
}

// Nothing of the header's own comes through.
func FuzzDescribe(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	f.Add("curl/8<script>")
	f.Add("")
	f.Fuzz(func(t *testing.T, ua string) {
		got := device.Describe(ua)
		if got == "" || len(got) > 40 || strings.ContainsAny(got, "<>&\"'\x00\n/") {
			t.Errorf("Describe(%q) = %q", ua, got)
		}
	})
}
