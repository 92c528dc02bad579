package textgateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-auth/latchkey/signin"
)

func code() signin.Message {
	return signin.Message{To: "+442079460000", Channel: signin.ChannelSMS, Kind: "code", Subject: "Your code", Text: "123456 is “your” code & more", Code: "123456"}
}

// request is what a stand-in for a service was sent.
type request struct {
	Method, Path, Query, ContentType, Authorization, Body string
}

// standIn answers every request in the same way and keeps it.
func standIn(t *testing.T, status int, answer string) (url string, got *[]request) {
	t.Helper()
	got = new([]request)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*got = append(*got, request{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Content-Type"), r.Header.Get("Authorization"), string(body)})
		if status >= 300 && status < 400 {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

func sender(t *testing.T, raw string) *Sender {
	t.Helper()
	cfg, err := ParseURL(raw)
	if err != nil {
		t.Fatal(err)
	}
	return New(cfg, time.Minute)
}

// with puts credentials into a URL, and another scheme if one is given.
func with(raw, scheme, credentials string) string {
	own, rest, _ := strings.Cut(raw, "://")
	if scheme == "" {
		scheme = own
	}
	return scheme + "://" + credentials + "@" + rest
}

func TestSendJSON(t *testing.T) {
	for credentials, authorization := range map[string]string{
		"tok%2Fen":   "Bearer tok/en",
		"ann:secret": "Basic YW5uOnNlY3JldA==",
	} {
		url, got := standIn(t, http.StatusAccepted, "")
		if err := sender(t, with(url, "", credentials)+"/v1/send?route=2").Send(t.Context(), code()); err != nil {
			t.Fatal(err)
		}
		want := []request{{"POST", "/v1/send", "route=2", "application/json", authorization, `{"text":"123456 is “your” code \u0026 more","to":"+442079460000"}`}}
		if d := cmp.Diff(want, *got); d != "" {
			t.Error(d)
		}
	}
	url, got := standIn(t, http.StatusOK, "")
	if err := sender(t, url).Send(t.Context(), code()); err != nil {
		t.Fatal(err)
	}
	if (*got)[0].Authorization != "" {
		t.Errorf("Authorization is %q", (*got)[0].Authorization)
	}
}

func TestSendTwilio(t *testing.T) {
	service := "MG" + strings.Repeat("0a", 16)
	for from, want := range map[string]string{
		"+442079460001":   "From=%2B442079460001",
		"%2B442079460001": "From=%2B442079460001",
		"Example":         "From=Example",
		service:           "MessagingServiceSid=" + service,
	} {
		url, got := standIn(t, http.StatusCreated, `{"sid":"SM1","status":"queued"}`)
		if err := sender(t, with(url, "twilio", "AC1:secret")+"/?from="+from).Send(t.Context(), code()); err != nil {
			t.Fatal(err)
		}
		r := (*got)[0]
		if r.Path != "/2010-04-01/Accounts/AC1/Messages.json" || r.Authorization != "Basic QUMxOnNlY3JldA==" || r.ContentType != "application/x-www-form-urlencoded" {
			t.Errorf("the request is %+v", r)
		}
		fields := "Body=123456+is+%E2%80%9Cyour%E2%80%9D+code+%26+more"
		if !strings.Contains(r.Body, fields) || !strings.Contains(r.Body, "To=%2B442079460000") || !strings.Contains(r.Body, want) {
			t.Errorf("from %s: the form is %s", from, r.Body)
		}
	}
}

func TestSendFails(t *testing.T) {
	for _, c := range []struct {
		name, scheme string
		status       int
		answer, want string
	}{
		{"refused", "", 401, "no such token: sesame", "401 Unauthorized"},
		{"broken", "", 500, "could not send 123456", "500"},
		{"redirected", "", 307, "", "307"},
		{"twilio refused", "twilio", 400, `{"code":21211,"message":"123456 is to sesame","status":400}`, "400 Bad Request (error 21211)"},
		{"twilio broken", "twilio", 503, "<html>", "503"},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, got := standIn(t, c.status, c.answer)
			raw := with(url, c.scheme, "user:sesame") + "/?"
			if c.scheme == "twilio" {
				raw += "from=X"
			}
			err := sender(t, raw).Send(t.Context(), code())
			check(t, err, c.want)
			if len(*got) != 1 {
				t.Errorf("%d requests were made", len(*got))
			}
		})
	}
}

func check(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatal("sent")
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("the error does not say %q: %v", want, err)
	}
	for _, secret := range []string{"sesame", "123456", "apikey"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error holds %q: %v", secret, err)
		}
	}
}

