package signin

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/names"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/message"
)

// Login is a sign-in with a password.
//
// Whether the address is unknown, the account disabled or the password wrong, the same work is done and, with generic
// responses, the same is said.
func (s *Service) Login(ctx context.Context, c *Caller, email, pass string, w Wish) (Outcome, error) {
	if email == "" || pass == "" {
		return Outcome{}, s.refusedAll(ctx, c.Client, account.EventSigninRefused, s.lacking(email, pass))
	}
	canonical := account.CanonicalEmail(email)
	guess := s.guess(c, "password", canonical)
	if err := s.attempt(ctx, c, "", account.MethodPassword, guess, canonical); err != nil {
		return Outcome{}, err
	}
	user, err := s.users.UserByEmail(ctx, canonical)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return Outcome{}, fmt.Errorf("signin: login: %w", err)
	}
	known := err == nil
	ok, err := s.checkPassword(ctx, user, pass)
	if errors.Is(err, password.ErrBusy) { // no guess was looked at
		return Outcome{}, errors.Join(err, s.store.Refund(ctx, guess))
	}
	if err != nil {
		return Outcome{}, err
	}
	if !known || !ok || !user.Active {
		r := s.wrongPassword(known, ok)
		return Outcome{}, s.refused(ctx, c.Client, account.EventSigninRefused, user.ID, account.MethodPassword, r)
	}
	out, err := s.first(ctx, c, user, []account.Method{account.MethodPassword}, w, account.FinishSignin{Refund: guess.Buckets, Clear: s.right(guess)})
	if err != nil {
		return Outcome{}, err
	}
	if err := s.stillThePassword(ctx, c, user, pass, out); err != nil {
		return Outcome{}, err
	}
	return out, nil
}

// stillThePassword undoes a sign-in whose password was changed while it was under way. A change ends all sessions after it has set the new
// password: either that comes after this sign-in and ends it, or this look comes after the new password is set.
func (s *Service) stillThePassword(ctx context.Context, c *Caller, user account.User, pass string, out Outcome) error {
	now, err := s.users.User(ctx, user.ID)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return fmt.Errorf("signin: login: %w", err)
	}
	if err == nil && now.PasswordHash == user.PasswordHash {
		return nil
	}
	if err == nil { // another hash of the same password is no change
		ok, _, err := s.Passwords.Verify(ctx, now.PasswordHash, pass)
		if err != nil || ok {
			return err
		}
	}
	if out.Pending != nil {
		if err := s.store.DropPending(ctx, out.Pending.ID, nil); err != nil {
			return fmt.Errorf("signin: login: %w", err)
		}
	}
	for kind, token := range map[account.SessionKind]string{account.SessionBrowser: out.Token, account.SessionToken: out.Bearer} {
		if err := s.revoke(ctx, user.ID, kind, token); err != nil {
			return err
		}
	}
	return s.refused(ctx, c.Client, account.EventSigninRefused, user.ID, account.MethodPassword, s.wrongPassword(true, false))
}

// revoke ends the session of a token that was just made, if it was.
func (s *Service) revoke(ctx context.Context, userID string, kind account.SessionKind, token string) error {
	if token == "" {
		return nil
	}
	made, _, err := s.store.Session(ctx, kind, DigestOf(token))
	if err == nil {
		_, err = s.store.EndSessions(ctx, account.EndSessions{UserID: userID, ID: made.ID})
	}
	if ignoreNotFound(err) != nil {
		return fmt.Errorf("signin: revoke: %w", err)
	}
	return nil
}

// checkPassword does the same work whether or not there is a password to compare with, and renews a hash of old costs.
func (s *Service) checkPassword(ctx context.Context, user account.User, pass string) (bool, error) {
	if !user.HasPassword() {
		if err := s.Passwords.VerifyNone(ctx, pass); err != nil {
			return false, fmt.Errorf("signin: password: %w", err)
		}
		return false, nil
	}
	ok, rehash, err := s.Passwords.Verify(ctx, user.PasswordHash, pass)
	if errors.Is(err, password.ErrFormat) { // an app's own table may hold what others made: wrong, after the same work
		s.Log.ErrorContext(ctx, "a password hash is not of a form that can be verified", "user", user.ID)
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("signin: password: %w", err)
	}
	if ok && rehash && user.Active {
		hash, err := s.Passwords.Hash(ctx, pass)
		if err != nil {
			return false, fmt.Errorf("signin: password: %w", err)
		}
		if err := s.users.RenewPassword(ctx, user.ID, user.PasswordHash, hash); err != nil {
			return false, fmt.Errorf("signin: renew password hash: %w", err)
		}
	}
	return ok, nil
}

