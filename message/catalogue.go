package message

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locales/*.json
var bundled embed.FS

// Bundled is the file system of the bundled languages. What a file is called ends in its language's BCP 47 tag: de.json, pages.de.json.
func Bundled() fs.FS {
	sub, err := fs.Sub(bundled, "locales")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}

// Catalogue holds texts by language and key. It does not change once made.
type Catalogue struct {
	bundle     *i18n.Bundle
	keys       map[string]map[Key]bool
	tags       []string
	localizers map[string]*i18n.Localizer
	matcher    language.Matcher
}

// New reads the bundled languages and lays each overlay over them, key by key; later ones win. A language that
// lacks a key falls back to English.
func New(overlays ...fs.FS) (*Catalogue, error) {
	c := &Catalogue{
		bundle:     i18n.NewBundle(language.English),
		keys:       map[string]map[Key]bool{},
		localizers: map[string]*i18n.Localizer{},
	}
	c.bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	for _, o := range append([]fs.FS{Bundled()}, overlays...) {
		if err := c.add(o); err != nil {
			return nil, err
		}
	}
	c.tags = slices.Sorted(maps.Keys(c.keys))
	if i := slices.Index(c.tags, "en"); i > 0 {
		c.tags = append([]string{"en"}, slices.Delete(c.tags, i, i+1)...)
	}
	var tags []language.Tag
	for _, lang := range c.tags {
		tags = append(tags, language.Make(lang))
		c.localizers[lang] = i18n.NewLocalizer(c.bundle, lang, "en")
	}
	c.matcher = language.NewMatcher(tags)
	return c, nil
}

func (c *Catalogue) add(files fs.FS) error {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return fmt.Errorf("message: %w", err)
	}
	for _, name := range names {
		file, err := c.bundle.LoadMessageFileFS(files, name)
		if err != nil {
			return fmt.Errorf("message: %s: %w", name, err)
		}
		lang := file.Tag.String()
		if c.keys[lang] == nil {
			c.keys[lang] = map[Key]bool{}
		}
		for _, m := range file.Messages {
			c.keys[lang][Key(m.ID)] = true
		}
	}
	return nil
}

// longestHeader is as many bytes as an Accept-Language header may have. Those of browsers have a tenth of that.
const longestHeader = 1024

// Match picks the language for an Accept-Language header; English where nothing fits, or the header is none that a browser sends.
func (c *Catalogue) Match(acceptLanguage string) string {
	if len(acceptLanguage) > longestHeader {
		return c.tags[0]
	}
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(wanted) == 0 {
		return c.tags[0]
	}
	_, i, _ := c.matcher.Match(wanted...)
	return c.tags[i]
}

// Languages lists the languages there are, English first.
func (c *Catalogue) Languages() []string { return slices.Clone(c.tags) }

// Keys lists the keys that a language has texts for, sorted.
func (c *Catalogue) Keys(lang string) []Key { return slices.Sorted(maps.Keys(c.keys[lang])) }

// Text returns the text of a key with its parameters filled in: name, value, name, value… A parameter "N" that is an int
// chooses between the text's forms for one and for many. A key without a text is its own text, so that a
// missing one shows instead of vanishing.
func (c *Catalogue) Text(lang string, key Key, params ...any) string {
	l, ok := c.localizers[lang]
	if !ok {
		l = c.localizers["en"]
	}
	data := make(map[string]any, len(params)/2)
	for i := 0; i+1 < len(params); i += 2 {
		data[fmt.Sprint(params[i])] = params[i+1]
	}
	text, err := l.Localize(&i18n.LocalizeConfig{MessageID: string(key), TemplateData: data, PluralCount: data["N"]})
	if err != nil && text == "" {
		return string(key)
	}
	return text
}
