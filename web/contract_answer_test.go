package web_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// answer is what came back.
type answer struct {
	t        testing.TB
	s        *site
	method   string
	path     string
	status   int
	header   http.Header
	set      []*http.Cookie
	body     []byte
	response map[string]any // of the envelope
}

func (a *answer) isJSON() bool {
	return strings.HasPrefix(a.header.Get("Content-Type"), "application/json")
}
func (a *answer) isPage() bool { return strings.HasPrefix(a.header.Get("Content-Type"), "text/html") }

func (a *answer) String() string {
	text := string(a.body)
	if a.isPage() {
		text = strings.Join(strings.Fields(tags.ReplaceAllString(text, " ")), " ")
	}
	path, _, _ := strings.Cut(a.path, "?")
	if len(path) > 60 {
		path = path[:60] + "…"
	}
	return fmt.Sprintf("%s %s -> %d %s %.300s", a.method, path, a.status, a.header.Get("Location"), text)
}

var (
	tags     = regexp.MustCompile(`(?s)<(script|style).*?</(script|style)>|<[^>]*>`)
	internal = regexp.MustCompile(`panic: |goroutine \d+ \[|runtime error: |\w\.go:\d+|SQLITE_|\bsql: |UNIQUE constraint`)
	textKey  = regexp.MustCompile(`\b(flash|page|status|advice|rescue|mail|qr|span)\.[a-z][a-z_.-]+|\b[A-Z]+(_[A-Z]+)+\b`)
	jargon   = regexp.MustCompile(`(?i)%\(|%[sdvq]\b|\{\{|<no value>|undefined|\[object|webauthn|cbor|asn1|x509|base64|json|strconv|unmarshal|invalid character`)
)

// check is what holds of every answer.
func (a *answer) check() {
	a.t.Helper()
	bad := func(format string, args ...any) {
		a.t.Helper()
		a.t.Errorf("%s (%v)", fmt.Sprintf(format, args...), a)
	}
	if a.status >= 500 && a.status != http.StatusServiceUnavailable {
		bad("a failure of the system")
	}
	if internal.Match(a.body) {
		bad("internals leak out")
	}
	if got := a.header.Get("Cache-Control"); got != "no-store, private" && !strings.Contains(a.path, "/static/") {
		bad("Cache-Control %q", got)
	}
	if a.header.Get("X-Content-Type-Options") != "nosniff" {
		bad("no X-Content-Type-Options")
	}
	if a.header.Get("Referrer-Policy") != "same-origin" {
		bad("Referrer-Policy %q", a.header.Get("Referrer-Policy"))
	}
	if a.header.Get("Access-Control-Allow-Origin") != "" {
		bad("opened to other origins")
	}
	for _, c := range a.set {
		if c.MaxAge >= 0 && (!c.HttpOnly || c.SameSite == http.SameSiteNoneMode || c.SameSite == 0 || c.Domain != "" || c.Path != "/" || c.Secure != a.s.https) {
			bad("cookie %q", c.Raw)
		}
	}
	for _, c := range a.set {
		if len(c.Name)+len(c.Value) > 4096 { // which browsers drop
			bad("a cookie of %d bytes", len(c.Name)+len(c.Value))
		}
	}
	if to := a.header.Get("Location"); to != "" && !strings.HasPrefix(to, "/") {
		bad("a redirect to %q", to)
	}
	switch {
	case a.method == http.MethodHead:
	case a.isJSON():
		a.checkEnvelope(bad)
	case a.isPage():
		a.checkPage(bad)
	case a.status/100 == 3:
		if len(a.body) > 0 {
			bad("a redirect with a body")
		}
	default:
		bad("an answer of type %q", a.header.Get("Content-Type"))
	}
}

func (a *answer) checkEnvelope(bad func(string, ...any)) {
	a.t.Helper()
	var e struct {
		Meta     map[string]int
		Response map[string]any
	}
	if err := json.Unmarshal(a.body, &e); err != nil || e.Response == nil || len(e.Meta) != 1 || e.Meta["code"] != a.status {
		bad("no envelope: %v", err)
		return
	}
	a.response = e.Response
	if a.status < 400 {
		if token, ok := e.Response["csrf_token"].(string); !ok || len(token) != 43 {
			bad("csrf_token %v", e.Response["csrf_token"])
		}
		for _, name := range []string{"errors", "field_errors", "error_codes"} {
			if _, ok := e.Response[name]; ok {
				bad("a success with %s", name)
			}
		}
		return
	}
	texts, codes := strs(e.Response["errors"]), strs(e.Response["error_codes"])
	if len(texts) == 0 || len(texts) != len(codes) {
		bad("errors %q with codes %q", texts, codes)
	}
	byField, _ := e.Response["field_errors"].(map[string]any)
	var sorted []string
	for _, list := range byField {
		sorted = append(sorted, strs(list)...)
	}
	slices.Sort(sorted)
	if !slices.Equal(sorted, slices.Sorted(slices.Values(texts))) {
		bad("errors %q and field_errors %q differ", texts, sorted)
	}
	for _, text := range texts {
		if jargon.MatchString(text) {
			bad("a text that is not for people: %q", text)
		}
	}
}

