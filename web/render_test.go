package web

import (
	"bytes"
	"encoding/json"
	"html/template"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
)

// hostile stands wherever a page shows what somebody else has written.
const hostile = `Bob's "App" </script><b onclick=x>&`

const creationOptions = `{"rp":{"id":"localhost","name":"x"},"user":{"id":"AA","name":"a@b.example","displayName":""},"challenge":"AAAA","extensions":{"credProps":true}}`

func testRenderer(t *testing.T, overlay fs.FS, prefix string) *renderer {
	t.Helper()
	cat, err := message.New()
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRenderer(overlay, cat, prefix)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func render(t *testing.T, r *renderer, v View) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.page(&b, v); err != nil {
		t.Fatalf("%s: %v", v.Page, err)
	}
	return b.String()
}

// samples are the views of every page: with little in them, and with everything in them hostile.
func samples() []View {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	keys := []passkeyRow{
		{ID: hostile, Name: hostile, Authenticator: hostile, Usage: account.UsageFirst, Transports: []string{"internal", "hybrid", hostile},
			Discoverable: account.DiscoverableYes, Synced: true, Syncable: true, Platform: true, UserVerified: true, Created: at, LastUsed: at},
		{ID: "k2", Name: "Key", Usage: account.UsageSecondary, Transports: []string{"usb", "nfc", "ble", "smart-card"},
			Discoverable: account.DiscoverableNo, Created: at},
		{ID: "k3", Name: "Phone", Usage: account.UsageFirst, Discoverable: account.DiscoverableUnknown, Syncable: true, Created: at, LastUsed: at},
	}
	methods := []methodRow{
		{Method: account.MethodAuthenticator, SetUp: true, Since: at},
		{Method: account.MethodEmail, SetUp: true, Where: hostile, Since: at},
		{Method: account.MethodSMS},
	}
	rescue := map[string]string{"email": hostile, "help": hostile, "recovery_code": hostile}
	qr := template.HTML(`<svg viewBox="0 0 1 1" role="img" aria-label="QR"><path d="M0 0h1v1z"/></svg>`)
	data := map[string][]any{
		"landing":    {nil},
		"login":      {loginData{}, loginData{Remember: true}},
		"register":   {registerData{}, registerData{MinLength: 8}, registerData{MailFirst: true}},
		"wan-signin": {signinData{}, signinData{Remember: true, Hints: true}, signinData{Secondary: true, Other: true, Recovery: true}},
		"wan-register": {passkeysData{}, passkeysData{FirstAllowed: true, NameMax: 64, Advice: []string{hostile}},
			passkeysData{Passkeys: keys, FirstAllowed: true, NameMax: 64, Advice: []string{hostile},
				Accepted: &acceptedData{RPID: "localhost", UserID: "AA", CredentialIDs: []string{"AQ"}}}},
		"ceremony": {ceremonyData{}, ceremonyData{Kind: "register", Options: json.RawMessage(creationOptions), Action: "/wan-register/a.b_c-d", Back: "/wan-register"},
			ceremonyData{Kind: "signin", Options: json.RawMessage(`{"challenge":"AAAA","rpId":"</script><b onclick=x>"}`), Action: "/wan-signin/s", Back: "/login", Remember: true},
			ceremonyData{Kind: "verify", Options: json.RawMessage(`{"challenge":"AAAA"}`), Action: "/wan-verify/s", Back: "javascript:alert(1)"}},
		"verify": {verifyData{}, verifyData{Password: true}, verifyData{Password: true, Passkey: true, Code: true, TwoFactors: true},
			verifyData{Password: true, Sent: []account.Method{account.MethodEmail, account.MethodSMS}, ForFactors: true}, verifyData{State: hostile, SentTo: hostile}},
		"wan-verify": {verifyData{}, verifyData{Passkey: true, TwoFactors: true}},
		"tf-setup": {setupData{}, setupData{Methods: methods, Required: true, Pending: true, Phone: hostile}, setupData{Methods: methods, CanDisable: true},
			setupData{Chosen: account.MethodAuthenticator, Action: "/tf-setup/t", Key: "ABCD EFGH", URI: "otpauth://totp/x?secret=ABCD", QR: qr},
			setupData{Chosen: account.MethodSMS, Action: "/tf-validate", SentTo: hostile, Pending: true}},
		"tf-select": {selectData{}, selectData{Methods: append(methods, methodRow{Method: account.MethodPasskey}, methodRow{Method: account.Method(hostile)})}},
		"tf-validate": {validateData{}, validateData{Method: account.MethodSMS, SentTo: hostile, Other: true, Rescue: rescue},
			validateData{Method: account.MethodEmail, SentTo: hostile, Setup: true}},
		"tf-rescue":         {validateData{}, validateData{Rescue: rescue}, validateData{Rescue: rescue, Problem: "help"}, validateData{Problem: "email", Method: account.MethodPasskey}},
		"mf-recovery-codes": {recoveryCodesData{}, recoveryCodesData{Remaining: 1}, recoveryCodesData{Codes: []string{"abcd-efgh", hostile}}},
		"mf-recovery":       {nil},
		"change":            {changeData{}, changeData{Has: true, MinLength: 8}},
		"account": {accountData{}, accountData{Created: at, HasPassword: true, Passkeys: keys, Methods: methods, Remaining: 3, Advice: []string{hostile, "x"},
			Sessions: []sessionRow{
				{ID: "s1", Kind: account.SessionBrowser, Current: true, Device: hostile, Address: hostile, Created: at, LastSeen: at,
					Methods: []account.Method{account.MethodPassword, account.MethodPasskey, account.MethodUserVerification, account.MethodRecoveryCode, account.MethodDevice}},
				{ID: hostile, Kind: account.SessionToken, Device: "curl", Created: at},
				{ID: "s3", Kind: account.SessionDevice, Device: "Firefox", Created: at, LastSeen: at},
			}}},
		"doctor":  {doctorData{}, doctorData{Findings: []Finding{{VerdictOK, "ORIGINS", "x", ""}, {VerdictWarn, hostile, hostile, hostile}, {VerdictError, "TLS", "x", "y"}}}},
		"error":   {errorData{}, errorData{Status: 403, Text: hostile}, errorData{Status: 404}, errorData{Status: 429}, errorData{Status: 500, Text: "x"}, errorData{Status: 503, Again: hostile}},
		"reopen":  {reopenData{}, reopenData{Email: hostile}},
		"recover": {recoverData{}, recoverData{MinLength: 8, Factors: true}},
		"confirm": {confirmData{}, confirmData{Email: hostile, MinLength: 8}},
		"message": {messageData{}, messageData{Title: hostile, Text: hostile}},
	}
	fields := []string{"email", "password", "password_confirm", "new_password", "new_password_confirm", "identity", "name", "usage",
		"code", "which", "setup", "phone", "help_setup", "end_sessions", "reset_factors"}
	typed, wrong := map[string]string{}, map[string][]string{"": {hostile, "x"}}
	for _, f := range fields {
		typed[f], wrong[f] = hostile, []string{hostile, "x"}
	}
	var views []View
	for page, all := range data {
		for _, d := range all {
			views = append(views,
				View{Page: page, Lang: "en", Site: "Latchkey", Nonce: "bm9uY2U=", Path: "/" + page, Data: d},
				View{Page: page, Lang: "xx", Site: hostile, Nonce: "bm9uY2U=", Email: hostile, Path: "/" + page + "/t", Next: "/a?b=" + hostile,
					Flashes: []Flash{{Kind: "error", Text: hostile, Code: "WEBAUTHN_UNKNOWN_CREDENTIAL_ID", Link: hostile, LinkText: hostile}, {Kind: "success", Text: hostile}, {Kind: "info", Text: hostile}},
					Fields:  typed, Errors: wrong, Registerable: true, FirstPasskey: true, TwoFactor: true, RecoveryCodes: true, Data: d})
		}
	}
	return views
}

