package signin_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/passkey"
	"github.com/latchkey-auth/latchkey/signin"
)

// identities are accounts of every sort, and none at all. Nobody may tell them apart who is not signed in.
func identities(h *house) []*person {
	h.t.Helper()
	return []*person{
		{h: h, email: "nobody@example.test", password: "the password of nobody"},
		{h: h, email: "nobody-else@example.test", password: "x"},
		{h: h, email: "not an address \x00\xff", password: "the password of nobody"},
		h.person("plain"),
		h.person("first", strong, weak),
		h.person("second", secondary, app),
		h.person("disabled").disabled(),
		h.person("disabled-first", strong).disabled(),
		h.person("without-password", strong, withoutPassword),
	}
}

// countingRand counts the salts that a hasher draws.
type countingRand struct{ drawn atomic.Int64 }

func (c *countingRand) Read(p []byte) (int, error) {
	c.drawn.Add(1)
	return rand.Read(p)
}

// TestUnknown_LoginTellsNothing: whoever it is, a wrong password is refused with the same words, after the same queries, and
// and without making a new hash.
func TestUnknown_LoginTellsNothing(t *testing.T) {
	t.Parallel()
	salts := &countingRand{}
	h := newHouse(t, func(c *signin.Config) {
		c.Passwords = password.New(password.Params{Memory: 64, Time: 1, Threads: 1}, 1, salts)
	})
	var first map[string]int
	for _, p := range identities(h) {
		for _, pass := range []string{"certainly wrong", strings.Repeat("x", 2000), "\x00", p.password} {
			if u, err := h.db.UserByEmail(h.ctx, p.email); err == nil && u.Active && pass == p.password && u.HasPassword() {
				continue
			}
			drawn := salts.drawn.Load()
			calls := h.store.during(func() {
				r := h.refused(message.GenericAuthnFailed, errOf(h.browser().loginAs(p.email, pass)))
				if r.Field != "" || r.Text != "" || len(r.Params) > 0 || r.RetryAfter != 0 {
					t.Errorf("%s: %+v", p.email, r)
				}
			})
			if first == nil {
				first = calls
			}
			if !maps.Equal(calls, first) {
				t.Errorf("%s: queries %v, else %v", p.email, calls, first)
			}
			if salts.drawn.Load() != drawn {
				t.Errorf("%s: a hash was made", p.email)
			}
		}
	}
	if first["UserByEmail"] != 1 {
		t.Errorf("queries: %v", first)
	}
}

// Every login waits for its turn to hash, whoever it is for: with no turn to be had, none gets an answer.
func TestUnknown_LoginHashesForEverybody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.patient = true // so that only hashing gives up
	for _, p := range identities(h) {
		ctx, cancel := contextWithoutTurns(h)
		_, err := h.Login(ctx, h.browser().caller(), p.email, "certainly wrong", signin.Wish{})
		cancel()
		if _, refused := signin.AsRefusal(err); refused || err == nil {
			t.Errorf("%s: answered without hashing: %v", p.email, err)
		}
	}
}

// With the words of each fault, the fault told is the first that a stranger may know: a disabled account shows only to who knows
// its password.
func TestUnknown_SpecificResponses(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *signin.Config) { c.GenericResponses = false })
	h.person("ada")
	h.person("bob").disabled()
	for _, c := range []struct {
		email, password string
		want            message.Key
		field           string
	}{
		{"nobody@example.test", "x", message.UserDoesNotExist, "email"},
		{"ada@example.test", "x", message.InvalidPassword, "password"},
		{"bob@example.test", "x", message.InvalidPassword, "password"},
		{"bob@example.test", "the password of bob", message.DisabledAccount, "email"},
		{"", "x", message.UserDoesNotExist, "email"},
		{"ada@example.test", "", message.PasswordNotProvided, "password"},
	} {
		r := h.refuses(c.want, func() error { return errOf(h.browser().loginAs(c.email, c.password)) })
		if r.Field != c.field {
			t.Errorf("%+v: field %q", c, r.Field)
		}
	}
	generic := newHouse(t)
	for _, x := range [][2]string{{"", ""}, {"", "x"}, {"ada@example.test", ""}} {
		generic.refuses(message.GenericAuthnFailed, func() error { return errOf(generic.browser().loginAs(x[0], x[1])) })
	}
}

// allowed are the ids and transports that the options of a sign-in name.
func allowed(t *testing.T, options []byte) (ids [][]byte, transports [][]string) {
	t.Helper()
	var o struct {
		AllowCredentials []struct {
			Type, ID   string
			Transports []string
		}
	}
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	for _, c := range o.AllowCredentials {
		id, err := base64.RawURLEncoding.DecodeString(c.ID)
		if err != nil || c.Type != "public-key" {
			t.Fatalf("%+v: %v", c, err)
		}
		ids, transports = append(ids, id), append(transports, c.Transports)
	}
	return ids, transports
}

