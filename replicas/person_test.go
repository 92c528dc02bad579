package replicas

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/latchkey-auth/latchkey/latchkeytest"
)

const password = "correct horse battery staple"

// person has an account, and remembers all that the servers acknowledged. What was asked for without an answer is remembered as well: a
// server may have done it, wholly, or not at all.
type person struct {
	t     testing.TB
	line  *line
	email string
	// device has the passkey "main".
	device *latchkeytest.Authenticator
	// home is a session that stays.
	home *latchkeytest.Client

	live, dead []*latchkeytest.Client
	// orphans are sessions that were made without an answer: they are there, and nobody has their token.
	orphans int
	keys    []string
	made    int
	// codes are the recovery codes that are left, used those that are not.
	codes, used []string
	spent       []finish
	open        attempt

	acknowledged *atomic.Int64
}

// attempt is something that was asked for and has no answer yet. It asks again, and reports whether there is one now.
type attempt func() bool

// finish is the second half of a ceremony.
type finish struct {
	path       string // with the state
	credential string
}

// newPerson opens an account with a passkey to begin with, one that is a second factor, and recovery codes.
func newPerson(t testing.TB, l *line, email string, acknowledged *atomic.Int64) *person {
	t.Helper()
	p := &person{t: t, line: l, email: email, device: latchkeytest.NewAuthenticator(), acknowledged: acknowledged}
	c := p.visitor()
	c.Register(email, password).Want(t, http.StatusOK)
	c.AddPasskey("main", "first").Want(t, http.StatusOK)
	c.Device = latchkeytest.NewAuthenticator()
	c.AddPasskey("second", "secondary").Want(t, http.StatusOK)
	p.keys = []string{"main", "second"}
	// A session that was proved by both factors, and no other.
	p.home = p.visitor()
	p.home.SigninWithPasskey(email).Want(t, http.StatusOK)
	p.home.Post("/sessions/end", map[string]any{"others": true}).Want(t, http.StatusOK)
	p.codes = codes(p.home.Post("/mf-recovery-codes", nil).Want(t, http.StatusOK))
	return p
}

// visitor is a browser of the person's that nobody is signed in with.
func (p *person) visitor() *latchkeytest.Client {
	c := latchkeytest.NewClient(p.t, origin, origin)
	c.HTTP.Transport = p.line
	c.Device = p.device
	return c
}

func codes(r *latchkeytest.Reply) []string {
	var all []string
	list, _ := r.Response["recovery_codes"].([]any)
	for _, one := range list {
		all = append(all, fmt.Sprint(one))
	}
	return all
}

// begin asks for the options of a ceremony, and lets the device answer them. There is nothing where nobody answers.
func (p *person) begin(c *latchkeytest.Client, path string, fields map[string]any,
	device func([]byte, string, ...func(*latchkeytest.Ceremony)) ([]byte, error), changes ...func(*latchkeytest.Ceremony),
) (f finish, ok bool) {
	p.t.Helper()
	start := c.Post(path, fields)
	if !answered(start) {
		return f, false
	}
	start.Want(p.t, http.StatusOK)
	options, err := json.Marshal(start.Response["credential_options"])
	must(p.t, err)
	credential, err := device(options, origin, changes...)
	must(p.t, err)
	return finish{path + "/" + url.PathEscape(start.Text("wan_state")), string(credential)}, true
}

// send answers a ceremony.
func (p *person) send(c *latchkeytest.Client, f finish) *latchkeytest.Reply {
	p.t.Helper()
	return c.Post(f.path, map[string]any{"credential": f.credential})
}

func replayed(r *latchkeytest.Reply) bool {
	return r.Status == http.StatusBadRequest && slices.Contains(r.Codes(), "CREDENTIAL_REPLAYED")
}

func (p *person) ack() {
	p.open = nil
	p.acknowledged.Add(1)
}

// fail is for what must never be.
func (p *person) fail(format string, args ...any) {
	p.t.Helper()
	p.t.Errorf(p.email+": "+format, args...)
	p.open = nil
}

// sessions is how many the account has.
func (p *person) sessions() (n int, ok bool) {
	p.t.Helper()
	r := p.home.Get("/sessions")
	if !answered(r) {
		return 0, false
	}
	list, _ := r.Want(p.t, http.StatusOK).Response["sessions"].([]any)
	return len(list), true
}

// expected is how many there must be, after all that was acknowledged.
func (p *person) expected() int { return 1 + len(p.live) + p.orphans }

// names are those of the account's passkeys.
func (p *person) names() (names []string, ok bool) {
	p.t.Helper()
	r := p.home.Passkeys()
	if !answered(r) {
		return nil, false
	}
	list, _ := r.Want(p.t, http.StatusOK).Response["registered_credentials"].([]any)
	for _, one := range list {
		m, _ := one.(map[string]any)
		names = append(names, fmt.Sprint(m["name"]))
	}
	return names, true
}