func TestEveryPageHasSamples(t *testing.T) {
	pages, err := testRenderer(t, nil, "").pages["en"]()
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, v := range samples() {
		have[v.Page] = true
	}
	for name := range pages {
		if !have[name] {
			t.Errorf("%s has no sample", name)
		}
	}
	if len(have) != len(pages) {
		t.Errorf("%d pages have samples, %d templates are there", len(have), len(pages))
	}
}

var (
	inline   = regexp.MustCompile(`(?i)<[^>]*\s(style|on[a-z]+)\s*=`)
	strange  = regexp.MustCompile(`page\.[a-z-]+[.a-z-]*|<no value>|&lt;nil&gt;|%!|ZgotmplZ`)
	ids      = regexp.MustCompile(`\sid="([^"]*)"`)
	pointers = regexp.MustCompile(`\s(?:for|aria-describedby|aria-labelledby|data-reveal|data-copy|data-download|data-from)="([^"]*)"`)
	formTags = regexp.MustCompile(`<form\b[^>]*>`)
	h1       = regexp.MustCompile(`<h1\b`)
	values   = regexp.MustCompile(`<script type="application/json"[^>]*>([^<]*)</script>`)
	buttons  = regexp.MustCompile(`(?s)<form\b[^>]*>(.*?)</form>`)
	// attributes blanks the values of attributes, so that what is left of a tag can be looked at.
	attributes = regexp.MustCompile(`"[^"]*"`)
)

