package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/clientip"
)

func TestAccessLog(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/silent/{state}", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/early", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
	})
	mux.HandleFunc("/writes", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("x")) })
	mux.HandleFunc("/panics", func(http.ResponseWriter, *http.Request) { panic("at the disco") })
	for _, c := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/silent/secret?code=secret", 200, "method=GET route=/silent/{state} status=200 duration="},
		{"POST", "/early", 418, "method=POST route=/early status=418"},
		{"GET", "/writes", 200, "method=GET route=/writes status=200"},
		{"GET", "/secret", 404, `method=GET route="" status=404`},
		{"SECRET", "/writes", 200, "method=other route=/writes status=200"},
		{"GET", "/panics", 500, "at the disco"},
		{"GET", "/panics", 500, "method=GET route=/panics status=500"},
	} {
		var out bytes.Buffer
		w := httptest.NewRecorder()
		accessLog(newLog(&out, "text"), newMetrics(), clientip.Resolver{}, mux).ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if !strings.Contains(out.String(), c.want) {
			t.Errorf("%s %s was logged as %s", c.method, c.path, out.String())
		}
		if strings.Contains(strings.ToLower(out.String()), "secret") {
			t.Errorf("%s %s: the log holds a secret: %s", c.method, c.path, out.String())
		}
		if c.want != "at the disco" && w.Code != c.status && w.Code != http.StatusEarlyHints {
			t.Errorf("%s %s was answered %d, want %d", c.method, c.path, w.Code, c.status)
		}
		if strings.Contains(w.Body.String(), "disco") {
			t.Errorf("%s: the answer shows what happened inside: %s", c.path, w.Body)
		}
	}
}

func TestAccessLogAborted(t *testing.T) {
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("recovered %v", p)
		}
	}()
	h := accessLog(newLog(&bytes.Buffer{}, "text"), newMetrics(), clientip.Resolver{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

// Every line of a request has its id, which the answer tells; one of the client's own choosing counts from a trusted proxy alone.
func TestRequestIDs(t *testing.T) {
	trusted := clientip.Resolver{Trusted: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}} // of httptest's requests
	for _, c := range []struct {
		proxies clientip.Resolver
		given   string
		kept    bool
	}{
		{trusted, "", false},
		{trusted, "3f2a-B_1.z", true},
		{trusted, strings.Repeat("a", 64), true},
		{trusted, strings.Repeat("a", 65), false},
		{trusted, "a b", false},
		{trusted, "a\" level=ERROR", false},
		{trusted, "ä", false},
		{clientip.Resolver{}, "3f2a", false},
	} {
		var out bytes.Buffer
		log := newLog(&out, "json")
		h := accessLog(log, newMetrics(), c.proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			log.With("a", 1).WithGroup("g").ErrorContext(r.Context(), "inside")
		}))
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		if c.given != "" {
			r.Header.Set("X-Request-Id", c.given)
		}
		h.ServeHTTP(w, r)
		id := w.Header().Get("X-Request-Id")
		if (id == c.given) != c.kept || !c.kept && len(id) != 24 {
			t.Errorf("%q became %q", c.given, id)
		}
		if n := strings.Count(out.String(), `"request_id":"`+id+`"`); n != 2 {
			t.Errorf("%q: %d of two lines have the id: %s", c.given, n, out.String())
		}
	}
}
