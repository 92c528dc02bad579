package account

import (
	"context"
	"time"
)

// PendingState is where a sign-in stands between its first and second factor. The names are the wire contract's.
type PendingState string

const (
	// PendingSelect waits for the choice among several methods.
	PendingSelect PendingState = "select"
	// PendingReady waits for a proof by Method.
	PendingReady PendingState = "ready"
	// PendingSetup waits for a second factor to be set up.
	PendingSetup PendingState = "setup_from_login"
	// PendingValidating waits for the code that confirms the method being set up.
	PendingValidating PendingState = "validating_profile"
)

// Pending is a sign-in between its factors. It is bound to one browser by its token, is no session and opens nothing.
type Pending struct {
	ID     string
	UserID string
	Digest Digest
	State  PendingState
	// Proved are the methods of the first step.
	Proved []Method
	// Method is the chosen one, in the states ready and validating.
	Method Method
	// Setup is the sealed setup in progress, in the state validating.
	Setup []byte
	// Code is the mailed or texted code that is out, if any.
	Code     *SentCode
	Remember bool
	Next     string
	Created  time.Time
	Expires  time.Time
}

// SentCode is a short code that was sent: never the code, only its HMAC under a server key.
type SentCode struct {
	Method  Method
	MAC     []byte
	Expires time.Time
	// Tries is how often a code was compared with it.
	Tries int
}

// Pendings keeps the sign-ins that wait for their second factor. [Sessions.FinishSignin] makes and ends them.
type Pendings interface {
	// Pending finds a pending sign-in by its token's digest, or ErrNotFound. The owner beside it, as for sessions. It
	// may be expired.
	Pending(ctx context.Context, d Digest) (Pending, *User, error)
	// UpdatePending changes where it stands. ErrPendingGone if it ended meanwhile.
	UpdatePending(ctx context.Context, u UpdatePending) error
	// TryCode counts one comparison with the code that is out and reports whether it is allowed: false from the
	// comparison after limit on, or where no code is out. ErrPendingGone as above.
	TryCode(ctx context.Context, pendingID string, limit int) (bool, error)
	// DropPending ends it. Dropping one that is gone is no error.
	DropPending(ctx context.Context, pendingID string, events []Event) error
}

// UpdatePending sets State, Method, Setup and Code (nil: none is out) of a pending sign-in.
type UpdatePending struct {
	ID     string
	State  PendingState
	Method Method
	Setup  []byte
	Code   *SentCode
	Events []Event
}