func TestUnknown_StartTellsNothing(t *testing.T) {
	t.Parallel()
	for _, hints := range []bool{true, false} {
		h := newHouse(t, func(c *signin.Config) { c.AllowUserHints = hints })
		var queries map[string]int
		var length int
		for _, p := range identities(h) {
			var start ceremony
			before := h.snapshot()
			calls := h.store.during(func() { start = h.browser().startSignin(p.email) })
			delete(calls, "Secret") // once
			if queries == nil {
				queries, length = calls, len(start.state)
			}
			if !maps.Equal(calls, queries) {
				t.Errorf("%s: queries %v, else %v", p.email, calls, queries)
			}
			if len(start.state) != length {
				t.Errorf("%s: a state of %d letters, else %d", p.email, len(start.state), length)
			}
			if d := differences(before, h.snapshot()); d != "" {
				t.Errorf("a start wrote: %s", d)
			}
			ids, transports := allowed(t, start.options)
			if !hints && len(ids) > 0 {
				t.Errorf("%s: hints though they are off", p.email)
			}
			if hints && len(ids) == 0 {
				t.Errorf("%s: no hint", p.email)
			}
			for i := range ids {
				if len(ids[i]) < 16 || len(transports[i]) == 0 {
					t.Errorf("%s: %d bytes, transports %v", p.email, len(ids[i]), transports[i])
				}
			}
		}
	}
}

// Disabled accounts keep their hints, secondary passkeys are none.
func TestUnknown_HintsAreTheFirstPasskeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", strong, secondary, weak)
	own := [][]byte{p.devices["strong"].Credentials()[0].ID, p.devices["weak"].Credentials()[0].ID}
	for range 2 {
		for _, spelling := range []string{p.email, "ADA@example.TEST", "  ada@example.test "} {
			ids, _ := allowed(t, h.browser().startSignin(spelling).options)
			if fmt.Sprint(ids) != fmt.Sprint(own) {
				t.Errorf("%s: %x, want %x", spelling, ids, own)
			}
		}
		p.disabled()
	}
	if ids, _ := allowed(t, h.browser().startSignin("").options); len(ids) != 0 {
		t.Errorf("nobody named, and hints: %x", ids)
	}
}

func TestUnknown_DecoysAreStableAndDistinct(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	q := h.person("second", secondary)
	seen := map[string]string{}
	counts := map[int]int{}
	for i := range 60 {
		email := fmt.Sprintf("nobody%d@example.test", i)
		if i == 0 {
			email = q.email
		}
		ids, transports := allowed(t, h.browser().startSignin(email).options)
		counts[len(ids)]++
		for _, id := range ids {
			if other := seen[string(id)]; other != "" {
				t.Errorf("%s and %s have one decoy", email, other)
			}
			seen[string(id)] = email
		}
		for _, again := range []struct {
			b        *browser
			spelling string
		}{{h.browser(), strings.ToUpper(email)}, {h.browser(), " " + email}, {&browser{h: h, svc: newerKeys(h)}, email}} {
			ids2, transports2 := allowed(t, again.b.startSignin(again.spelling).options)
			if fmt.Sprint(ids2, transports2) != fmt.Sprint(ids, transports) {
				t.Errorf("%s: other decoys the second time", again.spelling)
			}
		}
	}
	if counts[1] == 0 || counts[2] == 0 || len(counts) != 2 {
		t.Errorf("how many decoys: %v", counts)
	}
	// another house has others
	another := newHouse(t)
	_, err := another.raw.ExecContext(another.ctx, `UPDATE latchkey_secrets SET value = ?`, key(8))
	another.ok(err)
	ids, _ := allowed(t, another.browser().startSignin("nobody1@example.test").options)
	for _, id := range ids {
		if seen[string(id)] != "" {
			t.Error("decoys are the same everywhere")
		}
	}
}

