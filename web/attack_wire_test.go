package web_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// breaksOff are the cases whose sender goes away in the middle; the others wait for the answer.
var breaksOff = []string{"a chunk of 16 EiB", "a chunk without its end", "chunks without their end", "a length that is too long for the body", "an encoded body"}

// TestWhoHangsUpIsToldNoSuccess: a request whose context has ended is not answered with the empty 200 of a handler that says nothing, at any
// endpoint and behind any middleware: proxies take that for a yes.
func TestWhoHangsUpIsToldNoSuccess(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	try := func(h http.Handler, method, path string) {
		t.Helper()
		req := httptest.NewRequestWithContext(gone, method, s.origin+path, nil)
		for name, c := range p.cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: c.Value})
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code < 400 {
			t.Errorf("%s %s: %d", method, path, w.Code)
		}
	}
	for _, r := range routesOf(s) {
		try(s.auth.Handler(), http.MethodGet, at(r.Path))
		try(s.auth.Handler(), http.MethodPost, at(r.Path))
	}
	app := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the app was asked") })
	for _, h := range []http.Handler{s.auth.Identify(app), s.auth.Require(app), s.auth.RequireFresh(0)(app), s.auth.RequireTwoFactors(app)} {
		try(h, http.MethodGet, "/app")
	}
}

