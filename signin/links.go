package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/names"
	"github.com/latchkey-auth/latchkey/message"
)

// Links that stand in a mail or that an operator hands out. Each is a sealed state, timed and spent by use. Opening one changes
// nothing: mail scanners open links.
const (
	ceremonyRecover ceremony = "recover"
	ceremonyConfirm ceremony = "confirm"

	recoverWithin = 30 * time.Minute
	confirmWithin = 24 * time.Hour
)

// RecoveryLink makes the token of a link with which the account's owner gets back in. Whoever asks for it has made sure that
// it is the owner. The owner is mailed that it was made; the link itself goes by the operator's own way.
func (s *Service) RecoveryLink(ctx context.Context, client Client, user account.User) (string, error) {
	token, err := s.seal(ceremonyRecover, &state{User: user.ID, Identity: s.passwordMark(user)})
	if err != nil {
		return "", err
	}
	if err := s.record(ctx, s.event(client, account.EventRecoveryLinkMade, user.ID)); err != nil {
		return "", err
	}
	s.tell(ctx, client, user, "recovery_link_made", "Minutes", minutes(recoverWithin))
	return token, nil
}

// passwordMark stands for an account's password in a recovery link, so that every link dies with the password that it was made under.
func (s *Service) passwordMark(u account.User) []byte {
	return s.ids.Sum([]byte("password"), []byte(u.ID), []byte(u.PasswordHash))
}

// RecoveryUser opens a recovery link without using it up.
func (s *Service) RecoveryUser(ctx context.Context, token string) (account.User, error) {
	_, user, err := s.openRecovery(ctx, token)
	return user, err
}

func (s *Service) openRecovery(ctx context.Context, token string) (*state, account.User, error) {
	st, err := s.open(ceremonyRecover, token)
	if err != nil {
		return nil, account.User{}, err
	}
	user, err := s.users.User(ctx, st.User)
	if errors.Is(err, account.ErrNotFound) || err == nil && !user.Active {
		return nil, account.User{}, refuse(message.APIError, "").why("disabled", err)
	}
	if err != nil {
		return nil, account.User{}, fmt.Errorf("signin: recovery link: %w", err)
	}
	if !s.ids.Verify(st.Identity, []byte("password"), []byte(user.ID), []byte(user.PasswordHash)) {
		return nil, account.User{}, refuse(message.CredentialReplayed, "").why("password_changed", nil)
	}
	return st, user, nil
}

// Recovery is what a person does with a recovery link.
type Recovery struct {
	New     string
	Confirm *string
	// EndSessions signs everything out, remembered devices too. ResetFactors removes second factors and passkeys.
	EndSessions, ResetFactors bool
}

// UseRecoveryLink sets a new password and goes on as a sign-in with it: second factors that were not reset are asked for.
func (s *Service) UseRecoveryLink(ctx context.Context, c *Caller, token string, r Recovery) (Outcome, error) {
	refused := func(userID string, r *Refusal) (Outcome, error) {
		return Outcome{}, s.refused(ctx, c.Client, account.EventPasswordRefused, userID, account.MethodPassword, r)
	}
	st, user, err := s.openRecovery(ctx, token)
	if r, ok := AsRefusal(err); ok {
		return refused("", r)
	} else if err != nil {
		return Outcome{}, err
	}
	if fault := s.judgePassword(r.New, user.Email, "new_password"); fault != nil {
		return refused(user.ID, fault)
	}
	if r.Confirm != nil && *r.Confirm != r.New {
		return refused(user.ID, mismatch("new_password_confirm"))
	}
	// a link that was used still opens for whoever races its use: the work that it buys is bounded
	if err := s.take(ctx, c, user.ID, account.MethodPassword, s.address(c)); err != nil {
		return Outcome{}, err
	}
	hash, err := s.Passwords.Hash(ctx, r.New)
	if err != nil {
		return Outcome{}, fmt.Errorf("signin: recovery: %w", err)
	}
	used := s.event(c.Client, account.EventRecoveryLinkUsed, user.ID)
	err = s.store.SpendState(ctx, s.spend(ceremonyRecover, st), []account.Event{used})
	if r, ok := AsRefusal(refusalOf(err)); ok {
		return refused(user.ID, r)
	} else if err != nil {
		return Outcome{}, fmt.Errorf("signin: recovery: %w", err)
	}
	s.emit(ctx, []account.Event{used})
	if err := s.users.SetPassword(ctx, user.ID, hash); err != nil {
		return Outcome{}, fmt.Errorf("signin: recovery: %w", err)
	}
	user.PasswordHash = hash
	// what was begun or remembered with the old password ends with it, whatever else stays
	if _, err := s.store.EndSessions(ctx, account.EndSessions{UserID: user.ID, KeepSessions: true, Pendings: true}); err != nil {
		return Outcome{}, fmt.Errorf("signin: recovery: %w", err)
	}
	if r.ResetFactors {
		if err := s.ResetFactors(ctx, c.Client, user, true); err != nil {
			return Outcome{}, err
		}
	}
	end := account.EndSessions{UserID: user.ID, Pendings: true, Events: []account.Event{s.event(c.Client, account.EventPasswordChanged, user.ID)}}
	if r.EndSessions {
		_, err = s.store.EndSessions(ctx, end)
	} else {
		err = s.store.Record(ctx, end.Events...)
	}
	if err != nil {
		return Outcome{}, fmt.Errorf("signin: recovery: %w", err)
	}
	s.emit(ctx, end.Events)
	s.tell(ctx, c.Client, user, "password_changed")
	if err := s.DropPending(ctx, c); err != nil { // what waits in this browser was begun with the old password
		return Outcome{}, err
	}
	anew := *c
	anew.Device = "" // and so were remembered devices
	return s.first(ctx, &anew, user, []account.Method{account.MethodPassword}, Wish{}, account.FinishSignin{EndDevices: true})
}

