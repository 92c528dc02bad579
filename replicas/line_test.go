package replicas

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// unreached is the status of an answer that never came.
const unreached = 599

// line carries requests to whichever server it leads to. Where none answers, or only half, it says so in an answer of its own: the person
// at the other end must live with that.
type line struct {
	to   atomic.Pointer[server]
	http http.Transport
}

func lineTo(s *server) *line {
	l := &line{}
	l.to.Store(s)
	return l
}

// RoundTrip is http.RoundTripper.
func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host = l.to.Load().addr
	res, err := l.http.RoundTrip(r)
	if err != nil {
		return noAnswer(r), nil
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return noAnswer(r), nil
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

func noAnswer(r *http.Request) *http.Response {
	return &http.Response{
		StatusCode: unreached, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"meta":{"code":599},"response":{}}`)),
	}
}

// answered reports whether somebody has decided: an outage is no decision, and what was asked for may have happened or not.
func answered(r *latchkeytest.Reply) bool {
	return r.Status != unreached && r.Status != http.StatusServiceUnavailable
}
