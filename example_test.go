package latchkey_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing/fstest"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/passkey"
	"github.com/latchkey-auth/latchkey/signin"
)

// An app with one page of its own that only signed-in people see.
func Example() {
	store, done := exampleStore()
	defer done()
	auth, err := latchkey.New(exampleConfig(), store)
	must(err)

	mux := http.NewServeMux()
	mux.Handle("/", auth.Handler()) // /login, /account, /wan-register …
	mux.Handle("/notes", auth.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := latchkey.UserFrom(r.Context()) // there is one: Require let nobody else through
		fmt.Fprint(w, "Notes of ", user.Email)
	})))

	browser, leave := exampleBrowser(mux)
	defer leave()
	fmt.Println(read(browser, "/notes"))
	browser.Register("ada@example.com", "Wooden-Kettle-42-Marsh")
	browser.AddPasskey("phone", "first")
	browser.Logout()
	browser.SigninWithPasskey("") // nothing typed: the passkey says who it is
	fmt.Println(read(browser, "/notes"))

	// Output:
	// 302 to /login?next=%2Fnotes
	// 200 Notes of ada@example.com
}

// What is sensitive asks for a proof that is not old: a browser is sent to /verify and comes back, a program is told what it lacks.
func ExampleAuth_RequireFresh() {
	store, done := exampleStore()
	defer done()
	now := time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)
	cfg := exampleConfig()
	cfg.Clock = func() time.Time { return now }
	auth, err := latchkey.New(cfg, store)
	must(err)

	mux := http.NewServeMux()
	mux.Handle("/", auth.Handler())
	mux.Handle("/export", auth.RequireFresh(15*time.Minute)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "all of your notes")
	})))

	browser, leave := exampleBrowser(mux)
	defer leave()
	browser.Register("ada@example.com", "Wooden-Kettle-42-Marsh")
	browser.AddPasskey("phone", "first")
	fmt.Println(read(browser, "/export"))
	now = now.Add(16 * time.Minute)
	fmt.Println(read(browser, "/export"))
	browser.VerifyWithPasskey()
	fmt.Println(read(browser, "/export"))

	// Output:
	// 200 all of your notes
	// 302 to /verify?next=%2Fexport
	// 200 all of your notes
}

// Some pages want two factors: a passkey that verified its user is both, a password alone is one.
func ExampleAuth_RequireTwoFactors() {
	store, done := exampleStore()
	defer done()
	auth, err := latchkey.New(exampleConfig(), store)
	must(err)

	mux := http.NewServeMux()
	mux.Handle("/", auth.Handler())
	mux.Handle("/payroll", auth.RequireTwoFactors(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := latchkey.SessionFrom(r.Context())
		fmt.Fprint(w, "proved by ", session.Methods)
	})))

	browser, leave := exampleBrowser(mux)
	defer leave()
	browser.Register("ada@example.com", "Wooden-Kettle-42-Marsh")
	browser.AddPasskey("phone", "first")
	fmt.Println(read(browser, "/payroll"))
	browser.VerifyWithPasskey() // raises the session that began with the password
	fmt.Println(read(browser, "/payroll"))

	// Output:
	// 302 to /verify?next=%2Fpayroll
	// 200 proved by [password webauthn user_verification]
}

// Somebody has lost everything, and the operator has made sure who it is: a link that works once.
func ExampleAuth_RecoveryLink() {
	store, done := exampleStore()
	defer done()
	auth, err := latchkey.New(exampleConfig(), store)
	must(err)
	browser, leave := exampleBrowser(auth.Handler())
	defer leave()
	browser.Register("ada@example.com", "Wooden-Kettle-42-Marsh")
	browser.Logout()

	link, err := auth.RecoveryLink(context.Background(), "ada@example.com")
	must(err)
	path := strings.TrimPrefix(link, exampleOrigin)
	fmt.Println(regexp.MustCompile(`[^/]*$`).ReplaceAllString(link, "…"))
	fmt.Println(browser.Post(path, map[string]any{"new_password": "Copper-Lantern-17-Field"}).Status)
	fmt.Println(browser.Post("/logout", nil).Status, browser.Post(path, map[string]any{"new_password": "Another-Lantern-17-Field"}).Codes())

	_, err = auth.RecoveryLink(context.Background(), "nobody@example.com")
	fmt.Println(errors.Is(err, account.ErrNotFound))

	// Output:
	// http://localhost:8080/recover/…
	// 200
	// 200 [CREDENTIAL_REPLAYED]
	// true
}

