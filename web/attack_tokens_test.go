package web_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/signin"
)

// held is a sealed token in the hands of whoever it was made for, with a finish that is right in every other respect.
type held struct {
	v    *visitor // who may use it
	user *visitor // its account's owner, signed in nowhere by that; nil where there is no account yet
	text string
	// finish is the other half, by whichever browser, with whichever token. wrong has an answer in it that does not verify, elsewhere one that
	// was made at the other origin; nil: there is no such thing.
	finish, wrong, elsewhere func(v *visitor, text string) *answer
	done                     func() bool
}

// kind is one sort of token. Its ceremony is the key that it is sealed with, as package signin calls it.
type kind struct {
	name, ceremony, route string
	within                time.Duration
	refused               account.EventKind
	begin                 func(t testing.TB, s *site) *held
}

const otherOrigin = "http://localhost:81"

// everyToken demands a second factor and a confirmed address of everybody, so that one site has tokens of all kinds, and has two origins.
func everyToken(c *latchkey.Config) {
	c.Origins = append(c.Origins, otherOrigin)
	c.TwoFactorRequired, c.Confirmable = true, true
}

// newcomer has confirmed an address, and waits for a second factor to be set up.
func (s *site) newcomer(t testing.TB) *visitor {
	t.Helper()
	v := s.visitor(t)
	v.email = unique("member") + "@example.test"
	v.post("/register", fields{"email": v.email}).want(http.StatusOK)
	v.post(s.link(t, v.email), fields{"password": goodPassword}).want(http.StatusOK).is("setup_from_login", "tf_state")
	return v
}

// member has an authenticator app and is signed in.
func (s *site) member(t testing.TB) *visitor {
	t.Helper()
	v := s.newcomer(t)
	v.codes = newApp(t, s, v.post("/tf-setup", fields{"setup": "authenticator"}).want(http.StatusOK).str("tf_authr_b32key"))
	v.post("/tf-validate", fields{"code": v.codes.next()}).want(http.StatusOK)
	return v.signedIn()
}

// enter signs a member in, in this browser.
func (v *visitor) enter() *visitor {
	v.t.Helper()
	v.login().want(http.StatusOK).is(true, "tf_required")
	v.post("/tf-validate", fields{"code": v.codes.next()}).want(http.StatusOK)
	return v.signedIn()
}

// program is a member's bearer token.
func (v *visitor) program() *visitor {
	v.t.Helper()
	c := v.fresh()
	c.login().want(http.StatusOK)
	token := c.post("/tf-validate?include_auth_token", fields{"code": v.codes.next()}).want(http.StatusOK).str("user", "authentication_token")
	return v.bearer(token).signedIn()
}

// here posts as a script of the visitor's origin does.
func (v *visitor) here(path string, f fields) *answer {
	v.t.Helper()
	c := *v
	c.header = v.header.Clone()
	c.header.Set("Origin", v.origin)
	return c.post(path, f)
}

