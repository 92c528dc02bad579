package signin_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// dead demands that a session token opens nothing any more, as a cookie or as a bearer.
func (h *house) dead(token string) {
	h.t.Helper()
	for _, b := range []*browser{{cookie: token}, {bearer: token, program: true}} {
		b.h, b.svc = h, h.Service
		b.nobody()
	}
}

func TestTokens_RotateAtEveryProof(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", strong, app)
	b := p.signs(h.browser())
	id := b.caller().Session.ID
	for name, prove := range map[string]func() (signin.Outcome, error){
		"password": func() (signin.Outcome, error) { return b.verify(signin.Proof{Password: p.password}) },
		"code":     func() (signin.Outcome, error) { return b.verify(signin.Proof{Code: p.nextCode()}) },
		"passkey": func() (signin.Outcome, error) {
			c := b.startVerify()
			return b.finishVerify(c, p.devices["strong"].get(c))
		},
		"change of password": func() (signin.Outcome, error) {
			out, err := b.change(p.password, p.password+" two")
			p.password += " two"
			return out, err
		},
	} {
		old := b.cookie
		out, err := prove()
		h.ok(err)
		if b.cookie == old || out.Token == "" {
			t.Errorf("%s: the token stayed", name)
		}
		h.dead(old)
		c := b.signedIn(p)
		if c.Session.ID != id || out.Session.ID != id {
			t.Errorf("%s: the session is another one", name)
		}
		if out.Session.Digest != signin.DigestOf(out.Token) || !out.Session.AuthenticatedAt.Equal(c.Session.AuthenticatedAt) || !slices.Equal(out.Session.Methods, c.Session.Methods) {
			t.Errorf("%s: the outcome says %+v, the store %+v", name, out.Session, c.Session)
		}
	}
	// every sign-in is a session of its own, also in one browser
	old := b.cookie
	b.cookie = ""
	p.signs(b)
	if b.cookie == old || b.caller().Session.ID == id {
		t.Error("a sign-in took over a session")
	}
}

// A pending sign-in's token is not the session's, and is dead once it is.
func TestTokens_RotateBetweenTheFactors(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", app)
	b := h.browser()
	h.ok(errOf(b.login(p)))
	pending := b.pending
	h.ok(errOf(b.code(p.nextCode())))
	if b.cookie == pending {
		t.Error("one token for both")
	}
	h.dead(pending)
	other := h.browser()
	other.pending = pending
	if c := other.caller(); c.Pending != nil {
		t.Error("the pending sign-in lives on")
	}
	// starting over makes a new one
	h.ok(errOf(other.login(p)))
	first := other.pending
	h.ok(errOf(other.login(p)))
	if other.pending == first {
		t.Error("the token stayed")
	}
	other.pending = first
	if c := other.caller(); c.Pending != nil {
		t.Error("the earlier sign-in lives on")
	}
}

func TestTokens_EndOnTheServer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end func(b *browser, p *person)
		// who is signed in afterwards: the browser itself, its bearer token, another browser, the remembered device
		self, token, other, device bool
	}{
		"logout": {func(b *browser, _ *person) { b.h.ok(b.logout()) }, false, true, true, true},
		"end others": {func(b *browser, _ *person) {
			if n, err := b.end(signin.Ending{Others: true}); err != nil || n != 3 {
				b.h.t.Errorf("%d ended, %v", n, err)
			}
		}, true, false, false, false},
		"end all": {func(b *browser, _ *person) {
			if n, err := b.end(signin.Ending{All: true}); err != nil || n != 4 {
				b.h.t.Errorf("%d ended, %v", n, err)
			}
		}, false, false, false, false},
		"end all wins over others": {func(b *browser, _ *person) { b.h.ok(errOf(b.end(signin.Ending{All: true, Others: true, ID: "x"}))) }, false, false, false, false},
		"change of password":       {func(b *browser, p *person) { b.h.ok(errOf(b.change(p.password, "another password, quite"))) }, true, false, false, false},
		"disabled":                 {func(_ *browser, p *person) { p.disabled() }, false, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, remembering)
			p := h.person("ada", app)
			bystander := h.person("bob")
			far := bystander.signs(h.browser())
			yes := true
			b := p.signs(h.browser(), signin.Wish{Remember: &yes})
			_, err := b.verify(signin.Proof{Password: p.password}, signin.Wish{Bearer: true})
			h.ok(err)
			program := &browser{h: h, svc: h.Service, client: b.client, bearer: b.bearer, program: true}
			program.signedIn(p)
			other := p.signs(h.browser())
			c.end(b, p)
			for who, x := range map[string]struct {
				b    *browser
				want bool
			}{"self": {b, c.self}, "token": {program, c.token}, "other": {other, c.other}} {
				if got := x.b.caller().SignedIn(); got != x.want {
					t.Errorf("%s is signed in: %v", who, got)
				}
			}
			list, err := h.db.Sessions(h.ctx, p.id)
			h.ok(err)
			if got := slices.ContainsFunc(list, func(s account.Session) bool { return s.Kind == account.SessionDevice }); got != c.device {
				t.Errorf("the device is remembered: %v", got)
			}
			far.signedIn(bystander)
		})
	}
}

