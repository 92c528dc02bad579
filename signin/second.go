package signin

import (
	"context"
	"fmt"
	"slices"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/factor"
	"github.com/latchkey-auth/latchkey/message"
)

// codeTries is how often a code that was sent may be compared; after that a new one is needed.
const codeTries = 5

// SecondMethods are what a pending sign-in can be answered with: code methods, then the passkey.
func (s *Service) SecondMethods(ctx context.Context, c *Caller) ([]account.Method, account.SecondFactors, error) {
	f, second, _, err := s.factsOf(ctx, c.Pending.UserID)
	if err != nil {
		return nil, second, err
	}
	m := f.methods()
	if len(m) == 0 && c.Pending.Method == account.MethodPasskey {
		m = append(m, account.MethodPasskey) // the strong first passkey that stands in
	}
	return m, second, nil
}

// notNow refuses an act that the caller's pending sign-in does not take where it stands, or that needs one and finds none.
func (s *Service) notNow(ctx context.Context, c *Caller, m account.Method) error {
	userID, reason := "", "nothing_pending"
	if c.Pending != nil {
		userID, reason = c.Pending.UserID, "not_in_this_state"
	}
	return s.refused(ctx, c.Client, account.EventSigninRefused, userID, m, refuse(message.TwoFactorPermissionDenied, "").why(reason, nil))
}

// Choose makes a pending sign-in ready for one of its methods, and sends its code where it has one.
func (s *Service) Choose(ctx context.Context, c *Caller, m account.Method) (Outcome, error) {
	if !c.Is(ActChoose) {
		return Outcome{}, s.notNow(ctx, c, m)
	}
	methods, second, err := s.SecondMethods(ctx, c)
	if err != nil {
		return Outcome{}, err
	}
	if !slices.Contains(methods, m) {
		return Outcome{}, s.refused(ctx, c.Client, account.EventSigninRefused, c.Pending.UserID, "", refuse(message.TwoFactorMethodNotAvailable, "which").why("method_not_available", nil))
	}
	return s.ready(ctx, c, m, second)
}

// ready moves a pending sign-in to a method.
func (s *Service) ready(ctx context.Context, c *Caller, m account.Method, second account.SecondFactors) (Outcome, error) {
	user := *c.PendingUser
	send, err := s.prepareCode(ctx, c, user, c.Pending, m, second, s.now())
	if err != nil {
		return Outcome{}, err
	}
	e := s.event(c.Client, account.EventSigninPending, user.ID)
	e.Reason, e.Method = string(account.PendingReady), m
	u := account.UpdatePending{ID: c.Pending.ID, State: account.PendingReady, Method: m, Code: send.code(), Events: []account.Event{e}}
	if err := s.update(ctx, c, u); err != nil {
		return Outcome{}, err
	}
	if err := s.dispatch(ctx, c, user.ID, send); err != nil {
		return Outcome{}, err
	}
	return Outcome{User: user, Pending: c.Pending, Next: c.Pending.Next}, nil
}

// update changes a pending sign-in in the store and in the caller.
func (s *Service) update(ctx context.Context, c *Caller, u account.UpdatePending) error {
	if err := s.store.UpdatePending(ctx, u); err != nil {
		return s.ended(ctx, c, u.Method, fmt.Errorf("signin: pending: %w", err))
	}
	s.emit(ctx, u.Events)
	p := *c.Pending
	p.State, p.Method, p.Setup, p.Code = u.State, u.Method, u.Setup, u.Code
	c.Pending = &p
	return nil
}

// ended records that a pending sign-in ended under way; other errors pass through.
func (s *Service) ended(ctx context.Context, c *Caller, m account.Method, err error) error {
	if r, ok := AsRefusal(refusalOf(err)); ok {
		return s.refused(ctx, c.Client, account.EventSigninRefused, c.Pending.UserID, m, r)
	}
	return err
}

