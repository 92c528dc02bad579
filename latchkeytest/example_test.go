package latchkeytest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
	"github.com/latchkey-auth/latchkey/passkey"
	"github.com/latchkey-auth/latchkey/store/sqlite"
)

// An app's own test: five lines from an empty browser to a sign-in with a passkey. Serve the app by a httptest.Server, and name one of its
// Config.Origins.
func Example() {
	app, done := notes() // the app that is tested
	defer done()
	test(func(t testing.TB) { // in an app: func TestSignin(t *testing.T)
		c := latchkeytest.NewClient(t, app.URL, "https://notes.example")
		c.Register("ada@example.com", "Wooden-Kettle-42-Marsh").Want(t, 200)
		c.AddPasskey("phone", "first").Want(t, 200)
		c.Logout().Want(t, 200)
		user := c.SigninWithPasskey("ada@example.com").Want(t, 200).Response["user"]
		fmt.Println(user)
		c.SigninWithPasskey("ada@example.com").Want(t, 400) // is signed in already
	})

	// Output:
	// map[email:ada@example.com]
}

// notes is an app with nothing but Latchkey in it.
func notes() (*httptest.Server, func()) {
	dir, err := os.MkdirTemp("", "latchkeytest-example-")
	check(err)
	store, err := sqlite.Open(context.Background(), filepath.Join(dir, "app.db"), sqlite.Options{})
	check(err)
	cfg := latchkey.Default()
	cfg.Origins, cfg.SecretKeys = []string{"https://notes.example"}, [][]byte{make([]byte, 32)}
	cfg.TwoFactorMethods = []account.Method{account.MethodAuthenticator}
	cfg.PasswordHash = latchkey.HashCosts{Memory: 64, Time: 1, Threads: 1}
	auth, err := latchkey.New(cfg, store)
	check(err)
	server := httptest.NewServer(auth.Handler())
	return server, func() {
		server.Close()
		check(errors.Join(store.Close(), os.RemoveAll(dir)))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// test runs what is a test in an app.
func test(run func(testing.TB)) { run(tb{}) }

type tb struct{ testing.TB }

func (tb) Helper()                      {}
func (tb) Context() context.Context     { return context.Background() }
func (tb) Fatal(args ...any)            { panic(fmt.Sprint(args...)) }
func (tb) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }

// A device answers as the one that is to be tested would, faults included.
func ExampleAuthenticator() {
	device := latchkeytest.NewAuthenticator()
	device.Algorithm, device.BackupEligible, device.BackedUp = latchkeytest.EdDSA, true, true
	device.Attachment, device.Transports = "platform", []string{"internal", "hybrid"}

	options := []byte(`{"rp":{"id":"notes.example","name":"Notes"},"user":{"id":"AAAA","name":"ada","displayName":"Ada"},"challenge":"WlpaWlpaWlpaWlpaWlpaWg",
		"pubKeyCredParams":[{"type":"public-key","alg":-8}]}`)
	rp, err := passkey.New(passkey.Config{RPID: "notes.example", Origins: []string{"https://notes.example"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	verify := func(change ...func(*latchkeytest.Ceremony)) error {
		answer, err := device.Create(options, "https://notes.example", change...)
		if err != nil {
			return err
		}
		response, err := passkey.ParseRegistration(answer)
		if err != nil {
			return err
		}
		made, err := rp.VerifyRegistration(response, passkey.RegistrationCheck{Challenge: []byte("ZZZZZZZZZZZZZZZZ")})
		if err == nil {
			fmt.Println("algorithm", made.Algorithm, "synced", made.BackedUp)
		}
		return err
	}
	fmt.Println(verify())
	err = verify(func(c *latchkeytest.Ceremony) { c.Origin = "https://notes.example.evil.example" })
	fmt.Println(errors.Is(err, passkey.ErrNotVerified), passkey.ReasonOf(err))

	// Output:
	// algorithm -8 synced true
	// <nil>
	// true origin
}
