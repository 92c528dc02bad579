package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// person makes an account and leaves its owner signed in.
func (s *site) person(t testing.TB) *visitor {
	t.Helper()
	v := s.visitor(t)
	v.email = unique("person") + "@example.test"
	v.post("/register", fields{"email": v.email, "password": goodPassword}).want(http.StatusOK)
	return v
}

// login gives the right password.
func (v *visitor) login(more ...fields) *answer {
	v.t.Helper()
	f := fields{"email": v.email, "password": goodPassword}
	for _, m := range more {
		maps.Copy(f, m)
	}
	return v.post("/login", f)
}

// again is another browser of the same person, signed in by password.
func (v *visitor) again(more ...fields) *visitor {
	v.t.Helper()
	c := v.fresh()
	c.login(more...).want(http.StatusOK).is(false, "tf_required")
	return c
}

// waiting is another browser of the same person, past the password and before the second factor.
func (v *visitor) waiting(more ...fields) *visitor {
	v.t.Helper()
	c := v.fresh()
	c.login(more...).want(http.StatusOK).is(true, "tf_required")
	return c
}

type change = func(*latchkeytest.Ceremony)

// unverified is a device whose user is there and not verified.
func unverified(c *latchkeytest.Ceremony) { c.UserVerified = false }

// unlisted is a device whose passkeys answer only when they are named.
func unlisted(c *latchkeytest.Ceremony) { c.Resident = false }

// options is a member of an answer, as JSON text.
func (a *answer) options() []byte {
	a.t.Helper()
	if a.isPage() {
		m := regexp.MustCompile(`(?s)<script type="application/json" id="latchkey-options">(.*?)</script>`).FindSubmatch(a.body)
		if m == nil {
			a.t.Fatalf("a page without options: %v", a)
		}
		return m[1]
	}
	text, err := json.Marshal(a.at("credential_options"))
	if err != nil {
		a.t.Fatal(err)
	}
	return text
}

// action is where the page of a ceremony posts its answer, the state at its end.
func (a *answer) action(path string) string {
	a.t.Helper()
	state := a.ceremony(path)
	if state == "" {
		a.t.Fatalf("a page without a form to %s: %v", path, a)
	}
	return state
}

// create and sign are the device's answers to the options of a start.
func (v *visitor) create(start *answer, changes ...change) string {
	v.t.Helper()
	response, err := v.device.Create(start.options(), v.origin, changes...)
	if err != nil {
		v.t.Fatal(err)
	}
	return string(response)
}

func (v *visitor) sign(start *answer, changes ...change) string {
	v.t.Helper()
	return v.signFor(start.options(), changes...)
}

func (v *visitor) signFor(options []byte, changes ...change) string {
	v.t.Helper()
	response, err := v.device.Get(options, v.origin, changes...)
	if err != nil {
		v.t.Fatal(err)
	}
	return string(response)
}

// with is the path of the finishing half.
func with(path string, start *answer) string { return path + "/" + start.str("wan_state") }

// enrol adds a passkey and returns it.
func (v *visitor) enrol(usage string, changes ...change) *latchkeytest.Credential {
	v.t.Helper()
	start := v.post("/wan-register", fields{"name": unique("key"), "usage": usage}).want(http.StatusOK)
	v.device = latchkeytest.NewAuthenticator()
	v.post(with("/wan-register", start), fields{"credential": v.create(start, changes...)}).want(http.StatusOK)
	all := v.device.Credentials()
	return all[len(all)-1]
}

// enrolBoth adds a first and a secondary passkey, each on a device of its own.
func (v *visitor) enrolBoth() (first, secondary *latchkeytest.Authenticator) {
	v.t.Helper()
	v.enrol("first")
	first = v.device
	v.enrol("secondary")
	return first, v.device
}

// signin is a whole sign-in with a passkey of the device.
func (v *visitor) signin(start, finish fields, changes ...change) *answer {
	v.t.Helper()
	a := v.post("/wan-signin", start).want(http.StatusOK)
	f := fields{"credential": v.sign(a, changes...)}
	maps.Copy(f, finish)
	return v.post(with("/wan-signin", a), f)
}

// wanVerify is a whole verification with a passkey of the device.
func (v *visitor) wanVerify(changes ...change) *answer {
	v.t.Helper()
	a := v.post("/wan-verify", nil).want(http.StatusOK)
	return v.post(with("/wan-verify", a), fields{"credential": v.sign(a, changes...)})
}

// passkeys are the nicknames of the account's passkeys.
func (v *visitor) passkeys() []string {
	v.t.Helper()
	list, _ := v.get("/wan-register").want(http.StatusOK).at("registered_credentials").([]any)
	names := []string{}
	for _, k := range list {
		names = append(names, k.(map[string]any)["name"].(string))
	}
	return names
}

// setUpApp, setUpEmail and setUpSMS add a code method.
func (v *visitor) setUpApp() *app {
	v.t.Helper()
	start := v.post("/tf-setup", fields{"setup": "authenticator"}).want(http.StatusOK)
	a := newApp(v.t, v.s, start.str("tf_authr_b32key"))
	v.post("/tf-setup/"+start.str("tf_state_token"), fields{"code": a.next()}).want(http.StatusOK)
	v.codes = a
	return a
}

func (v *visitor) setUpEmail() {
	v.t.Helper()
	start := v.post("/tf-setup", fields{"setup": "email"}).want(http.StatusOK)
	v.post("/tf-setup/"+start.str("tf_state_token"), fields{"code": v.s.mail.code(v.t, v.email)}).want(http.StatusOK)
}

func (v *visitor) setUpSMS() {
	v.t.Helper()
	v.phone = fmt.Sprintf("+447400%06d", 100000+serial.Add(1))
	start := v.post("/tf-setup", fields{"setup": "sms", "phone": v.phone}).want(http.StatusOK)
	v.post("/tf-setup/"+start.str("tf_state_token"), fields{"code": v.s.mail.code(v.t, v.phone)}).want(http.StatusOK)
}

// recoveryCodes makes a set.
func (v *visitor) recoveryCodes() []string {
	v.t.Helper()
	return strs(v.post("/mf-recovery-codes", nil).want(http.StatusOK).at("recovery_codes"))
}

// token asks for a bearer token with a sign-in by password.
func (v *visitor) token() string {
	v.t.Helper()
	c := v.fresh()
	token := c.post("/login?include_auth_token", fields{"email": v.email, "password": goodPassword}).want(http.StatusOK).str("user", "authentication_token")
	if token == "" {
		v.t.Fatal("no token")
	}
	return token
}

// query adds a query to a path.
func query(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return path + "?" + q.Encode()
}

// removeAll takes every code method from an account, as only an operator can.
func removeAll(userID string) account.RemoveFactors { return account.RemoveFactors{UserID: userID} }
