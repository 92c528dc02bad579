package account

import (
	"context"
	"time"
)

// Method is a way of proving something: in a session's list of what proved it (amr), and as the name of a second
// factor in the contract.
type Method string

const (
	MethodPassword      Method = "password"
	MethodPasskey       Method = "webauthn"
	MethodAuthenticator Method = "authenticator" // TOTP, RFC 6238
	MethodEmail         Method = "email"
	MethodSMS           Method = "sms"
	MethodRecoveryCode  Method = "recovery_code"
	// MethodUserVerification stands beside MethodPasskey where the authenticator verified its user and that counts.
	MethodUserVerification Method = "user_verification"
	// MethodDevice stands for a remembered device that stood in for the second factor. It proves nothing by itself.
	MethodDevice Method = "remembered_device"
)

// Known reports whether the method proves something that the person knows (NIST SP 800-63B §2.2.1).
func (m Method) Known() bool { return m == MethodPassword }

// Held reports whether the method proves something that the person has.
func (m Method) Held() bool {
	switch m {
	case MethodPasskey, MethodAuthenticator, MethodEmail, MethodSMS, MethodRecoveryCode:
		return true
	}
	return false
}

// IsCode reports whether the method is a second factor that is answered with a code.
func (m Method) IsCode() bool {
	return m == MethodAuthenticator || m == MethodEmail || m == MethodSMS
}

// FactorsOf is how many authentication factors those methods amount to: two for a user-verified passkey, or for
// something known with something held; else one, or none for an empty list. Two things held are one.
func FactorsOf(methods []Method) int {
	var known, held, verified bool
	for _, m := range methods {
		known = known || m.Known()
		held = held || m.Held()
		verified = verified || m == MethodUserVerification
	}
	switch {
	case verified, known && held:
		return 2
	case known, held:
		return 1
	}
	return 0
}

// Factor is a code method that an account has set up. There is at most one of each method.
type Factor struct {
	UserID string
	Method Method
	// Secret is the sealed TOTP key; empty for the other methods.
	Secret []byte
	// Phone is in E.164; empty but for text messages.
	Phone string
	// LastStep is the last TOTP time step that was accepted; none at or before it is accepted again.
	LastStep int64
	Created  time.Time
	LastUsed time.Time
}

// FactorUse is what one accepted code changes in a factor. ErrCodeSpent if Step is not beyond the stored one;
// ErrNotFound if the factor was removed meanwhile.
type FactorUse struct {
	Method Method
	// Step is the TOTP time step; 0 for the other methods.
	Step int64
	At   time.Time
}

// SecondFactors is everything that an account has beside its first step.
type SecondFactors struct {
	// Codes are the code methods, oldest first.
	Codes []Factor
	// RecoveryCodes is how many are left.
	RecoveryCodes int
}

// Code returns the factor of that method, if set up.
func (s SecondFactors) Code(m Method) (Factor, bool) {
	for _, f := range s.Codes {
		if f.Method == m {
			return f, true
		}
	}
	return Factor{}, false
}

// Factors reads code methods and recovery codes and changes them.
type Factors interface {
	// SecondFactors lists what the account has set up.
	SecondFactors(ctx context.Context, userID string) (SecondFactors, error)
	// FinishSetup stores a factor that a signed-in person has confirmed, replacing one of the same method.
	FinishSetup(ctx context.Context, f FinishSetup) error
	// RemoveFactors deletes code methods and returns those that it deleted.
	RemoveFactors(ctx context.Context, r RemoveFactors) ([]Method, error)
	// SealedFactors lists factors that have a secret, in the order of user and method, up to limit of those after the given one; the zero
	// Factor comes before all. For sealing them under another key.
	SealedFactors(ctx context.Context, after Factor, limit int) ([]Factor, error)
	// ResealFactor replaces a factor's secret if it is still f.Secret, and reports whether it did.
	ResealFactor(ctx context.Context, f Factor, secret []byte) (bool, error)
	// ReplaceRecoveryCodes makes those digests the account's only recovery codes.
	ReplaceRecoveryCodes(ctx context.Context, r ReplaceRecoveryCodes) error
}

// FinishSetup stores Factor if the setup token is unspent and the session live.
//
// Errors: ErrSpent; ErrSessionGone; ErrInactive.
type FinishSetup struct {
	Spend  Spend
	Factor Factor
	// SessionID's HeldAt becomes the factor's Created: its code was given.
	SessionID string
	// EndDevices forgets the account's remembered devices.
	EndDevices bool
	Events     []Event
}

// RemoveFactors deletes the code methods named, or all where Methods is empty.
//
// Errors: ErrSessionGone; ErrInactive; ErrLastSecondFactor, as Keep says.
type RemoveFactors struct {
	UserID string
	// SessionID is as in [RemoveCredential].
	SessionID  string
	Methods    []Method
	Keep       Keep
	EndDevices bool
	Events     []Event
}

// ReplaceRecoveryCodes is a new set of recovery codes, as digests.
//
// Errors: ErrSessionGone; ErrInactive.
type ReplaceRecoveryCodes struct {
	UserID string
	// SessionID is as in [RemoveCredential].
	SessionID  string
	Digests    [][]byte
	At         time.Time
	EndDevices bool
	Events     []Event
}
