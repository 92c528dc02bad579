package web_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/latchkeytest"
)

const goodPassword = "Wooden-Kettle-42-Marsh"

// fields are those of a JSON body or a form.
type fields map[string]any

// visitor is a browser, or a program, with cookies and an authenticator of its own.
type visitor struct {
	t       testing.TB
	s       *site
	host    string
	origin  string
	header  http.Header // sent with every request
	cookies map[string]*http.Cookie
	device  *latchkeytest.Authenticator
	email   string // of the account, once it has one
	phone   string
	codes   *app
}

// visitor comes for the first time.
func (s *site) visitor(t testing.TB) *visitor {
	return &visitor{t: t, s: s, host: s.host, origin: s.origin, header: http.Header{}, cookies: map[string]*http.Cookie{}, device: latchkeytest.NewAuthenticator()}
}

// fork is another browser with a copy of the cookies.
func (v *visitor) fork() *visitor {
	c := *v
	c.cookies, c.header = maps.Clone(v.cookies), v.header.Clone()
	return &c
}

// fresh is another browser of the same person, with the same authenticators and no cookies.
func (v *visitor) fresh() *visitor {
	c := v.fork()
	clear(c.cookies)
	return c
}

// in is the visitor within a subtest.
func (v *visitor) in(t testing.TB) *visitor {
	c := *v
	c.t = t
	return &c
}

// restart closes the browser and opens it again.
func (v *visitor) restart() {
	maps.DeleteFunc(v.cookies, func(_ string, c *http.Cookie) bool { return c.MaxAge == 0 })
}

// bearer makes a program of the visitor: no cookies, a token.
func (v *visitor) bearer(token string) *visitor {
	c := v.fresh()
	c.header.Set("Authorization", "Bearer "+token)
	return c
}

// call sends a request and checks what every answer must be like.
func (v *visitor) call(method, path string, header http.Header, body []byte) *answer {
	v.t.Helper()
	return v.ask(method, v.s.server.URL+v.s.prefix+path, header, body)
}

func (v *visitor) ask(method, address string, header http.Header, body []byte) *answer {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, address, bytes.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Host = v.host
	for _, h := range []http.Header{v.header, header} {
		for name, values := range h {
			req.Header[name] = values
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.cookies)) {
		req.AddCookie(&http.Cookie{Name: name, Value: v.cookies[name].Value})
	}
	res, err := v.s.server.Client().Transport.RoundTrip(req)
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, address, err)
	}
	defer res.Body.Close()
	a := &answer{t: v.t, s: v.s, method: method, path: req.URL.RequestURI(), status: res.StatusCode, header: res.Header, set: res.Cookies()}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		v.t.Fatalf("%s %s: %v", method, address, err)
	}
	for _, c := range a.set {
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		} else {
			v.cookies[c.Name] = c
		}
	}
	a.check()
	a.described(req, body)
	return a
}

// get asks for JSON.
func (v *visitor) get(path string) *answer {
	v.t.Helper()
	return v.call(http.MethodGet, path, http.Header{"Accept": {"application/json"}}, nil)
}

// post sends a JSON object.
func (v *visitor) post(path string, f fields) *answer {
	v.t.Helper()
	if f == nil {
		f = fields{}
	}
	body, err := json.Marshal(f)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.raw(path, string(body))
}

// raw sends a JSON body as it is.
func (v *visitor) raw(path, body string) *answer {
	v.t.Helper()
	return v.call(http.MethodPost, path, http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"}}, []byte(body))
}

// page asks for a page as a browser does.
func (v *visitor) page(path string) *answer {
	v.t.Helper()
	return v.call(http.MethodGet, path, http.Header{"Accept": {htmlAccept}, "Sec-Fetch-Site": {"none"}, "Sec-Fetch-Mode": {"navigate"}}, nil)
}

const htmlAccept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// form submits a form of a page.
func (v *visitor) form(path string, f fields) *answer {
	v.t.Helper()
	return v.call(http.MethodPost, path, v.formHeader(), []byte(encodeForm(v.t, f)))
}

func (v *visitor) formHeader() http.Header {
	return http.Header{
		"Accept": {htmlAccept}, "Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {v.origin},
		"Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Mode": {"navigate"},
	}
}

func encodeForm(t testing.TB, f fields) string {
	t.Helper()
	q := url.Values{}
	for k, x := range f {
		switch x := x.(type) {
		case nil:
		case string:
			q.Set(k, x)
		default:
			text, err := json.Marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			q.Set(k, string(text))
		}
	}
	return q.Encode()
}

// way is one of the two renderings, for tests that hold both to the same.
type way struct {
	name string
	post func(*visitor, string, fields) *answer
	get  func(*visitor, string) *answer
}

var ways = []way{{"JSON", (*visitor).post, (*visitor).get}, {"HTML", (*visitor).form, (*visitor).page}}

// whoami is the address of who is signed in, or "".
func (v *visitor) whoami() string {
	v.t.Helper()
	a := v.get("/login")
	user, _ := a.response["user"].(map[string]any)
	email, _ := user["email"].(string)
	return email
}

func (v *visitor) signedIn() *visitor {
	v.t.Helper()
	if got := v.whoami(); v.email == "" || !strings.EqualFold(got, v.email) {
		v.t.Fatalf("signed in as %q, want %q", got, v.email)
	}
	return v
}

func (v *visitor) signedOut() *visitor {
	v.t.Helper()
	if got := v.whoami(); got != "" {
		v.t.Fatalf("signed in as %q, want nobody", got)
	}
	return v
}

// cookie is the cookie whose name ends so, with or without a host prefix.
func (v *visitor) cookie(name string) *http.Cookie {
	for n, c := range v.cookies {
		if strings.TrimPrefix(n, "__Host-") == name {
			return c
		}
	}
	return nil
}
