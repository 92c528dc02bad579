package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/throttle"
	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// sorts are identities of every sort, by what they are, all of one length. Nobody who is not signed in may tell them apart.
func (s *site) sorts(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{"unknown": "sort-nobody-1@example.test", "unknown too": "sort-nobody-2@example.test"}
	for i, what := range []string{"with a password", "with first passkeys", "with a second factor", "disabled", "disabled, with a first passkey", "without a password"} {
		email := fmt.Sprintf("sort-person-%d@example.test", i)
		out[what] = email
		v := s.visitor(t)
		v.email = email
		if what == "without a password" {
			if _, err := s.store.CreateUser(t.Context(), account.NewUser{Email: email}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if s.cfg.Confirmable {
			v.post("/register", fields{"email": email}).want(http.StatusOK)
			v.post(s.link(t, email), fields{"password": goodPassword}).want(http.StatusOK)
		} else {
			v.post("/register", fields{"email": email, "password": goodPassword}).want(http.StatusOK)
		}
		if strings.Contains(what, "first") {
			v.enrol("first")
			v.enrol("first")
		}
		if strings.Contains(what, "second") {
			v.enrol("secondary")
			v.setUpApp()
		}
		if strings.HasPrefix(what, "disabled") {
			disable(t, v, false)
		}
	}
	return out
}

var (
	challenges  = regexp.MustCompile(`"challenge":"[A-Za-z0-9_-]{43}"`)
	allowLists  = regexp.MustCompile(`"allowCredentials":\[(\{"type":"public-key","id":"[A-Za-z0-9_-]+","transports":\[[^\]]*\]\},?)*\]`)
	randomWords = regexp.MustCompile(`[A-Za-z0-9_-]{43,}`)
)

// face is all of an answer that a stranger sees, what is random in it replaced by its length, and what the stranger typed by a word.
func (a *answer) face(typed string) string {
	a.t.Helper()
	var b strings.Builder
	fmt.Fprintln(&b, a.status)
	for _, name := range slices.Sorted(maps.Keys(a.header)) {
		switch name {
		case "Date", "Content-Length":
			continue
		}
		fmt.Fprintf(&b, "%s: %q\n", name, a.header[name])
	}
	b.Write(a.body)
	text := strings.ReplaceAll(b.String(), typed, "TYPED")
	text = allowLists.ReplaceAllString(text, "LIST")
	text = challenges.ReplaceAllString(text, "CHALLENGE")
	return randomWords.ReplaceAllStringFunc(text, func(w string) string { return fmt.Sprintf("RANDOM%d", len(w)) })
}

// TestNobodyCanTellWhoHasAnAccount: at every step before somebody is known, in both renderings, the answers for identities of every sort are one
// and the same, to the byte of the header; so are the rows that they leave in the log.
func TestNobodyCanTellWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	attacker := func(s *site) *visitor { // with an account and a passkey of their own
		v := s.visitor(t)
		v.email = unique("attacker") + "@example.test"
		if s.cfg.Confirmable {
			v.post("/register", fields{"email": v.email}).want(http.StatusOK)
			v.post(s.link(t, v.email), fields{"password": goodPassword}).want(http.StatusOK)
		} else {
			v.post("/register", fields{"email": v.email, "password": goodPassword}).want(http.StatusOK)
		}
		v.enrol("first")
		return v
	}
	for name, change := range map[string]func(*latchkey.Config){
		"default": func(*latchkey.Config) {}, "confirmable": confirmable,
		"without hints": func(c *latchkey.Config) { c.AllowUserHints = false },
		"throttled": func(c *latchkey.Config) {
			confirmable(c)
			c.ThrottleAccount, c.ThrottleSend = throttle.Rate{N: 3, Per: time.Hour}, throttle.Rate{N: 5, Per: time.Hour}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, change)
			sorts := s.sorts(t)
			thief := attacker(s)
			l := s.ledger(t)
			for _, w := range ways {
				steps := map[string]func(v *visitor, email string) *answer{
					"a wrong password": func(v *visitor, email string) *answer {
						return w.post(v, "/login?next=%2Fwhere&include_auth_token", fields{"email": email, "password": "Wrong-Kettle-42", "remember": "y"})
					},
					"no password": func(v *visitor, email string) *answer { return w.post(v, "/login", fields{"email": email}) },
					"a password that is too long": func(v *visitor, email string) *answer {
						return w.post(v, "/login", fields{"email": email, "password": strings.Repeat("x", 2000)})
					},
					"the start of a passkey": func(v *visitor, email string) *answer {
						return w.post(v, "/wan-signin?next=%2Fwhere", fields{"identity": email})
					},
					"a passkey that nobody knows": func(v *visitor, email string) *answer {
						start := v.post("/wan-signin", fields{"identity": email}).want(http.StatusOK)
						return w.post(v, with("/wan-signin", start), fields{"credential": thief.signFor(withoutAllowed(start), as(b64(make([]byte, 32))))})
					},
					"a passkey of the list, badly signed": func(v *visitor, email string) *answer {
						start := v.post("/wan-signin", fields{"identity": email}).want(http.StatusOK)
						id := b64(thief.device.Credentials()[0].ID)
						if s.cfg.AllowUserHints {
							id = start.allowed()[0]
						}
						return w.post(v, with("/wan-signin", start), fields{"credential": thief.signFor(withoutAllowed(start), as(id), badSignature)})
					},
					"a passkey of the list, signed by another key": func(v *visitor, email string) *answer {
						start := v.post("/wan-signin", fields{"identity": email}).want(http.StatusOK)
						id := b64(make([]byte, 32))
						if s.cfg.AllowUserHints {
							id = start.allowed()[0]
						}
						return w.post(v, with("/wan-signin", start), fields{"credential": thief.signFor(withoutAllowed(start), as(id), func(c *latchkeytest.Ceremony) { c.UserHandle = nil })})
					},
					"a passkey of one's own": func(v *visitor, email string) *answer {
						start := v.post("/wan-signin", fields{"identity": email}).want(http.StatusOK)
						return w.post(v, with("/wan-signin", start), fields{"credential": thief.signFor(withoutAllowed(start))})
					},
				}
				if s.cfg.Confirmable {
					steps["a registration"] = func(v *visitor, email string) *answer {
						return w.post(v, "/register?next=%2Fwhere", fields{"email": email, "password": goodPassword, "password_confirm": goodPassword})
					}
					steps["a registration in capitals"] = func(v *visitor, email string) *answer {
						return w.post(v, "/register", fields{"email": strings.ToUpper(email), "password": "x"})
					}
				}
				for _, step := range slices.Sorted(maps.Keys(steps)) {
					faces, logged := map[string][]string{}, map[string][]string{}
					for what, email := range sorts {
						before := l.page()
						face := steps[step](s.visitor(t), email).face(email)
						face = strings.ReplaceAll(face, strings.ToUpper(email), "TYPED")
						faces[face] = append(faces[face], what)
						var rows []string
						for _, e := range l.events(before) {
							rows = append(rows, string(e.Kind))
						}
						logged[fmt.Sprint(rows)] = append(logged[fmt.Sprint(rows)], what)
						if changed := l.changes(before); len(changed) > 0 {
							t.Errorf("%s, %s: changed %v", w.name, step, changed)
						}
					}
					if len(faces) != 1 {
						text, err := json.MarshalIndent(faces, "", " ")
						if err != nil {
							t.Fatal(err)
						}
						t.Errorf("%s, %s: %d different answers: %.3000s", w.name, step, len(faces), text)
					}
					if len(logged) != 1 {
						t.Errorf("%s, %s: the log tells them apart: %v", w.name, step, logged)
					}
				}
			}
			if !s.cfg.Confirmable {
				return
			}
			counts := map[int]bool{}
			for what, email := range sorts {
				n := len(s.mail.to(email)) + len(s.mail.to(strings.ToUpper(email)))
				if strings.HasPrefix(what, "unknown") {
					counts[n] = true
				} else { // those of being made
					for _, kind := range s.mail.kinds(email) {
						if kind != "registered_already" {
							n--
						}
					}
					counts[n] = true
				}
			}
			if len(counts) != 1 {
				t.Errorf("they were mailed differently often: %v", counts)
			}
		})
	}
}

// TestNobodyCanTellByAClosedStep: a step that closed, or is throttled, answers alike whether or not there is an account.
func TestNobodyCanTellByAClosedStep(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*latchkey.Config){
		"closed": func(*latchkey.Config) {}, "throttled": func(c *latchkey.Config) { c.ThrottleAccount = throttle.Rate{N: 3, Per: time.Hour} },
	} {
		s := newSite(t, change)
		faces := map[string][]string{}
		for what, email := range s.sorts(t) {
			v := s.visitor(t)
			for range 100 {
				if a := v.post("/login", fields{"email": email, "password": "Wrong-Kettle-42"}); a.status == http.StatusTooManyRequests {
					break
				}
			}
			face := v.post("/login", fields{"email": email, "password": goodPassword}).want(http.StatusTooManyRequests).face(email) +
				v.form("/login", fields{"email": email, "password": goodPassword}).want(http.StatusTooManyRequests).face(email)
			faces[face] = append(faces[face], what)
			s.settled(t)
		}
		if len(faces) != 1 {
			t.Errorf("%s: %d different answers: %q", name, len(faces), faces)
		}
	}
}
