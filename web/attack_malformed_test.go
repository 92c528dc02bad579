package web_test

import (
	"fmt"
	"go/ast"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// at is a route with something in the place of its state.
func at(route string) string {
	return strings.NewReplacer("{state}", "x", "{$}", "").Replace(route)
}

// TestNoEndpointEscapesTheCorpus: every endpoint that takes a POST is in the table that the malformed bodies are sent by, and every field that
// the code reads is one that wrong types are sent in.
func TestNoEndpointEscapesTheCorpus(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	inTable, fieldsInTable := map[string]bool{}, map[string]bool{}
	for _, p := range allPosted {
		inTable[p.path] = true
		for _, f := range append(slices.Clone(p.texts), p.flags...) {
			fieldsInTable[f] = true
		}
		fieldsInTable["code"] = fieldsInTable["code"] || p.code
		fieldsInTable["credential"] = fieldsInTable["credential"] || p.finish
	}
	routed := map[string]bool{}
	for _, r := range routesOf(s) {
		if r.Post {
			routed[at(r.Path)] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(inTable)), slices.Sorted(maps.Keys(routed)); !slices.Equal(got, want) {
		t.Errorf("the table has %q, the router %q", got, want)
	}
	read := map[string]bool{"credential": true} // which fields.credential reads by itself
	eachNode(t, ".", func(n ast.Node) {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return
		}
		f, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"text", "texts", "flag", "code"}, f.Sel.Name) {
			return
		}
		of, named := f.X.(*ast.SelectorExpr)
		id, bare := f.X.(*ast.Ident)
		if named && of.Sel.Name == "fields" || bare && id.Name == "c" && f.Sel.Name == "texts" {
			for _, a := range call.Args {
				if name, ok := textOf(a); ok {
					read[name] = true
				}
			}
		}
	})
	read["end_sessions"], read["reset_factors"] = true, true // whose names stand in a table
	if got, want := slices.Sorted(maps.Keys(fieldsInTable)), slices.Sorted(maps.Keys(read)); !slices.Equal(got, want) {
		t.Errorf("the table has the fields %q, the code reads %q", got, want)
	}
}

// TestEveryEndpointRefusesOtherMethods: 405 with what is allowed, in both renderings, whatever the method is called.
func TestEveryEndpointRefusesOtherMethods(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.auth.Handler()
	for _, r := range routesOf(s) {
		if strings.HasPrefix(r.Path, "/confirm/") {
			continue // not there without Confirmable
		}
		methods := []string{"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "FOO", "get", "post", "PoSt", "GETS", "X"}
		var allowed []string
		if r.Get {
			allowed = append(allowed, "GET", "HEAD")
		} else {
			methods = append(methods, "GET", "HEAD")
		}
		if r.Post {
			allowed = append(allowed, "POST")
		} else {
			methods = append(methods, "POST")
		}
		for _, m := range methods {
			for _, accept := range []string{"application/json", htmlAccept} {
				req := httptest.NewRequest(http.MethodGet, s.origin+at(r.Path), strings.NewReader("{}"))
				req.Method = m
				req.Header.Set("Accept", accept)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, req)
				a := &answer{t: t, s: s, method: m, path: at(r.Path), status: w.Code, header: w.Header(), body: w.Body.Bytes()}
				if a.check(); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != strings.Join(allowed, ", ") {
					t.Errorf("%v: Allow %q, want %q", a, a.header.Get("Allow"), allowed)
				}
			}
		}
	}
}

// endless is a body without end, which counts what is read of it.
type endless struct {
	text string
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, strings.Repeat(e.text, len(p)/len(e.text)+1))
	e.read += n
	return n, nil
}

