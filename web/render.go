package web

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
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

// renderer holds the pages and the static files.
type renderer struct {
	prefix string
	texts  map[string]string                // of the templates, by file
	pages  map[string]func() (pages, error) // by language
	files  *files
}

// pages are the parsed pages of a language, by name.
type pages map[string]*template.Template

// newRenderer parses every page in every language of the catalogue. A file of overlay, which may be nil, replaces the bundled one of
// the same path: templates/login.html, templates/layout.html, static/latchkey.css. Prefix is the path that the
// handler is mounted at, without a slash at its end.
func newRenderer(overlay fs.FS, cat *message.Catalogue, prefix string) (*renderer, error) {
	static, err := readFiles(overlay, prefix)
	if err != nil {
		return nil, err
	}
	r := &renderer{prefix: prefix, pages: map[string]func() (pages, error){}, files: static}
	if r.texts, err = readTemplates(overlay); err != nil {
		return nil, err
	}
	for _, lang := range cat.Languages() {
		// All are parsed now, so that what is wrong shows at the start. Only the English are kept, the others made again when they are first asked
		// for: those of one language take some megabytes, and most sites are read in one.
		parsed, err := r.parse(cat, lang)
		if err != nil {
			return nil, err
		}
		if lang == "en" {
			r.pages[lang] = func() (pages, error) { return parsed, nil }
		} else {
			r.pages[lang] = sync.OnceValues(func() (pages, error) { return r.parse(cat, lang) })
		}
	}
	return r, nil
}

// readTemplates reads the files of the templates once, so that all languages are parsed from the same.
func readTemplates(overlay fs.FS) (map[string]string, error) {
	names, err := templateFiles(overlay)
	if err != nil {
		return nil, err
	}
	texts := make(map[string]string, len(names))
	for _, name := range names {
		text, err := readOver(overlay, name)
		if err != nil {
			return nil, fmt.Errorf("web: %s: %w", name, err)
		}
		texts[name] = string(text)
	}
	return texts, nil
}

// templateFiles lists the files of templates, bundled and laid over.
func templateFiles(overlay fs.FS) ([]string, error) {
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
	return slices.Compact(names), nil
}

func (r *renderer) parse(cat *message.Catalogue, lang string) (pages, error) {
	frame := template.New(layoutFile).Funcs(r.functions(cat, lang))
	for _, name := range []string{layoutFile, partsFile} {
		if err := r.parseFile(frame, "templates/"+name); err != nil {
			return nil, err
		}
	}
	all := make(pages, len(r.texts))
	for _, name := range slices.Sorted(maps.Keys(r.texts)) {
		if path.Base(name) == layoutFile || path.Base(name) == partsFile {
			continue
		}
		page, err := frame.Clone()
		if err != nil {
			return nil, fmt.Errorf("web: %s: %w", name, err)
		}
		if err := r.parseFile(page, name); err != nil {
			return nil, err
		}
		// Escaping is done at the first execution. Doing it here finds at start what is wrong with a template's markup; what this
		// execution itself says is of no interest, as there is nothing to show.
		var fault *template.Error
		if err := page.Execute(io.Discard, View{}); errors.As(err, &fault) && fault.ErrorCode != template.OK {
			return nil, fmt.Errorf("web: %s: %w", name, err)
		}
		all[strings.TrimSuffix(path.Base(name), ".html")] = page
	}
	return all, nil
}

func (r *renderer) parseFile(t *template.Template, name string) error {
	if path.Base(name) != layoutFile {
		t = t.New(path.Base(name))
	}
	if _, err := t.Parse(r.texts[name]); err != nil {
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
	in, ok := r.pages[v.Lang]
	if !ok {
		v.Lang = "en"
		in = r.pages[v.Lang]
	}
	all, err := in()
	if err != nil {
		return err
	}
	t, ok := all[v.Page]
	if !ok {
		return fmt.Errorf("web: there is no page %q", v.Page)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return fmt.Errorf("web: page %s: %w", v.Page, err)
	}
	_, err = w.Write(b.Bytes())
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
