package passkey

import (
	"slices"

	"github.com/latchkey-auth/latchkey/account"
)

// Policy makes the relying party's choices in the options of ceremonies. Embed [Classic] and override what is to differ.
type Policy interface {
	// AuthenticatorSelection is what a new passkey of that usage must be like. hints: a sign-in names the passkeys of the
	// identity that was typed, so that one which is not discoverable can be used.
	AuthenticatorSelection(usage account.Usage, hints bool) AuthenticatorSelection
	// SigninVerification is asked of a sign-in; secondary: one that waits for its second factor.
	SigninVerification(secondary bool) UserVerification
	// ReauthVerification is asked of somebody who is signed in and proves it again with a passkey of one of these usages.
	ReauthVerification(usages []account.Usage) UserVerification
}

// Classic asks for a security key, with its PIN where it has one, for the first factor, and takes anything as the second.
// It is what front ends written for Flask-Security expect.
type Classic struct{}

// AuthenticatorSelection is cross-platform with user verification preferred for a first passkey, and any authenticator without
// user verification for a secondary one; discoverable if that is the only way to find it.
func (Classic) AuthenticatorSelection(usage account.Usage, hints bool) AuthenticatorSelection {
	s := AuthenticatorSelection{ResidentKey: ResidentKeyRequired, RequireResidentKey: true, UserVerification: VerificationDiscouraged}
	if hints {
		s.ResidentKey, s.RequireResidentKey = ResidentKeyPreferred, false
	}
	if usage == account.UsageFirst {
		s.Attachment, s.UserVerification = crossPlatform, VerificationPreferred
	}
	return s
}

// SigninVerification is discouraged for a second factor, else preferred.
func (Classic) SigninVerification(secondary bool) UserVerification {
	if secondary {
		return VerificationDiscouraged
	}
	return VerificationPreferred
}

// ReauthVerification is discouraged where secondary passkeys may answer, else preferred.
func (Classic) ReauthVerification(usages []account.Usage) UserVerification {
	if slices.Contains(usages, account.UsageSecondary) {
		return VerificationDiscouraged
	}
	return VerificationPreferred
}

// SyncedPasskeys suits a site whose people sign in with the passkeys of their phones and computers: any authenticator, always
// discoverable, and a first passkey always verifies its user. Secondary passkeys are asked for as in [Classic].
type SyncedPasskeys struct{ Classic }

// AuthenticatorSelection is any authenticator, discoverable, with user verification required for a first passkey.
func (SyncedPasskeys) AuthenticatorSelection(usage account.Usage, _ bool) AuthenticatorSelection {
	s := AuthenticatorSelection{ResidentKey: ResidentKeyRequired, RequireResidentKey: true, UserVerification: VerificationDiscouraged}
	if usage == account.UsageFirst {
		s.UserVerification = VerificationRequired
	}
	return s
}

// SigninVerification is required for the first factor.
func (p SyncedPasskeys) SigninVerification(secondary bool) UserVerification {
	if secondary {
		return p.Classic.SigninVerification(secondary)
	}
	return VerificationRequired
}
