package web_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// altered are misspellings of a token: cut, with a bit flipped, with something added, every so many bytes. Each differs from the token.
func altered(t testing.TB, text string, every int) []string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i := 1; i < len(text); i += every {
		out = append(out, text[:i])
	}
	for i := 0; i < len(raw); i += every {
		b := slices.Clone(raw)
		b[i] ^= 1 << (i % 8)
		out = append(out, base64.RawURLEncoding.EncodeToString(b))
	}
	swapped := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, text)
	out = append(out, text+"A", text+"AAAA", text+"=", text+"==", text+"\n", text+"\x00", " "+text, text+" ", text+text, swapped, strings.Repeat("A", len(text)), "é"+text,
		text[:len(text)-1]+"=", base64.RawURLEncoding.EncodeToString(append(slices.Clone(raw), 0)), base64.RawURLEncoding.EncodeToString(raw[4:]),
		base64.StdEncoding.EncodeToString(raw)+"=", strings.Repeat("A", 5000))
	return slices.DeleteFunc(out, func(s string) bool { return s == text })
}

// TestNoAlteredTokenOpens: whatever is done to a token of any kind, it is none of ours, nothing is spent, and the token itself is good afterwards.
func TestNoAlteredTokenOpens(t *testing.T) {
	t.Parallel()
	for i, k := range tokenKinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, everyToken)
			l := s.ledger(t)
			h := k.begin(t, s)
			every := 2 + i%2
			switch k.name {
			case "first signin":
				every = 1
			case "verify code": // a hundred close the step
				every = 15
			}
			before := l.page()
			tried := 0
			for _, text := range altered(t, h.text, every) {
				if k.route != "/verify" { // where it stands in the body
					text = url.PathEscape(text)
				}
				if a := h.finish(h.v.in(t), text); a.status != http.StatusBadRequest || !slices.Equal(a.codes(), []string{"API_ERROR"}) {
					t.Errorf("%q: %v", text, a)
				}
				tried++
			}
			if tried < 50 {
				t.Errorf("only %d were tried", tried)
			}
			if changed := l.changes(before); len(changed) > 0 || l.page().spent != before.spent {
				t.Errorf("changed: %v; spent %d", changed, l.page().spent-before.spent)
			}
			if a := h.finish(h.v.in(t), h.text); a.status != http.StatusOK || !h.done() {
				t.Errorf("the token itself: %v", a)
			}
		})
	}
}

// TestTheOldKeyOpensAndNeverSeals: what a server with a newer key before the old one makes, one with the newer alone opens, and one with the
// old alone does not.
func TestTheOldKeyOpensAndNeverSeals(t *testing.T) {
	t.Parallel()
	for _, k := range tokenKinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, everyToken, keys(7))
			rotated, newer := s.twin(t, keys(8, 7)), s.twin(t, keys(8))
			h := k.begin(t, rotated)
			if a := h.finish(h.v.at(s), h.text); !slices.Equal(a.codes(), []string{"API_ERROR"}) {
				t.Errorf("under the old key: %v", a)
			}
			if a := h.finish(h.v.at(newer), h.text); a.status != http.StatusOK {
				t.Errorf("under the newer key: %v", a)
			}
		})
	}
}

// TestNoAlteredCookieIsAnybody: a cookie that was altered, or put in another's place, is as good as none.
func TestNoAlteredCookieIsAnybody(t *testing.T) {
	t.Parallel()
	s := newSite(t, trusting)
	p := s.person(t)
	p.enrol("secondary")
	v := p.fresh()
	v.form("/login", fields{"email": p.email, "password": goodPassword, "remember": "y"}).goes("/wan-signin")
	pending := v.fork()
	v.signin(nil, nil).want(http.StatusOK)
	v.page("/wan-register").want(http.StatusOK) // the grace's
	v.form("/verify", fields{"password": goodPassword}).goes("/")
	whole := map[string]string{}
	for _, b := range []*visitor{v, pending} {
		for name, c := range b.cookies {
			whole[strings.TrimPrefix(name, "latchkey_")] = c.Value
		}
	}
	for _, name := range []string{"session", "pending", "known", "grace", "flash", "tf_validity"} {
		if whole[name] == "" {
			t.Fatalf("no cookie %s among %v", name, whole)
		}
	}
	try := func(what string, cookies map[string]string) {
		t.Helper()
		w := p.fresh()
		for name, value := range cookies {
			if name != "tf_validity" {
				name = "latchkey_" + name
			}
			w.cookies[name] = &http.Cookie{Name: name, Value: value}
		}
		if got := w.whoami(); got != "" {
			t.Errorf("%s is %s", what, got)
		}
		if a := w.get("/tf-select"); a.status != http.StatusBadRequest {
			t.Errorf("%s waits for a second factor: %v", what, a)
		}
		w.get("/wan-register").want(http.StatusUnauthorized)
		if a := w.page("/login").want(http.StatusOK); strings.Contains(string(a.body), `data-code=`) {
			t.Errorf("%s tells the person something: %v", what, a)
		}
	}
	for name, value := range whole {
		for i, text := range altered(t, value, 7) {
			if !strings.ContainsAny(text, "\n\x00 é") && len(text) < 4000 && (i%4 == 0 || name == "session" || name == "pending") {
				try("an altered "+name, map[string]string{name: text})
			}
		}
		for other := range whole {
			if other != name {
				try("the "+name+" in the place of the "+other, map[string]string{other: value})
			}
		}
	}
	// an altered device is remembered as none
	for _, text := range append(altered(t, whole["tf_validity"], 9), whole["session"], whole["pending"], whole["known"]) {
		if strings.ContainsAny(text, "\n\x00 é") || len(text) > 4000 {
			continue
		}
		w := p.fresh()
		w.cookies["tf_validity"] = &http.Cookie{Name: "tf_validity", Value: text}
		w.login().want(http.StatusOK).is(true, "tf_required")
	}
}
