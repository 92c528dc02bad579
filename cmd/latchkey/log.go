package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/latchkey-auth/latchkey/internal/clientip"
)

func newLog(w io.Writer, format string) *slog.Logger {
	if format == "json" {
		return slog.New(withRequestID{slog.NewJSONHandler(w, nil)})
	}
	return slog.New(withRequestID{slog.NewTextHandler(w, nil)})
}

type requestIDKey struct{}

// withRequestID adds the id of the request that a line is about.
type withRequestID struct{ slog.Handler }

func (h withRequestID) Handle(ctx context.Context, r slog.Record) error {
	if id, ok := ctx.Value(requestIDKey{}).(string); ok {
		r = r.Clone()
		r.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h withRequestID) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withRequestID{h.Handler.WithAttrs(attrs)}
}

func (h withRequestID) WithGroup(name string) slog.Handler {
	return withRequestID{h.Handler.WithGroup(name)}
}

// requestIDHeader carries a request's id: in from a trusted proxy, out to everybody, so that a person's report finds its lines.
const requestIDHeader = "X-Request-Id"

// requestID is the id that a trusted proxy gave the request, where it is a plain one, or a new one.
func requestID(r *http.Request, proxies clientip.Resolver) string {
	if id := r.Header.Get(requestIDHeader); id != "" && len(id) <= 64 && believed(proxies, r) && plainID(id) {
		return id
	}
	var id [12]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

func plainID(id string) bool {
	for _, c := range []byte(id) {
		if c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// accessLog writes a line for each request: never its path or query, since states and links to follow stand in them, but the
// pattern of its route. It counts it as well, and gives it an id that all its lines have.
func accessLog(log *slog.Logger, m *metrics, proxies clientip.Resolver, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := requestID(r, proxies)
		w.Header().Set(requestIDHeader, id)
		r = r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				log.ErrorContext(r.Context(), "panic", "route", r.Pattern, "value", p, "stack", string(debug.Stack()))
				if rec.status == 0 {
					http.Error(rec, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
				}
			}
			m.request(method(r), r.Pattern, rec.status, time.Since(start))
			log.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("method", method(r)), slog.String("route", r.Pattern),
				slog.Int("status", rec.status), slog.Duration("duration", time.Since(start)))
		}()
		next.ServeHTTP(rec, r)
		if rec.status == 0 {
			rec.status = http.StatusOK // what the server answers for a handler that wrote nothing
		}
	})
}

// method is the request's, where it is one of those there are: a client may write anything there.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return r.Method
	}
	return "other"
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap gives [http.ResponseController] the real one.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func believed(proxies clientip.Resolver, r *http.Request) bool {
	_, yes := proxies.Connection(r)
	return yes
}
