package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
)

// posted is an endpoint with the fields that it reads, and who may come in.
type posted struct {
	path   string
	who    string // "nobody", "unconfirmed", "signed in", "ready", "select", "setup", "validating"
	texts  []string
	flags  []string
	code   bool
	finish bool
}

var allPosted = []posted{
	{path: "/login", who: "nobody", texts: []string{"email", "password", "next"}, flags: []string{"remember"}},
	{path: "/register", who: "nobody", texts: []string{"email", "password", "password_confirm", "next"}},
	{path: "/logout", who: "nobody"},
	{path: "/wan-signin", who: "nobody", texts: []string{"identity", "next"}, flags: []string{"remember"}},
	{path: "/wan-signin/x", who: "nobody", texts: []string{"next"}, flags: []string{"remember"}, finish: true},
	{path: "/recover/x", who: "nobody", texts: []string{"new_password", "new_password_confirm"}, flags: []string{"end_sessions", "reset_factors"}},
	{path: "/register", who: "unconfirmed", texts: []string{"email", "password", "password_confirm", "next"}},
	{path: "/confirm/x", who: "unconfirmed", texts: []string{"password", "password_confirm"}},
	{path: "/reopen/x", who: "nobody"},
	{path: "/wan-outcome", who: "nobody", texts: []string{"ceremony", "outcome"}},
	{path: "/wan-register", who: "signed in", texts: []string{"name", "usage"}},
	{path: "/wan-register/x", who: "signed in", finish: true},
	{path: "/wan-verify", who: "signed in", texts: []string{"next"}},
	{path: "/wan-verify/x", who: "signed in", texts: []string{"next"}, finish: true},
	{path: "/mf-recovery-codes", who: "signed in"},
	{path: "/wan-delete", who: "signed in", texts: []string{"name", "id"}},
	{path: "/tf-setup", who: "signed in", texts: []string{"setup", "phone", "which"}},
	{path: "/tf-setup/x", who: "signed in", code: true},
	{path: "/verify", who: "signed in", texts: []string{"password", "next", "send", "verify_state"}, code: true},
	{path: "/change", who: "signed in", texts: []string{"password", "new_password", "new_password_confirm"}},
	{path: "/sessions/end", who: "signed in", texts: []string{"id"}, flags: []string{"others", "all"}},
	{path: "/wan-signin", who: "ready", texts: []string{"identity", "next"}, flags: []string{"remember"}},
	{path: "/tf-select", who: "ready", texts: []string{"which"}},
	{path: "/tf-validate", who: "ready", texts: []string{"next"}, flags: []string{"remember"}, code: true},
	{path: "/tf-rescue", who: "ready", texts: []string{"help_setup"}},
	{path: "/mf-recovery", who: "ready", texts: []string{"next"}, flags: []string{"remember"}, code: true},
	{path: "/tf-setup", who: "setup", texts: []string{"setup", "phone"}},
	{path: "/wan-register", who: "setup", texts: []string{"name", "usage"}},
	{path: "/wan-register/x", who: "setup", finish: true},
	{path: "/tf-validate", who: "validating", texts: []string{"next"}, flags: []string{"remember"}, code: true},
}

func (p posted) String() string { return p.path + " by " + p.who }

// callers makes one of each kind: a sign-in that is ready for email or a passkey, and one that must set something up.
func callers(t *testing.T) map[string]*visitor {
	t.Helper()
	s := newSite(t)
	p := s.person(t)
	p.enrol("secondary", unverified)
	p.setUpEmail()
	ready := p.waiting()
	ready.post("/tf-select", fields{"which": "email"}).want(http.StatusOK)
	required := newSite(t, func(c *latchkey.Config) { c.TwoFactorRequired = true })
	setup := required.person(t)
	validating := required.person(t)
	validating.post("/tf-setup", fields{"setup": "authenticator"}).want(http.StatusOK)
	return map[string]*visitor{"nobody": s.visitor(t), "unconfirmed": newSite(t, confirmable).visitor(t), "signed in": p, "ready": ready, "setup": setup, "validating": validating}
}

