package main

import (
	"context"
	"fmt"

	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/settings"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/smtp"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/textgateway"
	"github.com/latchkey-auth/latchkey/signin"
)

// byChannel sends each message by the sender of its channel.
type byChannel map[signin.Channel]signin.Sender

// Send fails where the channel has no sender, as it may be on localhost.
func (b byChannel) Send(ctx context.Context, m signin.Message) error {
	s, ok := b[m.Channel]
	if !ok {
		return fmt.Errorf("there is nothing to send messages by %s with: set OUTBOX, SMTP_URL or SMS_URL", m.Channel)
	}
	return s.Send(ctx, m)
}

// newSender makes the senders that were configured, with the outbox for channels without one.
func newSender(s settings.Settings) (signin.Sender, error) {
	b := byChannel{}
	if s.Outbox != "" && (s.SMTP == nil || s.Texts == nil) {
		box, err := outbox.Open(s.Outbox)
		if err != nil {
			return nil, hinted{fmt.Errorf("OUTBOX: %w", err), "give a folder that can be made or written to"}
		}
		b[signin.ChannelEmail], b[signin.ChannelSMS] = box, box
	}
	if s.SMTP != nil {
		b[signin.ChannelEmail] = smtp.New(*s.SMTP)
	}
	if s.Texts != nil {
		b[signin.ChannelSMS] = textgateway.New(*s.Texts, 0)
	}
	return b, nil
}
