package signin

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
)

// ceremony names what a state is for; each has a key of its own, so that no state opens as another's.
type ceremony string

const (
	ceremonyRegister ceremony = "register"
	ceremonySignin   ceremony = "signin"
	ceremonyVerify   ceremony = "verify"
	ceremonySetup    ceremony = "setup"
)

// state is what a sealed token carries between the two halves of a ceremony or setup (DESIGN §3.1). Its encoding has one length whether
// or not the identity is known.
type state struct {
	ID []byte    `json:"i"`
	At time.Time `json:"t"`
	// User, Session and Pending are whom it is bound to; all empty for a first-factor sign-in.
	User    string `json:"u,omitempty"`
	Session string `json:"s,omitempty"`
	Pending string `json:"p,omitempty"`
	Origin  string `json:"o,omitempty"`
	// Challenge of the ceremony. MustVerify: user verification was demanded.
	Challenge  []byte `json:"c,omitempty"`
	MustVerify bool   `json:"v,omitempty"`
	// Identity is the MAC of the address that a first-factor sign-in named.
	Identity []byte `json:"d,omitempty"`
	Remember bool   `json:"r,omitempty"`
	Next     string `json:"x,omitempty"`
	// Nickname and Usage of a registration, and the algorithms that were offered where those were not all.
	Nickname   string        `json:"n,omitempty"`
	Usage      account.Usage `json:"g,omitempty"`
	Algorithms []int64       `json:"a,omitempty"`
	// Setup of a code method.
	Setup *setup `json:"m,omitempty"`
}

// setup is a code method that is being set up.
type setup struct {
	Method account.Method `json:"m"`
	Key    []byte         `json:"k,omitempty"`
	Phone  string         `json:"p,omitempty"`
	// MAC of the code that was sent, and until when it counts.
	MAC     []byte    `json:"c,omitempty"`
	Expires time.Time `json:"e,omitzero"`
	// Until is when the setup itself ends, where no state says so: in a pending sign-in.
	Until time.Time `json:"u,omitzero"`
}

// seal makes a token of a state, giving it an id and the time.
func (s *Service) seal(c ceremony, st *state) (string, error) {
	id, err := s.orderedID()
	if err != nil {
		return "", err
	}
	st.ID, st.At = id, s.now()
	raw, err := json.Marshal(st)
	if err != nil {
		return "", fmt.Errorf("signin: encode state: %w", err)
	}
	token, err := s.states[c].Seal(raw)
	if err != nil {
		return "", fmt.Errorf("signin: seal state: %w", err)
	}
	return token, nil
}

// open reads a token of that ceremony that is still in its time. What is not ours is API_ERROR.
func (s *Service) open(c ceremony, token string) (*state, error) {
	raw, err := s.states[c].Open(token)
	if err != nil {
		return nil, refuse(message.APIError, "").why("state_not_ours", err)
	}
	var st state
	if err := json.Unmarshal(raw, &st); err != nil {
		return nil, fmt.Errorf("signin: a sealed state does not decode: %w", err)
	}
	// a clock that went back leaves a state valid, one from the future is not: it would outlive its time
	if age := s.now().Sub(st.At); age > s.within(c) || age < -time.Minute {
		key := message.WebAuthnExpired
		if c == ceremonySetup {
			key = message.TwoFactorSetupExpired
		}
		r := refuse(key, "").why("state_expired", nil)
		r.Next = st.Next
		return nil, r
	}
	return &st, nil
}

func (s *Service) within(c ceremony) time.Duration {
	switch c {
	case ceremonyRegister:
		return s.RegisterWithin
	case ceremonySetup:
		return s.TwoFactorSetupWithin
	case ceremonyRecover:
		return recoverWithin
	case ceremonyConfirm:
		return confirmWithin
	case ceremonyReopen:
		return reopenWithin
	case ceremonyVerifyCode:
		return max(s.MailCodeValidity, s.SMSCodeValidity)
	}
	return s.SigninWithin
}

// spend is what uses a state up. The row outlives the state by a minute, for replicas whose clocks differ.
func (s *Service) spend(c ceremony, st *state) account.Spend {
	return account.Spend{ID: st.ID, Expires: st.At.Add(s.within(c) + 2*time.Minute)}
}

// belongs checks that the state was made for this caller.
func (st *state) belongs(c *Caller) bool {
	if st.Session != "" {
		return c.Session != nil && c.Session.ID == st.Session && c.User != nil && c.User.ID == st.User
	}
	return c.Session == nil && c.Pending != nil && c.Pending.ID == st.Pending && c.Pending.UserID == st.User
}

func tooMany(cause error) *Refusal {
	r := refuse(message.APIError, "name", "Max", mostPasskeys).why("too_many_passkeys", cause)
	r.Text = message.PasskeysTooMany
	return r
}

// refusalOf says what a store's answer at the end of a ceremony means to the person; other errors pass through.
func refusalOf(err error) error {
	for _, x := range []struct {
		is  error
		out *Refusal
	}{
		{account.ErrSpent, refuse(message.CredentialReplayed, "").why("state_spent", err)},
		{account.ErrSessionGone, refuse(message.Unauthenticated, "").why("session_gone", err)},
		{account.ErrPendingGone, refuse(message.TwoFactorPermissionDenied, "").why("pending_gone", err)},
		{account.ErrInactive, refuse(message.DisabledAccount, "").why("disabled", err)},
		{account.ErrTooManyCredentials, tooMany(err)},
		{account.ErrNicknameInUse, refuse(message.WebAuthnNameInUse, "credential").why("nickname_in_use", err)},
		{account.ErrCredentialInUse, refuse(message.WebAuthnCredentialIDInUse, "credential").why("credential_in_use", err)},
		{account.ErrSignCount, refuse(message.WebAuthnNoVerify, "credential").why("sign_count", err)},
		{account.ErrCodeSpent, refuse(message.TwoFactorInvalidToken, "code").why("code_spent", err)},
		{account.ErrLastWayIn, refuse(message.LastWayIn, "").why("last_way_in", err)},
		{account.ErrFactorSetUp, refuse(message.TwoFactorPermissionDenied, "").why("factor_set_up", err)},
		{account.ErrLastSecondFactor, refuse(message.LastSecondFactor, "").why("last_second_factor", err)},
	} {
		if errors.Is(err, x.is) {
			return x.out
		}
	}
	return err
}