// ResetFactors removes every second factor of an account: code methods, recovery codes, secondary passkeys, remembered
// devices; with passkeys, the first passkeys too. Nobody is locked out by it who has a password.
func (s *Service) ResetFactors(ctx context.Context, client Client, user account.User, passkeys bool) error {
	if _, err := s.store.RemoveFactors(ctx, account.RemoveFactors{UserID: user.ID, EndDevices: true}); err != nil {
		return fmt.Errorf("signin: reset factors: %w", err)
	}
	if err := s.store.ReplaceRecoveryCodes(ctx, account.ReplaceRecoveryCodes{UserID: user.ID, At: s.now(), EndDevices: true}); err != nil {
		return fmt.Errorf("signin: reset factors: %w", err)
	}
	creds, err := s.Passkeys(ctx, user.ID)
	if err != nil {
		return err
	}
	for _, x := range creds {
		if x.Usage != account.UsageSecondary && !passkeys {
			continue
		}
		if _, err := s.store.RemoveCredential(ctx, account.RemoveCredential{UserID: user.ID, ID: x.ID, EndDevices: true}); ignoreNotFound(err) != nil {
			return fmt.Errorf("signin: reset factors: %w", err)
		}
	}
	return s.record(ctx, s.event(client, account.EventFactorsReset, user.ID))
}

// AskConfirmation mails a link to an address that somebody wants an account for. Whether it has one already is told to
// nobody but its owner, by mail. Nothing is stored: the account is made when the link is used.
func (s *Service) AskConfirmation(ctx context.Context, c *Caller, email, base string) error {
	email, err := names.Email(email)
	if err != nil {
		return s.refused(ctx, c.Client, account.EventRegisterRefused, "", account.MethodPassword, refuse(message.EmailInvalid, "email").why("email_invalid", err))
	}
	canonical := account.CanonicalEmail(email)
	if err := s.take(ctx, c, "", account.MethodEmail, s.address(c), s.ThrottleSend.Bucket("confirm", canonical)); err != nil {
		return err
	}
	if err := s.mayRegister(ctx, c, email, false); err != nil {
		return err
	}
	_, err = s.users.UserByEmail(ctx, canonical)
	if err := ignoreNotFound(err); err != nil {
		return fmt.Errorf("signin: confirm: %w", err)
	}
	taken := err == nil
	token, sealErr := s.seal(ceremonyConfirm, &state{User: email})
	if sealErr != nil {
		return sealErr
	}
	kind, params := "confirm", []any{"Site", s.SiteName, "Email", email, "Link", base + token}
	if taken {
		kind, params = "registered_already", []any{"Site", s.SiteName, "Email", email}
	}
	if err := s.send(ctx, Message{
		To: email, Channel: ChannelEmail, Kind: kind,
		Subject: s.Messages.Text(c.Lang, message.Key("mail."+kind+".subject"), params...),
		Text:    s.Messages.Text(c.Lang, message.Key("mail."+kind+".text"), params...),
	}); err != nil {
		s.Log.ErrorContext(ctx, "a confirmation could not be sent", "error", err.Error())
		return s.refused(ctx, c.Client, account.EventCodeNotSent, "", account.MethodEmail, refuse(message.FailedToSendCode, "").why("send_failed", err))
	}
	e := s.event(c.Client, account.EventCodeSent, "")
	e.Method, e.Reason = account.MethodEmail, "confirmation"
	return s.record(ctx, e)
}

// ConfirmationEmail opens a confirmation link without using it up.
func (s *Service) ConfirmationEmail(token string) (string, error) {
	st, err := s.open(ceremonyConfirm, token)
	if err != nil {
		return "", err
	}
	return st.User, nil
}

// Confirm makes the account of a confirmed address with the password that its owner chooses now, and signs it in.
func (s *Service) Confirm(ctx context.Context, c *Caller, token string, n NewAccount) (Outcome, error) {
	email, err := s.ConfirmationEmail(token)
	if r, ok := AsRefusal(err); ok {
		return Outcome{}, s.refused(ctx, c.Client, account.EventRegisterRefused, "", account.MethodPassword, r)
	} else if err != nil {
		return Outcome{}, err
	}
	n.Email = email
	return s.register(ctx, c, n, Wish{}, true)
}
