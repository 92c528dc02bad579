package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
		accessLog(newLog(&out, "text"), newMetrics(), mux).ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
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
	h := accessLog(newLog(&bytes.Buffer{}, "text"), newMetrics(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}