// TestNoEndpointReadsWithoutEnd: of a body without end, no more is read than the bound, whoever sends it and whatever it holds; without a POST
// nothing is.
func TestNoEndpointReadsWithoutEnd(t *testing.T) {
	t.Parallel()
	const bound = 64 << 10
	for name, change := range map[string]func(*testing.T) *site{
		"default": func(t *testing.T) *site { return newSite(t) }, "all": func(t *testing.T) *site { return newSite(t, everyToken) },
	} {
		s := change(t)
		h := s.auth.Handler()
		for _, r := range routesOf(s) {
			for _, typ := range []string{"application/json", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", ""} {
				for _, text := range []string{"[", "a", `{"a":`, "a=b&", "\x00", " "} {
					for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodPut} {
						body := &endless{text: text}
						req := httptest.NewRequest(method, s.origin+at(r.Path), body)
						req.ContentLength = -1
						req.Header.Set("Content-Type", typ)
						w := httptest.NewRecorder()
						h.ServeHTTP(w, req)
						most := 0
						if method == http.MethodPost && r.Post {
							most = bound + 1
						}
						if body.read > most {
							t.Errorf("%s: %s %s with %q of %q: %d bytes were read", name, method, r.Path, text, typ, body.read)
						}
						if most > 0 && w.Code != http.StatusRequestEntityTooLarge && w.Code != http.StatusNotFound {
							t.Errorf("%s: %s %s with %q of %q: %d", name, method, r.Path, text, typ, w.Code)
						}
						if w.Code >= 500 {
							t.Errorf("%s: %s %s: %d", name, method, r.Path, w.Code)
						}
					}
				}
			}
		}
	}
}

// broken is a body that ends in an error, as of a client that went away or was too slow.
type broken struct{ left io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.left.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// TestABodyThatBreaksOffIsRefused at every endpoint, though what came of it would do.
func TestABodyThatBreaksOffIsRefused(t *testing.T) {
	t.Parallel()
	who := callers(t)
	for _, p := range allPosted {
		v := who[p.who]
		req := httptest.NewRequest(http.MethodPost, v.s.origin+p.path, broken{strings.NewReader(`{"email":"a@example.test","password":"x"}`)})
		req.ContentLength = -1
		req.Header.Set("Content-Type", "application/json")
		for name, c := range v.cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: c.Value})
		}
		w := httptest.NewRecorder()
		v.s.auth.Handler().ServeHTTP(w, req)
		a := &answer{t: t, s: v.s, method: http.MethodPost, path: p.path, status: w.Code, header: w.Header(), body: w.Body.Bytes()}
		a.check()
		a.refuses(http.StatusBadRequest, "API_ERROR", "")
	}
}

// TestOddAnswersOfADevice: a credential as an object or as text, of every shape that is none, at every endpoint that takes one.
func TestOddAnswersOfADevice(t *testing.T) {
	t.Parallel()
	s := newSite(t, everyToken)
	all := stages(t, s)
	big := strings.Repeat("9", 400)
	odd := []string{
		`{}`, `{"id":` + deep(4000) + `}`, `{"response":` + deep(9990) + `}`, `{"id":` + big + `}`, `{"id":1e999,"rawId":-0}`, `{"id":null,"rawId":null,"type":null,"response":null}`,
		`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":{"type":"webauthn.get"}}}`,
		`{"id":"\u0000","rawId":"\u0000","type":"public-key","response":{}}`, `{"id":"\ud800","rawId":"\ud800","type":"public-key","response":{}}`,
		`{"response":{"response":{"response":{}}}}`, `{"type":["public-key"]}`, `{"__proto__":{"id":"AAAA"}}`,
		`{"id":"` + strings.Repeat("A", 60000) + `","rawId":"A","type":"public-key","response":{}}`,
		`{"id":"AAAA","id":"BBBB","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30"}}`,
		`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"` + strings.Repeat("n", 60000) + `"}}`,
	}
	for name, g := range all {
		start := g.start(t)
		for i, text := range odd {
			quoted := fmt.Sprintf("%q", text)
			if strings.Contains(text, `\u`) {
				quoted = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
			}
			for _, value := range []string{text, quoted} {
				if len(value) > 63<<10 {
					continue
				}
				a := g.v.in(t).raw(with(g.path, start), `{"credential":`+value+`}`)
				if a.status != http.StatusBadRequest || !slices.Equal(a.codes(), []string{"API_ERROR"}) || a.at("field_errors", "credential") == nil {
					t.Errorf("%s, %d: %v", name, i, a)
				}
			}
		}
		if a := g.v.in(t).post(with(g.path, start), fields{"credential": g.answer(t, start)}); a.status != http.StatusOK {
			t.Errorf("%s: the state is no longer good: %v", name, a)
		}
	}
}
