package signin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/passkey"
)

// Secondary reports whether a passkey of this caller would answer a pending sign-in.
func (s *Service) Secondary(c *Caller) bool { return !c.SignedIn() && c.Is(ActPasskey) }

// StartSignin begins a sign-in with a passkey: the second step where one is pending and ready, else the first.
//
// Known and unknown identities, those with and those without passkeys, are answered alike and at the same cost.
func (s *Service) StartSignin(ctx context.Context, c *Caller, identity string, w Wish) (Started[passkey.RequestOptions], error) {
	var none Started[passkey.RequestOptions]
	ch, err := s.challenge(ctx)
	if err != nil {
		return none, err
	}
	st := &state{Challenge: ch, Origin: c.Origin, Remember: w.Remember != nil && *w.Remember, Next: w.Next}
	asking := passkey.Asking{Purpose: passkey.PurposeSignin, Usages: []account.Usage{account.UsageFirst}}
	var allow []passkey.Descriptor
	if s.Secondary(c) {
		asking = passkey.Asking{Purpose: passkey.PurposeSecondFactor, User: c.PendingUser, Usages: []account.Usage{account.UsageSecondary}}
		if allow, st.MustVerify, err = s.secondChoice(ctx, c.Pending.UserID); err != nil {
			return none, err
		}
		if st.MustVerify {
			asking.Usages = []account.Usage{account.UsageFirst}
		}
		st.User, st.Pending = c.Pending.UserID, c.Pending.ID
	} else if canonical := account.CanonicalEmail(identity); canonical != "" {
		st.Identity = s.ids.Sum([]byte(canonical))
		if s.AllowUserHints {
			if allow, err = s.hints(ctx, canonical); err != nil {
				return none, err
			}
		}
	}
	params := s.requestParams(ctx, asking, ch)
	params.Allow = allow
	if st.MustVerify {
		params.UserVerification = passkey.VerificationRequired
	}
	st.MustVerify = params.UserVerification == passkey.VerificationRequired
	token, err := s.seal(ceremonySignin, st)
	if err != nil {
		return none, err
	}
	return Started[passkey.RequestOptions]{Options: s.RelyingParty.RequestOptions(params), State: token}, nil
}

// hints are the passkeys to choose from for an identity: its own first ones, or decoys. Both are made ready every time.
func (s *Service) hints(ctx context.Context, canonical string) ([]passkey.Descriptor, error) {
	key, err := s.decoyKey(ctx)
	if err != nil {
		return nil, err
	}
	decoys := decoysFor(key, canonical)
	all, err := s.hintsOf(ctx, canonical)
	if err != nil {
		return nil, fmt.Errorf("signin: identity: %w", err)
	}
	var real []passkey.Descriptor
	for _, x := range all {
		if x.Usage == account.UsageFirst {
			real = append(real, passkey.Descriptor{ID: x.CredentialID, Transports: x.Transports})
		}
	}
	if len(real) == 0 {
		return decoys, nil
	}
	return real, nil // a disabled account keeps its own
}

// hintsOf are the passkeys of an identity. Where the accounts are the app's own that takes two queries, for nobody too.
func (s *Service) hintsOf(ctx context.Context, canonical string) ([]account.Hint, error) {
	if !s.UsersElsewhere {
		return s.store.Hints(ctx, canonical)
	}
	user, err := s.users.UserByEmail(ctx, canonical)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return nil, err
	}
	creds, err := s.store.Credentials(ctx, user.ID)
	all := make([]account.Hint, len(creds))
	for i, c := range creds {
		all[i] = c.Hint()
	}
	return all, err
}

// secondChoice are the passkeys that may be the second step of that account's pending sign-in.
func (s *Service) secondChoice(ctx context.Context, userID string) (allow []passkey.Descriptor, mustVerify bool, err error) {
	f, _, creds, err := s.factsOf(ctx, userID)
	if err != nil {
		return nil, false, err
	}
	for _, x := range creds {
		if ok, verify := second(x, f); ok {
			allow = append(allow, passkey.Descriptor{ID: x.CredentialID, Transports: x.Transports})
			mustVerify = verify
		}
	}
	return allow, mustVerify, nil
}

