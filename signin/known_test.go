package signin_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// senderFunc is a Sender.
type senderFunc func(signin.Message)

func (f senderFunc) Send(_ context.Context, m signin.Message) error {
	f(m)
	return nil
}

// flipped is a token with one bit of its middle another.
func flipped(token string) string {
	b := []byte(token)
	if i := len(b) / 2; b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}

// A flood from everywhere against one account leaves its owner's browser alone, at each step, and the passkey path with it.
func TestKnown_AFloodKeepsTheOwnerOutNowhere(t *testing.T) {
	t.Parallel()
	for name, g := range guesses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, rates(4, 6, 1000))
			p := h.person("ada", app, recoveryCodes, strong)
			owner := p.signs(h.browser())
			h.ok(owner.logout())
			g.arrive(owner, p)
			thief := h.browser()
			g.arrive(thief, p)
			thief.known = ""
			h.clock.advance(time.Minute)
			for i := 0; ; i++ {
				thief.client.Address = at(fmt.Sprintf("198.51.100.%d", i))
				if r, ok := signin.AsRefusal(g.wrong(thief, p)); ok && r.Key == message.TooManyAttempts {
					break
				}
				if i > 10 {
					t.Fatal("the flood was not stopped")
				}
			}
			// at the owner's own address, too, are many wrong guesses at other accounts
			for i := range 7 {
				h.refusesAny(func() error { return errOf(h.browser().loginAs(fmt.Sprintf("n%d@example.test", i), "wrong")) })
			}
			h.ok(g.right(owner, p))
			h.ok(errOf(h.browser().passkey(p.email, p.devices["strong"])))
		})
	}
}

// A known browser has its own allowance and no more, and its own streak.
func TestKnown_ItsOwnGuessesAreCounted(t *testing.T) {
	t.Parallel()
	h := newHouse(t, rates(4, 1000, 1000))
	p := h.person("ada")
	owner, other := p.signs(h.browser()), p.signs(h.browser())
	for _, b := range []*browser{owner, other} {
		h.ok(b.logout())
	}
	for range 4 {
		h.refuses(message.GenericAuthnFailed, func() error { return errOf(owner.loginAs(p.email, "wrong")) })
	}
	h.refuses(message.TooManyAttempts, func() error { return errOf(owner.login(p)) })
	h.ok(errOf(other.login(p)))       // another known browser
	h.ok(errOf(h.browser().login(p))) // and one that is not
	h.ok(other.logout())
	for range mostFailures {
		h.clock.advance(2 * time.Minute)
		h.refused(message.GenericAuthnFailed, errOf(other.loginAs(p.email, "wrong")))
	}
	h.clock.advance(time.Hour)
	r := h.refuses(message.TooManyAttempts, func() error { return errOf(other.login(p)) })
	if r.Text != message.StepClosed {
		t.Errorf("refused with %+v", r)
	}
	// that is its own streak, and nobody else's
	h.refuses(message.GenericAuthnFailed, func() error { return errOf(h.browser().loginAs(p.email, "wrong")) })
	h.refuses(message.GenericAuthnFailed, func() error { return errOf(owner.loginAs(p.email, "wrong")) })
	h.ok(errOf(owner.login(p)))
}

// Only who has signed in whole is known: not by a password before the second factor, not by a refusal, and never to another account.
func TestKnown_OnlyAfterAWholeSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, q := h.person("ada", app), h.person("bob")
	thief := h.browser()
	h.ok(errOf(thief.login(p)))
	h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(thief.code(p.wrongCode())) })
	if thief.known != "" {
		t.Fatal("known by a password alone")
	}
	h.ok(errOf(thief.login(q)))
	if thief.known == "" {
		t.Fatal("not known after a sign-in")
	}
	h.ok(thief.logout())
	// the thief's own account's mark counts nothing apart at the victim's
	h.closes(message.GenericAuthnFailed, func(int) error { return errOf(thief.loginAs(p.email, "wrong")) })
	h.refuses(message.TooManyAttempts, func() error { return errOf(h.browser().login(p)) })
}

// What says it is known and is not ours, is too old, or was made for something else, is nothing.
func TestKnown_ForgedMarks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	owner := p.signs(h.browser())
	good := owner.known
	newDevices := func() int { return h.post.kinds("new_device") }
	for name, mark := range map[string]string{
		"cut": good[:len(good)-2], "flipped": flipped(good), "nonsense": "x", "a session": owner.cookie, "long": strings.Repeat("A", 8000),
	} {
		before := newDevices()
		b := h.browser()
		b.known = mark
		h.ok(errOf(b.login(p)))
		if newDevices() != before+1 {
			t.Errorf("%s: taken for known", name)
		}
	}
	before := newDevices()
	b := h.browser()
	b.known = good
	h.ok(errOf(b.login(p)))
	rotated := h.browser()
	rotated.svc, rotated.known = newerKeys(h), b.known
	h.ok(errOf(rotated.login(p)))
	if newDevices() != before {
		t.Error("not known by its own mark")
	}
	h.clock.advance(signin.KnownFor + time.Second)
	old := h.browser()
	old.known = good
	h.ok(errOf(old.login(p)))
	if newDevices() != before+1 {
		t.Error("known for ever")
	}
}

