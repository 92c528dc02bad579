package signin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
)

// Outcome is what a step of a sign-in led to: a session with its tokens, or a pending sign-in with its own.
type Outcome struct {
	User account.User
	// Session is set once the person is signed in. Token is its secret, empty where the old one stays.
	Session *account.Session
	Token   string
	// Bearer is the bearer token that was asked for; Device the remembered device's, until DeviceExpires.
	Bearer        string
	Device        string
	DeviceExpires time.Time
	// Known is what the browser shows from now on to be known to the account again.
	Known string
	// Pending is set while a second factor is missing. Methods are the choice at select.
	Pending      *account.Pending
	PendingToken string
	Methods      []account.Method
	// Next and Remember are those that count, the finish's before the start's.
	Next     string
	Remember bool
}

// Wish is what a caller asks for beside signing in.
type Wish struct {
	// Remember and Next as the request had them; nil Remember and empty Next were not given.
	Remember *bool
	Next     string
	// Bearer asks for a bearer token too.
	Bearer bool
}

func (w Wish) remember(before bool) bool {
	if w.Remember != nil {
		return *w.Remember
	}
	return before
}

func (w Wish) next(before string) string {
	if w.Next != "" {
		return w.Next
	}
	return before
}

// factsOf reads what the table needs to know of an account.
func (s *Service) factsOf(ctx context.Context, userID string) (Facts, account.SecondFactors, []account.Credential, error) {
	f := Facts{Required: s.TwoFactorRequired, MultiFactor: s.AllowAsMultiFactor}
	second, err := s.store.SecondFactors(ctx, userID)
	if err != nil {
		return f, second, nil, fmt.Errorf("signin: second factors: %w", err)
	}
	creds, err := s.store.Credentials(ctx, userID)
	if err != nil {
		return f, second, nil, fmt.Errorf("signin: passkeys: %w", err)
	}
	if s.TwoFactor {
		for _, c := range second.Codes {
			f.Codes = append(f.Codes, c.Method)
		}
	}
	for _, c := range creds {
		switch {
		case c.Usage == account.UsageSecondary:
			f.Secondary++
		case c.UserVerified:
			f.Strong++
		}
	}
	return f, second, creds, nil
}

// first is what follows a successful first proof. write is the transaction so far: what was used, what is refunded.
func (s *Service) first(ctx context.Context, c *Caller, user account.User, proved []account.Method, w Wish, write account.FinishSignin) (Outcome, error) {
	step, second, err := s.after(ctx, c, user, proved)
	if err != nil {
		return Outcome{}, err
	}
	// whatever this browser had been waiting for, it starts over
	others := c.Pending != nil && c.Pending.UserID != user.ID
	if c.Pending != nil && !others {
		write.PendingID = c.Pending.ID
	}
	var out Outcome
	if step.SignedIn {
		if step.Remembered {
			proved = append(slices.Clip(proved), account.MethodDevice)
		}
		out, err = s.complete(ctx, c, user, proved, w, completion{write: write})
	} else {
		out, err = s.wait(ctx, c, user, proved, w, write, step, second)
	}
	if err == nil && others {
		err = s.DropPending(ctx, c)
	}
	return out, err
}

// after asks the table, and reads of the account what it needs to know: nothing, where the proof is two factors by itself.
func (s *Service) after(ctx context.Context, c *Caller, user account.User, proved []account.Method) (Step, account.SecondFactors, error) {
	if Decided(proved, s.AllowAsMultiFactor) {
		return Step{SignedIn: true}, account.SecondFactors{}, nil
	}
	f, second, _, err := s.factsOf(ctx, user.ID)
	if err != nil {
		return Step{}, second, err
	}
	if f.Remembered, err = s.remembered(ctx, c, user.ID); err != nil {
		return Step{}, second, err
	}
	return After(proved, f), second, nil
}

// remembered reports whether the browser showed a live remembered device of that account.
func (s *Service) remembered(ctx context.Context, c *Caller, userID string) (bool, error) {
	if s.TwoFactorAlwaysValidate || c.Device == "" {
		return false, nil
	}
	d, _, err := s.store.Session(ctx, account.SessionDevice, DigestOf(c.Device))
	if err != nil {
		return false, ignoreNotFound(err)
	}
	return d.UserID == userID && d.Live(s.now()), nil
}

// completion is the end of a sign-in: the write so far, and what kind of end it is.
type completion struct {
	write account.FinishSignin
	// second: a second factor was just given; only then is a device worth remembering.
	second bool
	// recovered: it was given by a recovery code, which never makes a device remembered.
	recovered bool
}

