package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

const secretKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// doctorPage asks a server for its page as a browser on that host would.
func doctorPage(t *testing.T, s *server, host string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.addr+"/doctor", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	req.Header.Set("Accept", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// What is odd is said at the start, with what to do, and stands on the page in development.
func TestAServerSaysAtItsStartWhatDoesNotFit(t *testing.T) {
	s := start(t, t.TempDir(), "LATCHKEY_TRUSTED_PROXIES=0.0.0.0/0", "LATCHKEY_SECRET_KEYS="+secretKey)
	status, page := doctorPage(t, s, "localhost:8080")
	log := s.stop()
	for _, what := range []string{"TRUSTED_PROXIES: 0.0.0.0/0 is everybody", "name the proxies' own addresses", "has another port than http://localhost:8080"} {
		if !strings.Contains(log, what) {
			t.Errorf("the log does not say %q:\n%s", what, log)
		}
		if about, rest, ok := strings.Cut(what, ": "); status != http.StatusOK || !strings.Contains(page, about) || ok && !strings.Contains(page, rest) {
			t.Errorf("the page (%d) does not say %q:\n%s", status, what, page)
		}
	}
	if strings.Contains(page, secretKey) || strings.Contains(page, "latchkey.db") {
		t.Errorf("the page shows too much: %s", page)
	}
}

func TestAServerForOthersHasNoSuchPage(t *testing.T) {
	s := start(t, t.TempDir(), "LATCHKEY_ORIGINS=https://login.example.test", "LATCHKEY_OUTBOX=mails")
	for _, host := range []string{"login.example.test", "localhost:8080", s.addr} {
		if status, page := doctorPage(t, s, host); status != http.StatusNotFound {
			t.Errorf("%s: %d %s", host, status, page)
		}
	}
	if log := s.stop(); !strings.Contains(log, "a proxy on this machine must be what speaks HTTPS, and it is not believed") || !strings.Contains(log, "set TRUSTED_PROXIES=127.0.0.1,::1") {
		t.Errorf("the log does not warn of the proxy:\n%s", log)
	}
}