// The owner is mailed when a browser signs in that never did, once it is signed in whole; not at the registration itself.
func TestKnown_ANewDeviceIsToldOf(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *signin.Config) { c.Base = "https://latchkey.test" })
	b := h.browser()
	_, err := b.keep(h.Register(h.ctx, b.caller(), signin.NewAccount{Email: "eve@example.test", Password: "a new password"}, signin.Wish{}))
	h.ok(err)
	if h.post.kinds("new_device") != 0 {
		t.Error("mailed at the registration")
	}
	p := h.person("ada", app, strong)
	mails := func(want int, when string) {
		t.Helper()
		if n := h.post.kinds("new_device"); n != want {
			t.Errorf("%s: %d mails, want %d", when, n, want)
		}
	}
	first := h.browser()
	first.client.UserAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
	h.ok(errOf(first.login(p)))
	mails(0, "before the second factor")
	h.refuses(message.TwoFactorInvalidToken, func() error { return errOf(first.code(p.wrongCode())) })
	mails(0, "after a wrong code")
	h.ok(errOf(first.code(p.nextCode())))
	mails(1, "signed in")
	m := h.post.all()[len(h.post.all())-1]
	for _, want := range []string{"Firefox on Linux", "192.0.2.1", "2026-03-01 12:", "https://latchkey.test/account", p.email} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the mail lacks %q: %s", want, m.Text)
		}
	}
	if m.To != p.email || m.Code != "" || strings.Contains(m.Text, first.cookie) {
		t.Errorf("the mail %+v", m)
	}
	h.ok(first.logout())
	p.signs(first)
	mails(1, "the same browser")
	second := h.browser()
	h.ok(errOf(second.passkey("", p.devices["strong"])))
	mails(2, "another browser, by passkey")
	signedIn := map[string]int{}
	for _, e := range h.events() {
		if e.Kind == account.EventSignedIn && e.UserID == p.id {
			signedIn[e.Reason]++
		}
	}
	if signedIn["new_device"] != 3-1 || signedIn[""] != 2 { // with the one that arranged the person
		t.Errorf("the log has %v", signedIn)
	}
}

// A browser that many people share is known to the latest of them.
func TestKnown_ToSoManyAccounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	shared := h.browser()
	var people []*person
	for i := range 10 {
		p := h.person(fmt.Sprintf("p%d", i))
		people = append(people, p)
		h.ok(errOf(shared.login(p)))
		h.ok(shared.logout())
	}
	before := h.post.kinds("new_device")
	for i := 9; i >= 2; i-- {
		h.ok(errOf(shared.login(people[i])))
		h.ok(shared.logout())
	}
	if n := h.post.kinds("new_device") - before; n != 0 {
		t.Errorf("%d of the latest eight were not known", n)
	}
	if len(shared.known) > 1500 {
		t.Errorf("the mark has %d bytes", len(shared.known))
	}
	h.ok(errOf(shared.login(people[0])))
	if n := h.post.kinds("new_device") - before; n != 1 {
		t.Error("the first is known still")
	}
}

// A mail that hangs keeps nobody waiting, and is not lost with the server's end.
func TestKnown_NobodyWaitsForTheMail(t *testing.T) {
	t.Parallel()
	release, sent := make(chan struct{}), make(chan struct{})
	h := newHouse(t, func(c *signin.Config) { c.Asides = 1 })
	p := h.person("ada")
	cfg := h.cfg
	cfg.Sender = senderFunc(func(m signin.Message) {
		<-release
		close(sent)
	})
	slow := signin.New(cfg, h.store, h.store)
	b := h.browser()
	b.svc = slow
	h.ok(errOf(b.login(p))) // returns while the mail hangs
	b.signedIn(p)
	closed := make(chan error)
	go func() { closed <- slow.Close(h.ctx) }()
	select {
	case <-closed:
		t.Error("closed before the mail went")
	case <-sent:
		t.Error("the mail did not hang")
	default:
	}
	close(release)
	h.ok(<-closed)
	select {
	case <-sent:
	default:
		t.Error("the mail was lost")
	}
}
