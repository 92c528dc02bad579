package signin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/factor"
	"github.com/latchkey-auth/latchkey/message"
)

// setupTries is how many wrong codes a setup bears.
const setupTries = 5

// SetupDisable is the setup that removes code methods.
const SetupDisable = "disable"

// SetupStarted is a code method that waits for the code that confirms it. Nothing is stored before that.
type SetupStarted struct {
	Method account.Method
	// State is the token that the confirming code goes with; empty while a sign-in is pending, which remembers it itself.
	State string
	// The authenticator app's key: in base32, the same in groups for reading, and as the URI of its QR code.
	KeyText, KeyGroups, URI string
	Issuer                  string
	Phone                   string
}

// StartSetup begins to set up a code method: for a signed-in person, or in a sign-in that must set one up.
func (s *Service) StartSetup(ctx context.Context, c *Caller, m account.Method, phone string) (SetupStarted, error) {
	var none SetupStarted
	user := c.User
	if !c.SignedIn() {
		if !c.Is(ActSetup) {
			return none, s.notNow(ctx, c, m)
		}
		if err := s.mustSetUp(ctx, c); err != nil {
			return none, err
		}
		user = c.PendingUser
	}
	refused := func(r *Refusal) (SetupStarted, error) {
		return none, s.refused(ctx, c.Client, account.EventFactorRefused, user.ID, "", r)
	}
	if !slices.Contains(s.TwoFactorMethods, m) {
		return refused(refuse(message.TwoFactorMethodNotAvailable, "setup").why("method_not_available", nil))
	}
	st := &setup{Method: m}
	out := SetupStarted{Method: m}
	binding := ""
	if c.SignedIn() {
		binding = c.Session.ID
	} else {
		binding = c.Pending.ID
	}
	var send *outgoing
	var err error
	switch m {
	case account.MethodAuthenticator:
		if st.Key, err = factor.NewTOTPKey(s.Rand); err != nil {
			return none, fmt.Errorf("signin: authenticator key: %w", err)
		}
		out.KeyText, out.KeyGroups, out.Issuer = factor.TOTPText(st.Key), factor.TOTPGroups(st.Key), s.TOTPIssuer
		out.URI = factor.TOTPURI(s.TOTPIssuer, user.Email, st.Key)
	case account.MethodSMS:
		if st.Phone, err = s.ParsePhone(phone); err != nil {
			return refused(refuse(message.PhoneInvalid, "phone").why("phone_invalid", err))
		}
		out.Phone = st.Phone
		fallthrough
	case account.MethodEmail:
		if send, err = s.newCode(ctx, c, *user, m, st.Phone, binding, s.now()); err != nil {
			return none, err
		}
		st.MAC, st.Expires = send.mac, send.until
	}
	if c.SignedIn() {
		out.State, err = s.seal(ceremonySetup, &state{User: user.ID, Session: c.Session.ID, Setup: st})
	} else {
		err = s.keepSetup(ctx, c, st)
	}
	if err != nil {
		return none, err
	}
	if err := s.dispatch(ctx, c, user.ID, send); err != nil {
		return none, unsentAt("setup", err)
	}
	return out, nil
}

// mustSetUp refuses to set up a factor on the way in where the account has got one since: it would be for whoever knows the
// password alone.
func (s *Service) mustSetUp(ctx context.Context, c *Caller) error {
	f, _, _, err := s.factsOf(ctx, c.Pending.UserID)
	if err != nil {
		return err
	}
	if After(c.Pending.Proved, f).State != account.PendingSetup {
		return s.refused(ctx, c.Client, account.EventFactorRefused, c.Pending.UserID, "", refuse(message.TwoFactorPermissionDenied, "").why("factor_set_up", nil))
	}
	return nil
}

// lack is mustSetUp for the store, which judges it again with the setup itself: the owner may be setting one up at this moment.
func (s *Service) lack(proved []account.Method) account.Lack {
	return account.Lack{Secondary: true, Codes: s.TwoFactor, Strong: !slices.Contains(proved, account.MethodUserVerification)}
}

