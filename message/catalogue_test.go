package message_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/latchkey-auth/latchkey/message"
)

func catalogue(t *testing.T, overlays ...fs.FS) *message.Catalogue {
	t.Helper()
	c, err := message.New(overlays...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// texts are the bundled texts as they are written, by language, key and plural form. What has no forms is "other".
func texts(t *testing.T) map[string]map[string]map[string]string {
	t.Helper()
	names, err := fs.Glob(message.Bundled(), "*.json")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	all := map[string]map[string]map[string]string{}
	for _, name := range names {
		data, err := fs.ReadFile(message.Bundled(), name)
		if err != nil {
			t.Fatal(err)
		}
		var file map[string]any
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		parts := strings.Split(strings.TrimSuffix(path.Base(name), ".json"), ".")
		lang := parts[len(parts)-1]
		if all[lang] == nil {
			all[lang] = map[string]map[string]string{}
		}
		for key, value := range file {
			if all[lang][key] != nil {
				t.Errorf("%s: %s is in another file as well", name, key)
			}
			switch value := value.(type) {
			case string:
				all[lang][key] = map[string]string{"other": value}
			case map[string]any:
				all[lang][key] = map[string]string{}
				for form, text := range value {
					all[lang][key][form], _ = text.(string)
				}
			default:
				t.Errorf("%s: %s is no text", name, key)
			}
		}
	}
	return all
}

// each calls with every bundled text.
func each(t *testing.T, call func(lang, key, form, text string)) {
	t.Helper()
	for lang, keys := range texts(t) {
		for key, forms := range keys {
			for form, text := range forms {
				call(lang, key, form, text)
			}
		}
	}
}

func TestBundledLanguages(t *testing.T) {
	c := catalogue(t)
	if got := c.Languages(); !slices.Equal(got, []string{"en", "de"}) {
		t.Fatal(got)
	}
	english := c.Keys("en")
	for _, lang := range c.Languages() {
		keys := c.Keys(lang)
		for _, key := range english {
			if !slices.Contains(keys, key) {
				t.Errorf("%s lacks %s", lang, key)
			}
		}
		for _, key := range keys {
			if !slices.Contains(english, key) {
				t.Errorf("%s has %s, which English has not", lang, key)
			}
		}
	}
}

var parameter = regexp.MustCompile(`\{\{[^}]*\}\}`)

// parameters are those of a text, each once, sorted.
func parameters(text string) []string {
	found := parameter.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

func TestParametersAreEnglishs(t *testing.T) {
	all := texts(t)
	for lang, keys := range all {
		for key, forms := range keys {
			english := all["en"][key]
			if got, want := slices.Sorted(maps.Keys(forms)), slices.Sorted(maps.Keys(english)); !slices.Equal(got, want) {
				t.Errorf("%s %s has the forms %v, English %v", lang, key, got, want)
				continue
			}
			for form, text := range forms {
				if got, want := parameters(text), parameters(english[form]); !slices.Equal(got, want) {
					t.Errorf("%s %s, %s: parameters %v, English %v", lang, key, form, got, want)
				}
				for _, p := range parameters(text) {
					if !regexp.MustCompile(`^\{\{\.[A-Z][A-Za-z]*\}\}$`).MatchString(p) {
						t.Errorf("%s %s: %s is no plain parameter", lang, key, p)
					}
				}
			}
		}
	}
}

// Every text with all its parameters is whole, for one and for many.
func TestParametersAreFilledIn(t *testing.T) {
	c := catalogue(t)
	each(t, func(lang, key, form, text string) {
		var params []any
		for _, p := range parameters(text) {
			name := strings.Trim(p, "{}.")
			if name == "N" {
				params = append(params, name, map[string]int{"one": 1, "other": 12}[form])
			} else {
				params = append(params, name, "<"+name+">")
			}
		}
		want := text
		for i := 0; i < len(params); i += 2 {
			value, ok := params[i+1].(string)
			if !ok {
				value = map[string]string{"one": "1", "other": "12"}[form]
			}
			want = strings.ReplaceAll(want, "{{."+params[i].(string)+"}}", value)
		}
		if got := c.Text(lang, message.Key(key), params...); got != want {
			t.Errorf("%s %s, %s: %q, not %q", lang, key, form, got, want)
		}
	})
}

func TestPlurals(t *testing.T) {
	c := catalogue(t)
	for _, x := range []struct {
		lang string
		n    int
		want string
	}{
		{"en", 0, "0 sessions were ended."}, {"en", 1, "1 session was ended."}, {"en", 2, "2 sessions were ended."},
		{"de", 0, "0 Sitzungen wurden beendet."}, {"de", 1, "1 Sitzung wurde beendet."}, {"de", 2, "2 Sitzungen wurden beendet."},
	} {
		if got := c.Text(x.lang, "flash.sessions_ended", "N", x.n); got != x.want {
			t.Errorf("%s, %d: %q", x.lang, x.n, got)
		}
	}
}

func TestMatch(t *testing.T) {
	c := catalogue(t)
	for header, want := range map[string]string{
		"":                                "en",
		"de":                              "de",
		"DE-de":                           "de",
		"de-AT,de;q=0.9,en;q=0.5":         "de",
		"de-CH":                           "de",
		"en-GB,en;q=0.9,de;q=0.8":         "en",
		"en;q=0.3,de;q=0.7":               "de",
		"fr":                              "en",
		"fr-FR,fr;q=0.9,de;q=0.5":         "de",
		"*":                               "en",
		"garbage, of all sorts; q=x":      "en",
		"\x00\xff<script>":                "en",
		";;;,,,===":                       "en",
		"de" + strings.Repeat(",de", 500): "en",
		strings.Repeat("de-", 5000):       "en",
	} {
		if got := c.Match(header); got != want {
			t.Errorf("%.40q: %s, not %s", header, got, want)
		}
	}
}

func TestTextFallsBack(t *testing.T) {
	c := catalogue(t, fstest.MapFS{"fr.json": {Data: []byte(`{"page.yes": "Oui"}`)}})
	for _, x := range []struct{ lang, key, want string }{
		{"en", "page.nosuch", "page.nosuch"},
		{"de", "NO_SUCH_CODE", "NO_SUCH_CODE"},
		{"xx", "page.yes", "Yes"},
		{"", "page.yes", "Yes"},
		{"fr", "page.yes", "Oui"},
		{"fr", "page.no", "No"},
		{"fr", "page.nosuch", "page.nosuch"},
	} {
		if got := c.Text(x.lang, message.Key(x.key)); got != x.want {
			t.Errorf("%q %s: %q, not %q", x.lang, x.key, got, x.want)
		}
	}
}

func TestOverlays(t *testing.T) {
	first := fstest.MapFS{
		"de.json":       {Data: []byte(`{"page.yes": "Jawohl", "page.no": "Nee"}`)},
		"mine.en.json":  {Data: []byte(`{"page.mine": "Mine, {{.Name}}"}`)},
		"ignored.txt":   {Data: []byte("x")},
		"sub/de.json":   {Data: []byte(`{"page.back": "x"}`)},
		"pages.pl.json": {Data: []byte(`{"span.minutes": {"one": "{{.N}} minuta", "few": "{{.N}} minuty", "many": "{{.N}} minut", "other": "{{.N}} minuty"}}`)},
	}
	second := fstest.MapFS{"de.json": {Data: []byte(`{"page.no": "Nö"}`)}}
	c := catalogue(t, first, second)
	for _, x := range []struct{ got, want string }{
		{c.Text("de", "page.yes"), "Jawohl"},
		{c.Text("de", "page.no"), "Nö"},
		{c.Text("de", "page.back"), "Zurück"},
		{c.Text("en", "page.yes"), "Yes"},
		{c.Text("de", "page.mine", "Name", "A"), "Mine, A"},
		{c.Text("pl", "span.minutes", "N", 3), "3 minuty"},
		{c.Text("pl", "span.minutes", "N", 5), "5 minut"},
		{c.Match("pl,de;q=0.9"), "pl"},
		{strings.Join(c.Languages(), " "), "en de pl"},
	} {
		if x.got != x.want {
			t.Errorf("%q, not %q", x.got, x.want)
		}
	}
	if _, err := message.New(fstest.MapFS{"pages.de.json": {Data: []byte(`{"page.yes": `)}}); err == nil || !strings.Contains(err.Error(), "pages.de.json") {
		t.Errorf("half a file: %v", err)
	}
}