// staff is a policy with one rule of its own: whoever works here shows a fingerprint or PIN each time.
type staff struct{ passkey.Classic }

func (p staff) UserVerification(ctx context.Context, a passkey.Asking) passkey.UserVerification {
	if a.User != nil && strings.HasSuffix(a.User.Email, "@notes.example") {
		return passkey.VerificationRequired
	}
	return p.Classic.UserVerification(ctx, a)
}

// A policy of the app's own overrides one choice and leaves the rest.
func Example_ownPolicy() {
	store, done := exampleStore()
	defer done()
	cfg := exampleConfig()
	cfg.Policy = staff{}
	auth, err := latchkey.New(cfg, store)
	must(err)

	for _, email := range []string{"ada@example.com", "grace@notes.example"} {
		browser, leave := exampleBrowser(auth.Handler())
		browser.Register(email, "Wooden-Kettle-42-Marsh")
		options := browser.Post("/wan-verify", nil).Response["credential_options"].(map[string]any)
		fmt.Println(email, options["userVerification"])
		leave()
	}

	// Output:
	// ada@example.com discouraged
	// grace@notes.example required
}

// The app has a say in who registers and who signs in, and hears of every decision.
func Example_hooks() {
	store, done := exampleStore()
	defer done()
	cfg := exampleConfig()
	cfg.BeforeRegister = func(_ context.Context, a signin.Applicant) error {
		if !strings.HasSuffix(a.Email, "@notes.example") {
			return latchkey.Refuse("not_staff", "Only people who work here can have an account.")
		}
		return nil
	}
	suspended := map[string]bool{}
	cfg.BeforeSignin = func(_ context.Context, a signin.Attempt) error {
		if suspended[a.User.Email] {
			return latchkey.Refuse("suspended", "Your account rests until Monday.")
		}
		return nil
	}
	cfg.OnEvent = func(_ context.Context, e account.Event) {
		fmt.Println(strings.TrimSpace(fmt.Sprint("event: ", e.Kind, " ", e.Reason)))
	}
	auth, err := latchkey.New(cfg, store)
	must(err)

	browser, leave := exampleBrowser(auth.Handler())
	defer leave()
	fmt.Println(browser.Register("eve@example.com", "Wooden-Kettle-42-Marsh").Response["errors"])
	fmt.Println(browser.Register("ada@notes.example", "Wooden-Kettle-42-Marsh").Status)
	browser.Logout()
	suspended["ada@notes.example"] = true
	fmt.Println(browser.Login("ada@notes.example", "Wooden-Kettle-42-Marsh").Response["errors"])

	// Output:
	// event: user.register_refused not_staff
	// [Only people who work here can have an account.]
	// event: user.registered
	// event: signin.succeeded
	// 200
	// event: session.signed_out
	// event: signin.refused suspended
	// [Your account rests until Monday.]
}

// One page, some words and some values of the app's own; everything else as it comes.
func Example_ownTemplates() {
	store, done := exampleStore()
	defer done()
	cfg := exampleConfig()
	cfg.Overlay = fstest.MapFS{ // mostly an embed.FS
		"templates/landing.html": {Data: []byte(`{{define "main"}}<h1>{{.Site}}: {{.Values.tagline}}</h1><a href="{{url "login"}}">{{t "page.sign-in"}}</a>{{end}}`)},
		"locales/en.json":        {Data: []byte(`{"page.sign-in": "Come in"}`)},
	}
	cfg.TemplateValues = func(_ *http.Request, page string) map[string]any {
		return map[string]any{"tagline": "what you must not forget"}
	}
	auth, err := latchkey.New(cfg, store)
	must(err)

	browser, leave := exampleBrowser(auth.Handler())
	defer leave()
	fmt.Println(regexp.MustCompile(`(?s)<h1>.*</a>`).FindString(read(browser, "/")))

	// Output:
	// <h1>Notes: what you must not forget</h1><a href="/login">Come in</a>
}