func TestPages(t *testing.T) {
	r := testRenderer(t, nil, "/auth")
	for _, v := range samples() {
		html := render(t, r, v)
		fail := func(format string, args ...any) {
			t.Helper()
			t.Errorf(v.Page+" (data %+v): "+format, append([]any{v.Data}, args...)...)
		}
		if strings.Contains(html, "<b onclick") || strings.Contains(html, `"App"`) {
			fail("hostile text is not escaped")
		}
		if m := inline.FindString(attributes.ReplaceAllString(html, `""`)); m != "" {
			fail("inline style or handler: %s", m)
		}
		if strings.Contains(html, "javascript:") {
			fail("a javascript: link")
		}
		// html/template puts #ZgotmplZ where a link is not one to follow.
		if m := strange.FindString(strings.ReplaceAll(html, `href="#ZgotmplZ"`, "")); m != "" {
			fail("%q on the page", m)
		}
		if n := len(h1.FindAllString(html, -1)); n != 1 {
			fail("%d main headings", n)
		}
		if n := strings.Count(html, " autofocus"); n > 1 {
			fail("%d fields want the focus", n)
		}
		seen := map[string]bool{}
		for _, m := range ids.FindAllStringSubmatch(html, -1) {
			if seen[m[1]] {
				fail("the id %q is there twice", m[1])
			}
			seen[m[1]] = true
		}
		for _, m := range pointers.FindAllStringSubmatch(html, -1) {
			for id := range strings.FieldsSeq(m[1]) {
				if !seen[id] {
					fail("%s names an id that is not there", m[0])
				}
			}
		}
		for _, tag := range formTags.FindAllString(html, -1) {
			if !strings.Contains(tag, ` method="post"`) || !strings.Contains(tag, ` action="`) {
				fail("not a plain POST form: %s", tag)
			}
		}
		for _, m := range buttons.FindAllStringSubmatch(html, -1) {
			if !strings.Contains(m[1], `type="submit"`) {
				fail("a form without a button: %s", m[1])
			}
		}
		for _, m := range values.FindAllStringSubmatch(html, -1) {
			if !json.Valid([]byte(m[1])) {
				fail("not JSON: %s", m[1])
			}
		}
		if n := strings.Count(html, "<script"); n != strings.Count(html, "</script>") || n != 1+len(values.FindAllString(html, -1)) {
			fail("%d scripts", n)
		}
		if v.Fields != nil && regexp.MustCompile(`type="password"[^>]*\svalue=`).MatchString(html) {
			fail("a password is given back")
		}
	}
}

