package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/factor"
	"github.com/latchkey-auth/latchkey/message"
)

// outgoing is a code on its way to a person. A nil outgoing sends nothing.
type outgoing struct {
	method account.Method
	msg    Message
	mac    []byte
	until  time.Time
}

// code is what the pending sign-in remembers of it.
func (o *outgoing) code() *account.SentCode {
	if o == nil {
		return nil
	}
	return &account.SentCode{Method: o.method, MAC: o.mac, Expires: o.until}
}

// prepareCode makes a code for a method that the account has set up and binds it to the pending sign-in. The authenticator app
// needs none sent: nil.
func (s *Service) prepareCode(ctx context.Context, c *Caller, user account.User, p *account.Pending, m account.Method, second account.SecondFactors, now time.Time) (*outgoing, error) {
	f, _ := second.Code(m)
	return s.newCode(ctx, c, user, m, f.Phone, p.ID, now)
}

// newCode makes a code, takes it from the account's allowance of messages, and binds it to an id.
func (s *Service) newCode(ctx context.Context, c *Caller, user account.User, m account.Method, phone, binding string, now time.Time) (*outgoing, error) {
	o := &outgoing{method: m}
	o.msg = Message{Kind: "code"}
	switch m {
	case account.MethodEmail:
		o.msg.Channel, o.msg.To, o.until = ChannelEmail, user.Email, now.Add(s.MailCodeValidity)
	case account.MethodSMS:
		o.msg.Channel, o.msg.To, o.until = ChannelSMS, phone, now.Add(s.SMSCodeValidity)
	default:
		return nil, nil
	}
	// to one number so many, whoever asks: it need not be the asker's
	if err := s.take(ctx, c, user.ID, m, s.ThrottleSend.Bucket("send", user.ID), s.ThrottleSend.Bucket("send to", o.msg.To)); err != nil {
		return nil, err
	}
	code, err := factor.NewCode(s.Rand)
	if err != nil {
		return nil, fmt.Errorf("signin: code: %w", err)
	}
	o.mac = s.codes.MAC(code, user.ID, binding, string(m))
	o.msg.Code = code
	o.msg.Subject = s.Messages.Text(c.Lang, "mail.code.subject", "Site", s.SiteName, "Code", code)
	o.msg.Text = s.Messages.Text(c.Lang, message.Key("mail.code."+string(o.msg.Channel)), "Site", s.SiteName, "Code", code, "Minutes", minutes(o.until.Sub(now)))
	return o, nil
}

func minutes(d time.Duration) int { return max(1, int((d+30*time.Second)/time.Minute)) }

// errNoSender is why nothing can be sent.
var errNoSender = errors.New("there is nothing to send messages with")

// dispatch sends a code. That it could not be sent is told, and recorded.
func (s *Service) dispatch(ctx context.Context, c *Caller, userID string, o *outgoing) error {
	if o == nil {
		return nil
	}
	e := s.event(c.Client, account.EventCodeSent, userID)
	e.Method = o.method
	err := s.send(ctx, o.msg)
	if err != nil {
		e.Kind, e.Reason = account.EventCodeNotSent, "send_failed"
	}
	if rec := s.record(ctx, e); rec != nil {
		return rec
	}
	if err != nil {
		s.Log.ErrorContext(ctx, "a code could not be sent", "channel", string(o.msg.Channel), "error", err.Error())
		return refuse(message.FailedToSendCode, "").why("send_failed", err)
	}
	return nil
}

// unsentAt puts the refusal of a message that could not be sent at the field that asked for it.
func unsentAt(field string, err error) error {
	if r, ok := AsRefusal(err); ok && r.Key == message.FailedToSendCode {
		r.Field = field
	}
	return err
}

func (s *Service) send(ctx context.Context, m Message) error {
	if s.Sender == nil {
		return errNoSender
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return s.Sender.Send(ctx, m)
}

// tell mails the owner of an account about something that was done to it. It was done already: that the mail could
// not be sent is an event and a line in the log, and undoes nothing.
func (s *Service) tell(ctx context.Context, c Client, user account.User, kind string, params ...any) {
	if s.Sender == nil {
		return
	}
	if s.silenced(ctx, c, user.ID) {
		return
	}
	params = append([]any{"Site", s.SiteName, "Email", user.Email}, params...)
	m := Message{
		To: user.Email, Channel: ChannelEmail, Kind: kind,
		Subject: s.Messages.Text(c.Lang, message.Key("mail."+kind+".subject"), params...),
		Text:    s.Messages.Text(c.Lang, message.Key("mail."+kind+".text"), params...),
	}
	err := s.send(context.WithoutCancel(ctx), m)
	if err == nil {
		return
	}
	s.Log.ErrorContext(ctx, "a mail to an account's owner could not be sent", "kind", kind, "error", err.Error())
	e := s.event(c, account.EventCodeNotSent, user.ID)
	e.Reason = "notice_not_sent"
	if err := s.record(context.WithoutCancel(ctx), e); err != nil {
		s.Log.ErrorContext(ctx, "record", "error", err.Error())
	}
}

// silenced reports whether an account's owner has had so many notices of late that more would be a flood. That one was left out is an event.
func (s *Service) silenced(ctx context.Context, c Client, userID string) bool {
	rate := s.ThrottleSend
	rate.N *= 4
	ctx = context.WithoutCancel(ctx)
	wait, err := s.store.Take(ctx, s.now(), rate.Bucket("notice", userID))
	if err == nil && wait > 0 {
		e := s.event(c, account.EventCodeNotSent, userID)
		e.Reason = "notice_throttled"
		err = s.record(ctx, e)
	}
	if err != nil {
		s.Log.ErrorContext(ctx, "notice", "error", err.Error())
	}
	return wait > 0
}

func ignoreNotFound(err error) error {
	if errors.Is(err, account.ErrNotFound) {
		return nil
	}
	return err
}
