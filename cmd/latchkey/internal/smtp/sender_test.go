package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/signin"
)

func code() signin.Message {
	return signin.Message{
		To: "ann@example.test", Channel: signin.ChannelEmail, Kind: "code", Subject: "123456 ist dein Schlüssel",
		Text: "Dein Schlüssel ist 123456.\n\n.\nhttps://example.test/?a=1\n", Code: "123456",
	}
}

func config(s *server) Config {
	return Config{
		Host: "127.0.0.1", Port: s.port, Security: Plain, From: mail.Address{Name: "Latchkey, Inc.", Address: "no-reply@example.test"},
		User: s.user, Password: s.password, Timeout: time.Minute,
	}
}

func TestSendPlain(t *testing.T) {
	s := start(t, &server{}, nil, false)
	if err := New(config(s)).Send(t.Context(), code()); err != nil {
		t.Fatal(err)
	}
	mails := s.taken()
	if len(mails) != 1 || mails[0].From != "no-reply@example.test" || mails[0].To != "ann@example.test" || mails[0].Encrypted {
		t.Fatalf("the server has %+v", mails)
	}
	m, err := mail.ReadMessage(strings.NewReader(mails[0].Text))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != "123456 ist dein Schlüssel" {
		t.Errorf("Subject is %q (%v)", subject, err)
	}
	for name, want := range map[string]string{
		"From": `"Latchkey, Inc." <no-reply@example.test>`, "To": "<ann@example.test>", "Auto-Submitted": "auto-generated", "User-Agent": "", "X-Mailer": "",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if id := m.Header.Get("Message-Id"); !strings.HasSuffix(id, "@example.test>") {
		t.Errorf("Message-ID is %q", id)
	}
	if _, err := m.Header.Date(); err != nil {
		t.Error(err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.ReplaceAll(string(body), "\r\n", "\n"); strings.TrimRight(got, "\n") != strings.TrimRight(code().Text, "\n") {
		t.Errorf("the text is %q", got)
	}
}

func TestSendStartTLS(t *testing.T) {
	cert, roots := selfSigned(t, "127.0.0.1")
	s := start(t, &server{user: "ann", password: "open sesame"}, cert, false)
	cfg := config(s)
	cfg.Security, cfg.Roots = StartTLS, roots
	if err := New(cfg).Send(t.Context(), code()); err != nil {
		t.Fatal(err)
	}
	if mails := s.taken(); len(mails) != 1 || !mails[0].Encrypted || mails[0].User != "ann" {
		t.Errorf("the server has %+v", mails)
	}
}

func TestSendImplicitTLS(t *testing.T) {
	cert, roots := selfSigned(t, "127.0.0.1")
	s := start(t, &server{user: "ann", password: "open sesame"}, cert, true)
	cfg := config(s)
	cfg.Security, cfg.Roots = Implicit, roots
	if err := New(cfg).Send(t.Context(), code()); err != nil {
		t.Fatal(err)
	}
	if mails := s.taken(); len(mails) != 1 || mails[0].User != "ann" {
		t.Errorf("the server has %+v", mails)
	}
}

func TestSendPlainAuthOnThisMachine(t *testing.T) {
	s := start(t, &server{user: "ann", password: "open sesame"}, nil, false)
	if err := New(config(s)).Send(t.Context(), code()); err != nil {
		t.Fatal(err)
	}
	if mails := s.taken(); len(mails) != 1 || mails[0].User != "ann" {
		t.Errorf("the server has %+v", mails)
	}
}

func TestSendFails(t *testing.T) {
	cert, roots := selfSigned(t, "127.0.0.1")
	another, anotherRoots := selfSigned(t, "127.0.0.2")
	for _, c := range []struct {
		name     string
		server   *server
		cert     *tls.Certificate
		implicit bool
		change   func(*Config)
		want     string
	}{
		{"no STARTTLS", &server{}, nil, false, func(c *Config) { c.Security = StartTLS }, "STARTTLS"},
		{"unknown certificate", &server{}, cert, false, func(c *Config) { c.Security = StartTLS }, "certificate"},
		{"unknown certificate, implicit", &server{}, cert, true, func(c *Config) { c.Security = Implicit }, "certificate"},
		{"another name", &server{}, another, false, func(c *Config) { c.Security, c.Roots = StartTLS, anotherRoots }, "127.0.0.2"},
		{"wrong password", &server{user: "ann", password: "other"}, cert, false, func(c *Config) { c.Security, c.Roots, c.Password = StartTLS, roots, "open sesame" }, "535"},
		{"no authentication offered", &server{}, nil, false, func(c *Config) { c.User, c.Password = "ann", "open sesame" }, "AUTH"},
		{"recipient refused", &server{refuseTo: "ann@example.test"}, nil, false, func(*Config) {}, "no mailbox here"},
		{"text refused", &server{refuseText: "spam: 123456 ist dein"}, nil, false, func(*Config) {}, "spam: … ist dein"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, c.server, c.cert, c.implicit)
			cfg := config(s)
			c.change(&cfg)
			err := New(cfg).Send(t.Context(), code())
			if err == nil {
				t.Fatal("sent")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error does not say %q: %v", c.want, err)
			}
			if strings.Contains(err.Error(), "123456") || strings.Contains(err.Error(), "open sesame") {
				t.Errorf("the error holds a secret: %v", err)
			}
			if len(s.taken()) > 0 {
				t.Error("the server has the mail all the same")
			}
		})
	}
}

func TestSendToNobody(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{port: listener.Addr().(*net.TCPAddr).Port}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := New(config(s)).Send(t.Context(), code()); err == nil {
		t.Error("sent to a closed port")
	}
}

// silent accepts connections and says nothing; the channel gets one value for each that the client has left.
func silent(t *testing.T) (*server, <-chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	left := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			left <- err
			return
		}
		_, err = io.Copy(io.Discard, conn)
		left <- errors.Join(err, conn.Close())
	}()
	return &server{port: listener.Addr().(*net.TCPAddr).Port}, left
}

