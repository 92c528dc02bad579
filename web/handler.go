package web

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/clientip"
	"github.com/latchkey-auth/latchkey/internal/loopback"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/seal"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// Config is what the handler needs beside the service. The root package's Config documents the settings.
type Config struct {
	Prefix   string
	RPID     string
	Origins  []string
	Messages *message.Catalogue
	Ring     *seal.Ring
	ClientIP clientip.Resolver
	Overlay  fs.FS
	Rand     io.Reader
	Log      *slog.Logger

	Registerable, Confirmable, DefaultRememberMe bool
	PostLoginView, PostLogoutView                string
	PostVerifyView, PostRegisterView             string
	RememberLifetime                             time.Duration

	UserPayload    func(account.User) map[string]any
	TemplateValues func(r *http.Request, page string) map[string]any
	// Diagnose, if set, adds to what the page of the doctor finds by itself.
	Diagnose Diagnose
	// Ready reports whether the store can serve.
	Ready func(context.Context) error
}

// Handler serves the endpoints.
type Handler struct {
	Config
	service *signin.Service
	render  *renderer
	flashes *seal.Box
	mux     *http.ServeMux
	guard   *http.CrossOriginProtection
	handler http.Handler
	origins map[string]*url.URL // by host
	// anySecure: there is an https origin.
	anySecure bool
	// guarding are the paths of the endpoints that change what protects an account.
	guarding []string
	// formTargets are where forms may lead, redirects included: here, and the views that the settings place on other sites.
	formTargets string
	described   []byte // the document of the endpoints
	local       bool   // every origin is this machine: development
}

// New makes the handler. It fails on a template or text that does not parse, and on an origin that is none.
func New(cfg Config, service *signin.Service) (*Handler, error) {
	h := &Handler{Config: cfg, service: service, flashes: cfg.Ring.Box("flash"), mux: http.NewServeMux(), origins: map[string]*url.URL{}}
	var err error
	if h.render, err = newRenderer(cfg.Overlay, cfg.Messages, cfg.Prefix); err != nil {
		return nil, err
	}
	if h.described, err = describe(cfg.Prefix); err != nil {
		return nil, err
	}
	h.guard = http.NewCrossOriginProtection()
	for _, o := range cfg.Origins {
		if err := h.guard.AddTrustedOrigin(o); err != nil {
			return nil, err
		}
		u, err := url.Parse(o)
		if err != nil {
			return nil, err
		}
		if o := h.origins[u.Host]; o == nil || o.Scheme != "https" { // of two with one name the stricter counts
			h.origins[u.Host] = u
		}
		h.anySecure = h.anySecure || u.Scheme == "https"
	}
	h.local = true
	for _, u := range h.origins {
		h.local = h.local && loopback.Is(u.Hostname())
	}
	h.formTargets = "'self'"
	for _, view := range []string{cfg.PostLoginView, cfg.PostLogoutView, cfg.PostVerifyView, cfg.PostRegisterView} {
		if u, err := url.Parse(view); err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") {
			h.formTargets += " " + u.Scheme + "://" + u.Host
		}
	}
	h.guard.SetDenyHandler(http.HandlerFunc(h.crossSite))
	h.routes()
	h.handler = h.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protect(w.Header()) // what the mux answers by itself as well, where a state may stand in the path
		h.mux.ServeHTTP(w, r)
	}))
	return h, nil
}

// ServeHTTP serves the endpoints under the prefix; every other path is 404.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.handler.ServeHTTP(w, r) }

// secure reports whether the request's site is https: its cookies are Secure then. A Host that is none of the origins' may be anything that a
// proxy or a stranger made of one, and is taken for https where any origin is.
func (h *Handler) secure(r *http.Request) bool {
	if o, ok := h.origins[r.Host]; ok {
		return o.Scheme == "https"
	}
	return h.anySecure
}

// path is an endpoint's path under the prefix.
func (h *Handler) path(name string) string { return h.Prefix + "/" + name }

// view is a configured view, or a default under the prefix.
func (h *Handler) view(configured, name string) string {
	if configured != "" {
		return configured
	}
	return h.path(name)
}

// identify finds out who a request is from.
func (h *Handler) identify(r *http.Request) (*signin.Caller, error) {
	client := signin.Client{Address: h.ClientIP.From(r), UserAgent: r.UserAgent(), Lang: h.Messages.Match(r.Header.Get("Accept-Language"))}
	if o := r.Header.Get("Origin"); slices.Contains(h.Origins, o) {
		client.Origin = o
	}
	bearer, has := bearerOf(r)
	secure := h.secure(r)
	return h.service.Identify(r.Context(), client, signin.Credentials{
		Cookie: cookieValue(r, sessionCookie(secure)), Bearer: bearer, HasBearer: has,
		Pending: cookieValue(r, pendingCookie(secure)), Device: cookieValue(r, deviceCookie), Known: cookieValue(r, knownCookie(secure)),
	})
}

// bearerOf is the token of an explicit bearer header, if there is one. Other schemes are not ours.
func bearerOf(r *http.Request) (string, bool) {
	if t := r.Header.Get("Authentication-Token"); t != "" {
		return t, true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

func (h *Handler) crossSite(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	c := h.call(w, r)
	c.caller = &signin.Caller{Client: signin.Client{Lang: h.Messages.Match(r.Header.Get("Accept-Language"))}}
	c.fail(http.StatusForbidden, message.Unauthorized)
}

// unavailable reports whether an error means that the request cannot be served now, and may be in a few seconds: the store is out of reach,
// or too many passwords wait to be hashed.
func unavailable(err error) bool {
	return errors.Is(err, account.ErrUnavailable) || errors.Is(err, password.ErrBusy)
}