// Validate answers a pending sign-in with a code: of the method that it is ready for, or of the authenticator app; and
// while a method is being set up, the code that confirms it.
func (s *Service) Validate(ctx context.Context, c *Caller, code string, w Wish) (Outcome, error) {
	if c.Is(ActConfirmCode) {
		return s.confirm(ctx, c, code, w)
	}
	if !c.Is(ActCode) {
		return Outcome{}, s.notNow(ctx, c, "")
	}
	code = factor.CleanCode(code)
	user := *c.PendingUser
	method := c.Pending.Method
	if !method.IsCode() {
		method = account.MethodAuthenticator
	}
	guess := s.guess(c, "code", user.Email)
	if err := s.attempt(ctx, c, user.ID, method, guess, user.Email); err != nil {
		return Outcome{}, err
	}
	second, err := s.store.SecondFactors(ctx, user.ID)
	if err != nil {
		return Outcome{}, fmt.Errorf("signin: second factors: %w", err)
	}
	proved, step, err := s.matchCode(ctx, c, code, second)
	if err != nil {
		return Outcome{}, err
	}
	if proved == "" {
		return Outcome{}, s.refused(ctx, c.Client, account.EventSigninRefused, user.ID, method, refuse(message.TwoFactorInvalidToken, "code").why("wrong_code", nil))
	}
	w.Remember = ptr(w.remember(c.Pending.Remember))
	w.Next = w.next(c.Pending.Next)
	write := account.FinishSignin{PendingID: c.Pending.ID, Refund: guess.Buckets, Clear: s.right(guess)}
	if _, setUp := second.Code(proved); setUp {
		write.Factor = &account.FactorUse{Method: proved, Step: step, At: s.now()}
	}
	return s.complete(ctx, c, user, together(c.Pending.Proved, []account.Method{proved}), w, completion{write: write, second: true})
}

// matchCode compares a code with the one that is out, then with the authenticator app, and returns the method that it proves; "" for
// none.
func (s *Service) matchCode(ctx context.Context, c *Caller, code string, second account.SecondFactors) (account.Method, int64, error) {
	p := c.Pending
	if p.Code != nil && s.now().Before(p.Code.Expires) {
		ok, err := s.store.TryCode(ctx, p.ID, codeTries)
		if err != nil {
			return "", 0, s.ended(ctx, c, p.Code.Method, fmt.Errorf("signin: code: %w", err))
		}
		// its method may have been removed since; a rescue's need not be one that is set up
		_, counts := second.Code(p.Code.Method)
		counts = counts || s.TwoFactorRescueEmail && p.Code.Method == account.MethodEmail
		if ok && counts && s.codes.Match(p.Code.MAC, code, p.UserID, p.ID, string(p.Code.Method)) {
			return p.Code.Method, 0, nil
		}
	}
	step, ok, err := s.matchTOTP(second, code)
	if err != nil || !ok {
		return "", 0, err
	}
	return account.MethodAuthenticator, step, nil
}

// Rescue options, as the contract names them.
const (
	RescueHelp     = "help"
	RescueEmail    = "email"
	RescueRecovery = "recovery_code"
)

// RescueOptions are the ways out that this pending sign-in has.
func (s *Service) RescueOptions(ctx context.Context, c *Caller) ([]string, error) {
	var opts []string
	if s.TwoFactorRescueMail != "" {
		opts = append(opts, RescueHelp)
	}
	second, err := s.store.SecondFactors(ctx, c.Pending.UserID)
	if err != nil {
		return nil, fmt.Errorf("signin: second factors: %w", err)
	}
	if s.TwoFactorRescueEmail && len(second.Codes) > 0 {
		opts = append(opts, RescueEmail)
	}
	if s.RecoveryCodes && second.RecoveryCodes > 0 {
		opts = append(opts, RescueRecovery)
	}
	return opts, nil
}

// Rescue asks for one of them: help mails the operator, email mails a code to the owner. A recovery code is given to Recover.
func (s *Service) Rescue(ctx context.Context, c *Caller, option string) error {
	if !c.Is(ActRescue) {
		return s.notNow(ctx, c, "")
	}
	opts, err := s.RescueOptions(ctx, c)
	if err != nil {
		return err
	}
	if !slices.Contains(opts, option) {
		return s.refused(ctx, c.Client, account.EventSigninRefused, c.Pending.UserID, "", refuse(message.TwoFactorMethodNotAvailable, "help_setup").why("method_not_available", nil))
	}
	user := *c.PendingUser
	e := s.event(c.Client, account.EventRescueAsked, user.ID)
	e.Reason = option
	if err := s.record(ctx, e); err != nil {
		return err
	}
	switch option {
	case RescueEmail:
		_, err := s.ready(ctx, c, account.MethodEmail, account.SecondFactors{})
		return unsentAt("help_setup", err)
	case RescueHelp:
		return unsentAt("help_setup", s.callForHelp(ctx, c, user))
	}
	return nil
}

