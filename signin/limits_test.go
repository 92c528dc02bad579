package signin_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

// mostPasskeys is how many passkeys an account may have.
const mostPasskeys = 30

func TestLimits_PasskeysPerAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	b := p.signs(h.browser())
	for i := range mostPasskeys - 1 {
		h.ok(errOf(b.enrol(fmt.Sprint("key ", i), account.UsageFirst, h.newDevice(true))))
	}
	// of those that race for the last place one gets it
	starts := make([]ceremony, racers)
	answers := make([][]byte, racers)
	for i := range starts {
		var err error
		starts[i], err = b.startRegistration(fmt.Sprint("racing ", i), account.UsageFirst)
		h.ok(err)
		answers[i] = h.newDevice(true).create(starts[i])
	}
	c := b.caller()
	h.oneWins(func(i int) error { return errOf(b.late(c).finishRegistration(starts[i], answers[i])) }, message.APIError)
	h.refuses(message.APIError, func() error { return errOf(b.startRegistration("one more", account.UsageFirst)) })
	h.ok(errOf(b.remove("key 0")))
	h.ok(errOf(b.enrol("one more", account.UsageFirst, h.newDevice(true))))
}

func TestLimits_SessionsPerAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada")
	oldest := p.signs(h.browser())
	h.clock.advance(time.Second)
	second := p.signs(h.browser())
	for range account.MostSessions - 1 {
		h.clock.advance(time.Second)
		p.signs(h.browser())
	}
	oldest.nobody()
	second.signedIn(p)
}

// A password that was right when it was looked at, and was changed before the sign-in ended, opens nothing.
func TestLimits_APasswordThatChangesUnderWay(t *testing.T) {
	t.Parallel()
	for _, has := range [][]has{nil, {app}} {
		for _, before := range []string{"UserByEmail", "SecondFactors", "FinishSignin"} {
			for _, change := range []string{"ChangePassword", "recovery link"} {
				h := newHouse(t)
				p := h.person("ada", has...)
				owner := p.signs(h.browser())
				late := owner.late(owner.caller())
				thief := h.browser()
				stolen := *p
				h.store.onceBefore(before, func() {
					if change == "ChangePassword" {
						h.ok(errOf(late.change(p.password, "another password, quite")))
					} else {
						h.ok(errOf(h.browser().useLink(p.link(), signin.Recovery{New: "another password, quite"})))
					}
				})
				_, err := thief.login(&stolen, signin.Wish{Bearer: true})
				h.refused(message.GenericAuthnFailed, err)
				thief.nobody()
				if n := column[int](h, `SELECT COUNT(*) FROM latchkey_sessions WHERE kind = 'token'`)[0]; n != 0 {
					t.Errorf("before %s: %d bearer tokens are left", before, n)
				}
				want := 0
				if change == "recovery link" && len(has) > 0 {
					want = 1 // the owner's own
				}
				if n := column[int](h, `SELECT COUNT(*) FROM latchkey_pendings`)[0]; n != want {
					t.Errorf("before %s, %s: %d pending sign-ins are left", before, change, n)
				}
				p.password = "another password, quite"
				h.ok(errOf(h.browser().login(p)))
			}
		}
	}
}

// A hash that cannot be verified is a wrong password, and no failure.
func TestLimits_AHashOfAnotherForm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person("ada", strong)
	b := p.signs(h.browser())
	h.ok(h.db.SetPassword(h.ctx, p.id, "$2y$10$abcdefghijklmnopqrstuv"))
	h.refuses(message.GenericAuthnFailed, func() error { return errOf(h.browser().login(p)) })
	h.refuses(message.InvalidPassword, func() error { return errOf(b.verify(signin.Proof{Password: p.password})) })
}

// usersElsewhere has the app keep the accounts, in a table of its own.
func usersElsewhere(h *house) *account.Users {
	h.t.Helper()
	db, err := sqlite.Open(h.ctx, h.t.TempDir()+"/users.db", sqlite.Options{Clock: h.clock.Now})
	h.ok(err)
	h.t.Cleanup(func() { db.Close() })
	h.store.users = db
	cfg := h.cfg
	cfg.UsersElsewhere = true
	h.Service = signin.New(cfg, h.store, h.store)
	h.lenient = h.Service
	return &h.store.users
}

// Where the app keeps the accounts, its word counts and no other: about who is active, and what the password is.
func TestLimits_UsersElsewhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	users := *usersElsewhere(h)
	p := h.person("ada", strong, app)
	b := p.signs(h.browser())
	waiting := h.browser()
	h.ok(errOf(waiting.login(p)))
	u, err := users.User(h.ctx, p.id)
	h.ok(err)
	// a copy in the store, which is not up to date
	_, err = h.raw.ExecContext(h.ctx, `INSERT INTO latchkey_users (id, email, email_key, password_hash, active, created) VALUES (?, ?, ?, '', TRUE, 0)`, u.ID, u.Email, u.Email)
	h.ok(err)
	b.signedIn(p)
	h.ok(errOf(b.verify(signin.Proof{Password: p.password})))
	h.ok(users.SetActive(h.ctx, p.id, false))
	b.nobody()
	if c := waiting.caller(); c.Pending != nil {
		t.Error("a disabled account's sign-in waits")
	}
	h.refuses(message.GenericAuthnFailed, func() error { return errOf(h.browser().login(p)) })
	start := h.browser().startSignin(p.email)
	h.refuses(message.DisabledAccount, func() error { return errOf(h.browser().finishSignin(start, p.devices["strong"].get(start))) })
	h.ok(users.SetActive(h.ctx, p.id, true))
	b.signedIn(p)
	h.ok(errOf(waiting.code(p.nextCode())))

	// an account that is gone is nobody's
	h.store.users = forgotten{users}
	b.nobody()
	start = h.browser().startSignin("")
	h.refuses(message.WebAuthnUnknownCredentialID, func() error { return errOf(h.browser().finishSignin(start, p.devices["strong"].get(start))) })
	if !errors.Is(errOf(h.store.User(h.ctx, p.id)), account.ErrNotFound) {
		t.Error("the account is there")
	}
}
