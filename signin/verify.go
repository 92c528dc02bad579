package signin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/factor"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/seal"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/passkey"
)

// VerifyOffered reports whether /verify and /wan-verify are there at all.
func (s *Service) VerifyOffered() bool { return s.Freshness >= 0 }

// PasskeyVerifyOffered reports whether a passkey may answer.
func (s *Service) PasskeyVerifyOffered() bool { return s.VerifyOffered() && len(s.AllowAsVerify) > 0 }

// VerifyWays are the proofs that this person can give to verify a session.
type VerifyWays struct {
	Password, Passkey, Code bool
	// Sent are the methods whose codes can be sent.
	Sent []account.Method
}

// VerifyWays tells which there are.
func (s *Service) VerifyWays(ctx context.Context, user account.User) (VerifyWays, error) {
	_, second, creds, err := s.factsOf(ctx, user.ID)
	if err != nil {
		return VerifyWays{}, err
	}
	w := VerifyWays{Password: user.HasPassword()}
	_, w.Code = second.Code(account.MethodAuthenticator)
	w.Code = w.Code && s.TwoFactor
	for _, f := range second.Codes {
		if s.TwoFactor && f.Method != account.MethodAuthenticator {
			w.Sent = append(w.Sent, f.Method)
		}
	}
	for _, x := range creds {
		w.Passkey = w.Passkey || slices.Contains(s.AllowAsVerify, x.Usage)
	}
	w.Passkey = w.Passkey && s.PasskeyVerifyOffered()
	return w, nil
}

// Proof is what a person answers /verify with: the password, or a code, of the authenticator app or, with the State that came with it, one that was sent.
type Proof struct{ Password, Code, State string }

// Verify renews the freshness of the caller's session with a password or a code of the authenticator app.
func (s *Service) Verify(ctx context.Context, c *Caller, p Proof, w Wish) (Outcome, error) {
	user := *c.User
	method, field := account.MethodPassword, "password"
	if p.Password == "" && p.Code != "" {
		method, field = account.MethodAuthenticator, "code"
	}
	refused := func(r *Refusal) (Outcome, error) {
		return Outcome{}, s.refused(ctx, c.Client, account.EventVerifyRefused, user.ID, method, r)
	}
	if p.Password == "" && p.Code == "" {
		return refused(refuse(message.PasswordNotProvided, field).why("incomplete", nil))
	}
	guess := s.guess(c, "verify "+string(method), user.Email)
	if err := s.attempt(ctx, c, user.ID, method, guess, user.Email); err != nil {
		return Outcome{}, err
	}
	write := account.FinishVerify{Refund: guess.Buckets, Clear: s.right(guess)}
	switch {
	case method == account.MethodPassword:
		ok, err := s.checkPassword(ctx, user, p.Password)
		if errors.Is(err, password.ErrBusy) { // no guess was looked at
			return Outcome{}, errors.Join(err, s.store.Refund(ctx, guess))
		}
		if err != nil {
			return Outcome{}, err
		}
		if !ok {
			return refused(refuse(message.InvalidPassword, field).why("wrong_password", nil))
		}
	case p.State != "":
		sent, spend, err := s.sentCode(ctx, c, p)
		if r, ok := AsRefusal(err); ok {
			return refused(r)
		} else if err != nil {
			return Outcome{}, err
		}
		method, write.Spend = sent, spend
		write.Factor = &account.FactorUse{Method: method, At: s.now()}
	default:
		second, err := s.store.SecondFactors(ctx, user.ID)
		if err != nil {
			return Outcome{}, fmt.Errorf("signin: second factors: %w", err)
		}
		step, ok, err := s.matchTOTP(second, factor.CleanCode(p.Code))
		if err != nil {
			return Outcome{}, err
		}
		if !ok {
			return refused(refuse(message.TwoFactorInvalidToken, field).why("wrong_code", nil))
		}
		write.Factor = &account.FactorUse{Method: method, Step: step, At: s.now()}
	}
	return s.verified(ctx, c, []account.Method{method}, w, write)
}

// matchTOTP compares a code with the authenticator app of an account, if it has one, and returns the time step.
func (s *Service) matchTOTP(second account.SecondFactors, code string) (step int64, ok bool, err error) {
	f, ok := second.Code(account.MethodAuthenticator)
	if !ok || !s.TwoFactor {
		return 0, false, nil
	}
	key, err := s.totp.Open(string(f.Secret))
	if errors.Is(err, seal.ErrNotOurs) { // its key was taken away: no code is right, and the operator should know
		s.Log.Error("the key of an authenticator app does not open: put the secret key back that it was sealed under", "user", f.UserID)
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("signin: the key of an authenticator app does not open: %w", err)
	}
	step, ok = factor.MatchTOTP(key, code, s.now(), f.LastStep)
	return step, ok, nil
}