// keepSetup puts a setup into the pending sign-in, sealed, for it may hold an authenticator's key.
func (s *Service) keepSetup(ctx context.Context, c *Caller, st *setup) error {
	st.Until = s.now().Add(s.TwoFactorSetupWithin)
	raw, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("signin: encode setup: %w", err)
	}
	sealed, err := s.setups.Seal(raw)
	if err != nil {
		return fmt.Errorf("signin: seal setup: %w", err)
	}
	e := s.event(c.Client, account.EventSigninPending, c.Pending.UserID)
	e.Reason, e.Method = string(account.PendingValidating), st.Method
	u := account.UpdatePending{ID: c.Pending.ID, State: account.PendingValidating, Method: st.Method, Setup: []byte(sealed), Events: []account.Event{e}}
	// every setup has a code out, so that its tries are counted
	u.Code = &account.SentCode{Method: st.Method, MAC: st.MAC, Expires: st.Expires}
	if st.Method == account.MethodAuthenticator {
		u.Code.Expires = c.Pending.Expires
	}
	return s.update(ctx, c, u)
}

// FinishSetup stores the method that a signed-in person set up, if the code is the right one.
func (s *Service) FinishSetup(ctx context.Context, c *Caller, token, code string) (account.Factor, error) {
	var none account.Factor
	refused := func(r *Refusal) (account.Factor, error) {
		return none, s.refused(ctx, c.Client, account.EventFactorRefused, c.User.ID, "", r)
	}
	st, err := s.open(ceremonySetup, token)
	if r, ok := AsRefusal(err); ok {
		return refused(r)
	} else if err != nil {
		return none, err
	}
	if !st.belongs(c) || st.Setup == nil {
		return refused(refuse(message.APIError, "").why("state_of_another", nil))
	}
	spend := s.spend(ceremonySetup, st)
	spend.Tries = setupTries
	guess := s.confirming(c, *c.User)
	if err := s.take(ctx, c, c.User.ID, st.Setup.Method, guess.Buckets...); err != nil {
		return none, err
	}
	if err := s.store.TryState(ctx, spend); err != nil {
		if r, ok := AsRefusal(refusalOf(err)); ok {
			return refused(r)
		}
		return none, fmt.Errorf("signin: setup: %w", err)
	}
	f, ok, err := s.confirmed(st.Setup, c.User.ID, c.Session.ID, code)
	if err != nil {
		return none, err
	}
	if !ok {
		return refused(refuse(message.TwoFactorInvalidToken, "code").why("wrong_code", nil))
	}
	write := account.FinishSetup{Spend: spend, Factor: f, SessionID: c.Session.ID, EndDevices: true, Events: []account.Event{s.added(c, f)}}
	if err := s.store.FinishSetup(ctx, write); err != nil {
		if r, ok := AsRefusal(refusalOf(err)); ok {
			return refused(r)
		}
		return none, fmt.Errorf("signin: finish setup: %w", err)
	}
	s.emit(ctx, write.Events)
	if err := s.store.Refund(ctx, guess); err != nil {
		return none, fmt.Errorf("signin: finish setup: %w", err)
	}
	s.tell(ctx, c.Client, *c.User, "factor_added", "Method", s.methodName(c.Lang, f.Method))
	return f, nil
}

// confirming is what a code that confirms a new method is counted in. It is no streak: the person who sets it up guesses at nobody's.
func (s *Service) confirming(c *Caller, user account.User) account.Guess {
	g := s.guess(c, "setup", user.Email)
	g.Streak = account.Streak{}
	return g
}

func (s *Service) added(c *Caller, f account.Factor) account.Event {
	e := s.event(c.Client, account.EventFactorAdded, f.UserID)
	e.Method = f.Method
	return e
}

func (s *Service) methodName(lang string, m account.Method) string {
	return s.Messages.Text(lang, message.Key("page.method."+string(m)))
}

// confirmed makes the factor of a setup whose code is right.
func (s *Service) confirmed(st *setup, userID, binding, code string) (account.Factor, bool, error) {
	now := s.now()
	f := account.Factor{UserID: userID, Method: st.Method, Phone: st.Phone, Created: now, LastUsed: now}
	code = factor.CleanCode(code)
	if st.Method != account.MethodAuthenticator {
		ok := now.Before(st.Expires) && s.codes.Match(st.MAC, code, userID, binding, string(st.Method))
		return f, ok, nil
	}
	step, ok := factor.MatchTOTP(st.Key, code, now, 0)
	if !ok {
		return f, false, nil
	}
	sealed, err := s.totp.Seal(st.Key)
	if err != nil {
		return f, false, fmt.Errorf("signin: seal authenticator key: %w", err)
	}
	f.Secret, f.LastStep = []byte(sealed), step // the code that confirmed is used
	return f, true, nil
}

