package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-auth/latchkey/latchkeytest"
)

type rander struct{}

func (rander) Read(b []byte) (int, error) { return rand.Read(b) }

// browser is one connection that is kept, and a device. It does no more than it must, so that the client's core is not what
// is measured.
type browser struct {
	conn    net.Conn
	in      *bufio.Reader
	out     bytes.Buffer
	address string
	device  *latchkeytest.Authenticator
	key     *latchkeytest.Key
	// cookie is the session's, known is what tells that this browser has signed in before; forwarded is the address that a proxy
	// would report. Each is sent where it is set.
	cookie, known, forwarded string
}

func newBrowser(address string, key *latchkeytest.Key) (*browser, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &browser{conn: conn, in: bufio.NewReaderSize(conn, 16<<10), address: address, device: latchkeytest.NewAuthenticator(), key: key}, nil
}

func (b *browser) close() error { return b.conn.Close() }

const (
	sessionCookie = "latchkey_session="
	knownCookie   = "latchkey_known="
)

// ask sends a request and returns the status and the body.
func (b *browser) ask(method, path string, body []byte) (int, []byte, error) {
	if err := b.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return 0, nil, err
	}
	b.out.Reset()
	b.out.WriteString(method + " " + path + " HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: latchkey-bench\r\nAccept: application/json\r\nSec-Fetch-Site: same-origin\r\n")
	switch {
	case b.cookie != "":
		b.out.WriteString("Cookie: " + sessionCookie + b.cookie + "\r\n")
	case b.known != "":
		b.out.WriteString("Cookie: " + knownCookie + b.known + "\r\n")
	}
	if b.forwarded != "" {
		b.out.WriteString("X-Forwarded-For: " + b.forwarded + "\r\n")
	}
	if method == http.MethodPost {
		b.out.WriteString("Origin: " + origin + "\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n")
	}
	b.out.WriteString("\r\n")
	b.out.Write(body)
	if _, err := b.conn.Write(b.out.Bytes()); err != nil {
		return 0, nil, err
	}
	res, err := http.ReadResponse(b.in, nil)
	if err != nil {
		return 0, nil, err
	}
	for _, set := range res.Header["Set-Cookie"] {
		if value, ok := strings.CutPrefix(set, knownCookie); ok {
			b.known, _, _ = strings.Cut(value, ";")
		}
	}
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, text, errors.Join(err, res.Body.Close())
}

// post sends fields and demands that status.
func (b *browser) post(path string, fields any, status int) ([]byte, error) {
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	got, text, err := b.ask(http.MethodPost, path, body)
	if err == nil && got != status {
		err = fmt.Errorf("POST %s: status %d, want %d: %s", routeOf(path), got, status, text)
	}
	return text, err
}

// routeOf cuts a path before its state.
func routeOf(path string) string {
	if len(path) > 40 {
		return path[:40] + "…"
	}
	return path
}

// started is the answer to the start of a ceremony.
type started struct {
	Response struct {
		Options json.RawMessage `json:"credential_options"`
		State   string          `json:"wan_state"`
	} `json:"response"`
}

func (b *browser) start(path string, fields any) (*started, error) {
	text, err := b.post(path, fields, http.StatusOK)
	if err != nil {
		return nil, err
	}
	var s started
	err = json.Unmarshal(text, &s)
	return &s, err
}

// finish sends an authenticator's answer as an object, as a page does that passes on toJSON's.
func (b *browser) finish(path, state string, answer []byte, status int) ([]byte, error) {
	return b.post(path+url.PathEscape(state), map[string]json.RawMessage{"credential": answer}, status)
}

// signin signs a person in with a passkey: with their address typed, or with the passkey alone.
func (b *browser) signin(p person, named bool) error {
	identity := ""
	if named {
		identity = p.email()
	}
	s, err := b.start("/wan-signin", map[string]string{"identity": identity})
	if err != nil {
		return err
	}
	passkey := p.passkey(b.key)
	answer, err := b.device.Get(s.Response.Options, origin, func(c *latchkeytest.Ceremony) {
		c.Credential, c.UserHandle = passkey, passkey.UserHandle
	})
	if err != nil {
		return err
	}
	text, err := b.finish("/wan-signin/", s.Response.State, answer, http.StatusOK)
	if err == nil && !bytes.Contains(text, []byte(`"tf_required":false`)) {
		err = fmt.Errorf("not signed in: %s", text)
	}
	return err
}

// signinAgain signs a person in from the browser that they always use.
func (b *browser) signinAgain(p person, named bool) error {
	known, _ := browsersOf.Load(p)
	b.known, _ = known.(string)
	err := b.signin(p, named)
	browsersOf.Store(p, b.known)
	return err
}

// browsersOf has what each person's browser keeps of earlier sign-ins. People and keys are the same in all databases, so that it
// holds for all of them.
var browsersOf sync.Map

// register adds a passkey to a person who is signed in.
func (b *browser) register(p person, name string) error {
	b.cookie = p.token()
	s, err := b.start("/wan-register", map[string]string{"name": name, "usage": "first"})
	if err != nil {
		return err
	}
	device := latchkeytest.NewAuthenticator()
	answer, err := device.Create(s.Response.Options, origin, func(c *latchkeytest.Ceremony) { c.Credential.Key = b.key })
	if err != nil {
		return err
	}
	_, err = b.finish("/wan-register/", s.Response.State, answer, http.StatusOK)
	return err
}