// FinishSignin judges the authenticator's answer.
func (s *Service) FinishSignin(ctx context.Context, c *Caller, token string, response []byte, w Wish) (_ Outcome, finally error) {
	refused := func(r *Refusal) (Outcome, error) {
		return Outcome{}, s.refused(ctx, c.Client, account.EventSigninRefused, "", account.MethodPasskey, r)
	}
	limit := s.passkeyLimit(c)
	// What can be refused without looking anybody up is, unless the address is over its limit.
	early := func(r *Refusal) (Outcome, error) {
		if err := s.withinLimit(ctx, c, "", limit); err != nil {
			return Outcome{}, err
		}
		return refused(r)
	}
	st, err := s.open(ceremonySignin, token)
	if r, ok := AsRefusal(err); ok {
		return early(r)
	} else if err != nil {
		return Outcome{}, err
	}
	defer s.finished(ceremonySignin, st, &finally)
	if st.Pending != "" && (!st.belongs(c) || !s.Secondary(c)) {
		return early(refuse(message.TwoFactorPermissionDenied, "").why("state_of_another", nil))
	}
	if st.Pending == "" && !s.AllowAsFirstFactor {
		return early(refuse(message.WebAuthnWrongUsage, "credential").why("first_factor_off", nil))
	}
	parsed, err := passkey.ParseAuthentication(response)
	if err != nil {
		return early(refuse(message.APIError, "credential").why("malformed", err))
	}
	found, err := s.presented(ctx, c, "", parsed, limit)
	if err != nil {
		return Outcome{}, err
	}
	cred, user, use, err := s.judge(ctx, c, st, parsed, found)
	if r, ok := AsRefusal(err); ok {
		if _, err := s.store.Take(ctx, s.now(), limit); err != nil {
			return Outcome{}, fmt.Errorf("signin: throttle: %w", err)
		}
		return Outcome{}, s.failed(ctx, c, account.EventSigninRefused, user.ID, ceremonySignin, st, r)
	} else if err != nil {
		return Outcome{}, err
	}
	before, next := st.Remember, st.Next
	if st.Pending != "" {
		before = before || c.Pending.Remember
		next = Wish{Next: next}.next(c.Pending.Next)
	}
	w = Wish{Next: w.next(next), Remember: ptr(w.remember(before)), Bearer: w.Bearer}
	spend := s.spend(ceremonySignin, st)
	write := account.FinishSignin{UserID: user.ID, Spend: &spend, Events: s.assertionEvents(c, cred, use)}
	write.Credential = &account.CredentialUse{ID: cred.ID, SignCount: use.SignCount, BackedUp: use.BackedUp, At: s.now()}
	proved := methodsOf(use)
	if st.Pending == "" {
		return s.first(ctx, c, user, proved, w, write)
	}
	write.PendingID = c.Pending.ID
	return s.complete(ctx, c, user, together(c.Pending.Proved, proved), w, completion{write: write, second: true})
}

// passkeyLimit is the bucket of answers from one address that did not verify. It has nothing to do with wrong passwords and codes.
func (s *Service) passkeyLimit(c *Caller) account.Bucket {
	return s.ThrottleAddress.Bucket("passkey", s.address(c).Key)
}

// withinLimit refuses where that bucket is empty.
func (s *Service) withinLimit(ctx context.Context, c *Caller, userID string, limit account.Bucket) error {
	wait, err := s.store.Level(ctx, s.now(), limit)
	switch {
	case err != nil:
		return fmt.Errorf("signin: throttle: %w", err)
	case wait > 0:
		return s.throttled(ctx, c, userID, account.MethodPasskey, wait)
	}
	return nil
}

// claimed is the passkey that an answer says it is of, with its owner where the store keeps the accounts.
type claimed struct {
	credential account.Credential
	beside     *account.User
	unknown    bool
}

// presented looks it up. It refuses, before anything of the answer is judged, where the address is over its limit.
func (s *Service) presented(ctx context.Context, c *Caller, userID string, a *passkey.AuthenticationResponse, limit account.Bucket) (claimed, error) {
	cred, beside, wait, err := s.store.Presented(ctx, a.UnauthenticatedCredentialID, s.now(), limit)
	unknown := errors.Is(err, account.ErrNotFound)
	switch {
	case err != nil && !unknown:
		return claimed{}, fmt.Errorf("signin: passkey: %w", err)
	case wait > 0:
		return claimed{}, s.throttled(ctx, c, userID, account.MethodPasskey, wait)
	}
	return claimed{cred, beside, unknown}, nil
}