func TestSendToTheSilent(t *testing.T) {
	for _, security := range []Security{Plain, StartTLS, Implicit} {
		s, left := silent(t)
		cfg := config(s)
		cfg.Security, cfg.Timeout = security, 50*time.Millisecond
		if err := New(cfg).Send(t.Context(), code()); err == nil {
			t.Error("sent to a server that says nothing")
		}
		<-left // closed, not left to the collector
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	s, left := silent(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := New(config(s)).Send(ctx, code()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := New(config(s)).Send(ctx, code()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	<-left
}

func TestSendInjectsNothing(t *testing.T) {
	s := start(t, &server{}, nil, false)
	sender := New(config(s))
	for _, to := range []string{
		"ann@example.test\r\nBcc: eve@example.test", "ann@example.test, eve@example.test", "Ann <ann@example.test>", "ann@example.test>\r\nRCPT TO:<eve@example.test",
		"", "ann", "ann@example.test\x00", " ann@example.test",
	} {
		m := code()
		m.To = to
		if err := sender.Send(t.Context(), m); err == nil {
			t.Errorf("sent to %q", to)
		}
	}
	m := code()
	m.Subject = "Hello\r\nBcc: eve@example.test\r\n\r\nbody"
	m.Text = "one\r\n.\r\nMAIL FROM:<eve@example.test>\r\n"
	if err := sender.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	mails := s.taken()
	if len(mails) != 1 {
		t.Fatalf("the server has %d mails", len(mails))
	}
	got, err := mail.ReadMessage(strings.NewReader(mails[0].Text))
	if err != nil {
		t.Fatal(err)
	}
	if got.Header.Get("Bcc") != "" || !strings.Contains(got.Header.Get("Subject"), "Bcc: eve") {
		t.Errorf("headers are %v", got.Header)
	}
}

func TestSendAtOnce(t *testing.T) {
	s := start(t, &server{}, nil, false)
	sender := New(config(s))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := sender.Send(t.Context(), code()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(s.taken()); n != 8 {
		t.Errorf("the server has %d mails, want 8", n)
	}
}

func TestSendTextMessage(t *testing.T) {
	m := code()
	m.Channel = signin.ChannelSMS
	if err := New(Config{Host: "127.0.0.1", Port: 1}).Send(t.Context(), m); err == nil {
		t.Error("a text message was mailed")
	}
}