func TestTokens_EndOneByItsID(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, eve := h.person("ada"), h.person("eve")
	b, other, hers := p.signs(h.browser()), p.signs(h.browser()), eve.signs(h.browser())
	for _, id := range []string{hers.caller().Session.ID, "", "no such session", "\x00", "\xff"} {
		before, mark := h.snapshot(), h.mark()
		_, err := b.end(signin.Ending{ID: id})
		r, ok := signin.AsRefusal(err)
		if !ok || id != "" && r.Key != message.SessionNotFound {
			t.Errorf("%q: %v", id, err)
		}
		h.explained(r, h.heard(mark), h.events()[mark:])
		if d := differences(before, h.snapshot()); d != "" {
			t.Error(d)
		}
	}
	hers.signedIn(eve)
	if n, err := b.end(signin.Ending{ID: other.caller().Session.ID}); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	other.nobody()
	b.signedIn(p)
}

// A cookie is no bearer, a bearer no cookie, and a remembered device neither.
func TestTokens_KindsAreNotInterchangeable(t *testing.T) {
	t.Parallel()
	h := newHouse(t, remembering)
	p := h.person("ada", app)
	yes := true
	b := h.browser()
	h.ok(errOf(b.login(p)))
	h.ok(errOf(b.code(p.nextCode(), signin.Wish{Remember: &yes, Bearer: true})))
	for name, x := range map[string]struct {
		b  browser
		ok bool
	}{
		"cookie as bearer":               {browser{bearer: b.cookie, program: true}, false},
		"bearer as cookie":               {browser{cookie: b.bearer}, false},
		"device as cookie":               {browser{cookie: b.device}, false},
		"device as bearer":               {browser{bearer: b.device, program: true}, false},
		"cookie":                         {browser{cookie: b.cookie}, true},
		"bearer":                         {browser{bearer: b.bearer, program: true}, true},
		"a bad bearer beside the cookie": {browser{cookie: b.cookie, bearer: "bad", program: true}, false},
		"no bearer beside the cookie":    {browser{cookie: b.cookie, program: true}, false},
	} {
		x.b.h, x.b.svc = h, h.Service
		if c := x.b.caller(); c.SignedIn() != x.ok {
			t.Errorf("%s: signed in: %v", name, c.SignedIn())
		}
	}
	for _, token := range []string{b.cookie, b.bearer} {
		x := h.browser()
		x.device = token
		h.ok(errOf(x.login(p)))
		x.nobody()
	}
	// a bad bearer hides a pending sign-in too
	x := h.browser()
	h.ok(errOf(x.login(p)))
	x.program, x.bearer = true, "bad"
	if c := x.caller(); c.Pending != nil {
		t.Error("a bad bearer has a pending sign-in")
	}
}

// A verify renews a cookie's token and never a bearer's.
func TestTokens_BearersStay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	b := p.signs(h.browser(), signin.Wish{Bearer: true})
	b.program = true
	h.clock.advance(time.Hour)
	was := b.bearer
	out, err := b.verify(signin.Proof{Password: p.password})
	h.ok(err)
	if out.Token != "" || b.bearer != was {
		t.Error("a bearer was renewed")
	}
	if c := b.signedIn(p); !c.Session.AuthenticatedAt.Equal(h.clock.Now()) {
		t.Error("the bearer's freshness is old")
	}
	out, err = b.change(p.password, "another password, quite")
	h.ok(err)
	if out.Token != "" {
		t.Error("a bearer got a cookie")
	}
	b.signedIn(p)
}