func (s *site) passkeysOf(t testing.TB, email string) int {
	t.Helper()
	all, err := s.store.Credentials(t.Context(), accountOf(t, s, email).ID)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// answers fills in the finishes of a ceremony that a device answers.
func (h *held) answers(path string, good, bad, elsewhere string) {
	post := func(response string) func(*visitor, string) *answer {
		return func(v *visitor, text string) *answer {
			v.t.Helper()
			return v.here(path+"/"+text, fields{"credential": response})
		}
	}
	h.finish, h.wrong, h.elsewhere = post(good), post(bad), post(elsewhere)
}

// other has a device answer at the other origin.
func (v *visitor) other() *visitor {
	c := *v
	c.origin = otherOrigin
	return &c
}

func beginRegister(t testing.TB, v *visitor) *held {
	t.Helper()
	start := v.here("/wan-register", fields{"name": unique("key")}).want(http.StatusOK)
	h := &held{v: v, user: v, text: start.str("wan_state")}
	had := v.s.passkeysOf(t, v.email)
	v.device = latchkeytest.NewAuthenticator()
	h.answers("/wan-register", v.create(start), v.create(start, func(c *latchkeytest.Ceremony) { c.UserPresent = false }), v.other().create(start))
	h.done = func() bool { return v.s.passkeysOf(t, v.email) > had }
	return h
}

// asked is the answer of a device to a start, whichever passkeys it names, right, with a bad signature, and at the other origin.
func (h *held) asked(path string, v *visitor, start *answer) *held {
	v.t.Helper()
	h.text = start.str("wan_state")
	h.answers(path, v.sign(start), v.sign(start, badSignature), v.other().sign(start))
	return h
}

var tokenKinds = []kind{
	{"register", "register", "/wan-register/{state}", 30 * time.Minute, account.EventPasskeyRefused, func(t testing.TB, s *site) *held {
		return beginRegister(t, s.member(t))
	}},
	{"enrol", "register", "/wan-register/{state}", 30 * time.Minute, account.EventPasskeyRefused, func(t testing.TB, s *site) *held {
		return beginRegister(t, s.newcomer(t))
	}},
	{"first signin", "signin", "/wan-signin/{state}", 5 * time.Minute, account.EventSigninRefused, func(t testing.TB, s *site) *held {
		p := s.member(t)
		p.enrol("first")
		v := p.fresh()
		h := &held{v: v, user: p, done: func() bool { return v.whoami() != "" }}
		return h.asked("/wan-signin", v, v.here("/wan-signin", fields{"identity": p.email}).want(http.StatusOK))
	}},
	{"second signin", "signin", "/wan-signin/{state}", 5 * time.Minute, account.EventSigninRefused, func(t testing.TB, s *site) *held {
		p := s.member(t)
		p.enrol("secondary", unverified)
		v := p.waiting()
		v.post("/tf-select", fields{"which": "webauthn"}).want(http.StatusOK)
		h := &held{v: v, user: p, done: func() bool { return v.whoami() != "" }}
		return h.asked("/wan-signin", v, v.here("/wan-signin", nil).want(http.StatusOK).is(true, "is_secondary"))
	}},
	{"verify", "verify", "/wan-verify/{state}", 5 * time.Minute, account.EventVerifyRefused, func(t testing.TB, s *site) *held {
		v := s.member(t)
		v.enrol("first")
		was := v.provedAt()
		s.clock.pass(time.Second)
		h := &held{v: v, user: v, done: func() bool { return !v.provedAt().Equal(was) }}
		return h.asked("/wan-verify", v, v.here("/wan-verify", nil).want(http.StatusOK))
	}},
	{"setup", "setup", "/tf-setup/{state}", 30 * time.Minute, account.EventFactorRefused, func(t testing.TB, s *site) *held {
		v := s.member(t)
		s.clock.pass(time.Second)
		start := v.here("/tf-setup", fields{"setup": "authenticator"}).want(http.StatusOK) // a second app, in the place of the first
		codes := newApp(t, s, start.str("tf_authr_b32key"))
		was := s.appSince(t, v.email)
		post := func(code func() string) func(*visitor, string) *answer {
			return func(v *visitor, text string) *answer {
				v.t.Helper()
				return v.here("/tf-setup/"+text, fields{"code": code()})
			}
		}
		return &held{
			v: v, user: v, text: start.str("tf_state_token"), finish: post(func() string { return codes.at(0) }), wrong: post(codes.wrong),
			done: func() bool { return !s.appSince(t, v.email).Equal(was) },
		}
	}},
	{"verify code", "verify code", "/verify", 5 * time.Minute, account.EventVerifyRefused, func(t testing.TB, s *site) *held {
		v := s.member(t)
		v.setUpEmail()
		was := v.provedAt()
		s.clock.pass(time.Second)
		start := v.here("/verify", fields{"send": "email"}).want(http.StatusOK)
		code := s.mail.code(t, v.email)
		wrong := "000000"
		if code == wrong {
			wrong = "111111"
		}
		post := func(code string) func(*visitor, string) *answer {
			return func(v *visitor, text string) *answer {
				v.t.Helper()
				return v.here("/verify", fields{"code": code, "verify_state": text})
			}
		}
		return &held{
			v: v, user: v, text: start.str("verify_state"), finish: post(code), wrong: post(wrong),
			done: func() bool { return !v.provedAt().Equal(was) },
		}
	}},
	{"recover", "recover", "/recover/{state}", 30 * time.Minute, account.EventPasswordRefused, func(t testing.TB, s *site) *held {
		p := s.member(t)
		link, err := s.auth.RecoveryLink(t.Context(), p.email)
		if err != nil {
			t.Fatal(err)
		}
		was := accountOf(t, s, p.email).PasswordHash
		return mailed(p.fresh(), p, link, "new_password", func() bool { return accountOf(t, s, p.email).PasswordHash != was })
	}},
	{"confirm", "confirm", "/confirm/{state}", 24 * time.Hour, account.EventRegisterRefused, func(t testing.TB, s *site) *held {
		v := s.visitor(t)
		v.email = unique("unconfirmed") + "@example.test"
		v.post("/register", fields{"email": v.email}).want(http.StatusOK)
		return mailed(v.fresh(), nil, s.link(t, v.email), "password", func() bool {
			_, err := s.store.UserByEmail(t.Context(), v.email)
			return err == nil
		})
	}},
	{"reopen", "reopen", "/reopen/{state}", 24 * time.Hour, account.EventSigninRefused, func(t testing.TB, s *site) *held {
		p := s.member(t)
		v := p.fresh()
		for range 100 {
			v.post("/login", fields{"email": p.email, "password": "Wrong-Kettle-42"}).refuses(http.StatusBadRequest, "GENERIC_AUTHN_FAILED", "")
		}
		closed := func() bool {
			return v.fresh().post("/login", fields{"email": p.email, "password": "Wrong-Kettle-42"}).status == http.StatusTooManyRequests
		}
		if !closed() {
			t.Fatal("the step is open still")
		}
		s.settled(t)
		return mailed(v, p, s.link(t, p.email), "", func() bool { return !closed() })
	}},
}

// mailed is a link with a form behind it that asks for a new password, where it asks for anything.
func mailed(v, user *visitor, link, field string, done func() bool) *held {
	at := strings.LastIndex(link, "/")
	path, text := link[:at], link[at+1:]
	path = path[strings.LastIndex(path, "/"):]
	post := func(password string) func(*visitor, string) *answer {
		return func(v *visitor, text string) *answer {
			v.t.Helper()
			return v.here(path+"/"+text, fields{field: password})
		}
	}
	h := &held{v: v, user: user, text: text, finish: post("Another-Kettle-43-Marsh"), done: done}
	if field != "" {
		h.wrong = post("short")
	}
	return h
}

// provedAt is when a browser's session last proved itself; never, where it has none.
func (v *visitor) provedAt() time.Time {
	v.t.Helper()
	c := v.cookie("latchkey_session")
	if c == nil {
		return time.Time{}
	}
	found, _, err := v.s.store.Session(context.WithoutCancel(v.t.Context()), account.SessionBrowser, signin.DigestOf(c.Value))
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		v.t.Fatal(err)
	}
	return found.AuthenticatedAt
}

