package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzBody sends whatever body, as JSON and as a form, to every endpoint that takes one, of a person who may be there: it is a success, a page or a
// refusal; the checks of every answer do the rest.
func FuzzBody(f *testing.F) {
	s := newSite(f)
	p := s.person(f)
	p.setUpApp()
	nobody, waiting := s.visitor(f), p.waiting()
	for _, seed := range []string{
		"", "{}", "null", "[]", `{"email":"a@b.example","password":"x"}`, `{"code":123456}`, `{"remember":1}`, `{"credential":{"id":[]}}`, `{"name":"\u0000"}`, `{"a":1,"a":2}`, strings.Repeat("[", 2000),
		"email=a%40b.example&password=x", "a=b&a=c", "%zz", "a;b", "remember=y&next=%2f%2fevil.example", "setup=disable", `{"setup":"sms","phone":"+4474001"}`, `{"send":"email","verify_state":"x"}`, `{"all":true}`, "\xff\xfe", `{"id":"x","others":null}`,
	} {
		f.Add(uint8(0), seed)
		f.Add(uint8(len(seed)), seed)
	}
	routes := []string{}
	for _, r := range routesOf(s) {
		if r.Post && r.Path != "/logout" && r.Path != "/sessions/end" {
			routes = append(routes, at(r.Path))
		}
	}
	f.Fuzz(func(t *testing.T, at uint8, body string) {
		path := routes[int(at)%len(routes)]
		for _, typ := range []string{"application/json", "application/x-www-form-urlencoded"} {
			for _, v := range []*visitor{nobody, p, waiting} {
				a := v.in(t).fork().call(http.MethodPost, path, http.Header{"Content-Type": {typ}}, []byte(body))
				if a.status >= 500 && a.status != http.StatusServiceUnavailable {
					t.Errorf("%v", a)
				}
			}
		}
	})
}

// FuzzCookie puts whatever text in the place of each cookie: nobody is signed in by it, and nothing waits for it.
func FuzzCookie(f *testing.F) {
	s := newSite(f, trusting)
	p := s.person(f)
	p.enrol("secondary")
	v := p.fresh()
	v.form("/login", fields{"email": p.email, "password": goodPassword, "remember": "y"})
	real := []string{"", "x", "a=b", "%00", strings.Repeat("A", 3000), "\"", "a b", "é", "AAAA.AAAA", "null", "{}", "../.."}
	for _, c := range v.cookies {
		real = append(real, c.Value[:len(c.Value)-1], c.Value+"A")
	}
	for _, c := range p.cookies {
		real = append(real, strings.ToLower(c.Value), "A"+c.Value)
	}
	for _, text := range real {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w := s.visitor(t)
		for _, name := range []string{"latchkey_session", "latchkey_pending", "latchkey_grace", "latchkey_known", "latchkey_flash", "tf_validity"} {
			w.cookies[name] = &http.Cookie{Name: name, Value: text}
		}
		w.get("/account").want(http.StatusUnauthorized)
		w.get("/tf-select").refuses(http.StatusBadRequest, "TWO_FACTOR_PERMISSION_DENIED", "")
		w.page("/login").want(http.StatusOK)
		w.post("/login", fields{"email": p.email, "password": goodPassword}).want(http.StatusOK).is(true, "tf_required")
	})
}

// FuzzHeaders gives whatever text as the headers that the handler reads: the answer is a page or an envelope, and nobody is signed in by it.
func FuzzHeaders(f *testing.F) {
	s := newSite(f)
	s.person(f)
	for _, seed := range []string{"", "application/json", "text/html;q=0.5, application/json;q=0.6", "*/*;q=nan", "Bearer x", "Bearer  ", "Basic eDp4", "de-AT,de;q=0.9", "https://evil.example", "null", "cross-site", "same-origin", "a,,b;;c", "\x7f", "multipart/form-data; boundary=", strings.Repeat("a;", 500)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range text {
			if r < ' ' || r == 0x7f {
				return // which no client can send
			}
		}
		for _, name := range []string{"Accept", "Content-Type", "Authorization", "Authentication-Token", "Accept-Language", "User-Agent", "Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Referer", "X-Forwarded-For"} {
			w := s.visitor(t)
			w.header.Set(name, text)
			a := w.call(http.MethodGet, "/account", nil, nil)
			if a.status != http.StatusUnauthorized && a.status != http.StatusFound {
				t.Errorf("%s %q: %v", name, text, a)
			}
			if a := w.call(http.MethodPost, "/login", nil, []byte("{}")); a.status < 400 && a.status != http.StatusOK {
				t.Errorf("%s %q: %v", name, text, a)
			}
		}
		w := s.visitor(t)
		if a := w.page(fmt.Sprintf("/login?next=%s&include_auth_token=%[1]s", url.QueryEscape(text))); a.status != http.StatusOK {
			t.Errorf("%q: %v", text, a)
		}
	})
}
