package signin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/passkey"
)

// Started is the first half of a ceremony: options for the browser, and the sealed state that the other half shows.
type Started[O any] struct {
	Options O
	State   string
}

// Passkeys lists the account's passkeys, oldest first.
func (s *Service) Passkeys(ctx context.Context, userID string) ([]account.Credential, error) {
	creds, err := s.store.Credentials(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("signin: passkeys: %w", err)
	}
	return creds, nil
}

// registrant is whoever adds a passkey: the signed-in person, or the one whose sign-in sets up its second factor.
func (s *Service) registrant(ctx context.Context, c *Caller) (account.User, error) {
	switch {
	case c.SignedIn():
		return *c.User, nil
	case c.Is(ActEnrol):
		return *c.PendingUser, s.mustSetUp(ctx, c)
	}
	userID := ""
	if c.Pending != nil {
		userID = c.Pending.UserID
	}
	return account.User{}, s.refused(ctx, c.Client, account.EventPasskeyRefused, userID, account.MethodPasskey, refuse(message.Unauthenticated, "").why("not_signed_in", nil))
}

// newHandle draws a user handle: 32 random bytes, none of them an @, so that whoever searches what sites keep in authenticators for addresses
// finds none here by chance.
func (s *Service) newHandle() ([]byte, error) {
	handle, err := s.newKey()
	for range 100 { // one in nine has one
		if err != nil || !bytes.Contains(handle, []byte("@")) {
			break
		}
		handle, err = s.newKey()
	}
	return handle, err
}

// mostPasskeys is how many passkeys an account may have: the list goes out with every sign-in that names it.
const mostPasskeys = 30

// StartRegistration begins to add a passkey under a nickname. The caller has passed the gates of its endpoint.
func (s *Service) StartRegistration(ctx context.Context, c *Caller, nickname string, usage account.Usage) (Started[passkey.CreationOptions], error) {
	var none Started[passkey.CreationOptions]
	user, err := s.registrant(ctx, c)
	if err != nil {
		return none, err
	}
	refused := func(r *Refusal) (Started[passkey.CreationOptions], error) {
		return none, s.refused(ctx, c.Client, account.EventPasskeyRefused, user.ID, account.MethodPasskey, r)
	}
	if usage != "" && usage != account.UsageFirst && usage != account.UsageSecondary {
		return refused(refuse(message.APIError, "usage").why("unknown_usage", nil))
	}
	if usage == "" || !s.AllowAsFirstFactor || !c.SignedIn() {
		usage = account.UsageSecondary
	}
	name, fault := s.nickname(ctx, nickname)
	if fault != nil {
		return refused(fault)
	}
	creds, err := s.Passkeys(ctx, user.ID)
	if err != nil {
		return none, err
	}
	for _, x := range creds {
		if x.Nickname == name {
			return refused(refuse(message.WebAuthnNameInUse, "name").why("nickname_in_use", nil))
		}
	}
	if len(creds) >= mostPasskeys {
		r, _ := AsRefusal(refusalOf(account.ErrTooManyCredentials))
		return refused(r)
	}
	candidate, err := s.newHandle()
	if err != nil {
		return none, err
	}
	handle, err := s.store.UserHandle(ctx, user.ID, candidate)
	if err != nil {
		return none, fmt.Errorf("signin: user handle: %w", err)
	}
	who := passkey.Registering{User: user, Usage: usage, Hints: s.AllowUserHints}
	selection, choices := s.registrationChoices(ctx, who)
	st := &state{
		User: user.ID, Origin: c.Origin, Nickname: name, Usage: usage,
		MustVerify: selection.UserVerification == passkey.VerificationRequired, Algorithms: choices.Algorithms,
	}
	if c.SignedIn() {
		st.Session = c.Session.ID
	} else {
		st.Pending = c.Pending.ID
	}
	if st.Challenge, err = s.challenge(ctx); err != nil {
		return none, err
	}
	token, err := s.seal(ceremonyRegister, st)
	if err != nil {
		return none, err
	}
	return Started[passkey.CreationOptions]{State: token, Options: s.RelyingParty.CreationOptions(passkey.CreationParams{
		User:      passkey.UserEntity{Handle: handle, Name: user.Email, DisplayName: choices.DisplayName},
		Challenge: st.Challenge, Exclude: creds, Selection: selection, Timeout: choices.Timeout,
		Attestation: choices.Attestation, Hints: choices.Hints, Algorithms: choices.Algorithms,
	})}, nil
}

