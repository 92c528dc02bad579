package web

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestStaticFiles(t *testing.T) {
	r := testRenderer(t, nil, "/auth")
	get := func(method, path string, header ...string) *http.Response {
		req := httptest.NewRequest(method, path, nil)
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		r.static().ServeHTTP(w, req)
		return w.Result()
	}
	for name, mime := range map[string]string{
		"latchkey.js":   "text/javascript; charset=utf-8",
		"pages.js":      "text/javascript; charset=utf-8",
		"latchkey.css":  "text/css; charset=utf-8",
		"latchkey.d.ts": "text/plain; charset=utf-8",
		"favicon.svg":   "image/svg+xml",
	} {
		hashed := r.staticPath(name)
		if !strings.HasPrefix(hashed, "/auth/static/latchkey/v-") || !strings.HasSuffix(hashed, "/"+name) {
			t.Errorf("path of %s: %s", name, hashed)
		}
		res := get("GET", hashed)
		if h := res.Header; res.StatusCode != 200 || h.Get("Content-Type") != mime || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Cache-Control") != "public, max-age=31536000, immutable" || h.Get("ETag") == "" {
			t.Errorf("%s: %d %v", hashed, res.StatusCode, h)
		}
		if again := get("GET", hashed, "If-None-Match", res.Header.Get("ETag")); again.StatusCode != 304 {
			t.Errorf("%s again: %d", hashed, again.StatusCode)
		}
		for _, path := range []string{"/auth/static/latchkey/" + name, "/auth/static/latchkey/v-0000000000000000/" + name} {
			if res := get("GET", path); res.StatusCode != 200 || res.Header.Get("Cache-Control") != "no-cache" {
				t.Errorf("%s: %d %v", path, res.StatusCode, res.Header)
			}
		}
	}
	for _, path := range []string{"/auth/static/latchkey/", "/auth/static/latchkey/nosuch.js", "/auth/static/latchkey/../render.go", "/static/latchkey/latchkey.js", "/auth/static/latchkey/v-x/"} {
		if res := get("GET", path); res.StatusCode != 404 {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	if res := get("POST", r.staticPath("pages.js")); res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", res.StatusCode, res.Header)
	}
	if res := get("HEAD", r.staticPath("pages.js")); res.StatusCode != 200 {
		t.Errorf("HEAD: %d", res.StatusCode)
	}
}

// What the pages and the modules name is there.
func TestStaticNames(t *testing.T) {
	r := testRenderer(t, nil, "")
	for _, v := range samples() {
		html := render(t, r, v)
		for part := range strings.SplitSeq(html, `"`) {
			name, ok := strings.CutPrefix(part, r.staticPath(""))
			if ok {
				if _, err := fs.Stat(embedded, "static/"+name); err != nil {
					t.Errorf("%s: %v", v.Page, err)
				}
			}
		}
	}
}

// Texts and markup never meet in the scripts.
func TestScriptsWriteNoMarkup(t *testing.T) {
	for _, name := range []string{"latchkey.js", "pages.js"} {
		text, err := fs.ReadFile(embedded, "static/"+name)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", ".style.", "http:", "createContextualFragment"} {
			if strings.Contains(string(text), bad) {
				t.Errorf("%s uses %s", name, bad)
			}
		}
	}
}
