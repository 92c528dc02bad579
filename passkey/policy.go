package passkey

import (
	"context"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/names"
)

// Policy makes the relying party's choices. Embed [Classic] or [SyncedPasskeys] and override what is to differ:
//
//	type house struct{ passkey.Classic }
//
//	// Staff always show their fingerprint or PIN.
//	func (h house) UserVerification(ctx context.Context, a passkey.Asking) passkey.UserVerification {
//		if a.User != nil && isStaff(*a.User) {
//			return passkey.VerificationRequired
//		}
//		return h.Classic.UserVerification(ctx, a)
//	}
//
// What makes a ceremony safe is not for a policy to choose, and no method gets at it: the sealed state and whom it is bound to, the
// relying-party id, which origins count and that they are compared, the user handle, excludeCredentials and allowCredentials, that a challenge
// holds 32 fresh random bytes, and that every check of a response is made. What a method returns that cannot stand (a word that WebAuthn
// does not know, an origin that is not configured) is replaced by what [Classic] says, with an error in the log, and no ceremony fails for it.
//
// The methods are called by many requests at once. They should answer fast: a person waits.
type Policy interface {
	// Challenge is what a challenge begins with: a digest of what the person confirms, for instance, which the signature then covers. At most
	// [MaxChallengePrefix] bytes; none is usual. 32 random bytes always follow.
	Challenge(ctx context.Context) []byte
	// Origin chooses, out of the configured origins, the one that a ceremony must be finished on; empty: no opinion. Then it is the request's
	// own Origin header where that is configured, and else any configured one.
	Origin(ctx context.Context, r Request, configured []string) string
	// AuthenticatorSelection is what a new passkey must be like.
	AuthenticatorSelection(ctx context.Context, r Registering) AuthenticatorSelection
	// RegistrationOptions are the other choices in the options of a registration. It is given what the settings say, and returns it changed or
	// not.
	RegistrationOptions(ctx context.Context, r Registering, o RegistrationOptions) RegistrationOptions
	// UserVerification is asked of somebody who uses a passkey. Where a first passkey stands in for a second factor that is required it is "required",
	// whatever the policy says.
	UserVerification(ctx context.Context, a Asking) UserVerification
	// AuthenticationOptions are the other choices in the options of a sign-in or verification, as RegistrationOptions.
	AuthenticationOptions(ctx context.Context, a Asking, o AuthenticationOptions) AuthenticationOptions
	// Nickname returns a passkey's name in the form in which it is stored and compared, or why it can't be: [ErrNicknameRequired],
	// [ErrNicknameTooLong], or any other error for a name that is not good. Max is WAN_NAME_MAX_LENGTH, in characters. A name
	// that is empty, longer than 255 characters, or holds what can't be seen is refused, whatever the policy says.
	Nickname(name string, max int) (string, error)
}

// Request is where a ceremony begins. All of it is the client's word.
type Request struct {
	// Origin and Host are the headers of these names, the first of them empty where there is none.
	Origin, Host string
	// Header is any other.
	Header func(name string) string
}

// Registering is for whom and for what a passkey is made.
type Registering struct {
	User  account.User
	Usage account.Usage
	// Hints: a sign-in names the passkeys of the identity that was typed, so that one which is not discoverable can be used.
	Hints bool
}

// RegistrationOptions are what a policy may choose in the options of a registration, beside the authenticators.
type RegistrationOptions struct {
	// DisplayName is the person's name in the browser's dialog. Empty: the address.
	DisplayName string
	// Timeout is the browser's time (WAN_REGISTER_TIMEOUT).
	Timeout time.Duration
	// Attestation is "none", which stands for empty as well, "indirect", "direct" or "enterprise". Statements are verified and say nothing about trust: nothing is refused
	// for its maker.
	Attestation string
	// Hints are "security-key", "client-device" and "hybrid", the most preferred first.
	Hints []string
	// Algorithms are COSE algorithms out of [Algorithms], the most preferred first; a key of another one is refused. Empty: all.
	Algorithms []int64
}

// Purpose is what a passkey is used for.
type Purpose string