func (s *Service) callForHelp(ctx context.Context, c *Caller, user account.User) error {
	if err := s.take(ctx, c, user.ID, account.MethodEmail, s.ThrottleSend.Bucket("send", user.ID)); err != nil {
		return err
	}
	params := []any{"Site", s.SiteName, "Email", user.Email}
	err := s.send(ctx, Message{
		To: s.TwoFactorRescueMail, Channel: ChannelEmail, Kind: "rescue",
		Subject: s.Messages.Text("en", "mail.rescue.subject", params...),
		Text:    s.Messages.Text("en", "mail.rescue.text", params...),
	})
	if err != nil {
		return s.refused(ctx, c.Client, account.EventCodeNotSent, user.ID, account.MethodEmail, refuse(message.FailedToSendCode, "").why("send_failed", err))
	}
	return nil
}

// Recover answers a pending sign-in with a recovery code.
func (s *Service) Recover(ctx context.Context, c *Caller, code string, w Wish) (Outcome, error) {
	if !c.Is(ActRecovery) {
		return Outcome{}, s.notNow(ctx, c, account.MethodRecoveryCode)
	}
	user := *c.PendingUser
	guess := s.guess(c, "recovery", user.Email)
	if err := s.attempt(ctx, c, user.ID, account.MethodRecoveryCode, guess, user.Email); err != nil {
		return Outcome{}, err
	}
	w.Remember = ptr(w.remember(c.Pending.Remember))
	w.Next = w.next(c.Pending.Next)
	digests, err := s.recoveryDigests(ctx, user.ID, code)
	if err != nil {
		return Outcome{}, err
	}
	e := s.event(c.Client, account.EventRecoveryCodeUsed, user.ID)
	e.Method = account.MethodRecoveryCode
	write := account.FinishSignin{PendingID: c.Pending.ID, RecoveryCode: digests, Refund: guess.Buckets, Events: []account.Event{e}}
	out, err := s.complete(ctx, c, user, together(c.Pending.Proved, []account.Method{account.MethodRecoveryCode}), w, completion{write: write, second: true, recovered: true})
	if err != nil {
		return Outcome{}, err
	}
	second, err := s.store.SecondFactors(ctx, user.ID)
	if err != nil {
		return Outcome{}, fmt.Errorf("signin: recovery codes: %w", err)
	}
	s.tell(ctx, c.Client, user, "recovery_code_used", "N", second.RecoveryCodes)
	return out, nil
}

// NewRecoveryCodes makes a new set, which replaces the old one. The codes are returned this once.
func (s *Service) NewRecoveryCodes(ctx context.Context, c *Caller) ([]string, error) {
	codes, err := factor.NewRecoveryCodes(s.Rand, s.RecoveryCodesN)
	if err != nil {
		return nil, fmt.Errorf("signin: recovery codes: %w", err)
	}
	digests := make([][]byte, len(codes))
	for i, code := range codes {
		all, err := s.recoveryDigests(ctx, c.User.ID, code)
		if err != nil {
			return nil, err
		}
		digests[i] = all[0]
	}
	r := account.ReplaceRecoveryCodes{UserID: c.User.ID, SessionID: c.Session.ID, Digests: digests, At: s.now(), EndDevices: true, Events: []account.Event{s.event(c.Client, account.EventRecoveryCodesMade, c.User.ID)}}
	if err := s.store.ReplaceRecoveryCodes(ctx, r); err != nil {
		if refusal, ok := AsRefusal(refusalOf(err)); ok {
			return nil, s.refused(ctx, c.Client, account.EventFactorRefused, c.User.ID, account.MethodRecoveryCode, refusal)
		}
		return nil, fmt.Errorf("signin: recovery codes: %w", err)
	}
	s.emit(ctx, r.Events)
	s.tell(ctx, c.Client, *c.User, "recovery_codes_made")
	return codes, nil
}

// RecoveryCodesLeft is how many codes the account has.
func (s *Service) RecoveryCodesLeft(ctx context.Context, userID string) (int, error) {
	second, err := s.store.SecondFactors(ctx, userID)
	if err != nil {
		return 0, fmt.Errorf("signin: recovery codes: %w", err)
	}
	return second.RecoveryCodes, nil
}
