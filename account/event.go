package account

import (
	"context"
	"time"
)

// Event is one decision: what happened, to whom, from where, and why. It never holds a secret.
type Event struct {
	At     time.Time
	Kind   EventKind
	UserID string // empty where nobody is known
	// Reason is one of a bounded set of words, empty for a plain success.
	Reason string
	// Method is what was used or changed, where one was.
	Method Method
	// Subject names the thing concerned: a passkey's nickname, a session's id.
	Subject   string
	SessionID string
	Address   string
	UserAgent string
}

// EventKind says what happened.
type EventKind string

const (
	EventRegistered        EventKind = "user.registered"
	EventRegisterRefused   EventKind = "user.register_refused"
	EventDisabled          EventKind = "user.disabled"
	EventEnabled           EventKind = "user.enabled"
	EventSignedIn          EventKind = "signin.succeeded"
	EventSigninPending     EventKind = "signin.pending"
	EventSigninRefused     EventKind = "signin.refused"
	EventSignedOut         EventKind = "session.signed_out"
	EventSessionsEnded     EventKind = "session.ended"
	EventEndRefused        EventKind = "session.end_refused"
	EventVerified          EventKind = "session.verified"
	EventVerifyRefused     EventKind = "session.verify_refused"
	EventPasswordChanged   EventKind = "password.changed"
	EventPasswordRefused   EventKind = "password.change_refused"
	EventPasskeyAdded      EventKind = "passkey.added"
	EventPasskeyRefused    EventKind = "passkey.refused"
	EventPasskeyRemoved    EventKind = "passkey.removed"
	EventSignCountBack     EventKind = "passkey.sign_count_back"
	EventBackupChanged     EventKind = "passkey.backup_eligible_changed"
	EventFactorAdded       EventKind = "factor.added"
	EventFactorRemoved     EventKind = "factor.removed"
	EventFactorRefused     EventKind = "factor.refused"
	EventRecoveryCodesMade EventKind = "recovery_codes.made"
	EventRecoveryCodeUsed  EventKind = "recovery_codes.used"
	EventCodeSent          EventKind = "code.sent"
	EventCodeNotSent       EventKind = "code.not_sent"
	EventRescueAsked       EventKind = "rescue.asked"
	EventRecoveryLinkMade  EventKind = "recovery_link.made"
	EventRecoveryLinkUsed  EventKind = "recovery_link.used"
	EventThrottled         EventKind = "throttled"
	EventStepClosed        EventKind = "step.closed"
	EventStepReopened      EventKind = "step.reopened"
	EventFactorsReset      EventKind = "user.factors_reset"
)

// EventFilter selects events; its zero value selects all.
type EventFilter struct {
	UserID string
	Since  time.Time
	// Limit bounds the answer to the newest so many; 0 means 1000.
	Limit int
}

// Events is the audit log. It only grows.
type Events interface {
	// Record appends events that go with no change.
	Record(ctx context.Context, events ...Event) error
	// Events returns what the filter selects, oldest first.
	Events(ctx context.Context, f EventFilter) ([]Event, error)
}
