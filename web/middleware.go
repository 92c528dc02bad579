package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/internal/redirect"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

type contextKey struct{}

// CallerFrom is who a request is from, behind one of the middlewares; nil elsewhere.
func CallerFrom(ctx context.Context) *signin.Caller {
	c, _ := ctx.Value(contextKey{}).(*signin.Caller)
	return c
}

// Demand is what a middleware asks of a request.
type Demand struct {
	// SignedIn: somebody must be.
	SignedIn bool
	// Fresh: by a proof within that time; 0 asks for none. Negative: within the configured freshness, grace and all.
	Fresh time.Duration
	// TwoFactors: the session must have proved two.
	TwoFactors bool
}

// Guard wraps a handler of the app's own. What does not meet the demand is answered as the contract has it: a browser is led to where
// it can be met, a program gets the body.
func (h *Handler) Guard(d Demand, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := h.call(w, r)
		c.json = c.json || isFetch(r)
		if c.caller = CallerFrom(r.Context()); c.caller == nil {
			var err error
			if c.caller, err = h.identify(r); err != nil {
				protect(w.Header())
				c.broken(err)
				return
			}
			r = r.WithContext(context.WithValue(r.Context(), contextKey{}, c.caller))
		}
		if rep := c.unmet(d); rep != nil {
			protect(w.Header())
			c.barred(rep)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isFetch reports whether a script asks, which would follow a redirect to a page without noticing.
func isFetch(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	return mode != "" && mode != "navigate" && !strings.Contains(r.Header.Get("Accept"), "text/html")
}

// unmet is the answer to a caller who does not meet a demand, nil to one who does.
func (c *call) unmet(d Demand) *reply {
	e := &endpoint{path: "app"}
	if !c.caller.SignedIn() {
		if !d.SignedIn {
			return nil
		}
		return authenticated(c, e)
	}
	switch {
	case d.TwoFactors && c.caller.Factors() < 2:
		return stale(c, e, map[string]any{"tf_required": true})
	case d.Fresh < 0:
		return fresh(c, e)
	case d.Fresh > 0 && !c.h.service.FreshWithin(c.caller, d.Fresh):
		return stale(c, e, nil)
	}
	return nil
}

// page is the page that a request concerns, for coming back to it: a GET's own address, the page that a form of
// ours is on, and for a POST to a route of the app's the page that it came from, if that was ours.
func (c *call) page(e *endpoint) string {
	switch {
	case c.r.Method == http.MethodGet || c.r.Method == http.MethodHead:
		return c.r.URL.RequestURI()
	case e.back != "":
		return c.h.path(e.back)
	case e.path != "app":
		return c.r.URL.Path
	}
	from, err := url.Parse(c.r.Referer())
	if err != nil || c.h.origins[from.Host] == nil {
		return ""
	}
	to, ok := redirect.Next(from.RequestURI())
	if !ok {
		return ""
	}
	return to
}

// explained is the note that goes with a gate's redirect: a form that was posted is not sent again by itself.
func (c *call) explained(key message.Key) *note {
	if c.r.Method == http.MethodPost && !c.json {
		return &note{Kind: noteInfo, Key: "flash.not_done"}
	}
	return &note{Kind: noteInfo, Key: key}
}
