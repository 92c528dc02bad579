package signin_test

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/signin"
)

// written is what a logger wrote.
type written struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

// life is a house in which everything has happened once: every way in, every proof, every refusal, each with its secrets.
func life(t *testing.T) (*house, *written) {
	t.Helper()
	log := &written{}
	h := newHouse(t, remembering, func(c *signin.Config) {
		c.TwoFactorRescueEmail, c.TwoFactorRescueMail = true, "help@example.test"
		c.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	p := h.person("ada", strong, weak, secondary, app, mail, sms, recoveryCodes)
	yes := true
	all := signin.Wish{Remember: &yes, Bearer: true, Next: "/next"}
	b := h.browser()
	wrong := h.secret("wrong password", "what she typed by mistake")
	h.refusesAny(func() error { return errOf(b.loginAs(p.email, wrong)) })
	h.refusesAny(func() error { return errOf(b.loginAs(wrong, wrong)) })
	h.ok(errOf(b.login(p, all)))
	h.ok(errOf(b.choose(account.MethodEmail)))
	h.refusesAny(func() error { return errOf(b.code(h.secret("wrong code", p.wrongCode()+"99"))) })
	h.ok(errOf(b.code(h.post.code(p.email), all)))
	h.ok(errOf(b.verify(signin.Proof{Password: p.password}, all)))
	h.refusesAny(func() error { return errOf(b.verify(signin.Proof{Password: wrong})) })
	h.ok(errOf(b.verify(signin.Proof{Code: h.secret("app's code", p.nextCode())})))
	start := b.startVerify()
	h.ok(errOf(b.finishVerify(start, p.devices["strong"].get(start))))
	h.refusesAny(func() error { return errOf(b.finishVerify(start, p.devices["strong"].get(start))) })
	b.fresh()
	h.secret("grace note", b.note)
	s, err := b.startSetup(account.MethodSMS, "+4915112345679")
	h.ok(err)
	h.refusesAny(func() error { return errOf(b.finishSetup(s, not(h.post.code("+4915112345679")))) })
	h.ok(errOf(b.finishSetup(s, h.post.code("+4915112345679"))))
	h.refusesAny(func() error { return errOf(b.change(p.password, "tiny#7")) })
	h.refusesAny(func() error { return errOf(b.change(wrong, "a password that is new")) })
	h.ok(errOf(b.change(p.password, "a password that is new")))
	p.password = "a password that is new"
	h.ok(b.logout())

	b = h.browser()
	h.ok(errOf(b.login(p, all)))
	h.ok(errOf(b.choose(account.MethodSMS)))
	h.ok(b.rescue(signin.RescueHelp))
	h.ok(b.rescue(signin.RescueEmail))
	h.refusesAny(func() error { return errOf(b.recover(h.secret("wrong recovery code", "ABCD-EFGH-JKMN-PQRS"))) })
	h.ok(errOf(b.recover(p.recovery[0], all)))
	h.ok(b.logout())
	h.ok(errOf(b.passkey(p.email, p.devices["weak"])))
	h.ok(errOf(b.choose(pk)))
	h.ok(errOf(b.passkey("", p.devices["secondary"])))
	h.ok(errOf(b.end(signin.Ending{Others: true})))
	h.ok(errOf(b.remove("weak")))
	h.ok(errOf(b.disable("")))
	recoveryCodes(p, b)

	u := *b.signedIn(p).User
	link, err := h.RecoveryLink(h.ctx, signin.Client{}, u)
	h.ok(err)
	h.secret("recovery link", link)
	next := h.secret("password", "the password after the link")
	h.ok(errOf(b.keep(h.UseRecoveryLink(h.ctx, h.browser().caller(), link, signin.Recovery{New: next, EndSessions: true, ResetFactors: true}))))
	h.ok(h.AskConfirmation(h.ctx, h.browser().caller(), "new@example.test", "https://latchkey.test/confirm/"))
	for _, m := range h.post.all() {
		if m.Code != "" && !strings.Contains(p.phone+"+4915112345679", m.Code) {
			h.secret("sent code", m.Code)
		}
		if i := strings.Index(m.Text, "/confirm/"); i >= 0 {
			confirmation := strings.Fields(m.Text[i+len("/confirm/"):])[0]
			h.secret("confirmation link", confirmation)
			b.cookie = ""
			h.ok(errOf(b.keep(h.Confirm(h.ctx, b.caller(), confirmation, signin.NewAccount{Password: h.secret("password", "the newcomer's password")}))))
		}
	}
	for secret, what := range h.secrets {
		if what == "authenticator key in base32" {
			raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
			h.ok(err)
			h.secret("authenticator key", string(raw))
		}
		if what == "recovery code" {
			h.secret("recovery code without dashes", strings.ReplaceAll(secret, "-", ""))
		}
		if strings.HasSuffix(what, " token") {
			if raw, err := base64.RawURLEncoding.DecodeString(secret); err == nil {
				h.secret(what+", decoded", string(raw))
			}
		}
	}
	for i := range byte(3) {
		h.secret("server key", string(key(i+1)))
	}
	return h, log
}

// search reports every secret that a text holds.
func (h *house) search(where string, text []byte) {
	h.t.Helper()
	for secret, what := range h.secrets {
		if bytes.Contains(text, []byte(secret)) {
			h.t.Errorf("%s: %s holds a %s", where, text[:min(len(text), 200)], what)
		}
	}
}

func TestSecrets_AreInNoEventAndNoLog(t *testing.T) {
	t.Parallel()
	h, log := life(t)
	events := h.events()
	if len(events) < 50 || !slices.Equal(events, h.heard(0)) {
		t.Errorf("%d events, of which %d were told", len(events), len(h.heard(0)))
	}
	for _, e := range events {
		text, err := json.Marshal(e)
		h.ok(err)
		h.search("event", text)
		if e.Kind == "" || e.At.IsZero() {
			t.Errorf("%+v", e)
		}
	}
	h.search("log", log.b.Bytes())
	if log.b.Len() == 0 {
		t.Error("nothing was logged")
	}
}

func TestSecrets_AreNotAtRest(t *testing.T) {
	t.Parallel()
	h, _ := life(t)
	kinds := map[string]bool{}
	for _, what := range h.secrets {
		kinds[what] = true
	}
	for _, what := range []string{
		"password", "session token", "bearer token", "device token", "pending token", "state", "setup token", "sent code", "authenticator key",
		"recovery code", "recovery code without dashes", "recovery link", "confirmation link", "session token, decoded", "server key",
	} {
		if !kinds[what] {
			t.Errorf("the scenario has no %s", what)
		}
	}
	var size int
	for _, file := range []string{h.path, h.path + "-wal", h.path + "-shm", h.path + "-journal"} {
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		h.ok(err)
		size += len(content)
		h.search(file, content)
	}
	if size < 100_000 {
		t.Errorf("only %d bytes were searched", size)
	}
}

// TestEvents_OfSuccesses: what was decided for somebody is an event as well.
func TestEvents_OfSuccesses(t *testing.T) {
	t.Parallel()
	h, _ := life(t)
	has := map[account.EventKind]int{}
	reasons := map[string]bool{}
	for _, e := range h.events() {
		has[e.Kind]++
		reasons[e.Reason] = true
		if e.UserID == "" && !slices.Contains(refusals, e.Kind) && e.Reason != "confirmation" { // of an address that may have no account
			t.Errorf("to whom? %+v", e)
		}
	}
	for _, kind := range []account.EventKind{
		account.EventRegistered, account.EventSignedIn, account.EventSigninPending, account.EventSignedOut, account.EventSessionsEnded,
		account.EventVerified, account.EventPasswordChanged, account.EventPasskeyAdded, account.EventPasskeyRemoved, account.EventFactorAdded,
		account.EventFactorRemoved, account.EventRecoveryCodesMade, account.EventRecoveryCodeUsed, account.EventCodeSent, account.EventRescueAsked,
		account.EventRecoveryLinkMade, account.EventRecoveryLinkUsed, account.EventFactorsReset,
	} {
		if has[kind] == 0 {
			t.Errorf("nothing tells of %s", kind)
		}
	}
	for reason := range reasons {
		if len(reason) > 40 || strings.ContainsAny(reason, " @:/") {
			t.Errorf("the reason %q is no word", reason)
		}
	}
}

// An event says where from and when, and what it was about.
func TestEvents_SayWhereFrom(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", app)
	b := h.browser()
	b.client.Address, b.client.UserAgent = at("2001:db8::7"), "Agent/7"
	h.clock.advance(time.Hour)
	mark := h.mark()
	h.ok(errOf(b.login(p)))
	h.ok(errOf(b.code(p.code())))
	h.ok(b.logout())
	for _, e := range h.heard(mark) {
		if e.Address != "2001:db8::7" || e.UserAgent != "Agent/7" || e.UserID != p.id || !e.At.Equal(h.clock.Now()) {
			t.Errorf("%+v", e)
		}
	}
	nowhere := &browser{h: h, svc: h.Service}
	h.refusesAny(func() error { return errOf(nowhere.loginAs(p.email, "wrong")) })
	if list := h.events(); list[len(list)-1].Address != "" {
		t.Errorf("%+v", list[len(list)-1])
	}
}

// A decision whose event cannot be written is none.
func TestEvents_NoneNoDecision(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	h.store.fails("Record", account.ErrUnavailable)
	err := errOf(h.browser().loginAs(p.email, "wrong"))
	if _, refused := signin.AsRefusal(err); refused || !errors.Is(err, account.ErrUnavailable) {
		t.Errorf("%v", err)
	}
}
