package smtp

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"github.com/latchkey-auth/latchkey/internal/loopback"
	"github.com/latchkey-auth/latchkey/signin"
)

// Sender hands each mail to the server over a connection of its own. It is safe for concurrent use.
type Sender struct{ cfg Config }

// New makes a sender. It does not connect.
func New(cfg Config) *Sender {
	if cfg.Timeout == 0 {
		cfg.Timeout = 15 * time.Second
	}
	return &Sender{cfg: cfg}
}

// Send returns once the server has taken the mail over, or with the reason why it has not.
func (s *Sender) Send(ctx context.Context, m signin.Message) error {
	if m.Channel != signin.ChannelEmail {
		return fmt.Errorf("smtp: a message by %s is no mail", m.Channel)
	}
	msg, err := s.compose(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	client, err := gomail.NewClient(s.cfg.Host, s.options(ctx)...)
	if err != nil {
		return fmt.Errorf("smtp: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() {
		return nil // a farewell that fails takes nothing back
	}
	return s.failure(ctx, m, err)
}

func (s *Sender) options(ctx context.Context) []gomail.Option {
	opts := []gomail.Option{
		gomail.WithPort(s.cfg.Port), gomail.WithTimeout(s.cfg.Timeout), gomail.WithoutNoop(),
		gomail.WithTLSConfig(s.tls()), gomail.WithDialContextFunc(s.dialer(ctx)),
	}
	switch s.cfg.Security {
	case StartTLS:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case Implicit: // by the dialer
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	case Plain:
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.cfg.User == "" {
		return opts
	}
	opts = append(opts, gomail.WithUsername(s.cfg.User), gomail.WithPassword(s.cfg.Password))
	if s.cfg.Security == Plain && loopback.Is(s.cfg.Host) {
		return append(opts, gomail.WithOpportunisticSMTPAuth(
			gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthCramMD5, gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc))
	}
	// Without TLS it takes none of the mechanisms that show the password.
	return append(opts, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover))
}

func (s *Sender) tls() *tls.Config {
	return &tls.Config{ServerName: s.cfg.Host, RootCAs: s.cfg.Roots, MinVersion: tls.VersionTLS12}
}

// dialer connects, and closes the connection when the context of the whole ends: the library bounds single steps only, and
// leaves a connection open whose greeting failed.
func (s *Sender) dialer(whole context.Context) gomail.DialContextFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		var conn net.Conn
		var err error
		if s.cfg.Security == Implicit {
			d := tls.Dialer{Config: s.tls()}
			conn, err = d.DialContext(ctx, network, addr)
		} else {
			var d net.Dialer
			conn, err = d.DialContext(ctx, network, addr)
		}
		if err != nil {
			return nil, err
		}
		context.AfterFunc(whole, func() { conn.Close() })
		return conn, nil
	}
}

func (s *Sender) compose(m signin.Message) (*gomail.Msg, error) {
	to, err := mail.ParseAddress(m.To)
	if err != nil || to.Name != "" || to.Address != m.To {
		return nil, errors.New("smtp: the recipient is not one plain address")
	}
	_, domain, _ := strings.Cut(s.cfg.From.Address, "@")
	var id [16]byte
	rand.Read(id[:])
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&s.cfg.From)
	msg.ToMailAddress(to)
	msg.Subject(oneLine(m.Subject))
	msg.SetDate()
	msg.SetMessageIDWithValue(hex.EncodeToString(id[:]) + "@" + domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no vacation notices, please
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	return msg, nil
}

// oneLine leaves nothing that could end a header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}

// failure is what the log may hold: servers repeat what they refuse.
func (s *Sender) failure(ctx context.Context, m signin.Message, err error) error {
	addr := net.JoinHostPort(s.cfg.Host, strconv.Itoa(s.cfg.Port))
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("smtp: %s did not take the mail in time: %w", addr, cause)
	}
	text := err.Error()
	for _, secret := range []string{m.Code, s.cfg.Password} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	return &Error{text: fmt.Sprintf("smtp: %s: %s", addr, oneLine(text)), cause: err}
}

// Error is a mail that was not taken over.
type Error struct {
	text  string
	cause error
}

func (e *Error) Error() string { return e.text }

// Is compares with the cause. The cause itself stays inside: its text may hold what must not be logged.
func (e *Error) Is(target error) bool { return errors.Is(e.cause, target) }
