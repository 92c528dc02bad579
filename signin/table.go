package signin

import (
	"slices"

	"github.com/latchkey-auth/latchkey/account"
)

// This file is the whole of the transition table: what a first proof leads to, and what may answer a sign-in that waits.
//
//	first proof              second factors of the account         leads to
//	------------------------------------------------------------------------------------------------
//	passkey, verified user   any, and MultiFactor                  signed in (two factors)
//	any                      one or more, device remembered        signed in (what was proved; the device proves nothing)
//	any                      one code method                       ready for it, its code sent
//	any                      secondary passkeys only               ready for a passkey
//	any                      several methods                       select
//	any                      none, none required                   signed in
//	no verified passkey      none, required, a strong passkey      ready for that passkey, with user verification
//	any                      none, required                        set up from login
//
// "Strong" is a first passkey that verified its user at registration.
//
//	waiting                  answered by                           leads to
//	------------------------------------------------------------------------------------------------
//	select                   a choice                              ready for it
//	select, ready            another choice                        ready for that
//	select, ready            a code of any method set up           signed in
//	ready                    a passkey of second()                 signed in
//	ready                    a recovery code                       signed in
//	set up, validating       a code method                         validating it
//	set up, validating       an enrolled passkey                   ready for that passkey
//	validating               the code that confirms                signed in
//	anything                 time, signing out, starting over      nothing

// Facts are what the table needs to know of an account and of the settings.
type Facts struct {
	// Codes are the code methods that are set up, oldest first.
	Codes []account.Method
	// Secondary is how many secondary passkeys there are.
	Secondary int
	// Strong is how many first passkeys verified their user at registration.
	Strong int
	// Required: everybody needs a second factor. MultiFactor: a passkey that verified its user is both.
	Required    bool
	MultiFactor bool
	// Remembered: the browser showed a remembered device of this account.
	Remembered bool
}

// Step is where a first proof leads: SignedIn, or else a pending State.
type Step struct {
	SignedIn bool
	State    account.PendingState
	// Method is what a ready sign-in waits for. Methods are the choice at select.
	Method  account.Method
	Methods []account.Method
	// Remembered: it was the remembered device that let the sign-in through.
	Remembered bool
}

// Decided reports whether a first proof signs in whatever else the account has: the table's first row.
func Decided(proved []account.Method, multiFactor bool) bool {
	return multiFactor && slices.Contains(proved, account.MethodUserVerification)
}

// After is the table's first half.
func After(proved []account.Method, f Facts) Step {
	verified := slices.Contains(proved, account.MethodUserVerification)
	methods := f.methods()
	switch {
	case Decided(proved, f.MultiFactor):
		return Step{SignedIn: true}
	case len(methods) > 0 && f.Remembered:
		return Step{SignedIn: true, Remembered: true}
	case len(methods) == 1:
		return Step{State: account.PendingReady, Method: methods[0], Methods: methods}
	case len(methods) > 1:
		return Step{State: account.PendingSelect, Methods: methods}
	case !f.Required:
		return Step{SignedIn: true}
	case f.Strong > 0 && !verified:
		return Step{State: account.PendingReady, Method: account.MethodPasskey, Methods: []account.Method{account.MethodPasskey}}
	}
	return Step{State: account.PendingSetup}
}

// methods are the second factors of an account: its code methods, then the passkey if it has a secondary one.
func (f Facts) methods() []account.Method {
	m := slices.Clone(f.Codes)
	if f.Secondary > 0 {
		m = append(m, account.MethodPasskey)
	}
	return m
}

// second reports whether a passkey may be the second step of a pending sign-in, and whether it must verify its user then.
// A first passkey may only where it is all that the account has (see After).
func second(c account.Credential, f Facts) (ok, mustVerify bool) {
	if c.Usage == account.UsageSecondary {
		return true, false
	}
	return len(f.methods()) == 0 && f.Required && c.UserVerified, true
}

// Act is something that a caller wants to do with a pending sign-in.
type Act string

const (
	ActChoose      Act = "choose"       // tf-select
	ActCode        Act = "code"         // tf-validate
	ActPasskey     Act = "passkey"      // wan-signin as the second step
	ActRescue      Act = "rescue"       // tf-rescue
	ActRecovery    Act = "recovery"     // mf-recovery
	ActSetup       Act = "setup"        // tf-setup
	ActEnrol       Act = "enrol"        // wan-register
	ActConfirmCode Act = "confirm_code" // tf-validate, while a method is being set up
)

// Allowed is the table's second half: which acts a pending sign-in takes in each of its states.
func Allowed(s account.PendingState, a Act) bool {
	switch a {
	case ActChoose, ActCode:
		return s == account.PendingSelect || s == account.PendingReady
	case ActPasskey, ActRescue, ActRecovery:
		return s == account.PendingReady
	case ActSetup:
		return s == account.PendingSetup || s == account.PendingValidating
	case ActEnrol:
		return s == account.PendingSetup || s == account.PendingValidating
	case ActConfirmCode:
		return s == account.PendingValidating
	}
	return false
}
