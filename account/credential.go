package account

import (
	"bytes"
	"context"
	"time"
)

// Usage is what its owner registered a passkey for.
type Usage string

const (
	// UsageFirst starts a sign-in, and completes it where it verified its user.
	UsageFirst Usage = "first"
	// UsageSecondary is asked for after a password, and never starts a sign-in.
	UsageSecondary Usage = "secondary"
)

// Discoverable says whether a passkey can be found without its id (credProps.rk, WebAuthn L3 §10.1.3).
type Discoverable string

const (
	DiscoverableYes     Discoverable = "yes"
	DiscoverableNo      Discoverable = "no"
	DiscoverableUnknown Discoverable = "unknown"
)

// Credential is one registered passkey (WebAuthn L3 §4, credential record).
type Credential struct {
	// ID is the row's own opaque id, shown to its owner.
	ID     string
	UserID string
	// UserHandle is the user.id that the authenticator keeps for this account. Read only: it is the account's.
	UserHandle []byte
	// CredentialID is the authenticator's id, at most 1023 bytes, unique over all accounts.
	CredentialID []byte
	// PublicKey is the COSE_Key as registered, Algorithm its COSE algorithm.
	PublicKey []byte
	Algorithm int64
	SignCount uint32
	// Transports are stored verbatim, unknown ones too.
	Transports []string
	// BackupEligible never changes; BackedUp is the latest state.
	BackupEligible bool
	BackedUp       bool
	// UserVerified is the specification's uvInitialized: the authenticator verified its user at registration.
	UserVerified bool
	// Attachment is "platform", "cross-platform" or empty where the client did not say.
	Attachment   string
	Discoverable Discoverable
	AAGUID       [16]byte
	// AttestationFormat is the statement's format, "none" mostly.
	AttestationFormat string
	// Nickname is its owner's name for it, unique for that account.
	Nickname string
	Usage    Usage
	Created  time.Time
	LastUsed time.Time
	// Registration is the evidence as it came, so that another verifier needs no new registration. It is written
	// once and not read back with the lists.
	Registration Registration
}

// Registration is the raw evidence of a registration.
type Registration struct {
	AuthenticatorData []byte
	ClientDataJSON    []byte
}

// Is reports whether the credential has that authenticator's id.
func (c Credential) Is(credentialID []byte) bool { return bytes.Equal(c.CredentialID, credentialID) }

// Hint is what whoever types an address is told of a passkey of its owner.
type Hint struct {
	CredentialID []byte
	Transports   []string
	// Usage is not told: only first passkeys are.
	Usage Usage
}

// Hint is what may be told of the credential.
func (c Credential) Hint() Hint { return Hint{c.CredentialID, c.Transports, c.Usage} }

// CredentialUse is what one successful assertion changes in a credential.
type CredentialUse struct {
	// ID is [Credential.ID].
	ID        string
	SignCount uint32
	BackedUp  bool
	At        time.Time
}

// Credentials reads passkeys and changes them.
type Credentials interface {
	// UserHandle returns the account's user handle, storing candidate as it if there is none yet. Of racing calls
	// one candidate wins and all return it. Without a candidate it only reads: ErrNotFound if there is none.
	UserHandle(ctx context.Context, userID string, candidate []byte) ([]byte, error)
	// Credential finds a passkey by the authenticator's id, or ErrNotFound. Where the store keeps the users as well,
	// it returns the owner beside it, else nil.
	Credential(ctx context.Context, credentialID []byte) (Credential, *User, error)
	// Presented is Credential and [Throttles.Level] in one read, for the answer to a ceremony. The wait counts, and is told, where
	// the error is nil or ErrNotFound.
	Presented(ctx context.Context, credentialID []byte, now time.Time, limit Bucket) (Credential, *User, time.Duration, error)
	// Credentials lists an account's passkeys, oldest first.
	Credentials(ctx context.Context, userID string) ([]Credential, error)
	// Hints lists, oldest first, what may be told of the passkeys of the account with that canonical address, where the store keeps the
	// accounts. Nobody with that address is no error and no passkeys, and takes as much reading as somebody.
	Hints(ctx context.Context, canonicalEmail string) ([]Hint, error)
	// FinishRegistration stores a passkey.
	FinishRegistration(ctx context.Context, f FinishRegistration) error
	// RemoveCredential deletes a passkey and returns what it was.
	RemoveCredential(ctx context.Context, r RemoveCredential) (Credential, error)
}

// FinishRegistration stores Credential if the state is unspent and whoever started is still there.
//
// Errors: ErrSpent; ErrSessionGone; ErrPendingGone; ErrInactive; ErrFactorSetUp; ErrTooManyCredentials; ErrNicknameInUse; ErrCredentialInUse. The state is spent even
// where the nickname or the credential id is in use, in which case nothing else happens.
type FinishRegistration struct {
	Spend      Spend
	Credential Credential
	// SessionID is the session that started it; it must be live. Empty in a sign-in that sets up its second factor. The passkey was held:
	// it becomes the session's HeldAt.
	SessionID string
	// PendingID is that sign-in. It becomes ready for this passkey, where the account still lacks what Lack says.
	PendingID string
	Lack      Lack
	// Most is how many passkeys the account may have with this one; 0: any number.
	Most int
	// EndDevices forgets the account's remembered devices, as every change of factors does.
	EndDevices bool
	Events     []Event
}

// RemoveCredential deletes the passkey of that account which has ID, or else Nickname.
//
// Errors: ErrSessionGone; ErrInactive; ErrNotFound; ErrLastWayIn; ErrLastSecondFactor.
type RemoveCredential struct {
	UserID string
	// SessionID is the session that asks for it; it must be there still, and its account not be disabled. Empty where an operator asks, or a
	// recovery link.
	SessionID string

	ID       string
	Nickname string
	Keep     Keep
	// EndDevices forgets the account's remembered devices.
	EndDevices bool
	// Events are recorded with the removal, their empty Subject filled in with the nickname.
	Events []Event
}

// Lack is what an account must not have got when a sign-in sets up its second factor on the way. It is judged inside the
// transaction: whoever knows the password alone is not let in by a factor of their own beside the owner's. ErrFactorSetUp otherwise.
type Lack struct {
	// Secondary: a secondary passkey. Codes: a code method. Strong: a first passkey that verified its user.
	Secondary, Codes, Strong bool
}

// Keep is what a removal must leave behind. It is judged inside the removing transaction, so that of two racing
// removals one is refused.
type Keep struct {
	// WayIn: refuse with ErrLastWayIn to leave an account without a first passkey. Set where it has no password.
	WayIn bool
	// SecondFactor: refuse with ErrLastSecondFactor to leave an account with neither a secondary passkey nor a code method, and, where it is a first
	// passkey that verified its user which goes, with no other such. Set where a second factor is required.
	SecondFactor bool
}