// lacking is the answer to a sign-in form that is not filled in. An address may be missing for the same reason as it may be
// unknown; it is the only fault told where a password is there.
func (s *Service) lacking(email, pass string) Refusals {
	if s.GenericResponses {
		return Refusals{refuse(message.GenericAuthnFailed, "").why("incomplete", nil)}
	}
	var faults Refusals
	if email == "" {
		faults = append(faults, refuse(message.UserDoesNotExist, "email").why("incomplete", nil))
	}
	if pass == "" {
		faults = append(faults, refuse(message.PasswordNotProvided, "password").why("incomplete", nil))
	}
	return faults
}

// wrongPassword is the answer to a sign-in that failed: one for all, or what was wrong where the settings want it told.
func (s *Service) wrongPassword(known, ok bool) *Refusal {
	r, reason := refuse(message.DisabledAccount, "email"), "disabled"
	switch {
	case !known:
		r, reason = refuse(message.UserDoesNotExist, "email"), unknownUser
	case !ok:
		r, reason = refuse(message.InvalidPassword, "password"), "wrong_password"
	}
	if s.GenericResponses {
		r = refuse(message.GenericAuthnFailed, "")
	}
	return r.why(reason, nil)
}

// Refusals are several at once, for a form with more than one fault.
type Refusals []*Refusal

func (r Refusals) Error() string { return r[0].Error() }

// Unwrap gives the single refusals to errors.As.
func (r Refusals) Unwrap() []error {
	errs := make([]error, len(r))
	for i, x := range r {
		errs[i] = x
	}
	return errs
}

// refusedAll records the first of several refusals and returns them all.
func (s *Service) refusedAll(ctx context.Context, c Client, kind account.EventKind, faults Refusals) error {
	if err := s.refused(ctx, c, kind, "", account.MethodPassword, faults[0]); !errors.Is(err, faults[0]) {
		return err
	}
	return faults
}

// NewAccount is what a person registers with. Confirm is the second spelling of the password; nil where the caller is a program
// that sends none.
type NewAccount struct {
	Email, Password string
	Confirm         *string
}

// Register makes an account and signs it in.
func (s *Service) Register(ctx context.Context, c *Caller, n NewAccount, w Wish) (Outcome, error) {
	return s.register(ctx, c, n, w, false)
}

// register is Register. Confirmed: the address was proved.
func (s *Service) register(ctx context.Context, c *Caller, n NewAccount, w Wish, confirmed bool) (Outcome, error) {
	var faults Refusals
	email, err := names.Email(n.Email)
	if err != nil {
		faults = append(faults, refuse(message.EmailInvalid, "email").why("email_invalid", err))
	}
	if r := s.judgePassword(n.Password, email, "password"); r != nil {
		faults = append(faults, r)
	} else if n.Confirm != nil && *n.Confirm != n.Password {
		faults = append(faults, mismatch("password_confirm"))
	}
	if len(faults) > 0 {
		return Outcome{}, s.refusedAll(ctx, c.Client, account.EventRegisterRefused, faults)
	}
	if err := s.take(ctx, c, "", account.MethodPassword, s.address(c)); err != nil {
		return Outcome{}, err
	}
	if err := s.mayRegister(ctx, c, email, confirmed); err != nil {
		return Outcome{}, err
	}
	hash, err := s.Passwords.Hash(ctx, n.Password)
	if err != nil {
		return Outcome{}, fmt.Errorf("signin: register: %w", err)
	}
	user, err := s.users.CreateUser(ctx, account.NewUser{Email: email, PasswordHash: hash})
	switch {
	case errors.Is(err, account.ErrEmailInUse):
		return Outcome{}, s.refused(ctx, c.Client, account.EventRegisterRefused, "", account.MethodPassword, refuse(message.EmailInUse, "email").why("email_in_use", err))
	case err != nil:
		return Outcome{}, fmt.Errorf("signin: register: %w", err)
	}
	here := *c // who made the account here is no stranger to it
	if here.Known, _, err = s.know(c, user); err != nil {
		return Outcome{}, err
	}
	write := account.FinishSignin{Events: []account.Event{s.event(c.Client, account.EventRegistered, user.ID)}}
	if s.BeforeSignin != nil { // the account is made, whatever that says
		if err := s.record(ctx, write.Events[0]); err != nil {
			return Outcome{}, err
		}
		write.Events = nil
	}
	out, err := s.first(ctx, &here, user, []account.Method{account.MethodPassword}, w, write)
	if out.Pending != nil {
		out.Known = here.Known
	}
	return out, err
}