// complete makes the session.
func (s *Service) complete(ctx context.Context, c *Caller, user account.User, methods []account.Method, w Wish, end completion) (Outcome, error) {
	if err := s.maySignIn(ctx, c, user, methods, w, end.write); err != nil {
		return Outcome{}, err
	}
	remember := w.Remember != nil && *w.Remember
	out := Outcome{User: user, Next: w.Next, Remember: remember}
	sess, token, err := s.newSession(c, user.ID, account.SessionBrowser, methods, remember)
	if err != nil {
		return Outcome{}, err
	}
	out.Session, out.Token = sess, token
	write := end.write
	write.UserID, write.Session = user.ID, sess
	write.Clear = Streaks(user)
	var familiar bool
	if out.Known, familiar, err = s.know(c, user); err != nil {
		return Outcome{}, err
	}
	if w.Bearer {
		if write.Token, out.Bearer, err = s.newSession(c, user.ID, account.SessionToken, methods, remember); err != nil {
			return Outcome{}, err
		}
	}
	if end.second && !end.recovered && remember && !s.TwoFactorAlwaysValidate {
		if write.Device, out.Device, err = s.newSession(c, user.ID, account.SessionDevice, nil, true); err != nil {
			return Outcome{}, err
		}
		out.DeviceExpires = write.Device.Expires
	}
	e := s.event(c.Client, account.EventSignedIn, user.ID)
	e.SessionID, e.Method = sess.ID, methods[len(methods)-1]
	if e.Method == account.MethodUserVerification {
		e.Method = account.MethodPasskey
	}
	if !familiar {
		e.Reason = "new_device"
	}
	write.Events = append(write.Events, e)
	if err := s.finish(ctx, c, write); err != nil {
		return Outcome{}, err
	}
	if !familiar {
		s.tellNewDevice(ctx, c.Client, user)
	}
	return out, nil
}

// finish commits a step of a sign-in. What the store refuses becomes a refusal with its event.
func (s *Service) finish(ctx context.Context, c *Caller, write account.FinishSignin) error {
	err := s.store.FinishSignin(ctx, write)
	if err == nil {
		s.emit(ctx, write.Events)
		return nil
	}
	if write.RecoveryCode != nil && errors.Is(err, account.ErrCodeSpent) {
		r := refuse(message.InvalidRecoveryCode, "code").why("wrong_code", err)
		return s.refused(ctx, c.Client, account.EventSigninRefused, write.UserID, account.MethodRecoveryCode, r)
	}
	if r, ok := AsRefusal(proofRefusal(err, write.Credential)); ok {
		return s.refused(ctx, c.Client, account.EventSigninRefused, write.UserID, "", r)
	}
	return fmt.Errorf("signin: finish: %w", err)
}

// proofRefusal is refusalOf for a step that used a proof: ErrNotFound says that the passkey, or else the factor, was removed
// under way.
func proofRefusal(err error, used *account.CredentialUse) error {
	switch {
	case !errors.Is(err, account.ErrNotFound):
		return refusalOf(err)
	case used != nil:
		return refuse(message.WebAuthnUnknownCredentialID, "credential").why("unknown_credential", err)
	}
	return refuse(message.TwoFactorInvalidToken, "code").why("factor_gone", err)
}

// newSession makes the row and the token of a session; the store gets it with the step that it belongs to.
func (s *Service) newSession(c *Caller, userID string, kind account.SessionKind, methods []account.Method, remember bool) (*account.Session, string, error) {
	id, err := s.publicID()
	if err != nil {
		return nil, "", err
	}
	token, digest, err := s.token()
	if err != nil {
		return nil, "", err
	}
	now := s.now()
	sess := &account.Session{
		ID: id, UserID: userID, Kind: kind, Digest: digest, Methods: methods,
		Created: now, AuthenticatedAt: now, LastSeen: now,
		Expires: now.Add(s.SessionLifetime), IdleFor: s.SessionIdle,
		Remember: remember, UserAgent: clip(c.UserAgent, 256),
	}
	if heldIn(methods) {
		sess.HeldAt = now
	}
	if remember {
		sess.Expires, sess.IdleFor = now.Add(s.RememberLifetime), s.RememberLifetime
	}
	if kind == account.SessionDevice {
		sess.Expires, sess.IdleFor = now.Add(s.TwoFactorLoginValidity), 0
	}
	if c.Address.IsValid() {
		sess.Address = c.Address.String()
	}
	return sess, token, nil
}

// pendingFor is how long a sign-in waits for its second factor.
const pendingFor = 10 * time.Minute

// wait makes the pending sign-in and, where one code method is all there is, sends its code.
func (s *Service) wait(ctx context.Context, c *Caller, user account.User, proved []account.Method, w Wish, write account.FinishSignin, step Step, second account.SecondFactors) (Outcome, error) {
	id, err := s.publicID()
	if err != nil {
		return Outcome{}, err
	}
	token, digest, err := s.token()
	if err != nil {
		return Outcome{}, err
	}
	now := s.now()
	p := &account.Pending{
		ID: id, UserID: user.ID, Digest: digest, State: step.State, Method: step.Method, Proved: proved,
		Remember: w.Remember != nil && *w.Remember, Next: w.Next, Created: now, Expires: now.Add(pendingFor),
	}
	var send *outgoing
	if step.State == account.PendingReady && step.Method != account.MethodPasskey {
		if send, err = s.prepareCode(ctx, c, user, p, step.Method, second, now); err != nil {
			return Outcome{}, err
		}
		p.Code = send.code()
	}
	e := s.event(c.Client, account.EventSigninPending, user.ID)
	e.Reason, e.Method = string(step.State), step.Method
	write.UserID, write.Pending, write.Events = user.ID, p, append(write.Events, e)
	if err := s.finish(ctx, c, write); err != nil {
		return Outcome{}, err
	}
	if err := s.dispatch(ctx, c, user.ID, send); err != nil {
		if drop := s.store.DropPending(ctx, p.ID, nil); drop != nil {
			return Outcome{}, drop
		}
		return Outcome{}, err
	}
	return Outcome{User: user, Pending: p, PendingToken: token, Methods: step.Methods, Next: w.Next, Remember: p.Remember}, nil
}