// A finish that names a decoy is answered as a real passkey with a bad signature is, and as no unknown id.
func TestUnknown_ADecoyDoesNotVerify(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", strong)
	b := h.browser()
	answer := func(email string, id []byte, changes ...change) (*signin.Refusal, map[string]int) {
		start := b.startSignin(email)
		with := append([]change{func(c *ceremonyChange) {
			if id != nil {
				c.Credential.ID = id
			}
		}}, changes...)
		d := &device{Authenticator: p.devices["strong"].Clone(), t: t}
		own := *d.Credentials()[0]
		response, err := d.Get(start.options, origin, append([]change{func(c *ceremonyChange) { c.Credential = &own }}, with...)...)
		h.ok(err)
		var r *signin.Refusal
		before := h.spent()
		calls := h.store.during(func() { r = h.refusesAny(func() error { return errOf(b.finishSignin(start, response)) }) })
		if h.spent() != before+1 {
			t.Error("the state is good still")
		}
		return r, calls
	}
	ids, _ := allowed(t, b.startSignin("nobody@example.test").options)
	decoy, decoyCalls := answer("nobody@example.test", ids[0])
	real, realCalls := answer(p.email, nil, forged)
	if decoy.Key != message.WebAuthnNoVerify || decoy.Field != real.Field || decoy.Key != real.Key {
		t.Errorf("a decoy: %v, a bad signature: %v", decoy, real)
	}
	if !maps.Equal(decoyCalls, realCalls) {
		t.Errorf("queries %v and %v", decoyCalls, realCalls)
	}
	// as many signatures were checked: what refused the decoy is a signature that did not verify
	if passkey.ReasonOf(decoy.Unwrap()) != passkey.ReasonDecoy || !strings.Contains(decoy.Error(), "("+passkey.ReasonSignature+")") {
		t.Errorf("no signature was checked for a decoy: %v", decoy)
	}
	elsewhere, _ := answer("somebody-else@example.test", ids[0])
	if elsewhere.Key != message.WebAuthnNoVerify {
		t.Errorf("a decoy of another identity: %v", elsewhere)
	}
	unknown, _ := answer(p.email, bytes.Repeat([]byte{7}, 32))
	if unknown.Key != message.WebAuthnUnknownCredentialID {
		t.Errorf("an unknown id: %v", unknown)
	}
	short, _ := answer(p.email, []byte{1})
	if short.Key != message.WebAuthnUnknownCredentialID {
		t.Errorf("a short id: %v", short)
	}
}

// A sign-in that named somebody takes only that account's passkeys; one that named nobody needs the user handle.
func TestUnknown_TheIdentityBinds(t *testing.T) {
	t.Parallel()
	for _, hints := range []bool{true, false} {
		h := newHouse(t, func(c *signin.Config) { c.AllowUserHints = hints })
		ada, eve := h.person("ada", strong), h.person("eve", strong)
		mismatch := func(identity string, changes ...change) {
			t.Helper()
			b := h.browser()
			start := b.startSignin(identity)
			h.refuses(message.WebAuthnMismatchUserHandle, func() error { return errOf(b.finishSignin(start, eve.devices["strong"].get(start, changes...))) })
			b.nobody()
		}
		mismatch(ada.email)
		mismatch(ada.email, nameless)
		mismatch("nobody@example.test")
		mismatch("", nameless)
		handle := ada.devices["strong"].Credentials()[0].UserHandle
		mismatch("", func(c *ceremonyChange) { c.UserHandle = handle })
		mismatch(eve.email, func(c *ceremonyChange) { c.UserHandle = handle })
		for _, identity := range []string{"", eve.email, "EVE@EXAMPLE.TEST"} {
			b := h.browser()
			h.ok(errOf(b.passkey(identity, eve.devices["strong"])))
			b.signedIn(eve)
		}
		b := h.browser()
		h.ok(errOf(b.passkey(eve.email, eve.devices["strong"], nameless)))
		b.signedIn(eve)
	}
}

// The signature is checked before anything is said about the account.
func TestUnknown_OnlyTheOwnerLearnsThatTheAccountIsDisabled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", strong, secondary).disabled()
	for _, d := range p.devices {
		b := h.browser()
		start := b.startSignin(p.email)
		h.refuses(message.WebAuthnNoVerify, func() error { return errOf(b.finishSignin(start, d.get(start, forged))) })
		start = b.startSignin(p.email)
		h.refuses(message.DisabledAccount, func() error { return errOf(b.finishSignin(start, d.get(start))) })
		b.nobody()
	}
	p.enabled()
	h.ok(errOf(h.browser().passkey(p.email, p.devices["strong"])))
}

func TestUnknown_FirstFactorOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *signin.Config) { c.AllowAsFirstFactor = false })
	p := h.person("ada", strong, secondary)
	b := h.browser()
	start := b.startSignin(p.email)
	h.refuses(message.WebAuthnWrongUsage, func() error { return errOf(b.finishSignin(start, p.devices["strong"].get(start))) })
	h.ok(errOf(b.login(p)))
	h.ok(errOf(b.passkey("", p.devices["secondary"])))
	b.signedIn(p)
	// and new ones are secondary
	cred, err := b.enrol("new", account.UsageFirst, h.newDevice(true))
	h.ok(err)
	if cred.Usage != account.UsageSecondary {
		t.Errorf("a new passkey is %s", cred.Usage)
	}
}
