package web_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/latchkey-auth/latchkey"
)

// look is a site with files of the app's own.
func look(t *testing.T, files map[string]string, change ...func(*latchkey.Config)) *site {
	t.Helper()
	overlay := fstest.MapFS{}
	for name, text := range files {
		overlay[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return newSite(t, append([]func(*latchkey.Config){func(c *latchkey.Config) { c.Overlay = overlay }}, change...)...)
}

// The frame alone is the app's; every page inside it is the bundled one and works.
func TestTheFrameAloneIsReplaced(t *testing.T) {
	s := look(t, map[string]string{"templates/layout.html": `<!doctype html>
<html lang="{{.Lang}}"><head><title>{{block "title" .}}{{title .Page}}{{end}} at Acme</title>
<link rel="stylesheet" href="{{static "latchkey.css"}}"><script type="module" nonce="{{.Nonce}}" src="{{static "pages.js"}}"></script></head>
<body><p>Acme, since 1949</p><main>{{range .Flashes}}<p>{{.Text}}</p>{{end}}{{template "main" .}}</main>{{block "width" .}}{{end}}
<script type="application/json" id="latchkey-texts">{{texts}}</script></body></html>`})
	v := s.visitor(t)
	for _, path := range []string{"/", "/login", "/register", "/wan-signin"} {
		a := v.page(path).want(http.StatusOK).shows("Acme, since 1949")
		if strings.Contains(string(a.body), `class="brand"`) {
			t.Errorf("%s has the bundled frame", path)
		}
	}
	v.form("/login", fields{"email": "nobody@example.test", "password": "wrong"}).want(http.StatusOK).shows("Acme, since 1949").shows("not right")
	p := s.person(t)
	p.enrol("first")
	if a := p.page("/wan-register").want(http.StatusOK).shows("Acme, since 1949"); !a.hasForm("/wan-register", "name") || !a.hasForm("/wan-delete", "id") {
		t.Error("the page of the passkeys has lost its forms")
	}
	v = p.fresh()
	start := v.form("/wan-signin", fields{"identity": p.email}).want(http.StatusOK).shows("Acme, since 1949")
	v.form("/wan-signin/"+start.action("/wan-signin"), fields{"credential": v.sign(start)}).want(http.StatusFound)
	v.signedIn()
}

// One page is the app's, and a piece that pages share.
func TestAPageAloneIsReplaced(t *testing.T) {
	s := look(t, map[string]string{"templates/login.html": `{{define "main"}}<h1>Knock, knock</h1>
<form method="post" action="{{.Path}}"><input name="email" value="{{.Fields.email}}"><input name="password" type="password">
{{range index .Errors ""}}<p>{{.}}</p>{{end}}<button>Enter</button></form><a href="{{link "wan-signin" .Next}}">by passkey</a>{{end}}`})
	v := s.visitor(t)
	v.page("/login?next=/notes").want(http.StatusOK).shows("Knock, knock").shows("Enter")
	v.page("/register").want(http.StatusOK)
	v.form("/login", fields{"email": "x@example.test", "password": "wrong"}).want(http.StatusOK).shows("Knock, knock").shows("not right")
	p := s.person(t)
	v.form("/login", fields{"email": p.email, "password": goodPassword}).goes("/")
}

// Only words are the app's: those of one language, and a language that is new.
func TestTextsAloneAreReplaced(t *testing.T) {
	s := look(t, map[string]string{
		"locales/en.json":       `{"GENERIC_AUTHN_FAILED": "Nope."}`,
		"locales/pages.fr.json": `{"page.login.title": "Se connecter"}`,
	})
	v := s.visitor(t)
	wrong := fields{"email": "nobody@example.test", "password": "wrong"}
	v.form("/login", wrong).want(http.StatusOK).shows("Nope.")
	if got := v.post("/login", wrong).refuses(http.StatusBadRequest, "GENERIC_AUTHN_FAILED", "").str("errors", 0); got != "Nope." {
		t.Errorf("a program is told %q", got)
	}
	v.header.Set("Accept-Language", "de")
	if got := v.post("/login", wrong).str("errors", 0); got == "Nope." {
		t.Error("German speaks English")
	}
	v.header.Set("Accept-Language", "fr")
	if a := v.page("/login").want(http.StatusOK).shows("Se connecter"); a.header.Get("Content-Language") != "fr" {
		t.Errorf("the language is %q", a.header.Get("Content-Language"))
	}
}

// Values of the app's own reach the template of each page, and know who is there; they are text, whatever they hold.
func TestTemplatesAreGivenTheAppsOwnValues(t *testing.T) {
	const values = `{{define "main"}}<p>[{{.Values.tagline}}|{{.Values.page}}|{{.Values.who}}|{{.Values.missing}}]</p>{{end}}`
	s := look(t, map[string]string{"templates/landing.html": values, "templates/account.html": values}, func(c *latchkey.Config) {
		c.TemplateValues = func(r *http.Request, page string) map[string]any {
			if page == "register" {
				return nil
			}
			user, _ := latchkey.UserFrom(r.Context())
			return map[string]any{"tagline": "<b>Bold</b>", "page": page, "who": user.Email}
		}
	})
	if a := s.visitor(t).page("/").want(http.StatusOK); !strings.Contains(string(a.body), "[&lt;b&gt;Bold&lt;/b&gt;|landing||]") {
		t.Errorf("%s", a.body)
	}
	s.visitor(t).page("/register").want(http.StatusOK)
	p := s.person(t)
	p.page("/account").want(http.StatusOK).shows("|account|" + p.email + "|]")
	// without such a function a template that asks for values shows none
	bare := look(t, map[string]string{"templates/landing.html": values})
	bare.visitor(t).page("/").want(http.StatusOK).shows("[|||]")
}