// TestNonsenseOnTheWire writes to the socket what no client library would: broken framing, smuggled requests, headers that are none. What
// reaches the handler is answered with the envelope; what the standard library's server refuses before, it refuses with a 4xx and hangs up,
// but for a transfer encoding (501) and a version (505) that are not HTTP/1's. Nothing smuggled is answered, and nothing is logged as an error.
func TestNonsenseOnTheWire(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	session := p.cookie("latchkey_session")
	const js = "Content-Type: application/json\r\nAccept: application/json\r\n"
	post := func(headers, body string) string {
		return "POST /login HTTP/1.1\r\nHost: " + s.host + "\r\n" + headers + "\r\n" + body
	}
	smuggled := "GET /sessions HTTP/1.1\r\nHost: " + s.host + "\r\nAccept: application/json\r\nCookie: " + session.Name + "=" + session.Value + "\r\n\r\n"
	for _, c := range []struct {
		name, raw string
		status    []int
	}{
		{"a chunk of no size", post(js+"Transfer-Encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n"), []int{400}},
		{"a chunk of a negative size", post(js+"Transfer-Encoding: chunked\r\n", "-1\r\n{}\r\n0\r\n\r\n"), []int{400}},
		{"a chunk of a huge size", post(js+"Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"), []int{400}},
		{"a chunk of 16 EiB", post(js+"Transfer-Encoding: chunked\r\n", "ffffffffffffffff\r\n{}"), []int{400}},
		{"a chunk longer than it says", post(js+"Transfer-Encoding: chunked\r\n", "1\r\n{}\r\n0\r\n\r\n"), []int{400}},
		{"a chunk without its end", post(js+"Transfer-Encoding: chunked\r\n", "2\r\n{}"), []int{400}},
		{"chunks without their end", post(js+"Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n"), []int{400}},
		{"an endless extension of a chunk", post(js+"Transfer-Encoding: chunked\r\n", "2;"+strings.Repeat("x", 20000)+"\r\n{}\r\n0\r\n\r\n"), []int{400}},
		{"a size with a line feed in it", post(js+"Transfer-Encoding: chunked\r\n", "2\n\r\n{}\r\n0\r\n\r\n"), []int{400}},
		{"a broken trailer", post(js+"Transfer-Encoding: chunked\r\nTrailer: X\r\n", "2\r\n{}\r\n0\r\nX\x00: y\r\n\r\n"), []int{400}},
		{"an endless trailer", post(js+"Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n\r\n"), []int{400}},
		{"chunked twice", post(js+"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"), []int{400, 501}},
		{"chunked, and then not", post(js+"Transfer-Encoding: chunked, identity\r\n", "2\r\n{}\r\n0\r\n\r\n"), []int{400, 501}},
		{"an unknown transfer encoding", post(js+"Transfer-Encoding: gzip\r\n", "{}"), []int{501}},
		{"chunked with a tab", post(js+"Transfer-Encoding:\tchunked\x0b\r\n", "2\r\n{}\r\n0\r\n\r\n"), []int{400, 501}},
		{"both a length and chunks", post(js+"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), []int{400}},
		{"chunks that hide a request", post(js+"Content-Length: "+"5\r\nTransfer-Encoding : chunked\r\n", "0\r\n\r\n"+smuggled), []int{400}},
		{"two lengths", post(js+"Content-Length: 2\r\nContent-Length: 400\r\n", "{}"+smuggled), []int{400}},
		{"two lengths in one", post(js+"Content-Length: 2, 400\r\n", "{}"+smuggled), []int{400}},
		{"a negative length", post(js+"Content-Length: -1\r\n", "{}"), []int{400}},
		{"a length with a sign", post(js+"Content-Length: +2\r\n", "{}"), []int{400}},
		{"a length in hexadecimal", post(js+"Content-Length: 0x2\r\n", "{}"), []int{400}},
		{"a huge length", post(js+"Content-Length: 99999999999999999999\r\n", "{}"), []int{400}},
		{"a length that is too long for the body", post(js+"Content-Length: 20\r\n", "{}"), []int{400}},
		{"an encoded body", post(js+"Content-Encoding: gzip\r\nContent-Length: 20\r\n", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3"+"\x02\x00"), []int{400}},
		{"an expectation", post(js+"Expect: the-spanish-inquisition\r\nContent-Length: 2\r\n", "{}"), []int{417}},
		{"two content types", post("Content-Type: text/plain\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: 2\r\n", "{}"), []int{415}},
		{"a folded header", post(js+"X: a\r\n b\r\nContent-Length: 2\r\n", "{}"), []int{400}},
		{"a header without a name", post(js+": x\r\nContent-Length: 2\r\n", "{}"), []int{400}},
		{"a header without a colon", post(js+"nonsense\r\nContent-Length: 2\r\n", "{}"), []int{400}},
		{"a NUL in a header", post(js+"X: a\x00b\r\nContent-Length: 2\r\n", "{}"), []int{400}},
		{"a carriage return in a header", post(js+"X: a\rSet-Cookie: b\r\nContent-Length: 2\r\n", "{}"), []int{400}},
		{"a space before the colon", post(js+"X : a\r\nContent-Length: 2\r\n", "{}"), []int{400}},
		{"no host", "POST /login HTTP/1.1\r\n" + js + "Content-Length: 2\r\n\r\n{}", []int{400}},
		{"two hosts", post("Host: evil.example\r\n"+js+"Content-Length: 2\r\n", "{}"), []int{400}},
		{"a host that is none", "POST /login HTTP/1.1\r\nHost: a b\r\n" + js + "Content-Length: 2\r\n\r\n{}", []int{400}},
		{"headers without end", "GET /login HTTP/1.1\r\nHost: " + s.host + "\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n", []int{431}},
		{"many headers", "GET /login HTTP/1.1\r\nHost: " + s.host + "\r\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 1200) + "\r\n", []int{431}},
		{"a path without end", "GET /" + strings.Repeat("x", 2<<20) + " HTTP/1.1\r\nHost: " + s.host + "\r\n\r\n", []int{431}},
		{"no version", "GET /login\r\n\r\n", []int{400}},
		{"a version of the future", "GET /login HTTP/3.0\r\nHost: " + s.host + "\r\n\r\n", []int{505}},
		{"a version that is none", "GET /login HTTP/x\r\nHost: " + s.host + "\r\n\r\n", []int{400}},
		{"HTTP/2 in the clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{400, 505}},
		{"a TLS greeting", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 100) + "\r\n\r\n", []int{400}},
		{"a method with a NUL", "G\x00T /login HTTP/1.1\r\nHost: " + s.host + "\r\n\r\n", []int{400}},
		{"a method without end", strings.Repeat("G", 10000) + " /login HTTP/1.1\r\nHost: " + s.host + "\r\nAccept: application/json\r\n\r\n", []int{405}},
		{"a path with a NUL", "GET /login\x00 HTTP/1.1\r\nHost: " + s.host + "\r\n\r\n", []int{400}},
		{"a path that is none", "GET %zz HTTP/1.1\r\nHost: " + s.host + "\r\n\r\n", []int{400}},
		{"a path that is an asterisk", "POST * HTTP/1.1\r\nHost: " + s.host + "\r\nAccept: application/json\r\nContent-Length: 0\r\n\r\n", []int{400, 404}},
		{"another site's address", "GET http://evil.example/nowhere HTTP/1.1\r\nHost: " + s.host + "\r\nAccept: application/json\r\n\r\n", []int{404}},
		{"a state of broken escapes", "POST /wan-signin/%c0%af%00%ff HTTP/1.1\r\nHost: " + s.host + "\r\n" + js + "Content-Length: 17\r\n\r\n{\"credential\":{}}", []int{400}},
		{"a state of slashes", "POST /wan-signin/%2f..%2f..%2faccount HTTP/1.1\r\nHost: " + s.host + "\r\n" + js + "Content-Length: 17\r\n\r\n{\"credential\":{}}", []int{400}},
		{"a query of broken escapes", "POST /login?next=%zz&include_auth_token=%;a=b HTTP/1.1\r\nHost: " + s.host + "\r\n" + js + "Content-Length: 2\r\n\r\n{}", []int{400}},
		{"cookies that are none", "GET /account HTTP/1.1\r\nHost: " + s.host + "\r\nAccept: application/json\r\nCookie: =;;; latchkey_session; latchkey_session=\"\"; a=\"; latchkey_session=\xff\xfe\r\n\r\n", []int{401}},
		{"tokens that are none", "GET /account HTTP/1.1\r\nHost: " + s.host + "\r\nAccept: application/json\r\nAuthorization: Bearer\r\nAuthentication-Token: \xff\xfe\r\n\r\n", []int{401}},
		{"a language without end", "GET /account HTTP/1.1\r\nHost: " + s.host + "\r\nAccept: application/json\r\nAccept-Language: " + strings.Repeat("a-", 20000) + "\r\n\r\n", []int{401}},
		{"a list of types without end", "GET /account HTTP/1.1\r\nHost: " + s.host + "\r\nAccept: application/json" + strings.Repeat(", */*;q=0.1", 5000) + "\r\n\r\n", []int{401}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", s.server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			whole := !slices.Contains(breaksOff, c.name)
			go func() { // what does not fit is not read, and the server may hang up on it
				if _, err := io.WriteString(conn, c.raw); err == nil && !whole {
					_ = conn.(*net.TCPConn).CloseWrite()
				}
			}()
			in := bufio.NewReader(conn)
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("no answer: %v", err)
			}
			body, err := io.ReadAll(res.Body)
			if err != nil && !strings.Contains(err.Error(), "reset") {
				t.Fatal(err)
			}
			a := &answer{t: t, s: s, method: http.MethodPost, path: "/" + c.name, status: res.StatusCode, header: res.Header, body: body}
			if !slices.Contains(c.status, a.status) {
				t.Errorf("%d, want %v: %s", a.status, c.status, body)
			}
			if res.Header.Get("Content-Type") != "" && res.Header.Get("X-Content-Type-Options") != "" { // it was the handler that answered
				a.check()
			} else if !res.Close && a.status != http.StatusExpectationFailed {
				t.Error("the connection lives on")
			}
			_ = conn.(*net.TCPConn).CloseWrite() // so that the server ends it as well
			for {
				more, err := http.ReadResponse(in, nil)
				if err != nil {
					break
				}
				if more.StatusCode < 400 {
					t.Errorf("a smuggled request was answered with %d", more.StatusCode)
				}
				if _, err := io.Copy(io.Discard, more.Body); err != nil {
					break
				}
			}
		})
	}
}
