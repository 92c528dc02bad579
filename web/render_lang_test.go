package web

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/latchkey-auth/latchkey/message"
)

var (
	// rawKeys finds the keys of texts, where a text should be.
	rawKeys = regexp.MustCompile(`\b(page|flash|advice|rescue|status|span|mail)\.[a-z]|&lt;no value&gt;|<no value>`)
	// said finds what a page says: what stands between its tags, or in an attribute that is read out.
	said = regexp.MustCompile(`>([^<>]+)<|\s(?:aria-label|alt|title|placeholder|data-heading|data-file)="([^"]*)"`)
	// scripts are not read by people. The texts that they show are the catalogue's.
	scripts = regexp.MustCompile(`(?s)<script\b.*?</script>`)
)

// Every page says in German what it says in English, all of it.
func TestPagesInGerman(t *testing.T) {
	cat, err := message.New()
	if err != nil {
		t.Fatal(err)
	}
	r := testRenderer(t, nil, "/auth")
	english := map[string]bool{}
	for _, key := range cat.Keys("en") {
		if !strings.HasPrefix(string(key), "page.") {
			continue
		}
		// What is the same in both languages is right. What has parameters can't be looked for.
		if text := cat.Text("en", key); text != cat.Text("de", key) && !strings.Contains(text, "no value") {
			english[text] = true
		}
	}
	for _, v := range samples() {
		v.Lang = "de"
		html := render(t, r, v)
		if !strings.Contains(html, `<html lang="de" dir="ltr">`) {
			t.Errorf("%s is not marked as German", v.Page)
		}
		if m := rawKeys.FindString(html); m != "" {
			t.Errorf("%s: %q on the page", v.Page, m)
		}
		if !strings.Contains(html, `"try-again":"`+cat.Text("de", "page.script.try-again")+`"`) {
			t.Errorf("%s: what scripts show is not German", v.Page)
		}
		for _, m := range said.FindAllStringSubmatch(scripts.ReplaceAllString(html, "<>"), -1) {
			if text := strings.TrimSpace(unescape.Replace(m[1] + m[2])); english[text] {
				t.Errorf("%s says %q", v.Page, text)
			}
		}
	}
}

var unescape = strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&amp;", "&")

// The same page has the same tags in every language.
func TestLanguagesHaveTheSameMarkup(t *testing.T) {
	r := testRenderer(t, nil, "")
	tags := regexp.MustCompile(`<[a-z/][a-z0-9]*`)
	for _, v := range samples() {
		v.Lang = "en"
		english := tags.FindAllString(render(t, r, v), -1)
		v.Lang = "de"
		if german := tags.FindAllString(render(t, r, v), -1); !slices.Equal(english, german) {
			t.Errorf("%s: other tags in German", v.Page)
		}
	}
}

// Dates and distances in time are put into the page's language, which is not always the browser's own.
func TestScriptsTakeThePagesLanguage(t *testing.T) {
	script, err := embedded.ReadFile("static/pages.js")
	if err != nil {
		t.Fatal(err)
	}
	text := string(script)
	if !strings.Contains(text, "new Intl.RelativeTimeFormat(document.documentElement.lang,") {
		t.Error("distances in time take another language")
	}
	for _, call := range regexp.MustCompile(`toLocale(?:Date|Time)?String\([^)]*\)|Intl\.[A-Za-z]+\([^)]*\)`).FindAllString(text, -1) {
		if !strings.Contains(call, "(lang,") && !strings.Contains(call, "(document.documentElement.lang,") {
			t.Errorf("%s takes another language", call)
		}
	}
}

func TestLanguages(t *testing.T) {
	cat, err := message.New(fstest.MapFS{
		"sv.json": {Data: []byte(`{"page.login.title": "Logga in", "page.script.cancelled": "Ingen nyckel."}`)},
		"ar.json": {Data: []byte(`{"page.login.title": "تسجيل الدخول"}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRenderer(nil, cat, "")
	if err != nil {
		t.Fatal(err)
	}
	html := render(t, r, View{Page: "login", Lang: "sv", Data: loginData{}})
	for _, want := range []string{`<html lang="sv" dir="ltr">`, "<h1>Logga in</h1>", `"cancelled":"Ingen nyckel."`, `"timeout":"That took too long.`, "Email address"} {
		if !strings.Contains(html, want) {
			t.Errorf("%s is not on the page", want)
		}
	}
	if html := render(t, r, View{Page: "login", Lang: "ar", Data: loginData{}}); !strings.Contains(html, `<html lang="ar" dir="rtl">`) {
		t.Error("Arabic is not written from the right")
	}
	if html := render(t, r, View{Page: "login", Lang: "xx", Data: loginData{}}); !strings.Contains(html, `<html lang="en"`) {
		t.Error("an unknown language is not English")
	}
}
