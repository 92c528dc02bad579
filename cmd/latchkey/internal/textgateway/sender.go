package textgateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/signin"
)

// Sender hands text messages over, each in one request. It is safe for concurrent use.
type Sender struct {
	cfg    Config
	client *http.Client
}

// New makes a sender that gives up on a request after timeout; 0 means 15 seconds.
func New(cfg Config, timeout time.Duration) *Sender {
	if timeout == 0 {
		timeout = 15 * time.Second
	}
	return &Sender{cfg: cfg, client: &http.Client{
		Timeout: timeout,
		// Credentials and codes go where the operator said, and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Send returns once the service has taken the message over, or with the reason why it has not.
func (s *Sender) Send(ctx context.Context, m signin.Message) error {
	if m.Channel != signin.ChannelSMS {
		return fmt.Errorf("textgateway: a message by %s is no text message", m.Channel)
	}
	req, err := s.request(ctx, m)
	if err != nil {
		return err
	}
	res, err := s.client.Do(req)
	if err != nil {
		// Beside its cause, the client's error holds the URL, whose query may hold a key.
		if e := (*url.Error)(nil); errors.As(err, &e) {
			err = e.Err
		}
		return fmt.Errorf("textgateway: %s: %w", req.URL.Host, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if res.StatusCode >= 200 && res.StatusCode <= 299 {
		return nil
	}
	if err != nil {
		body = nil
	}
	return fmt.Errorf("textgateway: %s answered %d %s%s", req.URL.Host, res.StatusCode, http.StatusText(res.StatusCode), s.detail(body))
}

func (s *Sender) request(ctx context.Context, m signin.Message) (*http.Request, error) {
	body, contentType, err := s.body(m)
	if err != nil {
		return nil, fmt.Errorf("textgateway: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("textgateway: the request can't be made")
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "latchkey")
	switch {
	case s.cfg.basic:
		req.SetBasicAuth(s.cfg.user, s.cfg.password)
	case s.cfg.user != "":
		req.Header.Set("Authorization", "Bearer "+s.cfg.user)
	}
	return req, nil
}

func (s *Sender) body(m signin.Message) (body []byte, contentType string, err error) {
	if !s.cfg.isTwilio() {
		body, err = json.Marshal(map[string]string{"to": m.To, "text": m.Text})
		return body, "application/json", err
	}
	form := url.Values{"To": {m.To}, "Body": {m.Text}}
	if strings.HasPrefix(s.cfg.from, "MG") && len(s.cfg.from) == 34 {
		form.Set("MessagingServiceSid", s.cfg.from)
	} else {
		form.Set("From", s.cfg.from)
	}
	return []byte(form.Encode()), "application/x-www-form-urlencoded", nil
}

// detail is Twilio's error number, which its documentation explains. No other part of an answer is repeated: services echo what
// they were sent.
func (s *Sender) detail(body []byte) string {
	var answer struct{ Code int }
	if !s.cfg.isTwilio() || json.Unmarshal(body, &answer) != nil || answer.Code == 0 {
		return ""
	}
	return fmt.Sprintf(" (error %d)", answer.Code)
}