// FinishRegistration stores the passkey that the authenticator answered with.
func (s *Service) FinishRegistration(ctx context.Context, c *Caller, token string, response []byte) (_ account.Credential, finally error) {
	var none account.Credential
	user, err := s.registrant(ctx, c)
	if err != nil {
		return none, err
	}
	refused := func(r *Refusal) (account.Credential, error) {
		return none, s.refused(ctx, c.Client, account.EventPasskeyRefused, user.ID, account.MethodPasskey, r)
	}
	st, err := s.open(ceremonyRegister, token)
	if r, ok := AsRefusal(err); ok {
		return refused(r)
	} else if err != nil {
		return none, err
	}
	defer s.finished(ceremonyRegister, st, &finally)
	if !st.belongs(c) {
		return refused(refuse(message.APIError, "").why("state_of_another", nil))
	}
	parsed, err := passkey.ParseRegistration(response)
	if err != nil {
		return refused(refuse(message.APIError, "credential").why("malformed", err))
	}
	cred, err := s.RelyingParty.VerifyRegistration(parsed, passkey.RegistrationCheck{
		Challenge: st.Challenge, Origin: st.Origin, RequireUserVerification: st.MustVerify, Algorithms: st.Algorithms,
	})
	if err != nil {
		return none, s.failed(ctx, c, account.EventPasskeyRefused, user.ID, ceremonyRegister, st, refuse(message.WebAuthnNoVerify, "credential").why(passkey.ReasonOf(err), err))
	}
	key, err := s.decoyKey(ctx)
	if err != nil {
		return none, err
	}
	if isDecoy(key, cred.CredentialID) { // an id that was shown for an identity is taken, whether or not there is such an account
		return none, s.failed(ctx, c, account.EventPasskeyRefused, user.ID, ceremonyRegister, st, refuse(message.WebAuthnCredentialIDInUse, "credential").why("credential_in_use", nil))
	}
	if cred.ID, err = s.publicID(); err != nil {
		return none, err
	}
	cred.UserID, cred.Nickname, cred.Usage = user.ID, st.Nickname, st.Usage
	cred.Created = s.now()
	cred.LastUsed = cred.Created
	e := s.event(c.Client, account.EventPasskeyAdded, user.ID)
	e.Method, e.Subject, e.Reason = account.MethodPasskey, cred.Nickname, string(cred.Usage)
	write := account.FinishRegistration{
		Spend: s.spend(ceremonyRegister, st), Credential: cred,
		SessionID: st.Session, PendingID: st.Pending, Most: mostPasskeys, EndDevices: true, Events: []account.Event{e},
	}
	if !c.SignedIn() {
		write.Lack = s.lack(c.Pending.Proved)
	}
	if err := s.store.FinishRegistration(ctx, write); err != nil {
		if r, ok := AsRefusal(refusalOf(err)); ok {
			return refused(r)
		}
		return none, fmt.Errorf("signin: finish registration: %w", err)
	}
	s.emit(ctx, write.Events)
	s.tell(ctx, c.Client, user, "passkey_added", "Name", cred.Nickname)
	return cred, nil
}

// failed spends the state of a ceremony whose answer did not verify, and refuses. A state that was spent before is told as such.
func (s *Service) failed(ctx context.Context, c *Caller, kind account.EventKind, userID string, which ceremony, st *state, r *Refusal) error {
	return s.spent(ctx, c, kind, userID, account.MethodPasskey, s.spend(which, st), st.Next, r)
}

// spent is failed for a state of which only that is known.
func (s *Service) spent(ctx context.Context, c *Caller, kind account.EventKind, userID string, m account.Method, spend account.Spend, next string, r *Refusal) error {
	e := s.event(c.Client, kind, userID)
	e.Method, e.Reason = m, reasonOf(r)
	events := append(slices.Clip(r.beside), e)
	err := s.store.SpendState(ctx, spend, events)
	switch {
	case errors.Is(err, account.ErrSpent):
		replayed, _ := AsRefusal(refusalOf(err))
		replayed.Next = next
		return s.refused(ctx, c.Client, kind, userID, m, replayed)
	case err != nil:
		return fmt.Errorf("signin: spend state: %w", err)
	}
	s.emit(ctx, events)
	r.Next = next
	return r
}

// RemovePasskey deletes one by its id or, where that is empty, its nickname.
func (s *Service) RemovePasskey(ctx context.Context, c *Caller, id, nickname string) (account.Credential, error) {
	refused := func(r *Refusal) (account.Credential, error) {
		return account.Credential{}, s.refused(ctx, c.Client, account.EventPasskeyRefused, c.User.ID, account.MethodPasskey, r)
	}
	field := "id"
	if id == "" {
		field = "name"
		name, fault := s.nickname(ctx, nickname)
		if fault != nil {
			return refused(fault)
		}
		nickname = name
	}
	e := s.event(c.Client, account.EventPasskeyRemoved, c.User.ID)
	e.Method = account.MethodPasskey
	remove := account.RemoveCredential{
		UserID: c.User.ID, SessionID: c.Session.ID, ID: id, Nickname: nickname, EndDevices: true, Events: []account.Event{e},
		Keep: account.Keep{WayIn: !c.User.HasPassword(), SecondFactor: s.TwoFactorRequired},
	}
	cred, err := s.store.RemoveCredential(ctx, remove)
	switch r, ok := AsRefusal(refusalOf(err)); {
	case errors.Is(err, account.ErrNotFound):
		return refused(refuse(message.WebAuthnNameNotFound, field).why("no_such_passkey", nil))
	case ok:
		return refused(r)
	case err != nil:
		return account.Credential{}, fmt.Errorf("signin: remove passkey: %w", err)
	}
	remove.Events[0].Subject = cred.Nickname
	s.emit(ctx, remove.Events)
	s.tell(ctx, c.Client, *c.User, "passkey_removed", "Name", cred.Nickname)
	return cred, nil
}