func TestFieldsAreKept(t *testing.T) {
	r := testRenderer(t, nil, "")
	html := render(t, r, View{Page: "login", Lang: "en", Data: loginData{}, Next: "/x?y=1&z",
		Fields: map[string]string{"email": "a@b.example", "password": "secret"}, Errors: map[string][]string{"email": {"Wrong"}}})
	for _, want := range []string{`value="a@b.example"`, `name="next" value="/x?y=1&amp;z"`, `aria-describedby="email-fault"`, `aria-invalid="true"`, ">Wrong<"} {
		if !strings.Contains(html, want) {
			t.Errorf("%s is not on the page", want)
		}
	}
	if strings.Contains(html, "secret") {
		t.Error("the password is on the page")
	}
}

func TestLinkToAnAuthenticatorApp(t *testing.T) {
	r := testRenderer(t, nil, "")
	v := View{Page: "tf-setup", Lang: "en", Data: setupData{Chosen: account.MethodAuthenticator, QR: "<svg/>", URI: "otpauth://totp/A:b?secret=C&issuer=A"}}
	if html := render(t, r, v); !strings.Contains(html, `href="otpauth://totp/A:b?secret=C&amp;issuer=A"`) {
		t.Error("the link is not on the page")
	}
	v.Data = setupData{Chosen: account.MethodAuthenticator, QR: "<svg/>", URI: "javascript:alert(1)"}
	if html := render(t, r, v); strings.Contains(html, "javascript") {
		t.Error("another scheme is")
	}
}

func TestNoUsageIsPreselected(t *testing.T) {
	r := testRenderer(t, nil, "")
	v := View{Page: "wan-register", Lang: "en", Data: passkeysData{FirstAllowed: true}}
	if html := render(t, r, v); strings.Contains(html, " checked") || strings.Count(html, `type="radio"`) != 2 {
		t.Error("a usage is preselected, or there are not two")
	}
	v.Fields = map[string]string{"usage": "secondary"}
	if html := render(t, r, v); !strings.Contains(html, `value="secondary" required checked`) {
		t.Error("the choice is not kept")
	}
}

func TestCeremonyCarriesItsOptions(t *testing.T) {
	r := testRenderer(t, nil, "")
	html := render(t, r, View{Page: "ceremony", Lang: "en", Next: "/n",
		Data: ceremonyData{Kind: "register", Options: json.RawMessage(creationOptions), Action: "/wan-register/abc.def_-", Back: "/wan-register", Remember: true}})
	for _, want := range []string{
		`id="latchkey-options">` + creationOptions + `</script>`,
		`<form class="needs-passkeys" method="post" action="/wan-register/abc.def_-"`,
		`name="credential"`, `name="remember" value="y"`, `name="next" value="/n"`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("%s is not on the page", want)
		}
	}
}