// appSince is when a member's authenticator app was set up.
func (s *site) appSince(t testing.TB, email string) time.Time {
	t.Helper()
	second, err := s.store.SecondFactors(t.Context(), accountOf(t, s, email).ID)
	if err != nil {
		t.Fatal(err)
	}
	f, _ := second.Code(account.MethodAuthenticator)
	return f.Created
}

// twin is another server on the same database and clock, with other settings.
func (s *site) twin(t testing.TB, change ...func(*latchkey.Config)) *site {
	t.Helper()
	cfg := s.cfg
	for _, c := range change {
		c(&cfg)
	}
	o := *s
	var err error
	if o.auth, err = latchkey.New(cfg, s.store); err != nil {
		t.Fatal(err)
	}
	o.server = httptest.NewServer(o.auth.Handler())
	t.Cleanup(func() {
		o.server.Close()
		if err := o.auth.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return &o
}

// at is the visitor at another server, with the same cookies.
func (v *visitor) at(s *site) *visitor {
	c := *v
	c.s = s
	return &c
}

// keys are a site's keys: the first seals, all open.
func keys(n ...byte) func(*latchkey.Config) {
	return func(c *latchkey.Config) {
		c.SecretKeys = nil
		for _, k := range n {
			c.SecretKeys = append(c.SecretKeys, bytes.Repeat([]byte{k}, 32))
		}
	}
}