// deep is a value nested n times.
func deep(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func TestAWrongTypeIsToldAtItsField(t *testing.T) {
	t.Parallel()
	who := callers(t)
	notText := []string{`5`, `true`, `[]`, `["a"]`, `{}`, `{"a":1}`, `1.5`, `1e400`, `123456789012345678901234567890`, `-0`, deep(500)}
	for _, p := range allPosted {
		v := who[p.who].in(t)
		send := func(field, value string) {
			t.Helper()
			v.fork().raw(p.path, fmt.Sprintf(`{%q:%s}`, field, value)).refuses(http.StatusBadRequest, "API_ERROR", field)
		}
		for _, f := range p.texts {
			for _, value := range notText {
				send(f, value)
			}
		}
		for _, f := range p.flags {
			for _, value := range []string{`5`, `0`, `1`, `"y"`, `"true"`, `""`, `[]`, `{}`, `[true]`, deep(50)} {
				send(f, value)
			}
		}
		if p.code {
			for _, value := range []string{`true`, `[]`, `[1]`, `{"not":"a code"}`, `false`, deep(50)} {
				send("code", value)
			}
		}
		if p.finish {
			for _, value := range []string{`5`, `true`, `[]`, `["a"]`, `1.5`, deep(50)} {
				send("credential", value)
			}
		}
	}
}

func TestABodyThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	who := callers(t)
	const js, form = "application/json", "application/x-www-form-urlencoded"
	for _, c := range []struct {
		name, typ, body string
		status          int
	}{
		{"broken JSON", js, `{"email":`, 400},
		{"JSON that is a list", js, `[]`, 400},
		{"JSON that is null", js, `null`, 400},
		{"JSON that is a text", js, `"hi there"`, 400},
		{"JSON that is a number", js, `5`, 400},
		{"two objects", js, `{}{}`, 400},
		{"an object and a rest", js, `{} x`, 400},
		{"a trailing comma", js, `{"a":1,}`, 400},
		{"a form as JSON", js, `email=a%40b&password=c`, 400},
		{"space alone", js, `   `, 400},
		{"a byte order mark", js, "\ufeff{}", 400},
		{"not UTF-8", js, "{\"email\":\"\xff\xfe\"}", 400},
		{"overlong UTF-8", js, "{\"email\":\"\xc0\xaf\"}", 400},
		{"a raw NUL", js, "{\"email\":\"a\x00b\"}", 400},
		{"NULs", js, "\x00\x00\x00", 400},
		{"a member twice", js, `{"email":"a","email":"b"}`, 400},
		{"nested without end", js, strings.Repeat("[", 60000), 400},
		{"nested objects without end", js, strings.Repeat(`{"a":`, 12000), 400},
		{"deep and whole", js, `{"x":` + deep(20000) + `}`, 400},
		{"over 64 KiB", js, `{"x":"` + strings.Repeat("x", 66<<10) + `"}`, 413},
		{"1 MiB", js, `{"x":"` + strings.Repeat("x", 1<<20) + `"}`, 413},
		{"1 MiB of brackets", js, strings.Repeat("[", 1<<20), 413},
		{"JSON as a form", form, `{"email":"a"}%`, 400},
		{"a broken escape", form, `email=%zz`, 400},
		{"a semicolon", form, `a=b;c=d`, 400},
		{"an escape that is not UTF-8", form, `email=%ff%fe`, 400},
		{"a name that is not UTF-8", form, `%ff=a`, 400},
		{"raw bytes", form, "email=\xff", 400},
		{"a form over 64 KiB", form, "x=" + strings.Repeat("x", 66<<10), 413},
		{"a multipart form", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\na\r\n--x--", 415},
		{"plain text", "text/plain", "email=a", 415},
		{"no type", "", "email=a", 415},
		{"a broken type", "///", "email=a", 415},
		{"XML", "application/xml", "<a/>", 415},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, p := range allPosted {
				if len(c.body) > 1000 && i%8 > 0 {
					continue // one reader serves them all
				}
				v := who[p.who].in(t)
				h := http.Header{"Content-Type": {c.typ}, "Accept": {"application/json"}}
				v.fork().call(http.MethodPost, p.path, h, []byte(c.body)).refuses(c.status, "API_ERROR", "")
				if c.typ != js {
					h.Set("Accept", htmlAccept)
					v.fork().call(http.MethodPost, p.path, h, []byte(c.body)).want(c.status)
				}
			}
		})
	}
}

func TestOddFieldsAreNeverAFailureOfTheSystem(t *testing.T) {
	t.Parallel()
	who := callers(t)
	odd := []string{
		`"\u0000"`, `"a\u0000b@example.test"`, `"\ud800"`, `"\udfff\ud800"`, `"\u202e\u200b\ufeff"`, `" "`, `"' OR 1=1 --"`, `"%00"`, `"../../etc/passwd"`, `"{{7*7}}"`,
		`"` + strings.Repeat("x", 6000) + `"`, `"` + strings.Repeat(`\u0000`, 500) + `"`, `"` + strings.Repeat("ﷺ", 300) + `"`, `"\r\nSet-Cookie: a=b"`, `null`, `"null"`, `"-1"`, `"1e9"`,
	}
	for _, p := range allPosted {
		v := who[p.who].in(t)
		names := append([]string{}, p.texts...)
		if p.code {
			names = append(names, "code")
		}
		if p.finish {
			names = append(names, "credential")
		}
		try := func(names []string, value string) {
			t.Helper()
			body, form := []string{}, fields{}
			for _, name := range names {
				key, err := json.Marshal(name)
				if err != nil {
					t.Fatal(err)
				}
				var text string
				if err := json.Unmarshal([]byte(value), &text); err != nil {
					t.Fatal(err)
				}
				body, form[name] = append(body, string(key)+":"+value), text
			}
			if a := v.fork().raw(p.path, "{"+strings.Join(body, ",")+"}"); a.status >= 500 || a.status == http.StatusNotFound {
				t.Errorf("%v: %q = %.60s: %v", p, names, value, a)
			}
			if a := v.fork().form(p.path, form); a.status >= 500 || a.status == http.StatusNotFound {
				t.Errorf("%v as a form: %q = %.60s: %v", p, names, value, a)
			}
		}
		for i, value := range odd {
			if len(names) > 1 && i%2 > 0 {
				try(names[i%len(names):][:1], value)
				continue
			}
			try(append(names, "csrf_token", "__proto__", "", "\u0000"), value)
		}
	}
}

