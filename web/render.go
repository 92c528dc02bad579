package web

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/latchkey-auth/latchkey/message"
)

//go:embed templates/*.html static/*
var embedded embed.FS

// Templates that every page is parsed with: the frame, and the pieces that pages share.
const (
	layoutFile = "layout.html"
	partsFile  = "parts.html"
)

// scriptTexts is what the keys of the texts begin with that scripts show.
const scriptTexts = "page.script."

// renderer holds the parsed pages and the static files. It does not change once made.
type renderer struct {
	prefix string
	pages  map[string]map[string]*template.Template // by language, then by page
	files  *files
}

// newRenderer parses every page in every language of the catalogue. A file of overlay, which may be nil, replaces the bundled one of
// the same path: templates/login.html, templates/layout.html, static/latchkey.css. Prefix is the path that the
// handler is mounted at, without a slash at its end.
func newRenderer(overlay fs.FS, cat *message.Catalogue, prefix string) (*renderer, error) {
	static, err := readFiles(overlay, prefix)
	if err != nil {
		return nil, err
	}
	r := &renderer{prefix: prefix, pages: map[string]map[string]*template.Template{}, files: static}
	names, err := pageFiles(overlay)
	if err != nil {
		return nil, err
	}
	for _, lang := range cat.Languages() {
		pages, err := r.parse(overlay, cat, lang, names)
		if err != nil {
			return nil, err
		}
		r.pages[lang] = pages
	}
	return r, nil
}

// pageFiles lists the files of pages, bundled and laid over.
func pageFiles(overlay fs.FS) ([]string, error) {
	names, err := fs.Glob(embedded, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if overlay != nil {
		more, err := fs.Glob(overlay, "templates/*.html")
		if err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		names = append(names, more...)
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool {
		return path.Base(name) == layoutFile || path.Base(name) == partsFile
	}), nil
}

func (r *renderer) parse(overlay fs.FS, cat *message.Catalogue, lang string, names []string) (map[string]*template.Template, error) {
	frame := template.New(layoutFile).Funcs(r.functions(cat, lang))
	for _, name := range []string{layoutFile, partsFile} {
		if err := parseFile(frame, overlay, "templates/"+name); err != nil {
			return nil, err
		}
	}
	pages := make(map[string]*template.Template, len(names))
	for _, name := range names {
		page, err := frame.Clone()
		if err != nil {
			return nil, fmt.Errorf("web: %s: %w", name, err)
		}
		if err := parseFile(page, overlay, name); err != nil {
			return nil, err
		}
		// Escaping is done at the first execution. Doing it here finds at start what is wrong with a template's markup; what this
		// execution itself says is of no interest, as there is nothing to show.
		var fault *template.Error
		if err := page.Execute(io.Discard, View{}); errors.As(err, &fault) && fault.ErrorCode != template.OK {
			return nil, fmt.Errorf("web: %s: %w", name, err)
		}
		pages[strings.TrimSuffix(path.Base(name), ".html")] = page
	}
	return pages, nil
}

func parseFile(t *template.Template, overlay fs.FS, name string) error {
	text, err := readOver(overlay, name)
	if err == nil {
		if path.Base(name) != layoutFile {
			t = t.New(path.Base(name))
		}
		_, err = t.Parse(string(text))
	}
	if err != nil {
		return fmt.Errorf("web: %s: %w", name, err)
	}
	return nil
}

// readOver reads a file of overlay, or else the bundled one.
func readOver(overlay fs.FS, name string) ([]byte, error) {
	if overlay != nil {
		text, err := fs.ReadFile(overlay, name)
		if !errors.Is(err, fs.ErrNotExist) {
			return text, err
		}
	}
	return embedded.ReadFile(name)
}

// page writes the page v.Page in v.Lang, whole or, with an error, not at all. A language that there is not is English.
func (r *renderer) page(w io.Writer, v View) error {
	pages, ok := r.pages[v.Lang]
	if !ok {
		v.Lang = "en"
		pages = r.pages[v.Lang]
	}
	t, ok := pages[v.Page]
	if !ok {
		return fmt.Errorf("web: there is no page %q", v.Page)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return fmt.Errorf("web: page %s: %w", v.Page, err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// functions are the template functions, in one language.
func (r *renderer) functions(cat *message.Catalogue, lang string) template.FuncMap {
	texts := map[string]string{}
	for _, key := range cat.Keys("en") {
		if name, ok := strings.CutPrefix(string(key), scriptTexts); ok {
			texts[name] = cat.Text(lang, key)
		}
	}
	return template.FuncMap{
		"t": func(key string, params ...any) string { return cat.Text(lang, message.Key(key), params...) },
		"title": func(page string) string {
			return cat.Text(lang, pageTitle(page))
		},
		"url":     func(name string) string { return r.prefix + "/" + name },
		"link":    func(name, next string) string { return withNext(r.prefix+"/"+name, next) },
		"static":  r.staticPath,
		"ago":     func(at time.Time) template.HTML { return timeElement(at, "ago") },
		"date":    func(at time.Time) template.HTML { return timeElement(at, "date") },
		"dict":    dict,
		"otpauth": otpauth,
		"dir":     func() string { return direction(lang) },
		// texts are those that scripts show, by what follows scriptTexts in their keys.
		"texts": func() map[string]string { return texts },
	}
}

func withNext(address, next string) string {
	if next == "" {
		return address
	}
	return address + "?next=" + url.QueryEscape(next)
}

// timeElement is a time in a form that every language reads. The page's script puts it into the reader's own words and
// time zone: style "ago" as a distance from now, "date" as a day.
func timeElement(at time.Time, style string) template.HTML {
	at = at.UTC()
	text := at.Format("2006-01-02 15:04 UTC")
	if style == "date" {
		text = at.Format(time.DateOnly)
	}
	return template.HTML(`<time datetime="` + at.Format(time.RFC3339) + `" data-time="` + style + `">` + text + `</time>`)
}

// otpauth lets a link to an authenticator app through, which html/template would not, and nothing else.
func otpauth(uri string) template.URL {
	if !strings.HasPrefix(uri, "otpauth://") {
		return ""
	}
	return template.URL(uri)
}

// dict makes a map of names and values, to give a shared piece more than one thing.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("dict wants names and values")
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no name", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

// direction is the direction that a language is written in, for the dir attribute.
func direction(lang string) string {
	script, _ := language.Make(lang).Script()
	switch script.String() {
	case "Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm":
		return "rtl"
	}
	return "ltr"
}