// confirm ends a sign-in with the code that confirms the method being set up.
func (s *Service) confirm(ctx context.Context, c *Caller, code string, w Wish) (Outcome, error) {
	if err := s.mustSetUp(ctx, c); err != nil {
		return Outcome{}, err
	}
	user := *c.PendingUser
	raw, err := s.setups.Open(string(c.Pending.Setup))
	if err != nil {
		return Outcome{}, fmt.Errorf("signin: a pending setup does not open: %w", err)
	}
	var st setup
	if err := json.Unmarshal(raw, &st); err != nil {
		return Outcome{}, fmt.Errorf("signin: a pending setup does not decode: %w", err)
	}
	refused := func(r *Refusal) (Outcome, error) {
		return Outcome{}, s.refused(ctx, c.Client, account.EventFactorRefused, user.ID, st.Method, r)
	}
	if !s.now().Before(st.Until) {
		return refused(refuse(message.TwoFactorSetupExpired, "").why("state_expired", nil))
	}
	guess := s.confirming(c, user)
	if err := s.take(ctx, c, user.ID, st.Method, guess.Buckets...); err != nil {
		return Outcome{}, err
	}
	allowed, err := s.store.TryCode(ctx, c.Pending.ID, setupTries+1)
	if err != nil {
		return Outcome{}, s.ended(ctx, c, st.Method, fmt.Errorf("signin: confirm setup: %w", err))
	}
	f, ok, err := s.confirmed(&st, user.ID, c.Pending.ID, code)
	if err != nil {
		return Outcome{}, err
	}
	if !allowed || !ok {
		return refused(refuse(message.TwoFactorInvalidToken, "code").why("wrong_code", nil))
	}
	w.Remember = ptr(w.remember(c.Pending.Remember))
	w.Next = w.next(c.Pending.Next)
	write := account.FinishSignin{PendingID: c.Pending.ID, AddFactor: &f, Lack: s.lack(c.Pending.Proved), EndDevices: true, Refund: guess.Buckets, Events: []account.Event{s.added(c, f)}}
	out, err := s.complete(ctx, c, user, together(c.Pending.Proved, []account.Method{f.Method}), w, completion{write: write, second: true})
	if err != nil {
		return Outcome{}, err
	}
	s.tell(ctx, c.Client, user, "factor_added", "Method", s.methodName(c.Lang, f.Method))
	return out, nil
}

// Disable removes the code method named, or all of them where which is empty.
func (s *Service) Disable(ctx context.Context, c *Caller, which account.Method) ([]account.Method, error) {
	if which != "" && !which.IsCode() {
		return nil, s.refused(ctx, c.Client, account.EventFactorRefused, c.User.ID, "", refuse(message.TwoFactorMethodNotAvailable, "which").why("method_not_available", nil))
	}
	e := s.event(c.Client, account.EventFactorRemoved, c.User.ID)
	e.Method = which
	r := account.RemoveFactors{UserID: c.User.ID, SessionID: c.Session.ID, Keep: account.Keep{SecondFactor: s.TwoFactorRequired}, EndDevices: true, Events: []account.Event{e}}
	if which != "" {
		r.Methods = []account.Method{which}
	}
	gone, err := s.store.RemoveFactors(ctx, r)
	if refusal, ok := AsRefusal(refusalOf(err)); ok {
		if refusal.Key == message.LastSecondFactor { // the contract has a word of its own for it here
			refusal = refuse(message.TwoFactorMethodNotAvailable, "setup").why("last_second_factor", err)
		}
		return nil, s.refused(ctx, c.Client, account.EventFactorRefused, c.User.ID, which, refusal)
	}
	if err != nil {
		return nil, fmt.Errorf("signin: remove factors: %w", err)
	}
	s.emit(ctx, r.Events)
	for _, m := range gone {
		s.tell(ctx, c.Client, *c.User, "factor_removed", "Method", s.methodName(c.Lang, m))
	}
	return gone, nil
}

// SecondFactors lists what an account has set up.
func (s *Service) SecondFactors(ctx context.Context, userID string) (account.SecondFactors, error) {
	second, err := s.store.SecondFactors(ctx, userID)
	if err != nil {
		return second, fmt.Errorf("signin: second factors: %w", err)
	}
	return second, nil
}

// Primary is the code method that was set up last, which programs of one method know as the method; "" for none.
func Primary(second account.SecondFactors) account.Method {
	var m account.Method
	var at time.Time
	for _, f := range second.Codes {
		if m == "" || !f.Created.Before(at) {
			m, at = f.Method, f.Created
		}
	}
	return m
}
