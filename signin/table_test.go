package signin_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/signin"
)

// row is one line of the contract about where a first proof leads, told apart from the others by when alone: of all lines
// exactly one applies to a case.
type row struct {
	name string
	when func(first) bool
	want func(first) signin.Step
}

// first is a first proof and the account that it is for.
type first struct {
	passkey, verified bool // else a password
	codes             []account.Method
	secondary, strong int

	required, multi, remembered bool
}

func (f first) proved() []account.Method {
	switch {
	case f.verified:
		return []account.Method{account.MethodPasskey, account.MethodUserVerification}
	case f.passkey:
		return []account.Method{account.MethodPasskey}
	}
	return []account.Method{account.MethodPassword}
}

func (f first) facts() signin.Facts {
	return signin.Facts{Codes: f.codes, Secondary: f.secondary, Strong: f.strong, Required: f.required, MultiFactor: f.multi, Remembered: f.remembered}
}

// both: the passkey was two factors at once.
func (f first) both() bool { return f.verified && f.multi }

// bare: there is no second factor to ask for.
func (f first) bare() bool { return len(f.codes) == 0 && f.secondary == 0 }

// offered are the second factors, the passkey last.
func (f first) offered() []account.Method {
	if f.secondary == 0 {
		return slices.Clone(f.codes)
	}
	return append(slices.Clone(f.codes), account.MethodPasskey)
}

// rows are issue 3's rules and HTTP.md §3 (a) to (d).
var rows = []row{
	{"a verified passkey is both factors, even where they are required", first.both, func(first) signin.Step { return signin.Step{SignedIn: true} }},
	{"nothing to ask for, and nothing required", func(f first) bool { return !f.both() && f.bare() && !f.required }, func(first) signin.Step { return signin.Step{SignedIn: true} }},
	{"a remembered device stands in for a second factor", func(f first) bool { return !f.both() && !f.bare() && f.remembered }, func(first) signin.Step {
		return signin.Step{SignedIn: true, Remembered: true}
	}},
	{"one code method", func(f first) bool {
		return !f.both() && !f.remembered && len(f.codes) == 1 && f.secondary == 0
	}, func(f first) signin.Step {
		return signin.Step{State: account.PendingReady, Method: f.codes[0], Methods: f.codes}
	}},
	{"secondary passkeys only", func(f first) bool {
		return !f.both() && !f.remembered && len(f.codes) == 0 && f.secondary > 0
	}, func(first) signin.Step {
		return signin.Step{State: account.PendingReady, Method: account.MethodPasskey, Methods: []account.Method{account.MethodPasskey}}
	}},
	{"several methods", func(f first) bool {
		return !f.both() && !f.remembered && len(f.offered()) > 1
	}, func(f first) signin.Step {
		return signin.Step{State: account.PendingSelect, Methods: f.offered()}
	}},
	{"required, none, and a strong passkey that was not used yet", func(f first) bool {
		return !f.both() && f.bare() && f.required && f.strong > 0 && !f.verified
	}, func(first) signin.Step {
		return signin.Step{State: account.PendingReady, Method: account.MethodPasskey, Methods: []account.Method{account.MethodPasskey}}
	}},
	{"required and none", func(f first) bool {
		return !f.both() && f.bare() && f.required && (f.strong == 0 || f.verified)
	}, func(first) signin.Step { return signin.Step{State: account.PendingSetup} }},
}

