package signin

import "context"

// Channel is how a message travels.
type Channel string

const (
	ChannelEmail Channel = "email"
	ChannelSMS   Channel = "sms"
)

// Message is a mail or a text message to one person. The JSON names are those of the outbox's files.
type Message struct {
	To      string  `json:"to"` // an address, or a number in E.164
	Channel Channel `json:"channel"`
	// Kind says what it is about: "code", "password_changed", "factor_added" …
	Kind    string `json:"kind"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	// Code is the code that Text carries, if any. It is for development and tests; a sender to the outside leaves it out.
	Code string `json:"code"`
}

// Sender sends messages. Send returns once the message is handed over, or with the reason why it was not; it is safe
// for concurrent use and gives up when the context ends.
type Sender interface {
	Send(ctx context.Context, m Message) error
}
