package signin

import (
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
)

// Refusal is the one error of this package that is meant for the person: a stable key, the field it belongs to, and
// what the text needs. Everything else that a method returns is a failure of the system.
type Refusal struct {
	Key message.Key
	// Field is the request's field that is wrong; "" for states and whole forms.
	Field string
	// Text is the key of the text where the key's own would not fit; empty: Key.
	Text message.Key
	// Params fill the text in: name, value, name, value…
	Params []any
	// RetryAfter is set with TOO_MANY_ATTEMPTS.
	RetryAfter time.Duration
	// Next is where the person was on the way to, where the ceremony that failed remembers it.
	Next string
	// Reason is the bounded word that the event holds. It is not shown.
	Reason string
	// beside are events that go with the refusal's own.
	beside []account.Event
	cause  error
}

func (r *Refusal) Error() string {
	if r.cause != nil {
		return fmt.Sprintf("signin: %s: %v", r.Key, r.cause)
	}
	return "signin: " + string(r.Key)
}

func (r *Refusal) Unwrap() error { return r.cause }

// AsRefusal finds the refusal in an error, if it is one.
func AsRefusal(err error) (*Refusal, bool) {
	var r *Refusal
	ok := errors.As(err, &r)
	return r, ok
}

func refuse(key message.Key, field string, params ...any) *Refusal {
	return &Refusal{Key: key, Field: field, Params: params}
}

// why adds the event's reason and the cause to a refusal.
func (r *Refusal) why(reason string, cause error) *Refusal {
	r.Reason, r.cause = reason, cause
	return r
}