// judgePassword says what is wrong with a new password, nil if nothing is (NIST SP 800-63B §5.1.1.2).
func (s *Service) judgePassword(pass, email, field string) *Refusal {
	if pass == "" {
		return refuse(message.PasswordNotProvided, field).why("password_missing", nil)
	}
	err := password.Check(pass, email, s.PasswordLengthMin, s.SiteName)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, password.ErrTooShort):
		return refuse(message.PasswordTooShort, field, "Min", s.PasswordLengthMin).why("password_too_short", err)
	case errors.Is(err, password.ErrTooLong):
		return refuse(message.PasswordTooLong, field, "Max", password.MaxBytes).why("password_too_long", err)
	}
	return refuse(message.PasswordTooCommon, field).why("password_too_common", err)
}

// mismatch is the answer to two spellings of a new password that differ.
func mismatch(field string) *Refusal {
	r := refuse(message.InvalidPassword, field).why("password_mismatch", nil)
	r.Text = message.PasswordMismatch
	return r
}

// PasswordChange is a new password. Current is asked for where the account has one; Confirm may be nil, as at
// registration.
type PasswordChange struct {
	Current, New string
	Confirm      *string
}

// ChangePassword sets a new password, or a first one, renews this session, and ends every other along with the remembered
// devices and pending sign-ins.
func (s *Service) ChangePassword(ctx context.Context, c *Caller, p PasswordChange) (Outcome, error) {
	user := *c.User
	refused := func(r *Refusal) (Outcome, error) {
		return Outcome{}, s.refused(ctx, c.Client, account.EventPasswordRefused, user.ID, account.MethodPassword, r)
	}
	if user.HasPassword() {
		if p.Current == "" {
			return refused(refuse(message.PasswordNotProvided, "password").why("incomplete", nil))
		}
		guess := s.guess(c, "change", user.Email)
		if err := s.attempt(ctx, c, user.ID, account.MethodPassword, guess, user.Email); err != nil {
			return Outcome{}, err
		}
		ok, err := s.checkPassword(ctx, user, p.Current)
		if errors.Is(err, password.ErrBusy) { // no guess was looked at
			return Outcome{}, errors.Join(err, s.store.Refund(ctx, guess))
		}
		if err != nil {
			return Outcome{}, err
		}
		if !ok {
			return refused(refuse(message.InvalidPassword, "password").why("wrong_password", nil))
		}
		if err := s.store.Refund(ctx, guess); err != nil {
			return Outcome{}, fmt.Errorf("signin: change password: %w", err)
		}
		if err := s.store.ClearStreaks(ctx, s.right(guess)); err != nil {
			return Outcome{}, fmt.Errorf("signin: change password: %w", err)
		}
	}
	if r := s.judgePassword(p.New, user.Email, "new_password"); r != nil {
		return refused(r)
	}
	if p.Confirm != nil && *p.Confirm != p.New {
		return refused(mismatch("new_password_confirm"))
	}
	hash, err := s.Passwords.Hash(ctx, p.New)
	if err != nil {
		return Outcome{}, fmt.Errorf("signin: change password: %w", err)
	}
	renewed := *c.Session
	out := Outcome{User: user, Session: &renewed}
	if c.Session.Kind == account.SessionBrowser {
		if out.Token, renewed.Digest, err = s.token(); err != nil {
			return Outcome{}, err
		}
	}
	// Before the password changes, for only here is it certain that this session has not ended under way …
	end := account.EndSessions{UserID: user.ID, Except: c.Session.ID, Pendings: true}
	end.Renew = &account.Renewal{SessionID: c.Session.ID, Old: c.Session.Digest, New: renewed.Digest}
	_, err = s.store.EndSessions(ctx, end)
	if r, ok := AsRefusal(refusalOf(err)); ok {
		return refused(r)
	} else if err != nil {
		return Outcome{}, fmt.Errorf("signin: change password: %w", err)
	}
	if err := s.users.SetPassword(ctx, user.ID, hash); err != nil {
		return Outcome{}, fmt.Errorf("signin: change password: %w", err)
	}
	out.User.PasswordHash = hash
	// … and after it, for whoever came in by the old one meanwhile.
	end.Renew, end.Events = nil, []account.Event{s.event(c.Client, account.EventPasswordChanged, user.ID)}
	if _, err := s.store.EndSessions(ctx, end); err != nil {
		return Outcome{}, fmt.Errorf("signin: change password: %w", err)
	}
	s.emit(ctx, end.Events)
	s.tell(ctx, c.Client, user, "password_changed")
	return out, nil
}
