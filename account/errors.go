package account

import "errors"

// What a store answers, beside the errors of the database itself. Test with errors.Is.
var (
	ErrNotFound           = errors.New("account: not found")
	ErrEmailInUse         = errors.New("account: the address has an account")
	ErrInactive           = errors.New("account: the account is disabled")
	ErrSpent              = errors.New("account: the state is spent")
	ErrSessionGone        = errors.New("account: the session has ended or was renewed")
	ErrPendingGone        = errors.New("account: the pending sign-in has ended")
	ErrNicknameInUse      = errors.New("account: the nickname is in use")
	ErrTooManyCredentials = errors.New("account: the account has as many passkeys as it may")
	ErrCredentialInUse    = errors.New("account: the credential id is registered")
	ErrSignCount          = errors.New("account: the sign count did not advance")
	ErrCodeSpent          = errors.New("account: the code was used before")
	ErrLastWayIn          = errors.New("account: it is the last way in")
	ErrLastSecondFactor   = errors.New("account: it is the last second factor")
	ErrFactorSetUp        = errors.New("account: the account has a second factor by now")
	// ErrStepClosed: so many guesses in a row were wrong that a step takes no more.
	ErrStepClosed = errors.New("account: the step is closed after too many failures in a row")
	// ErrUnavailable wraps a failure to reach the database: worth another try later.
	ErrUnavailable = errors.New("account: the store is unavailable")
)
