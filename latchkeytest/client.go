package latchkeytest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// maxReply bounds what is read of an answer.
const maxReply = 1 << 20

// Client is a browser at the JSON interface: it keeps cookies, says where it comes from, and holds an [Authenticator]. Whatever
// the server answers is a [Reply]; only a server that cannot be reached, or that answers no envelope, fails the test.
type Client struct {
	// BaseURL is where requests go, with the prefix that the handler is mounted at.
	BaseURL string
	// Origin is the site as the browser shows it, one of the configured ones.
	Origin string
	// Device answers the ceremonies.
	Device *Authenticator
	// Token, if set, is sent as a bearer token.
	Token string
	// HTTP does the requests. Its Transport may be replaced, by that of a TLS test server for instance.
	HTTP *http.Client

	t testing.TB
}

// NewClient is a client without cookies and with a new device.
func NewClient(t testing.TB, baseURL, origin string) *Client {
	return &Client{
		BaseURL: strings.TrimSuffix(baseURL, "/"), Origin: origin, Device: NewAuthenticator(), t: t,
		HTTP: &http.Client{
			Timeout:       30 * time.Second,
			Jar:           &jar{cookies: map[string]*http.Cookie{}},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Reply is an answer: its status, which is meta.code as well, and the envelope's response.
type Reply struct {
	Status   int
	Response map[string]any
	Header   http.Header
}

// Want fails the test unless the status is that, and returns the reply.
func (r *Reply) Want(t testing.TB, status int) *Reply {
	t.Helper()
	if r.Status != status {
		text, _ := json.Marshal(r.Response)
		t.Fatalf("status %d, want %d: %s", r.Status, status, text)
	}
	return r
}

// Codes are the stable keys of the errors, in order.
func (r *Reply) Codes() []string {
	list, _ := r.Response["error_codes"].([]any)
	var codes []string
	for _, c := range list {
		if s, ok := c.(string); ok {
			codes = append(codes, s)
		}
	}
	return codes
}

// Text is a member of the response that is text, or "".
func (r *Reply) Text(name string) string {
	s, _ := r.Response[name].(string)
	return s
}

// Get asks for a path, below BaseURL, in JSON.
func (c *Client) Get(path string) *Reply {
	c.t.Helper()
	return c.do(http.MethodGet, path, nil)
}

// Post sends a JSON object.
func (c *Client) Post(path string, fields map[string]any) *Reply {
	c.t.Helper()
	if fields == nil {
		fields = map[string]any{}
	}
	body, err := json.Marshal(fields)
	if err != nil {
		c.t.Fatalf("latchkeytest: %v", err)
	}
	return c.do(http.MethodPost, path, body)
}

func (c *Client) do(method, path string, body []byte) *Reply {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.BaseURL+path, bytes.NewReader(body))
	if err != nil {
		c.t.Fatalf("latchkeytest: %v", err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Origin", c.Origin)
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		c.t.Fatalf("latchkeytest: %v", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	if err != nil {
		c.t.Fatalf("latchkeytest: %s %s: %v", method, path, err)
	}
	var envelope struct {
		Meta     struct{ Code int }
		Response map[string]any
	}
	if err := json.Unmarshal(text, &envelope); err != nil || envelope.Meta.Code != res.StatusCode {
		c.t.Fatalf("latchkeytest: %s %s: status %d without its envelope: %.200s", method, path, res.StatusCode, text)
	}
	return &Reply{Status: res.StatusCode, Response: envelope.Response, Header: res.Header}
}

// Cookies are the cookies that the client has, sorted by name.
func (c *Client) Cookies() []*http.Cookie { return c.HTTP.Jar.Cookies(nil) }

// jar keeps the cookies of one server. Unlike the standard library's it sends Secure ones over plain http, where a test server
// stands in for an https origin.
type jar struct {
	mu      sync.Mutex
	cookies map[string]*http.Cookie
}

func (j *jar) SetCookies(_ *url.URL, cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range cookies {
		if c.MaxAge < 0 || c.MaxAge == 0 && !c.Expires.IsZero() && c.Expires.Before(time.Now()) {
			delete(j.cookies, c.Name)
			continue
		}
		j.cookies[c.Name] = c
	}
}

func (j *jar) Cookies(*url.URL) []*http.Cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []*http.Cookie
	for _, c := range j.cookies {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *http.Cookie) int { return strings.Compare(a.Name, b.Name) })
	return out
}