const (
	// PurposeSignin starts a sign-in.
	PurposeSignin Purpose = "signin"
	// PurposeSecondFactor answers a sign-in that waits for its second factor.
	PurposeSecondFactor Purpose = "second_factor"
	// PurposeVerify proves again who is signed in.
	PurposeVerify Purpose = "verify"
)

// Asking is who is asked for a passkey, and why.
type Asking struct {
	Purpose Purpose
	// User is whoever is known by now. Nil at PurposeSignin, also where an address was typed: what it leads to must not tell whether
	// somebody has it.
	User *account.User
	// Usages are those whose passkeys may answer.
	Usages []account.Usage
}

// AuthenticationOptions are what a policy may choose in the options of a sign-in or verification, beside user verification.
type AuthenticationOptions struct {
	// Timeout is the browser's time (WAN_SIGNIN_TIMEOUT).
	Timeout time.Duration
	// Hints are as in [RegistrationOptions].
	Hints []string
}

// What is wrong with a nickname, of [Policy.Nickname].
var (
	ErrNicknameRequired = names.ErrRequired
	ErrNicknameTooLong  = names.ErrTooLong
)

// Classic asks for a security key, with its PIN where it has one, for the first factor, and takes anything as the second.
// It is what front ends written for Flask-Security expect.
type Classic struct{}

// Challenge begins with nothing of its own.
func (Classic) Challenge(context.Context) []byte { return nil }

// Origin has no opinion.
func (Classic) Origin(context.Context, Request, []string) string { return "" }

// AuthenticatorSelection is cross-platform with user verification preferred for a first passkey, and any authenticator without
// user verification for a secondary one; discoverable if that is the only way to find it.
func (Classic) AuthenticatorSelection(_ context.Context, r Registering) AuthenticatorSelection {
	s := AuthenticatorSelection{ResidentKey: ResidentKeyRequired, RequireResidentKey: true, UserVerification: VerificationDiscouraged}
	if r.Hints {
		s.ResidentKey, s.RequireResidentKey = ResidentKeyPreferred, false
	}
	if r.Usage == account.UsageFirst {
		s.Attachment, s.UserVerification = crossPlatform, VerificationPreferred
	}
	return s
}

// RegistrationOptions are what the settings say.
func (Classic) RegistrationOptions(_ context.Context, _ Registering, o RegistrationOptions) RegistrationOptions {
	return o
}

// UserVerification is discouraged where secondary passkeys may answer, else preferred.
func (Classic) UserVerification(_ context.Context, a Asking) UserVerification {
	if slices.Contains(a.Usages, account.UsageSecondary) {
		return VerificationDiscouraged
	}
	return VerificationPreferred
}

// AuthenticationOptions are what the settings say.
func (Classic) AuthenticationOptions(_ context.Context, _ Asking, o AuthenticationOptions) AuthenticationOptions {
	return o
}

// Nickname is in NFKC, without surrounding spaces, of letters, marks, numbers, connectors and dashes, spaces and . ' ’ ( ).
func (Classic) Nickname(name string, max int) (string, error) { return names.Nickname(name, max) }

// SyncedPasskeys suits a site whose people sign in with the passkeys of their phones and computers: any authenticator, always
// discoverable, and a first passkey always verifies its user. Secondary passkeys are asked for as in [Classic].
type SyncedPasskeys struct{ Classic }

// AuthenticatorSelection is any authenticator, discoverable, with user verification required for a first passkey.
func (SyncedPasskeys) AuthenticatorSelection(_ context.Context, r Registering) AuthenticatorSelection {
	s := AuthenticatorSelection{ResidentKey: ResidentKeyRequired, RequireResidentKey: true, UserVerification: VerificationDiscouraged}
	if r.Usage == account.UsageFirst {
		s.UserVerification = VerificationRequired
	}
	return s
}

// UserVerification is required for the first factor.
func (p SyncedPasskeys) UserVerification(ctx context.Context, a Asking) UserVerification {
	if a.Purpose == PurposeSignin {
		return VerificationRequired
	}
	return p.Classic.UserVerification(ctx, a)
}