// oracle is where a first proof leads by the contract.
func oracle(t testing.TB, f first) (signin.Step, string) {
	t.Helper()
	var found []row
	for _, r := range rows {
		if r.when(f) {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%+v: %d lines of the contract apply", f, len(found))
	}
	return found[0].want(f), found[0].name
}

var codeMethods = []account.Method{account.MethodAuthenticator, account.MethodEmail, account.MethodSMS}

// arrangements are all ordered choices of code methods, none included.
func arrangements() [][]account.Method {
	out := [][]account.Method{nil}
	for i := 0; i < len(out); i++ {
		for _, m := range codeMethods {
			if !slices.Contains(out[i], m) {
				out = append(out, append(slices.Clone(out[i]), m))
			}
		}
	}
	return out
}

func TestTable_AfterAFirstProof(t *testing.T) {
	t.Parallel()
	bools := []bool{false, true}
	covered := map[string]int{}
	for _, proof := range []first{{}, {passkey: true}, {passkey: true, verified: true}} {
		for _, codes := range arrangements() {
			for secondary := range 3 {
				for strong := range 3 {
					for _, required := range bools {
						for _, multi := range bools {
							for _, remembered := range bools {
								f := first{
									passkey: proof.passkey, verified: proof.verified, codes: codes, secondary: secondary, strong: strong,
									required: required, multi: multi, remembered: remembered,
								}
								want, line := oracle(t, f)
								covered[line]++
								if got := signin.After(f.proved(), f.facts()); fmt.Sprint(got) != fmt.Sprint(want) {
									t.Errorf("%+v (%s): %+v, want %+v", f, line, got, want)
								}
							}
						}
					}
				}
			}
		}
	}
	for _, r := range rows {
		if covered[r.name] == 0 {
			t.Errorf("no case of: %s", r.name)
		}
	}
}

// After leaves what it is given alone.
func TestTable_AfterChangesNoArgument(t *testing.T) {
	t.Parallel()
	codes := append(make([]account.Method, 0, 8), account.MethodEmail)
	a := signin.After([]account.Method{account.MethodPassword}, signin.Facts{Codes: codes, Secondary: 1})
	b := signin.After([]account.Method{account.MethodPassword}, signin.Facts{Codes: codes})
	if len(a.Methods) != 2 || len(b.Methods) != 1 || codes[:2][1] != "" {
		t.Errorf("%v, %v, %v", a, b, codes[:2])
	}
}

func TestTable_ActsOfAPendingSignin(t *testing.T) {
	t.Parallel()
	acts := []signin.Act{
		signin.ActChoose, signin.ActCode, signin.ActPasskey, signin.ActRescue, signin.ActRecovery,
		signin.ActSetup, signin.ActEnrol, signin.ActConfirmCode,
	}
	allowed := map[account.PendingState][]signin.Act{
		account.PendingSelect:     {signin.ActChoose, signin.ActCode},
		account.PendingReady:      {signin.ActChoose, signin.ActCode, signin.ActPasskey, signin.ActRescue, signin.ActRecovery},
		account.PendingSetup:      {signin.ActSetup, signin.ActEnrol},
		account.PendingValidating: {signin.ActSetup, signin.ActEnrol, signin.ActConfirmCode},
		"":                        nil,
		"signed_in":               nil,
	}
	for state, want := range allowed {
		for _, act := range acts {
			if got := signin.Allowed(state, act); got != slices.Contains(want, act) {
				t.Errorf("%s in state %q: %v", act, state, got)
			}
			c := &signin.Caller{Pending: &account.Pending{State: state}}
			if got := c.Is(act); got != slices.Contains(want, act) {
				t.Errorf("a caller in state %q may %s: %v", state, act, got)
			}
		}
		if signin.Allowed(state, "") || signin.Allowed(state, "anything") {
			t.Errorf("state %q takes an act that there is not", state)
		}
	}
	for _, act := range acts {
		if (&signin.Caller{Session: &account.Session{}}).Is(act) {
			t.Errorf("a session without a pending sign-in may %s", act)
		}
	}
}

func TestTable_FactorsOf(t *testing.T) {
	t.Parallel()
	all := []account.Method{
		account.MethodPassword, account.MethodPasskey, account.MethodAuthenticator, account.MethodEmail, account.MethodSMS,
		account.MethodRecoveryCode, account.MethodUserVerification, account.MethodDevice,
	}
	for set := range 1 << len(all) {
		var methods []account.Method
		for i, m := range all {
			if set&(1<<i) != 0 {
				methods = append(methods, m)
			}
		}
		has := func(m account.Method) bool { return slices.Contains(methods, m) }
		held := 0
		for _, m := range []account.Method{account.MethodPasskey, account.MethodAuthenticator, account.MethodEmail, account.MethodSMS, account.MethodRecoveryCode} {
			if has(m) {
				held++
			}
		}
		want := 0
		if has(account.MethodPassword) || held > 0 {
			want = 1
		}
		if has(account.MethodUserVerification) || has(account.MethodPassword) && held > 0 {
			want = 2
		}
		reversed := slices.Clone(methods)
		slices.Reverse(reversed)
		if got := account.FactorsOf(methods); got != want || account.FactorsOf(reversed) != want {
			t.Errorf("%v: %d factors, want %d", methods, got, want)
		}
	}
}
