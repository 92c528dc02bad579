package latchkeytest

import (
	"bytes"
	"errors"
	"slices"
	"sync"
)

// What a browser answers instead of a response.
var (
	// ErrExcluded is the browser's InvalidStateError: the device has a passkey of excludeCredentials.
	ErrExcluded = errors.New("latchkeytest: InvalidStateError: the device has a passkey for this account")
	// ErrNoCredential is the browser's NotAllowedError: no passkey of the device fits.
	ErrNoCredential = errors.New("latchkeytest: NotAllowedError: the device has no passkey that fits")
)

// Counter is how a device counts its signatures.
type Counter string

const (
	// CounterZero always says 0, as synced passkeys do.
	CounterZero Counter = "zero"
	// CounterUp counts up from [Device.Start].
	CounterUp Counter = "up"
	// CounterStuck always says Start.
	CounterStuck Counter = "stuck"
	// CounterDown counts down from Start to 1.
	CounterDown Counter = "down"
)

// Device is what kind of authenticator it is. Change it at any time between ceremonies; a passkey keeps the algorithm,
// Resident and BackupEligible that it was made with.
type Device struct {
	Algorithm Algorithm
	// UserPresent and UserVerified are what its user does.
	UserPresent, UserVerified bool
	// BackupEligible makes its passkeys synced ones, BackedUp says that they are synced.
	BackupEligible, BackedUp bool
	// Resident makes its passkeys discoverable.
	Resident bool
	Counter  Counter
	// Start is the first count of the counters that are not zero.
	Start  uint32
	AAGUID [16]byte
	// Transports are what the browser reports. Nil: it reports none.
	Transports []string
	// Attachment is "cross-platform" or "platform".
	Attachment string
	// Attestation is "none", or "packed" for self attestation.
	Attestation string
	// IDLength is the length of new credential ids.
	IDLength int
}

// Credential is a passkey on the device.
type Credential struct {
	ID             []byte
	Key            *Key
	RPID           string
	UserHandle     []byte
	Resident       bool
	BackupEligible bool
}

// Authenticator is a device with its passkeys, and the browser that it is used with.
type Authenticator struct {
	Device

	mu          sync.Mutex
	credentials []*Credential
	counted     uint32
}

// NewAuthenticator is a security key with a PIN: ES256, discoverable passkeys, user verified, not synced, no counter, no
// attestation.
func NewAuthenticator() *Authenticator {
	return &Authenticator{Device: Device{
		Algorithm: ES256, UserPresent: true, UserVerified: true, Resident: true, Counter: CounterZero, Start: 1,
		Transports: []string{"usb"}, Attachment: "cross-platform", Attestation: "none", IDLength: 32,
	}}
}

// Credentials are the device's passkeys, oldest first.
func (a *Authenticator) Credentials() []*Credential {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.credentials)
}

// Add puts a passkey on the device, for instance one whose key is known.
func (a *Authenticator) Add(c *Credential) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.credentials = append(a.credentials, c)
}

// Clone is a copied device: it has the same passkeys and counts on its own from here.
func (a *Authenticator) Clone() *Authenticator {
	a.mu.Lock()
	defer a.mu.Unlock()
	return &Authenticator{Device: a.Device, credentials: slices.Clone(a.credentials), counted: a.counted}
}

// count is the next count of a signature.
func (a *Authenticator) count(d Device) uint32 {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.counted
	a.counted++
	switch d.Counter {
	case CounterUp:
		return d.Start + n
	case CounterStuck:
		return d.Start
	case CounterDown:
		if n >= d.Start {
			return 1
		}
		return d.Start - n
	default:
		return 0
	}
}

// find is the passkey with one of these ids or, without any, the newest discoverable one of the relying party.
func (a *Authenticator) find(rpID string, ids [][]byte) *Credential {
	for _, c := range slices.Backward(a.Credentials()) {
		if len(ids) == 0 && c.Resident && c.RPID == rpID || slices.ContainsFunc(ids, func(id []byte) bool { return bytes.Equal(id, c.ID) }) {
			return c
		}
	}
	return nil
}
