package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// answers are what devices really answer, whole and broken, as seeds.
func answers(f *testing.F, real string) []string {
	f.Helper()
	seeds := []string{"", "{}", "null", "[]", `"hi there"`, "{", strings.Repeat("[", 500), `{"id":5,"rawId":5,"type":"public-key","response":{}}`,
		`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA","authenticatorData":"AA","signature":"AA"}}`, real}
	for _, cut := range []int{2, 3, 10} {
		seeds = append(seeds, real[:len(real)/cut], strings.Replace(real, "A", "_", cut), strings.ReplaceAll(real, `"response"`, strings.Repeat("x", cut)))
	}
	var m map[string]any
	if err := json.Unmarshal([]byte(real), &m); err != nil {
		f.Fatal(err)
	}
	response := m["response"].(map[string]any)
	for name := range response {
		for _, value := range []any{nil, 7, "", "!!!", "AAAA", []any{}, map[string]any{}} {
			was := response[name]
			response[name] = value
			text, err := json.Marshal(m)
			if err != nil {
				f.Fatal(err)
			}
			seeds = append(seeds, string(text))
			response[name] = was
		}
	}
	return seeds
}

// refusedOrDone: whatever comes, it is a 200 or a refusal; the checks of every answer do the rest.
func refusedOrDone(t *testing.T, a *answer) {
	t.Helper()
	switch a.status {
	case http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusRequestEntityTooLarge:
	default:
		t.Errorf("%v", a)
	}
}

// FuzzFinish gives each ceremony's second half whatever bytes as the device's answer, as text and as an object.
func FuzzFinish(f *testing.F) {
	s := newSite(f)
	p := s.person(f)
	p.enrol("first")
	for _, path := range []string{"/wan-register", "/wan-signin", "/wan-verify"} {
		start := p.fresh().start(p, path)
		real := ""
		if path == "/wan-register" {
			p.device = latchkeytest.NewAuthenticator()
			real = p.create(start)
		} else {
			real = p.signFor(withoutAllowed(start))
		}
		for _, seed := range answers(f, real) {
			f.Add(path, seed)
		}
	}
	f.Fuzz(func(t *testing.T, path, credential string) {
		if path != "/wan-register" && path != "/wan-signin" {
			path = "/wan-verify"
		}
		v := p.in(t)
		if path == "/wan-signin" {
			v = v.fresh()
		}
		start := v.start(v, path)
		refusedOrDone(t, v.post(with(path, start), fields{"credential": credential}))
		refusedOrDone(t, v.raw(with(path, start), `{"credential":`+credential+`}`))
	})
}

// start begins a ceremony: as a stranger for a sign-in, else as that person.
func (v *visitor) start(p *visitor, path string) *answer {
	v.t.Helper()
	if path != "/wan-signin" {
		v = p
	}
	return v.post(path, fields{"name": unique("fuzzed")}).want(http.StatusOK)
}

// FuzzState puts whatever text in the place of a state, at every endpoint that takes one.
func FuzzState(f *testing.F) {
	s := newSite(f)
	p := s.person(f)
	for _, seed := range []string{"x", "a.b.c", "%00", "..", "../..", "AAAA", strings.Repeat("A", 3000), "é", "a b", "/", "\\",
		p.post("/wan-register", fields{"name": "k"}).str("wan_state"), p.post("/wan-verify", nil).str("wan_state"), p.fresh().post("/wan-signin", nil).str("wan_state"),
		p.post("/tf-setup", fields{"setup": "authenticator"}).str("tf_state_token")} {
		f.Add(seed)
		f.Add(seed[:len(seed)/2])
		f.Add(seed + "=")
	}
	f.Fuzz(func(t *testing.T, state string) {
		state = url.PathEscape(state)
		if len(state) > 6000 || state == "" || state == "." || state == ".." {
			return // a path that the router sees to
		}
		for _, path := range []string{"/wan-register/", "/wan-verify/", "/wan-signin/", "/tf-setup/", "/recover/"} {
			v := p.in(t)
			if path == "/wan-signin/" || path == "/recover/" {
				v = v.fresh()
			}
			a := v.post(path+state, fields{"credential": "{}", "code": "1"})
			if a.status != http.StatusBadRequest && a.status != http.StatusNotFound {
				t.Errorf("%v", a)
			}
		}
	})
}

// FuzzNext gives a sign-in whatever text to go on to, in the form and in the query: the browser stays on this site.
func FuzzNext(f *testing.F) {
	s := newSite(f)
	p := s.person(f)
	for _, seed := range append(badNexts, goodNexts...) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, next string) {
		if len(next) > 6000 {
			return
		}
		v := p.in(t)
		for _, a := range []*answer{
			v.page(query("/login", "next", next)),
			v.form("/verify", fields{"password": goodPassword, "next": next}),
			v.fresh().form(query("/wan-signin/x", "next", next), nil),
		} {
			if a.status == http.StatusBadRequest {
				continue // not UTF-8
			}
			to, err := url.Parse(a.want(http.StatusFound).header.Get("Location"))
			if err != nil || to.Scheme != "" || to.Host != "" || !strings.HasPrefix(to.Path, "/") || strings.HasPrefix(to.Path, "//") || strings.ContainsAny(to.Path, "\\\r\n\t") {
				t.Errorf("%q leads to %q", next, a.header.Get("Location"))
			}
		}
	})
}
