package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

// Users tests an implementation of account.Users.
func Users(t *testing.T, open func(t *testing.T) account.Users) {
	for _, test := range userTests {
		t.Run(test.name, func(t *testing.T) { test.run(newEnv(t, open(t), nil)) })
	}
}

var userTests = []test{
	{"made and found", func(e *env) {
		made, err := e.users.CreateUser(e.ctx, account.NewUser{Email: "Ada@Example.com", PasswordHash: "$argon2id$1"})
		e.ok(err)
		if made.ID == "" || len(made.ID) > 64 {
			e.Fatalf("the id %q is not 1 to 64 bytes long", made.ID)
		}
		if made.Created.Location() != time.UTC || !made.Created.Equal(made.Created.Truncate(time.Microsecond)) {
			e.Fatalf("made at %v: not to the microsecond in UTC", made.Created)
		}
		e.equal("made", made, account.User{
			ID: made.ID, Email: "Ada@Example.com", PasswordHash: "$argon2id$1", Active: true, Created: made.Created,
		})
		found, err := e.users.User(e.ctx, made.ID)
		e.ok(err)
		e.equal("found by id", found, made)
		found, err = e.users.UserByEmail(e.ctx, "Ada@Example.com")
		e.ok(err)
		e.equal("found by address", found, made)
	}},
	{"addresses are compared canonically", func(e *env) {
		for spelled, others := range map[string][]string{
			"Ada@Example.com":        {"ada@example.com", "ADA@EXAMPLE.COM", " ada@example.com\t"},
			"stra\u00dfe@example.de": {"STRA\u00dfE@example.de"},
			"JOSE\u0301@example.es":  {"jos\u00e9@example.es"},             // a combining accent
			"\uff21bc@example.jp":    {"abc@example.jp", "ABC@example.jp"}, // a full-width letter
			// Cyrillic
			"\u041f\u0435\u0442\u044f@\u043f\u043e\u0447\u0442\u0430.\u0440\u0444": {"\u043f\u0435\u0442\u044f@\u043f\u043e\u0447\u0442\u0430.\u0440\u0444"},
		} {
			made, err := e.users.CreateUser(e.ctx, account.NewUser{Email: spelled})
			e.ok(err)
			for _, other := range others {
				found, err := e.users.UserByEmail(e.ctx, other)
				e.ok(err)
				e.equal(other, found, made)
				_, err = e.users.CreateUser(e.ctx, account.NewUser{Email: other})
				e.fails(err, account.ErrEmailInUse)
			}
		}
	}},
	{"without a password", func(e *env) {
		made, err := e.users.CreateUser(e.ctx, account.NewUser{Email: "a@example.com"})
		e.ok(err)
		found, err := e.users.User(e.ctx, made.ID)
		e.ok(err)
		if found.HasPassword() {
			e.Fatal("has a password")
		}
	}},
	{"ids differ", func(e *env) {
		seen := map[string]bool{}
		for range 50 {
			seen[e.user().ID] = true
		}
		if len(seen) != 50 {
			e.Fatalf("%d ids for 50 accounts", len(seen))
		}
	}},
	{"unknown", func(e *env) {
		e.user()
		for _, id := range []string{"", "nobody", "person-1@example.com", "%", "a\x00b", "\xff", strings.Repeat("x", 5000)} {
			_, err := e.users.User(e.ctx, id)
			e.fails(err, account.ErrNotFound)
			_, err = e.users.UserByEmail(e.ctx, id+"@")
			e.fails(err, account.ErrNotFound)
		}
		e.fails(e.users.SetPassword(e.ctx, "nobody", "x"), account.ErrNotFound)
		e.fails(e.users.SetActive(e.ctx, "nobody", false), account.ErrNotFound)
		e.fails(e.users.RenewPassword(e.ctx, "nobody", "", "x"), account.ErrNotFound)
	}},
	{"an address in use", func(e *env) {
		made := e.user()
		_, err := e.users.CreateUser(e.ctx, account.NewUser{Email: strings.ToUpper(made.Email), PasswordHash: "other"})
		e.fails(err, account.ErrEmailInUse)
		found, err := e.users.UserByEmail(e.ctx, made.Email)
		e.ok(err)
		e.equal("the first", found, made)
	}},
	{"password and activity change alone", func(e *env) {
		made, other := e.user(), e.user()
		e.ok(e.users.SetPassword(e.ctx, made.ID, "$argon2id$new"))
		e.ok(e.users.SetActive(e.ctx, made.ID, false))
		want := made
		want.PasswordHash, want.Active = "$argon2id$new", false
		found, err := e.users.User(e.ctx, made.ID)
		e.ok(err)
		e.equal("changed", found, want)
		e.ok(e.users.SetActive(e.ctx, made.ID, true))
		e.ok(e.users.SetPassword(e.ctx, made.ID, ""))
		want.PasswordHash, want.Active = "", true
		found, err = e.users.UserByEmail(e.ctx, made.Email)
		e.ok(err)
		e.equal("changed again", found, want)
		// The same value once more is no missing account.
		e.ok(e.users.SetActive(e.ctx, made.ID, true))
		found, err = e.users.User(e.ctx, other.ID)
		e.ok(err)
		e.equal("the other one", found, other)
	}},
	{"a password is renewed only if it is still the one", func(e *env) {
		made, other := e.user(), e.user()
		e.ok(e.users.RenewPassword(e.ctx, made.ID, "$argon2id$else", "$argon2id$late"))
		found, err := e.users.User(e.ctx, made.ID)
		e.ok(err)
		e.equal("changed meanwhile", found, made)
		e.ok(e.users.RenewPassword(e.ctx, made.ID, made.PasswordHash, "$argon2id$new"))
		found, err = e.users.User(e.ctx, made.ID)
		e.ok(err)
		made.PasswordHash = "$argon2id$new"
		e.equal("renewed", found, made)
		found, err = e.users.User(e.ctx, other.ID)
		e.ok(err)
		e.equal("the other one", found, other)
	}},
	{"racing for one address", func(e *env) {
		made := make([]account.User, racers)
		winner := e.one(e.race(func(i int) (err error) {
			email := "One@Example.com"
			if i%2 == 0 {
				email = strings.ToLower(email)
			}
			made[i], err = e.users.CreateUser(e.ctx, account.NewUser{Email: email})
			return err
		}), account.ErrEmailInUse)
		found, err := e.users.UserByEmail(e.ctx, "one@example.com")
		e.ok(err)
		e.equal("the winner", found, made[winner])
	}},
	{"cancelled", func(e *env) {
		made := e.user()
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		_, err := e.users.User(ctx, made.ID)
		e.fails(err, context.Canceled)
		_, err = e.users.UserByEmail(ctx, made.Email)
		e.fails(err, context.Canceled)
		_, err = e.users.CreateUser(ctx, account.NewUser{Email: "new@example.com"})
		e.fails(err, context.Canceled)
		e.fails(e.users.SetPassword(ctx, made.ID, "new"), context.Canceled)
		e.fails(e.users.SetActive(ctx, made.ID, false), context.Canceled)
		_, err = e.users.UserByEmail(e.ctx, "new@example.com")
		e.fails(err, account.ErrNotFound)
		found, err := e.users.User(e.ctx, made.ID)
		e.ok(err)
		e.equal("unchanged", found, made)
	}},
}
