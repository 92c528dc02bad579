package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestMetricsHaveAListenerOfTheirOwnAndCountDecisions(t *testing.T) {
	s := start(t, t.TempDir(), "LATCHKEY_METRICS_LISTEN=127.0.0.1:0", "LATCHKEY_PPROF=true")
	measured := regexp.MustCompile(`"msg":"metrics","listen":"([^"]+)"`)
	var at string
	for at == "" {
		line, ok := <-s.said
		if !ok {
			t.Fatal("the server ended without naming the metrics' listener")
		}
		if m := measured.FindStringSubmatch(line); m != nil {
			at = m[1]
		}
	}
	res, err := http.Post("http://"+s.addr+"/login", "application/json", strings.NewReader(`{"email":"eve@example.test","password":"guess"}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		t.Fatalf("a wrong sign-in answers %d", res.StatusCode)
	}
	res, err = http.Post("http://"+s.addr+"/wan-outcome", "application/json", strings.NewReader(`{"ceremony":"get","outcome":"cancelled"}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("what a browser tells is answered %d", res.StatusCode)
	}
	status, text := fetch(t, "http://"+at+"/metrics")
	for _, want := range []string{
		`latchkey_events_total{kind="signin.refused",method="password",reason="unknown_user"} 1`,
		`latchkey_request_duration_seconds_count{method="POST",route="/login",status="400"} 1`,
		`latchkey_client_outcomes_total{ceremony="get",outcome="cancelled"} 1`,
		`latchkey_store_duration_seconds_count{outcome="ok",what="write"}`,
		`latchkey_store_duration_seconds_count{outcome="ok",what="read"}`,
		`go_sql_open_connections{db_name="writer"} 1`,
		"process_resident_memory_bytes",
	} {
		if status != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("metrics (%d) lack %s", status, want)
		}
	}
	if status, _ := fetch(t, "http://"+at+"/debug/pprof/"); status != http.StatusOK {
		t.Errorf("profiles answer %d", status)
	}
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		if status, _ := fetch(t, "http://"+s.addr+path); status != http.StatusNotFound {
			t.Errorf("the site itself answers %s with %d", path, status)
		}
	}
}

func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
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