// A token that the browser asks for with a verification is as good as the session, and its own.
func TestTokens_ABearerOfAVerification(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", app)
	b := p.signs(h.browser())
	h.clock.advance(time.Hour)
	h.ok(errOf(b.verify(signin.Proof{Password: p.password}, signin.Wish{Bearer: true})))
	program := &browser{h: h, svc: h.Service, bearer: b.bearer, program: true}
	program.proofs(p, 2, pw, totp)
	h.ok(b.logout())
	program.signedIn(p)
	// never with a sign-in that is pending
	other := h.browser()
	h.ok(errOf(other.login(p, signin.Wish{Bearer: true})))
	if other.bearer != "" || other.cookie != "" {
		t.Error("a pending sign-in got a bearer token")
	}
}

func TestTokens_AreRandomAndStoredAsDigests(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	// All are made in the same millisecond, with which they begin. What follows is chance.
	at := base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(h.clock.Now().UnixMilli())<<16)[:6])
	seen, secrets := map[string]bool{}, [][]byte{}
	for range 20 {
		b := p.signs(h.browser(), signin.Wish{Bearer: true})
		for _, token := range []string{b.cookie, b.bearer} {
			chance, timed := strings.CutPrefix(token, at)
			if len(token) != 43 || !timed || seen[chance] {
				t.Errorf("token %q", token)
			}
			seen[chance] = true
			secret, err := base64.RawURLEncoding.DecodeString(chance)
			h.ok(err)
			secrets = append(secrets, secret)
			d, sum := signin.DigestOf(token), sha256.Sum256([]byte(token))
			if !bytes.Equal(d[6:], sum[:26]) {
				t.Errorf("the digest %x of %q has not all of the hash that there is room for", d, token)
			}
			for i := range len(secret) - 4 {
				if bytes.Contains(d[:], secret[i:i+5]) {
					t.Errorf("the digest %x has a part of the secret %x in it", d, secret)
				}
			}
		}
		s := b.caller().Session
		if s.Digest != signin.DigestOf(b.cookie) {
			t.Error("the digest is another")
		}
		h.clock.advance(time.Millisecond)
		if later := signin.DigestOf(p.signs(h.browser()).cookie); bytes.Compare(later[:], s.Digest[:]) <= 0 {
			t.Errorf("%x comes before %x in the index, and was made later", later, s.Digest)
		}
		h.clock.advance(-time.Millisecond)
	}
	for i := range 26 {
		if !slices.ContainsFunc(secrets, func(other []byte) bool { return other[i] != secrets[0][i] }) {
			t.Errorf("byte %d is the same in all of %d tokens", i, len(secrets))
		}
	}
}

// A token counts as a whole, its time too; and no two texts have one digest.
func TestTokens_EveryCharacterCounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.person("ada").signs(h.browser())
	token, digests := b.cookie, map[account.Digest]string{signin.DigestOf(b.cookie): b.cookie}
	altered := []string{"", "A", token[:7], token[:8], token[:42], token + "A", "=======" + token, strings.ToLower(token), strings.ToUpper(token)}
	for i := range token {
		for _, c := range []byte("AB=!") {
			if one := token[:i] + string(c) + token[i+1:]; one != token {
				altered = append(altered, one)
			}
		}
	}
	for _, one := range altered {
		if other, twice := digests[signin.DigestOf(one)]; twice && other != one {
			t.Errorf("%q and %q have one digest", one, other)
		}
		digests[signin.DigestOf(one)] = one
		h.dead(one)
	}
}

// A verification's proofs add up, each once.
func TestTokens_VerificationRaisesTheSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t, remembering)
	p := h.person("ada", app, strong)
	b := p.signs(h.browser(), remember())
	h.ok(b.logout())
	h.ok(errOf(b.login(p)))
	b.proofs(p, 1, pw, account.MethodDevice)
	h.ok(errOf(b.verify(signin.Proof{Password: p.password})))
	b.proofs(p, 1, pw, account.MethodDevice)
	h.ok(errOf(b.verify(signin.Proof{Code: p.nextCode()})))
	b.proofs(p, 2, pw, account.MethodDevice, totp)
	h.ok(errOf(b.verify(signin.Proof{Password: p.password})))
	b.proofs(p, 2, pw, account.MethodDevice, totp)
	start := b.startVerify()
	h.ok(errOf(b.finishVerify(start, p.devices["strong"].get(start, unverified))))
	b.proofs(p, 2, pw, account.MethodDevice, totp, pk)
	start = b.startVerify()
	h.ok(errOf(b.finishVerify(start, p.devices["strong"].get(start))))
	b.proofs(p, 2, pw, account.MethodDevice, totp, pk, uv)
}