// judge finds the owner, checks the signature, and only then who may use it for what. Its refusals are for failed: each
// spends the state.
func (s *Service) judge(ctx context.Context, c *Caller, st *state, a *passkey.AuthenticationResponse, found claimed) (account.Credential, account.User, passkey.Assertion, error) {
	cred, user, use, err := s.verifyAssertion(ctx, c, st, a, found)
	if err != nil {
		return cred, user, use, err
	}
	refused := func(r *Refusal) (account.Credential, account.User, passkey.Assertion, error) {
		return cred, user, use, r
	}
	if !user.Active {
		return refused(refuse(message.DisabledAccount, "credential").why("disabled", nil))
	}
	if st.Pending != "" {
		if cred.UserID != st.User {
			return refused(refuse(message.WebAuthnMismatchUserHandle, "credential").why("credential_of_another", nil))
		}
		f, _, _, err := s.factsOf(ctx, user.ID)
		if err != nil {
			return cred, user, use, err
		}
		ok, mustVerify := second(cred, f)
		if !ok || mustVerify && !use.UserVerified {
			return refused(refuse(message.WebAuthnWrongUsage, "credential").why("wrong_usage", nil))
		}
		return cred, user, use, nil
	}
	switch {
	case cred.Usage != account.UsageFirst:
		return refused(refuse(message.WebAuthnWrongUsage, "credential").why("wrong_usage", nil))
	case st.Identity == nil && a.UnauthenticatedUserHandle == nil:
		return refused(refuse(message.WebAuthnMismatchUserHandle, "credential").why("no_user_handle", nil))
	case st.Identity != nil && !s.ids.Verify(st.Identity, []byte(account.CanonicalEmail(user.Email))):
		return refused(refuse(message.WebAuthnMismatchUserHandle, "credential").why("other_identity", nil))
	}
	return cred, user, use, nil
}

// verifyAssertion finds the owner of the passkey and checks the answer against them.
func (s *Service) verifyAssertion(ctx context.Context, c *Caller, st *state, a *passkey.AuthenticationResponse, found claimed) (cred account.Credential, user account.User, use passkey.Assertion, err error) {
	check := passkey.AuthenticationCheck{Challenge: st.Challenge, Origin: st.Origin, RequireUserVerification: st.MustVerify}
	cred = found.credential
	if found.unknown {
		key, err := s.decoyKey(ctx)
		if err != nil {
			return cred, user, use, err
		}
		if isDecoy(key, a.UnauthenticatedCredentialID) {
			return cred, user, use, refuse(message.WebAuthnNoVerify, "credential").why("decoy", s.RelyingParty.VerifyDecoy(a, check))
		}
		return cred, user, use, refuse(message.WebAuthnUnknownCredentialID, "credential").why("unknown_credential", nil)
	}
	if user, err = s.owner(ctx, cred.UserID, found.beside); errors.Is(err, account.ErrNotFound) {
		return cred, user, use, refuse(message.WebAuthnUnknownCredentialID, "credential").why("unknown_user", err)
	} else if err != nil {
		return cred, user, use, fmt.Errorf("signin: owner of a passkey: %w", err)
	}
	use, err = s.RelyingParty.VerifyAuthentication(a, cred, check)
	switch {
	case errors.Is(err, passkey.ErrSignCount):
		return cred, user, use, s.noted(c, account.EventSignCountBack, cred, err)
	case errors.Is(err, passkey.ErrBackupEligibleChanged):
		return cred, user, use, s.noted(c, account.EventBackupChanged, cred, err)
	case err != nil:
		return cred, user, use, refuse(message.WebAuthnNoVerify, "credential").why(passkey.ReasonOf(err), err)
	}
	if h := a.UnauthenticatedUserHandle; h != nil && !slices.Equal(h, cred.UserHandle) {
		return cred, user, use, refuse(message.WebAuthnMismatchUserHandle, "credential").why("other_user_handle", nil)
	}
	return cred, user, use, nil
}

// noted is a refusal which says beside that a passkey may have been copied. Failed records it, with the state that it spends: an
// answer that was merely sent twice is no such sign.
func (s *Service) noted(c *Caller, kind account.EventKind, cred account.Credential, cause error) error {
	e := s.event(c.Client, kind, cred.UserID)
	e.Method, e.Subject, e.Reason = account.MethodPasskey, cred.Nickname, passkey.ReasonOf(cause)
	r := refuse(message.WebAuthnNoVerify, "credential").why(passkey.ReasonOf(cause), cause)
	r.beside = []account.Event{e}
	return r
}

// assertionEvents are what is remarkable in an answer that was accepted.
func (s *Service) assertionEvents(c *Caller, cred account.Credential, use passkey.Assertion) []account.Event {
	if !use.BackupEligibleChanged {
		return nil
	}
	e := s.event(c.Client, account.EventBackupChanged, cred.UserID)
	e.Method, e.Subject, e.Reason = account.MethodPasskey, cred.Nickname, "accepted"
	return []account.Event{e}
}

// methodsOf is what an accepted answer proves.
func methodsOf(use passkey.Assertion) []account.Method {
	if use.UserVerified {
		return []account.Method{account.MethodPasskey, account.MethodUserVerification}
	}
	return []account.Method{account.MethodPasskey}
}

// together joins what was proved before with what was proved now, each once.
func together(before, now []account.Method) []account.Method {
	out := slices.Clone(before)
	for _, m := range now {
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

func ptr[T any](v T) *T { return &v }