// Every text has its use, and every use its text.
func TestTexts(t *testing.T) {
	cat, err := message.New()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]string{}
	named := regexp.MustCompile(`[ (]t "([^"]+)"|title "([^"]+)"`)
	templates, err := fs.Glob(embedded, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range templates {
		text, err := fs.ReadFile(embedded, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(strings.ReplaceAll(string(text), "{{t", "{{ t"), -1) {
			if m[1] != "" {
				used[m[1]] = name
			} else {
				used[string(pageTitle(m[2]))] = name
			}
		}
		page := strings.TrimSuffix(path.Base(name), ".html")
		// The layout shows the page's title where the page defines none.
		if strings.Contains(string(text), "title .Page") || !strings.Contains(string(text), `{{define "title"}}`) {
			used[string(pageTitle(page))] = name
		}
	}
	delete(used, string(pageTitle("layout")))
	delete(used, string(pageTitle("parts")))
	script, err := fs.ReadFile(embedded, "static/pages.js")
	if err != nil {
		t.Fatal(err)
	}
	module, err := fs.ReadFile(embedded, "static/latchkey.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\btext\('([a-z-]+)'\)`).FindAllStringSubmatch(string(script), -1) {
		used[scriptTexts+m[1]] = "pages.js"
	}
	// The module's texts go by the codes of its errors.
	for _, m := range regexp.MustCompile(`(?m)^  '?([a-z-]+)'?: ['"].*['"],$`).FindAllStringSubmatch(string(module), -1) {
		used[scriptTexts+m[1]] = "latchkey.js"
	}
	there := map[string]bool{}
	for _, key := range cat.Keys("en") {
		if strings.HasPrefix(string(key), "page.") {
			there[string(key)] = true
			if used[string(key)] == "" {
				t.Errorf("%s is used nowhere", key)
			}
		}
	}
	for key, where := range used {
		if !there[key] {
			t.Errorf("%s names %s, which has no text", where, key)
		}
	}
}

func TestOverlay(t *testing.T) {
	overlay := fstest.MapFS{
		"templates/login.html":  {Data: []byte(`{{define "main"}}<h1>Mine, {{.Site}}</h1>{{t "page.sign-in"}}{{end}}`)},
		"templates/extra.html":  {Data: []byte(`{{define "main"}}<h1>{{.Data}}</h1>{{end}}`)},
		"static/latchkey.css":   {Data: []byte("mine{}")},
		"static/img/logo.png":   {Data: []byte("png")},
		"locales/fr.json":       {Data: []byte("{}")},
		"templates/ignored.txt": {Data: []byte("x")},
	}
	bundled, r := testRenderer(t, nil, ""), testRenderer(t, overlay, "")
	html := render(t, r, View{Page: "login", Lang: "en", Site: "A&B", Data: loginData{}})
	if !strings.Contains(html, "<h1>Mine, A&amp;B</h1>Sign in") || !strings.Contains(html, "</html>") {
		t.Errorf("login is not laid over: %s", html)
	}
	if html := render(t, r, View{Page: "register", Lang: "en", Data: registerData{}}); !strings.Contains(html, `name="password_confirm"`) {
		t.Error("register is not the bundled one")
	}
	if html := render(t, r, View{Page: "extra", Data: "more"}); !strings.Contains(html, "<h1>more</h1>") {
		t.Error("a page of the overlay's own is not there")
	}
	if bundled.staticPath("latchkey.css") == r.staticPath("latchkey.css") {
		t.Error("another style has the same path")
	}
	framed := testRenderer(t, fstest.MapFS{"templates/layout.html": {Data: []byte(`<!doctype html><title>{{title .Page}}</title><i>{{template "main" .}}</i>`)}}, "")
	if html := render(t, framed, View{Page: "mf-recovery", Lang: "en"}); !strings.Contains(html, "<i>\n<section") || strings.Contains(html, "<header") {
		t.Errorf("the layout alone is not laid over: %s", html)
	}
}

func TestOverlayFaults(t *testing.T) {
	cat, err := message.New()
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"syntax":           `{{define "main"}}{{if}}{{end}}`,
		"unknown function": `{{define "main"}}{{nosuch}}{{end}}`,
		"ambiguous markup": `{{define "main"}}<a href="{{if .Site}}"{{end}}>{{end}}`,
	} {
		_, err := newRenderer(fstest.MapFS{"templates/login.html": {Data: []byte(text)}}, cat, "")
		if err == nil || !strings.Contains(err.Error(), "login.html") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestPageWholeOrNotAtAll(t *testing.T) {
	r := testRenderer(t, nil, "")
	var b bytes.Buffer
	for _, v := range []View{{Page: "nosuch", Lang: "en"}, {Page: "account", Lang: "en", Data: "not an account"}} {
		if err := r.page(&b, v); err == nil || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes written", v.Page, err, b.Len())
		}
	}
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))
	if got, want := timeElement(at, "ago"), template.HTML(`<time datetime="2026-03-04T04:06:07Z" data-time="ago">2026-03-04 04:06 UTC</time>`); got != want {
		t.Errorf("ago: %s", got)
	}
	if got, want := timeElement(at, "date"), template.HTML(`<time datetime="2026-03-04T04:06:07Z" data-time="date">2026-03-04</time>`); got != want {
		t.Errorf("date: %s", got)
	}
}
