package account

import (
	"context"
	"time"
)

// SessionKind is what carries a session's token.
type SessionKind string

const (
	// SessionBrowser is carried by a cookie.
	SessionBrowser SessionKind = "browser"
	// SessionToken is a bearer token.
	SessionToken SessionKind = "token"
	// SessionDevice is a remembered device: it stands in for a second factor and opens nothing by itself.
	SessionDevice SessionKind = "device"
)

// MostSessions is how many sessions of one kind an account has at most. The oldest go for a new one.
const MostSessions = 100

// Digest is what is stored of a token, by which it is found: a hash that it does not follow from. Tokens themselves are never stored.
type Digest [32]byte

// Session is a signed-in browser, a bearer token or a remembered device.
type Session struct {
	// ID is opaque and no secret: its owner sees it and ends the session by it. It outlives renewals of the token.
	ID     string
	UserID string
	Kind   SessionKind
	Digest Digest
	// Methods are what proved it so far, in order (amr); [FactorsOf] says what that amounts to.
	Methods []Method
	Created time.Time
	// AuthenticatedAt is the last time that the person proved to be there, what freshness is counted from.
	AuthenticatedAt time.Time
	// HeldAt is the last time that the person proved to hold something: a passkey, or what codes come from. Zero: never in this session.
	// What changes the factors of an account that has a second one asks for such a proof.
	HeldAt time.Time
	// LastSeen is written at most once a minute.
	LastSeen time.Time
	// Expires is the absolute end. IdleFor ends it earlier when nothing was seen for so long; 0 means never.
	Expires time.Time
	IdleFor time.Duration
	// Remember: the cookie outlives the browser.
	Remember  bool
	Address   string
	UserAgent string
}

// Live reports whether the session still counts at that time.
func (s Session) Live(now time.Time) bool {
	return now.Before(s.Expires) && (s.IdleFor <= 0 || now.Before(s.LastSeen.Add(s.IdleFor)))
}

// Seen is one sighting of a session.
type Seen struct {
	SessionID string
	At        time.Time
}

// Sessions finishes sign-ins and keeps what they lead to.
type Sessions interface {
	// Session finds a session of that kind by its token's digest, or ErrNotFound. One indexed read. Where the store keeps the users
	// as well it returns the owner beside it, else nil. It may return a session that is no longer Live.
	Session(ctx context.Context, kind SessionKind, d Digest) (Session, *User, error)
	// Sessions lists an account's sessions, newest first, those that are no longer Live included.
	Sessions(ctx context.Context, userID string) ([]Session, error)
	// FinishSignin makes a session or a pending sign-in out of what was proved.
	FinishSignin(ctx context.Context, f FinishSignin) error
	// FinishVerify records that the person of a session proved to be there again.
	FinishVerify(ctx context.Context, f FinishVerify) error
	// EndSessions deletes sessions and returns how many.
	EndSessions(ctx context.Context, e EndSessions) (int, error)
	// SeenSessions writes a batch of sightings. One that is older than what is stored changes nothing; one of a
	// session that is gone is no error.
	SeenSessions(ctx context.Context, seen []Seen) error
}

// Renewal is a new token for a session that stays.
type Renewal struct {
	SessionID string
	// Old must still be the session's digest, or nothing happens: ErrSessionGone.
	Old, New Digest
}

// FinishSignin is the end of one step of a sign-in. Everything that is set happens, or nothing does.
//
// Errors: ErrSpent (the state); ErrPendingGone; ErrInactive; ErrFactorSetUp; ErrNotFound (the credential or the factor);
// ErrSignCount (the credential's counter has meanwhile moved on); ErrCodeSpent (a TOTP step or recovery code).
// With one of these errors the state is spent all the same, and nothing else has happened.
type FinishSignin struct {
	UserID string
	// Spend is the ceremony's state, where there was one.
	Spend *Spend
	// PendingID is the pending sign-in that this step ends; it is deleted.
	PendingID string
	// What was used.
	Credential *CredentialUse
	Factor     *FactorUse
	// RecoveryCode are the digests of one recovery code, one for each key that it may be stored under. The one that the account has is
	// deleted; ErrCodeSpent if it has none of them.
	RecoveryCode [][]byte
	// AddFactor is the code method that the person set up on the way, where the account still lacks what Lack says.
	AddFactor *Factor
	Lack      Lack
	// EndDevices forgets the account's remembered devices, before Device is added.
	EndDevices bool
	// What it leads to: Session, perhaps with Token and Device, or else Pending.
	Session *Session
	Token   *Session
	Device  *Session
	Pending *Pending
	// Refund gives back what was taken from the buckets for this guess, which was no wrong one. Clear ends the streaks that it ends.
	Refund []Bucket
	Clear  ClearStreaks
	Events []Event
}

// FinishVerify is the end of a reauthentication (NIST SP 800-63B §7.2).
//
// Errors as for FinishSignin, and ErrSessionGone.
type FinishVerify struct {
	UserID     string
	Session    Renewal // Old and New equal: the token stays, as a bearer's does
	Spend      *Spend
	Credential *CredentialUse
	Factor     *FactorUse
	// Methods are the session's methods from now on, AuthenticatedAt and HeldAt its new times of proof.
	Methods         []Method
	AuthenticatedAt time.Time
	HeldAt          time.Time
	// Token is a new bearer token that was asked for with it.
	Token  *Session
	Refund []Bucket
	Clear  ClearStreaks
	Events []Event
}

// EndSessions ends what it selects among the sessions of one account.
type EndSessions struct {
	UserID string
	// ID ends that one; ErrNotFound unless it is the account's. Empty: all, but Except.
	ID     string
	Except string
	// KeepDevices spares remembered devices; KeepSessions spares everything else.
	KeepDevices, KeepSessions bool
	// Pendings ends the account's pending sign-ins too.
	Pendings bool
	// Renew gives the session that stays a new token in the same step.
	Renew  *Renewal
	Events []Event
}
