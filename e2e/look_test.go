package e2e

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// axe is the accessibility audit that every page has to pass.
//
//go:embed testdata/axe/axe.min.js
var axe string

// looks are the windows that every page is looked at in: a desktop's and a phone's.
var looks = []struct {
	width  int64
	scheme string
}{{1280, "light"}, {1280, "dark"}, {390, "light"}, {390, "dark"}}

// show looks at the open page in light and dark, wide and narrow: it takes pictures and finds what keeps people out.
func (b *tab) show(name string) {
	b.Helper()
	b.wellMade(name)
	for _, l := range looks {
		b.snap(name, l.width, l.scheme)
		b.audit(fmt.Sprintf("%s, %d px, %s", name, l.width, l.scheme))
	}
	// Nothing is wider than the narrowest window (WCAG 2.2, 1.4.10).
	b.look(320, "light")
	if wide := eval[[]string](b, `(() => {
		const room = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= room) return [];
		return [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > room + 1).map((e) => e.outerHTML.slice(0, 120));
	})()`); len(wide) > 0 {
		b.Errorf("%s: wider than 320 px:\n%s", name, strings.Join(wide, "\n"))
	}
	b.look(1280, "light")
}

// snap takes a picture of the page.
func (b *tab) snap(name string, width int64, scheme string) {
	b.Helper()
	folder := os.Getenv("LATCHKEY_SCREENSHOTS")
	if folder == "" {
		folder = "screenshots"
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		b.Fatal(err)
	}
	b.look(width, scheme)
	file := filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
	if err := os.WriteFile(file, b.picture(), 0o644); err != nil {
		b.Fatal(err)
	}
}

// audit runs axe over the page as it is.
func (b *tab) audit(where string) {
	b.Helper()
	type node struct {
		Target         []any
		FailureSummary string
	}
	type violation struct {
		ID, Help string
		Nodes    []node
	}
	if eval[bool](b, "!window.axe") {
		eval[bool](b, axe+";true")
	}
	found := eval[[]violation](b, `axe.run(document, {
		runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']}, resultTypes: ['violations'],
	}).then((r) => r.violations.map((v) => ({ID: v.id, Help: v.help, Nodes: v.nodes.map((n) => ({Target: n.target, FailureSummary: n.failureSummary}))})))`)
	for _, v := range found {
		for _, n := range v.Nodes {
			b.Errorf("%s: %s (%s) at %v\n%s", where, v.ID, v.Help, n.Target, n.FailureSummary)
		}
	}
}

// wellMade checks what every page has to be: titled, headed once, in words and not in keys.
func (b *tab) wellMade(name string) {
	b.Helper()
	if title := eval[string](b, "document.title"); !strings.HasSuffix(title, " · Latchkey") {
		b.Errorf("%s: title %q", name, title)
	}
	if n := eval[int](b, "document.querySelectorAll('h1').length"); n != 1 {
		b.Errorf("%s: %d first headings", name, n)
	}
	// what stands in a language of its own is for developers
	if keys := eval[[]string](b, `[...document.querySelectorAll('p[lang], span[lang]')].reduce((all, e) => all.replaceAll(e.innerText, ''), document.body.innerText).match(/\b[A-Z]+_[A-Z_]+\b|\b(page|flash|advice|rescue|status|span|qr)\.[a-z][\w.-]+|<no value>|%!|UTC\b/g) ?? []`); len(keys) > 0 {
		b.Errorf("%s: shows what is not for people: %q", name, keys)
	}
	if ids := eval[[]string](b, `[...document.querySelectorAll('[id]')].map((e) => e.id).filter((id, i, all) => all.indexOf(id) !== i)`); len(ids) > 0 {
		b.Errorf("%s: ids given twice: %q", name, ids)
	}
}