// verified commits a verification.
func (s *Service) verified(ctx context.Context, c *Caller, proved []account.Method, w Wish, write account.FinishVerify) (Outcome, error) {
	renewed := *c.Session
	out := Outcome{User: *c.User, Session: &renewed, Next: w.Next}
	write.UserID = c.User.ID
	write.Methods, write.AuthenticatedAt = together(c.Session.Methods, proved), s.now()
	if write.HeldAt = c.Session.HeldAt; heldIn(proved) {
		write.HeldAt = write.AuthenticatedAt
	}
	if slices.Contains(proved, account.MethodPasskey) {
		write.Clear = Streaks(*c.User)
	}
	var err error
	if c.Session.Kind == account.SessionBrowser {
		if out.Token, renewed.Digest, err = s.token(); err != nil {
			return Outcome{}, err
		}
	}
	renewed.Methods, renewed.AuthenticatedAt, renewed.HeldAt = write.Methods, write.AuthenticatedAt, write.HeldAt
	write.Session = account.Renewal{SessionID: c.Session.ID, Old: c.Session.Digest, New: renewed.Digest}
	if w.Bearer {
		if write.Token, out.Bearer, err = s.newSession(c, c.User.ID, account.SessionToken, write.Methods, c.Session.Remember); err != nil {
			return Outcome{}, err
		}
		write.Token.HeldAt = write.HeldAt
	}
	e := s.event(c.Client, account.EventVerified, c.User.ID)
	e.Method, e.SessionID = proved[0], c.Session.ID
	write.Events = append(write.Events, e)
	err = s.store.FinishVerify(ctx, write)
	if r, ok := AsRefusal(proofRefusal(err, write.Credential)); ok {
		return Outcome{}, s.refused(ctx, c.Client, account.EventVerifyRefused, c.User.ID, proved[0], r)
	} else if err != nil {
		return Outcome{}, fmt.Errorf("signin: finish verification: %w", err)
	}
	s.emit(ctx, write.Events)
	return out, nil
}

// StartVerify begins to verify the session with one of the account's own passkeys.
func (s *Service) StartVerify(ctx context.Context, c *Caller, w Wish) (Started[passkey.RequestOptions], error) {
	var none Started[passkey.RequestOptions]
	creds, err := s.Passkeys(ctx, c.User.ID)
	if err != nil {
		return none, err
	}
	ch, err := s.challenge(ctx)
	if err != nil {
		return none, err
	}
	p := s.requestParams(ctx, passkey.Asking{Purpose: passkey.PurposeVerify, User: c.User, Usages: slices.Clone(s.AllowAsVerify)}, ch)
	for _, x := range creds {
		if slices.Contains(s.AllowAsVerify, x.Usage) {
			p.Allow = append(p.Allow, passkey.Descriptor{ID: x.CredentialID, Transports: x.Transports})
		}
	}
	st := &state{
		User: c.User.ID, Session: c.Session.ID, Origin: c.Origin, Challenge: ch, Next: w.Next,
		MustVerify: p.UserVerification == passkey.VerificationRequired,
	}
	token, err := s.seal(ceremonyVerify, st)
	if err != nil {
		return none, err
	}
	return Started[passkey.RequestOptions]{Options: s.RelyingParty.RequestOptions(p), State: token}, nil
}

// FinishVerify judges the authenticator's answer. Only the signed-in person's own passkeys count, of a usage that may verify.
func (s *Service) FinishVerify(ctx context.Context, c *Caller, token string, response []byte, w Wish) (_ Outcome, finally error) {
	refused := func(r *Refusal) (Outcome, error) {
		return Outcome{}, s.refused(ctx, c.Client, account.EventVerifyRefused, c.User.ID, account.MethodPasskey, r)
	}
	limit := s.passkeyLimit(c)
	early := func(r *Refusal) (Outcome, error) {
		if err := s.withinLimit(ctx, c, c.User.ID, limit); err != nil {
			return Outcome{}, err
		}
		return refused(r)
	}
	st, err := s.open(ceremonyVerify, token)
	if r, ok := AsRefusal(err); ok {
		return early(r)
	} else if err != nil {
		return Outcome{}, err
	}
	defer s.finished(ceremonyVerify, st, &finally)
	if !st.belongs(c) {
		return early(refuse(message.APIError, "").why("state_of_another", nil))
	}
	parsed, err := passkey.ParseAuthentication(response)
	if err != nil {
		return early(refuse(message.APIError, "credential").why("malformed", err))
	}
	found, err := s.presented(ctx, c, c.User.ID, parsed, limit)
	if err != nil {
		return Outcome{}, err
	}
	cred, user, use, err := s.verifyAssertion(ctx, c, st, parsed, found)
	if err == nil {
		switch {
		case user.ID != c.User.ID:
			err = refuse(message.WebAuthnMismatchUserHandle, "").why("credential_of_another", nil) // of the form, as in the reference
		case !slices.Contains(s.AllowAsVerify, cred.Usage):
			err = refuse(message.WebAuthnWrongUsage, "credential").why("wrong_usage", nil)
		}
	}
	if r, ok := AsRefusal(err); ok {
		if _, err := s.store.Take(ctx, s.now(), limit); err != nil {
			return Outcome{}, fmt.Errorf("signin: throttle: %w", err)
		}
		return Outcome{}, s.failed(ctx, c, account.EventVerifyRefused, c.User.ID, ceremonyVerify, st, r)
	} else if err != nil {
		return Outcome{}, err
	}
	w.Next = w.next(st.Next)
	spend := s.spend(ceremonyVerify, st)
	return s.verified(ctx, c, methodsOf(use), w, account.FinishVerify{
		Spend: &spend, Events: s.assertionEvents(c, cred, use),
		Credential: &account.CredentialUse{ID: cred.ID, SignCount: use.SignCount, BackedUp: use.BackedUp, At: s.now()},
	})
}