// courier sends by whatever the app has: here it keeps what it was given.
type courier struct{ sent []signin.Message }

func (c *courier) Send(_ context.Context, m signin.Message) error {
	c.sent = append(c.sent, m)
	return nil
}

// Mails and text messages go by a sender of the app's own; responses say of a user what the app wants.
func Example_ownSender() {
	store, done := exampleStore()
	defer done()
	post := &courier{}
	cfg := exampleConfig()
	cfg.Sender = post
	cfg.UserPayload = func(u account.User) map[string]any { return map[string]any{"email": u.Email, "plan": "free"} }
	auth, err := latchkey.New(cfg, store)
	must(err)

	browser, leave := exampleBrowser(auth.Handler())
	defer leave()
	fmt.Println(browser.Register("ada@example.com", "Wooden-Kettle-42-Marsh").Response["user"])
	setup := browser.Post("/tf-setup", map[string]any{"setup": "email"})
	mail := post.sent[len(post.sent)-1]
	fmt.Println(mail.Channel, mail.To, mail.Kind)
	fmt.Println(browser.Post("/tf-setup/"+setup.Text("tf_state_token"), map[string]any{"code": mail.Code}).Status)

	// Output:
	// map[email:ada@example.com plan:free]
	// email ada@example.com code
	// 200
}

// members are the accounts of an app that keeps them itself. A real one is a table: examples/ownusers has one, and storetest.Users proves it.
type members struct {
	mu   sync.Mutex
	byID map[string]*account.User
}

func (m *members) User(_ context.Context, id string) (account.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if u := m.byID[id]; u != nil {
		return *u, nil
	}
	return account.User{}, account.ErrNotFound
}

func (m *members) UserByEmail(_ context.Context, email string) (account.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.find(email)
}

func (m *members) find(email string) (account.User, error) {
	for _, u := range m.byID {
		if account.CanonicalEmail(u.Email) == account.CanonicalEmail(email) {
			return *u, nil
		}
	}
	return account.User{}, account.ErrNotFound
}

func (m *members) CreateUser(_ context.Context, n account.NewUser) (account.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.find(n.Email); err == nil {
		return account.User{}, account.ErrEmailInUse
	}
	u := account.User{ID: fmt.Sprint("member-", len(m.byID)+1), Email: n.Email, PasswordHash: n.PasswordHash, Active: true, Created: time.Now()}
	m.byID[u.ID] = &u
	return u, nil
}

func (m *members) change(id string, do func(*account.User)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.byID[id]
	if u == nil {
		return account.ErrNotFound
	}
	do(u)
	return nil
}

func (m *members) SetPassword(_ context.Context, id, hash string) error {
	return m.change(id, func(u *account.User) { u.PasswordHash = hash })
}

func (m *members) RenewPassword(_ context.Context, id, was, hash string) error {
	return m.change(id, func(u *account.User) {
		if u.PasswordHash == was {
			u.PasswordHash = hash
		}
	})
}

func (m *members) SetActive(_ context.Context, id string, active bool) error {
	return m.change(id, func(u *account.User) { u.Active = active })
}

// The accounts are the app's own; passkeys, sessions and the rest are in the store.
func Example_ownUsers() {
	store, done := exampleStore()
	defer done()
	own := &members{byID: map[string]*account.User{}}
	cfg := exampleConfig()
	cfg.Users = own
	auth, err := latchkey.New(cfg, store)
	must(err)

	browser, leave := exampleBrowser(auth.Handler())
	defer leave()
	browser.Register("ada@example.com", "Wooden-Kettle-42-Marsh")
	browser.AddPasskey("phone", "first")
	browser.Logout()
	fmt.Println(browser.SigninWithPasskey("ada@example.com").Status)
	ada, err := own.UserByEmail(context.Background(), "Ada@example.com")
	fmt.Println(ada.ID, err)
	creds, err := store.Credentials(context.Background(), ada.ID)
	fmt.Println(len(creds), creds[0].Nickname, err)

	// Output:
	// 200
	// member-1 <nil>
	// 1 phone <nil>
}