func TestACodeMayBeANumberAndMayHaveSpaces(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	p.setUpEmail()
	// a number has no zeros before it
	for zeros := false; !zeros; {
		v := p.waiting()
		code := s.mail.code(t, p.email)
		zeros = code[0] == '0'
		v.raw("/tf-validate", `{"code":`+strings.TrimLeft(code[:5], "0")+code[5:]+`}`).want(http.StatusOK)
	}
	for _, write := range []func(string) string{
		func(c string) string { return `"` + c + `"` },
		func(c string) string { return `" ` + c[:3] + ` ` + c[3:] + ` "` },
		func(c string) string { return `"` + c[:3] + `-` + c[3:] + `"` },
		func(c string) string { return `"` + c[:3] + "\u00a0" + c[3:] + `"` },
	} {
		v := p.waiting()
		v.raw("/tf-validate", `{"code":`+write(s.mail.code(t, p.email))+`}`).want(http.StatusOK)
		v.signedIn()
	}
	v := p.waiting()
	v.raw("/tf-validate", `{"code":1e5}`).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	v.raw("/tf-validate", `{"code":-123456}`).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
	v.raw("/tf-validate", `{}`).refuses(http.StatusBadRequest, "TWO_FACTOR_INVALID_TOKEN", "code")
}

func TestRememberInAFormIsOneOfFourWords(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	for _, word := range []string{"y", "on", "true", "1"} {
		v := p.fresh()
		v.form("/login", fields{"email": p.email, "password": goodPassword, "remember": word}).goes("/")
		v.restart()
		v.signedIn()
	}
	for _, word := range []string{"", "n", "no", "0", "false", "off", "yes", "Y", "TRUE", "on "} {
		v := p.fresh()
		v.form("/login", fields{"email": p.email, "password": goodPassword, "remember": word}).goes("/")
		v.restart()
		v.signedOut()
	}
	for _, flag := range []any{true, false, nil} {
		v := p.fresh()
		v.post("/login", fields{"email": p.email, "password": goodPassword, "remember": flag}).want(http.StatusOK)
		v.restart()
		if got := v.whoami() != ""; got != (flag == true) {
			t.Errorf("remember %v: signed in after a restart: %v", flag, got)
		}
	}
}

func TestNoBodyIsAnEmptyObject(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	for _, h := range []http.Header{{"Accept": {"application/json"}}, {"Content-Type": {"application/json"}}, {"Accept": {"application/json"}, "Content-Type": {"application/x-www-form-urlencoded"}}} {
		p.call(http.MethodPost, "/wan-verify", h, nil).want(http.StatusOK)
		p.call(http.MethodPost, "/mf-recovery-codes", h, nil).want(http.StatusOK)
		p.call(http.MethodPost, "/wan-register", h, nil).refuses(http.StatusBadRequest, "WEBAUTHN_NAME_REQUIRED", "name")
		s.visitor(t).call(http.MethodPost, "/wan-signin", h, nil).want(http.StatusOK)
		s.visitor(t).call(http.MethodPost, "/login", h, nil).refuses(http.StatusBadRequest, "GENERIC_AUTHN_FAILED", "")
		p.again().call(http.MethodPost, "/logout", h, nil).want(http.StatusOK).only()
	}
}

func TestAnAgentThatIsNotTextIsKeptAsText(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	v := p.fresh()
	v.header.Set("User-Agent", "Br\xe9wser/1.0 \xff")
	v.login().want(http.StatusOK)
	all, err := s.store.Sessions(t.Context(), accountOf(t, s, p.email).ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		if strings.ToValidUTF8(x.UserAgent, "?") != x.UserAgent {
			t.Errorf("user agent %q", x.UserAgent)
		}
	}
}

func accountOf(t testing.TB, s *site, email string) account.User {
	t.Helper()
	u, err := s.store.UserByEmail(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
