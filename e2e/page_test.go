package e2e

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-auth/latchkey/message"
)

// What a person does with a page, whatever page it is.

// quote is text as JavaScript writes it.
func quote(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string can always be marshalled
	}
	return string(raw)
}

// url is where the tab is.
func (b *tab) url() string {
	address, _ := tryEval[string](b, "location.href")
	return address
}

// path is where the tab is on its site, with the query.
func (b *tab) path() string {
	return strings.TrimPrefix(b.url(), b.base)
}

// reads is what a person reads in the first element that matches.
func (b *tab) reads(selector string) string {
	text, _ := tryEval[string](b, "document.querySelector("+quote(selector)+")?.innerText ?? ''")
	return strings.TrimSpace(text)
}

// has reports whether an element matches and is to be seen.
func (b *tab) has(selector string) bool {
	return eval[bool](b, "document.querySelector("+quote(selector)+")?.checkVisibility({visibilityProperty: true}) ?? false")
}

// texts are what the pages say, in English.
var texts = sync.OnceValues(func() (*message.Catalogue, error) { return message.New() })

// text is what the pages say under a key of the catalogue.
func text(t *testing.T, key message.Key, params ...any) string {
	t.Helper()
	all, err := texts()
	if err != nil {
		t.Fatal(err)
	}
	said := all.Text("en", key, params...)
	if said == string(key) {
		t.Fatalf("the catalogue has no %s", key)
	}
	return said
}

// says waits until the page shows the text of a key.
func (b *tab) says(key message.Key, params ...any) {
	b.Helper()
	b.sees(text(b.T, key, params...))
}

// sees waits until the page shows that text.
func (b *tab) sees(text string) {
	b.Helper()
	b.until("document.body?.innerText.replace(/\\s+/g, ' ').includes(" + quote(text) + ")")
}

// later waits for longer than what the pages take for a double click.
func (b *tab) later() {
	b.Helper()
	eval[float64](b, "new Promise((resolve) => setTimeout(() => resolve(performance.now()), 550))")
}

// arrives waits until the tab is at a path, whatever the query, and its page is ready.
func (b *tab) arrives(path string) {
	b.Helper()
	b.until("!window.left && document.readyState === 'complete' && location.pathname === " + quote(path))
}

// leads does what leaves the page, and waits for the page at path, which may be the same one anew.
func (b *tab) leads(path string, act func()) {
	b.Helper()
	eval[bool](b, "window.left = true")
	act()
	b.arrives(path)
}

// click presses the button, link or box that matches, in its middle. It must be the only one, and nothing may lie over it.
func (b *tab) click(selector string) {
	b.Helper()
	type spot struct {
		X, Y  float64
		Fault string
	}
	p := eval[spot](b, `(() => {
		const all = [...document.querySelectorAll(`+quote(selector)+`)].filter((e) => e.checkVisibility({visibilityProperty: true}));
		if (all.length !== 1) return {X: 0, Y: 0, Fault: all.length + ' elements are to be seen'};
		all[0].scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});
		const box = all[0].getClientRects()[0];
		const X = box.x + box.width / 2, Y = box.y + box.height / 2;
		const top = document.elementFromPoint(X, Y);
		const label = top?.closest('label')?.control;
		return {X, Y, Fault: top && (all[0].contains(top) || label === all[0]) ? '' : 'covered by ' + (top?.outerHTML ?? 'nothing')};
	})()`)
	if p.Fault != "" {
		b.Fatalf("click on %s at %s: %s", selector, b.path(), p.Fault)
	}
	b.clickAt(p.X, p.Y)
}

// fill types into the field of that name, in place of what is there.
func (b *tab) fill(name, text string) {
	b.Helper()
	field := "input[name=" + quote(name) + "]:not([type=hidden])"
	b.click(field)
	eval[bool](b, "(document.activeElement.select?.(), true)")
	b.insert(text)
	b.until("document.querySelector(" + quote(field) + ").value === " + quote(text))
}

// submit is the selector of the button that sends the form with that action.
func submit(action string) string {
	return "form[action=" + quote(action) + "] button[type=submit]"
}

// offers waits until the page offers passkeys in its field.
func (b *tab) offers() {
	b.Helper()
	b.until("window.offered > 0")
}

// watchOffers counts the offers that a page makes in its field, so that a test can wait for one.
const watchOffers = `(() => {
	const real = navigator.credentials?.get.bind(navigator.credentials);
	if (!real) return;
	window.offered = 0;
	navigator.credentials.get = (options) => {
		const answer = real(options);
		if (options?.mediation === 'conditional') window.offered++;
		return answer;
	};
})()`

// contains reports whether said has part in it, however it is broken into lines.
func contains(said, part string) bool {
	return strings.Contains(strings.Join(strings.Fields(said), " "), strings.Join(strings.Fields(part), " "))
}

// openLink follows a link of a mail.
func (b *tab) openLink(address string) {
	b.Helper()
	path, ok := strings.CutPrefix(address, b.base)
	if !ok {
		b.Fatalf("the link %s leads to another site", address)
	}
	b.open(path)
}