func TestSendToNobody(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	check(t, sender(t, with(s.URL, "", "sesame")+"/?apikey=123456").Send(t.Context(), code()), "refused")
}

func TestSendToTheSilent(t *testing.T) {
	over := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	defer s.Close()
	defer close(over)
	cfg, err := ParseURL(with(s.URL, "", "sesame"))
	if err != nil {
		t.Fatal(err)
	}
	check(t, New(cfg, 50*time.Millisecond).Send(t.Context(), code()), "deadline exceeded")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := New(cfg, time.Minute).Send(ctx, code()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestSendMail(t *testing.T) {
	m := code()
	m.Channel = signin.ChannelEmail
	url, got := standIn(t, http.StatusOK, "")
	if err := sender(t, url).Send(t.Context(), m); err == nil || len(*got) > 0 {
		t.Error("a mail was sent as a text message")
	}
}

func TestParseURL(t *testing.T) {
	for raw, want := range map[string]string{
		"https://sms.example.com/send?a=1":                "https://sms.example.com/send?a=1",
		"https://token@sms.example.com":                   "https://sms.example.com",
		"http://localhost:9000/send":                      "http://localhost:9000/send",
		"http://[::1]:9000/send":                          "http://[::1]:9000/send",
		"twilio://AC1:secret@/?from=+442079460000":        "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json",
		"twilio://AC1:secret@?from=+442079460000":         "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json",
		"twilio://AC1:secret@api.ie1.twilio.com/?from=Ex": "https://api.ie1.twilio.com/2010-04-01/Accounts/AC1/Messages.json",
	} {
		c, err := ParseURL(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		} else if got := c.endpoint.String(); got != want {
			t.Errorf("%s: speaks to %s, want %s", raw, got, want)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	for _, raw := range []string{
		"", "sms.example.com", "https://", "https:///send", "https:sesame@sms.example.com", "ftp://sesame@sms.example.com", "smtp://sesame@sms.example.com",
		"http://sesame@sms.example.com/send", "https://u:ses/ame@sms.example.com", "https://sms.example.com:port/?k=sesame",
		"twilio://AC1:sesame@/", "twilio://AC1:sesame@/?from=", "twilio://AC1@/?from=+44", "twilio:///?from=+44", "twilio://AC1:sesame@/path?from=+44",
		"twilio://AC1:sesame@/?from=+44&to=+44", "twilio://AC1:sesame@/?from=+44&from=+45", "twilio://AC1:sesame@/?%zz",
	} {
		_, err := ParseURL(raw)
		if err == nil {
			t.Errorf("%s was accepted", raw)
		} else if strings.Contains(raw, "ses") && strings.Contains(err.Error(), "ses") {
			t.Errorf("%s: the error repeats the secret: %v", raw, err)
		}
	}
}

func TestAddress(t *testing.T) {
	for raw, want := range map[string]string{
		"https://token@sms.example.com/send":       "sms.example.com:443",
		"https://sms.example.com:8443":             "sms.example.com:8443",
		"http://localhost/send":                    "localhost:80",
		"http://[::1]:9000/send":                   "[::1]:9000",
		"twilio://AC1:secret@/?from=+442079460000": "api.twilio.com:443",
	} {
		c, err := ParseURL(raw)
		if got := c.Address(); err != nil || got != want {
			t.Errorf("%s: %s (%v), want %s", raw, got, err, want)
		}
	}
}