func (a *answer) checkPage(bad func(string, ...any)) {
	a.t.Helper()
	csp := a.header.Get("Content-Security-Policy")
	nonce := regexp.MustCompile(`'nonce-([^']+)'`).FindStringSubmatch(csp)
	if nonce == nil || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") || a.header.Get("X-Frame-Options") != "DENY" {
		bad("Content-Security-Policy %q", csp)
		return
	}
	for _, script := range regexp.MustCompile(`<script\b[^>]*>`).FindAllString(string(a.body), -1) {
		if !strings.Contains(script, `type="application/json"`) && !strings.Contains(script, `nonce="`+nonce[1]+`"`) {
			bad("a script without the nonce: %s", script)
		}
	}
	text := regexp.MustCompile(`(?s)<script.*?</script>`).ReplaceAllString(string(a.body), "")
	text = regexp.MustCompile(`(?s)<(p|span) lang="en">.*?</(p|span)>`).ReplaceAllString(text, "") // names of settings, for developers
	if key := textKey.FindString(tags.ReplaceAllString(text, " ")); key != "" {
		bad("a text is missing: %q", key)
	}
	if m := regexp.MustCompile(`(?i)<[a-z][^>]*\son[a-z]+\s*=|javascript:|<style`).FindString(text); m != "" {
		bad("an inline handler or style: %q", m)
	}
}

func strs(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, x := range list {
		s, ok := x.(string)
		if !ok {
			return nil
		}
		out = append(out, s)
	}
	return out
}

// want fails the test unless the status is that.
func (a *answer) want(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("want %d: %v", status, a)
	}
	return a
}

// codes are the stable keys of a refusal.
func (a *answer) codes() []string { return strs(a.response["error_codes"]) }

// refuses: a refusal in JSON, of that one key, its text at that field and nowhere else.
func (a *answer) refuses(status int, code, field string) *answer {
	a.t.Helper()
	a.want(status)
	if !slices.Equal(a.codes(), []string{code}) {
		a.t.Fatalf("want %s: %v", code, a)
	}
	byField, _ := a.response["field_errors"].(map[string]any)
	if len(byField) != 1 || len(strs(byField[field])) != 1 {
		a.t.Fatalf("want %s at field %q: %v", code, field, byField)
	}
	return a
}

// at follows members and list positions into the response.
func (a *answer) at(path ...any) any {
	var v any = map[string]any(a.response)
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			list, _ := v.([]any)
			if p >= len(list) {
				return nil
			}
			v = list[p]
		}
	}
	return v
}

// str is a text within the response, or "".
func (a *answer) str(path ...any) string {
	s, _ := a.at(path...).(string)
	return s
}

// is compares a member with what it should be, as JSON.
func (a *answer) is(want any, path ...any) *answer {
	a.t.Helper()
	text, err := json.Marshal(want)
	if err != nil {
		a.t.Fatal(err)
	}
	var w any
	if err := json.Unmarshal(text, &w); err != nil {
		a.t.Fatal(err)
	}
	if got := a.at(path...); !reflect.DeepEqual(got, w) {
		a.t.Errorf("%v is %#v, want %#v: %v", path, got, w, a)
	}
	return a
}

// only: the response has these members and csrf_token, no others.
func (a *answer) only(names ...string) *answer {
	a.t.Helper()
	for name := range a.response {
		if name != "csrf_token" && !slices.Contains(names, name) {
			a.t.Errorf("unasked member %q: %v", name, a)
		}
	}
	for _, name := range names {
		if _, ok := a.response[name]; !ok {
			a.t.Errorf("no member %q: %v", name, a)
		}
	}
	return a
}

// goes: a redirect to that path and query.
func (a *answer) goes(to string) *answer {
	a.t.Helper()
	a.want(http.StatusFound)
	if got := a.header.Get("Location"); got != to {
		a.t.Fatalf("goes to %q, want %q", got, to)
	}
	return a
}

// goesWith: a redirect to that endpoint, with that next.
func (a *answer) goesWith(path, next string) *answer {
	a.t.Helper()
	return a.goes(a.s.prefix + path + "?next=" + url.QueryEscape(next))
}

// shows: the page has that text for its reader.
func (a *answer) shows(text string) *answer {
	a.t.Helper()
	if !a.isPage() || !strings.Contains(html.UnescapeString(tags.ReplaceAllString(string(a.body), " ")), text) {
		a.t.Fatalf("the page does not say %q: %v", text, a)
	}
	return a
}

// fault is the text that a page has at a field, "" for none.
func (a *answer) fault(field string) string {
	m := regexp.MustCompile(`(?s)<p class="fault" id="` + regexp.QuoteMeta(field) + `-fault">(.*?)</p>`).FindSubmatch(a.body)
	if m == nil {
		return ""
	}
	return strings.TrimSpace(html.UnescapeString(tags.ReplaceAllString(string(m[1]), "")))
}

// hidden is the value of an input of the page.
func (a *answer) hidden(name string) string {
	m := regexp.MustCompile(`<input[^>]*name="` + name + `"[^>]*value="([^"]*)"`).FindSubmatch(a.body)
	if m == nil {
		return ""
	}
	return html.UnescapeString(string(m[1]))
}

// hasForm reports whether the page has a form that posts to that path, and has a field or button of each name.
func (a *answer) hasForm(path string, names ...string) bool {
	for _, m := range regexp.MustCompile(`(?s)<form\b([^>]*)>(.*?)</form>`).FindAllStringSubmatch(string(a.body), -1) {
		if !strings.Contains(m[1], `action="`+a.s.prefix+path+`"`) || !strings.Contains(m[1], `method="post"`) {
			continue
		}
		if !slices.ContainsFunc(names, func(n string) bool { return !strings.Contains(m[2], `name="`+n+`"`) }) {
			return true
		}
	}
	return false
}

// ceremony is where the page of a ceremony posts its answer, the state at its end; "" where it runs none.
func (a *answer) ceremony(path string) string {
	m := regexp.MustCompile(`action="` + regexp.QuoteMeta(a.s.prefix+path) + `/([^"]+)"`).FindSubmatch(a.body)
	if m == nil {
		return ""
	}
	return string(m[1])
}
