package web

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// handle is one method of an endpoint.
type handle func(*call) (*reply, error)

// gate decides who may come in. It returns nil to let the caller pass, or what to answer instead.
type gate func(*call, *endpoint) *reply

// endpoint is a row of the table.
type endpoint struct {
	path string // under the prefix, without its first slash
	// gate is for both methods; postGate, where set, for POST instead.
	gate, postGate gate
	get, post      handle
	// offered: 404 where it says no.
	offered func(*call) bool
	// back is where a browser is sent when POST is refused, for the finishing halves of ceremonies; "" shows the page of
	// get again with the texts at its fields.
	back string
	// guards: it changes what protects the account, so that a password alone does not open it where there is a second factor.
	guards bool
	// dead: it is a link, and a browser whose link no longer opens is told so at /login.
	dead bool
}

// endpoints is the table of all endpoints. openapi.json describes each.
func (h *Handler) endpoints() []endpoint {
	s := h.service
	always := func(*call) bool { return true }
	firstFactor := func(c *call) bool { return s.AllowAsFirstFactor || !c.caller.SignedIn() && c.caller.Pending != nil }
	verify := func(*call) bool { return s.VerifyOffered() }
	passkeyVerify := func(*call) bool { return s.PasskeyVerifyOffered() }
	twoFactor := func(*call) bool { return s.TwoFactor }
	second := func(*call) bool { return true }
	recovery := func(*call) bool { return s.RecoveryCodes }
	registerable := func(*call) bool { return h.Registerable }

	return []endpoint{
		{path: "{$}", get: home, offered: always},
		{path: "login", get: loginPage, post: login, offered: always},
		{path: "logout", post: logout, offered: always},
		{path: "register", gate: anonymous, get: registerPage, post: register, offered: registerable},

		{path: "confirm/{state}", gate: anonymous, get: confirmPage, post: confirm, offered: func(*call) bool { return h.Registerable && h.Confirmable }, dead: true},
		{path: "recover/{state}", gate: anonymous, get: recoverPage, post: recoverAccount, offered: always, dead: true},

		{path: "reopen/{state}", get: reopenPage, post: reopen, offered: always, dead: true},

		{path: "wan-register", gate: strong, postGate: enrolling, guards: true, get: passkeysPage, post: startRegistration, offered: always},
		{path: "wan-register/{state}", postGate: enrollee, post: finishRegistration, offered: always, back: "wan-register"},
		{path: "wan-signin", gate: anonymous, get: signinPage, post: startSignin, offered: firstFactor},
		{path: "wan-signin/{state}", gate: anonymous, post: finishSignin, offered: always, back: "wan-signin"},
		{path: "wan-verify", gate: authenticated, get: passkeyVerifyPage, post: startVerify, offered: passkeyVerify},
		{path: "wan-verify/{state}", gate: authenticated, post: finishVerify, offered: passkeyVerify, back: "wan-verify"},
		{path: "wan-delete", gate: strong, guards: true, get: deletePage, post: deletePasskey, offered: always, back: "wan-register"},

		{path: "wan-outcome", post: outcome, offered: always},

		{path: "tf-setup", gate: settingUp, guards: true, get: setupPage, post: startSetup, offered: twoFactor},
		{path: "tf-setup/{state}", gate: authenticated, post: finishSetup, offered: twoFactor, back: "tf-setup"},
		{path: "tf-select", gate: pending(signin.ActChoose), get: selectPage, post: selectMethod, offered: second},
		{path: "tf-validate", gate: pending(signin.ActCode, signin.ActConfirmCode), get: validatePage, post: validate, offered: twoFactor},
		{path: "tf-rescue", gate: pending(signin.ActRescue), get: rescuePage, post: rescue, offered: twoFactor},
		{path: "mf-recovery-codes", gate: strong, guards: true, get: recoveryCodesPage, post: makeRecoveryCodes, offered: recovery},
		{path: "mf-recovery", gate: pending(signin.ActRecovery), get: recoveryPage, post: recoverSignin, offered: recovery},

		{path: "verify", gate: authenticated, get: verifyPage, post: verifyPassword, offered: verify},
		{path: "change", gate: passwordHolder, guards: true, get: changePage, post: changePassword, offered: always},
		{path: "sessions", gate: authenticated, get: listSessions, offered: always},
		{path: "sessions/end", gate: fresh, post: endSessions, offered: always, back: "account"},
		{path: "account", gate: authenticated, get: accountPage, offered: always},
		{path: "doctor", get: doctorPage, offered: (*call).developing},
	}
}

// routes are the endpoints and what else there is.
func (h *Handler) routes() {
	for _, e := range h.endpoints() {
		h.mux.Handle(h.Prefix+"/"+e.path, h.endpoint(&e))
		if e.guards {
			h.guarding = append(h.guarding, h.path(e.path))
		}
	}
	h.mux.HandleFunc(h.Prefix+"/openapi.json", h.openapi)
	h.mux.Handle(h.Prefix+staticRoot, h.render.static())
	for _, at := range slices.Compact([]string{"", h.Prefix}) { // whoever probes need not know the prefix
		h.mux.HandleFunc(at+"/healthz", h.healthz)
		h.mux.HandleFunc(at+"/readyz", h.readyz)
	}
	h.mux.HandleFunc("/", h.notFound)
}

// endpoint runs a row of the table.
func (h *Handler) endpoint(e *endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := h.begin(w, r)
		if c == nil {
			return
		}
		do, posted := e.get, false
		switch r.Method {
		case http.MethodGet, http.MethodHead:
		case http.MethodPost:
			do, posted = e.post, true
		default:
			do = nil
		}
		if !e.offered(c) {
			c.fail(http.StatusNotFound, message.APIError)
			return
		}
		if do == nil {
			w.Header().Set("Allow", e.allowed())
			c.fail(http.StatusMethodNotAllowed, message.APIError)
			return
		}
		if posted {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			var err error
			if c.fields, err = readFields(r); err != nil {
				p := c.problemOf(err)
				c.fail(p.status, message.APIError)
				return
			}
		}
		gate := e.gate
		if posted && e.postGate != nil {
			gate = e.postGate
		}
		if gate != nil {
			if rep := gate(c, e); rep != nil {
				c.barred(rep)
				return
			}
		}
		rep, err := do(c)
		if err != nil {
			c.refused(e, err)
			return
		}
		c.send(rep)
	})
}

func (e *endpoint) allowed() string {
	var m []string
	if e.get != nil {
		m = append(m, "GET", "HEAD")
	}
	if e.post != nil {
		m = append(m, "POST")
	}
	return strings.Join(m, ", ")
}

// begin protects the answer and finds out who is asking. It returns nil if it has answered.
func (h *Handler) begin(w http.ResponseWriter, r *http.Request) *call {
	protect(w.Header())
	c := h.call(w, r)
	var err error
	if c.caller, err = h.identify(r); err != nil {
		c.broken(err)
		return nil
	}
	return c
}

// protect sets the headers that every answer has, pages or not.
func protect(head http.Header) {
	head.Set("Cache-Control", "no-store, private")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "same-origin")
}

// refused answers an error of a handle: in JSON as it is; for a browser the form again, or a redirect to where the
// ceremony starts, next kept.
func (c *call) refused(e *endpoint, err error) {
	p := c.problemOf(err)
	if p == nil {
		c.broken(err)
		return
	}
	if p.retry > 0 {
		c.w.Header().Set("Retry-After", itoa(p.retry))
	}
	if c.json {
		c.sendProblem(p, nil)
		return
	}
	if p.status == http.StatusUnauthorized { // the session ended under way: as its gate has it
		c.send(c.bar(message.Unauthenticated, nil, withNext(c.h.path("login"), cmp.Or(c.keptNext(), p.next, c.page(e)))))
		return
	}
	if e.back != "" {
		to := c.h.path(e.back)
		if e.path == "wan-register/{state}" && !c.caller.SignedIn() {
			to = c.h.path("tf-setup")
		}
		if err := c.setFlashes(p.notes); err != nil {
			c.broken(err)
			return
		}
		c.redirect(withNext(to, cmp.Or(c.keptNext(), p.next)))
		return
	}
	if e.dead && p.fields[""] != nil {
		c.send(&reply{to: c.h.path("login"), note: &note{Kind: noteError, Key: "flash.link_dead"}})
		return
	}
	get := e.get
	if e.path == "wan-register" && !c.caller.SignedIn() {
		get = setupPage
	}
	if get == nil || !c.stands(e) {
		c.fail(p.status, p.codes[0])
		return
	}
	rep, err := get(c)
	if err != nil {
		c.broken(err)
		return
	}
	if rep.to != "" {
		rep.note = &p.notes[0]
		c.send(rep)
		return
	}
	rep.errors = p.fields
	switch p.status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		rep.status = p.status
	}
	c.sendPage(rep)
}

// stands reports whether a browser that was refused still passes the gate that it came through; a pending sign-in may
// have ended by what it tried.
func (c *call) stands(e *endpoint) bool {
	gate := e.gate
	if e.postGate != nil {
		gate = e.postGate
	}
	return gate == nil || gate(c, e) == nil
}

// barred answers for a gate: its JSON body holds a problem already.
func (c *call) barred(rep *reply) {
	if rep.fault != nil {
		c.broken(rep.fault)
		return
	}
	if c.json {
		c.sendJSON(rep.status, rep.body)
		return
	}
	c.send(rep)
}

// bar makes a gate's answer.
func (c *call) bar(key message.Key, more map[string]any, to string) *reply {
	p := &problem{fields: map[string][]string{}}
	p.add(c, key, key, "")
	body := map[string]any{"errors": p.errors, "error_codes": p.codes, "field_errors": p.fields}
	for k, v := range more {
		body[k] = v
	}
	return &reply{status: statusOf(key), body: body, to: to, note: c.explained(key)}
}

// authenticated is the contract's AUTH.
func authenticated(c *call, e *endpoint) *reply {
	if c.caller.SignedIn() {
		return nil
	}
	return c.bar(message.Unauthenticated, nil, withNext(c.h.path("login"), c.page(e)))
}

// fresh is AUTH and FRESH.
func fresh(c *call, e *endpoint) *reply {
	if rep := authenticated(c, e); rep != nil {
		return rep
	}
	name := graceCookie(c.secure)
	ok, note, err := c.h.service.Fresh(c.caller, cookieValue(c.r, name))
	switch {
	case err != nil:
		return &reply{fault: err}
	case !ok:
		return stale(c, e, nil)
	case note != "":
		c.setCookie(name, note, 0, http.SameSiteLaxMode)
	}
	return nil
}

// strong is AUTH and FRESH, and on an account with a second factor by a proof of something held: step-up is never weaker than the sign-in.
func strong(c *call, e *endpoint) *reply {
	if rep := fresh(c, e); rep != nil {
		return rep
	}
	ok, err := c.h.service.SteppedUp(c.r.Context(), c.caller)
	switch {
	case err != nil:
		return &reply{fault: err}
	case !ok:
		return stale(c, e, map[string]any{"tf_required": true})
	}
	return nil
}

// stale asks for a proof.
func stale(c *call, e *endpoint, more map[string]any) *reply {
	ways, err := c.h.service.VerifyWays(c.r.Context(), *c.caller.User)
	if err != nil {
		return &reply{fault: err}
	}
	body := map[string]any{
		"reauth_required": true, "has_webauthn_verify_credential": ways.Passkey,
		"unified_signin_enabled": false, "oauth_enabled": false, "oauth_providers": []string{},
	}
	for k, v := range more {
		body[k] = v
	}
	return c.bar(message.ReauthenticationRequired, body, withNext(c.h.path("verify"), c.page(e)))
}

// anonymous is ANON.
func anonymous(c *call, _ *endpoint) *reply {
	if !c.caller.SignedIn() {
		return nil
	}
	rep := c.bar(message.AnonymousUserRequired, nil, c.afterLogin(""))
	rep.note = nil
	return rep
}

// pending is PENDING, for a sign-in that takes one of those acts.
func pending(acts ...signin.Act) gate {
	return func(c *call, _ *endpoint) *reply {
		for _, a := range acts {
			if !c.caller.SignedIn() && c.caller.Is(a) {
				return nil
			}
		}
		return notPending(c)
	}
}

// notPending refuses, and drops what there is where the request was a POST.
func notPending(c *call) *reply {
	if c.r.Method == http.MethodPost && c.caller.Pending != nil {
		if err := c.h.service.DropPending(c.r.Context(), c.caller); err != nil {
			return &reply{fault: err}
		}
		c.dropCookie(pendingCookie(c.secure))
	}
	rep := c.bar(message.TwoFactorPermissionDenied, nil, c.h.path("login"))
	rep.note.Kind = noteError
	return rep
}

// enrolling is strong, or a sign-in that sets up its second factor.
func enrolling(c *call, e *endpoint) *reply {
	if !c.caller.SignedIn() && c.caller.Is(signin.ActEnrol) {
		return nil
	}
	return strong(c, e)
}

// enrollee is AUTH, or such a sign-in: the finish of what started fresh.
func enrollee(c *call, e *endpoint) *reply {
	if !c.caller.SignedIn() && c.caller.Is(signin.ActEnrol) {
		return nil
	}
	return authenticated(c, e)
}

// settingUp is tf-setup's gate.
func settingUp(c *call, e *endpoint) *reply {
	switch {
	case c.caller.SignedIn():
		return strong(c, e)
	case c.caller.Is(signin.ActSetup):
		return nil
	}
	return notPending(c)
}

// passwordHolder is AUTH for an account whose password is all that protects it, for the password is asked for there; else strong.
func passwordHolder(c *call, e *endpoint) *reply {
	if rep := authenticated(c, e); rep != nil {
		return rep
	}
	if c.caller.User.HasPassword() {
		second, err := c.h.service.HasSecondFactor(c.r.Context(), *c.caller.User)
		switch {
		case err != nil:
			return &reply{fault: err}
		case !second:
			return nil
		}
	}
	return strong(c, e)
}

// afterLogin is where a browser goes once it is signed in.
func (c *call) afterLogin(next string) string {
	if next != "" {
		return next
	}
	return c.h.view(c.h.PostLoginView, "")
}

func (h *Handler) notFound(w http.ResponseWriter, r *http.Request) {
	if c := h.begin(w, r); c != nil {
		c.fail(http.StatusNotFound, message.APIError)
	}
}

// healthz says that the process answers; readyz that the store does too.
func (h *Handler) healthz(w http.ResponseWriter, _ *http.Request) { status(w, http.StatusOK, "ok") }

func (h *Handler) readyz(w http.ResponseWriter, r *http.Request) {
	if err := h.Ready(r.Context()); err != nil {
		h.Log.ErrorContext(r.Context(), "not ready", "error", err.Error())
		w.Header().Set("Retry-After", "5")
		status(w, http.StatusServiceUnavailable, "the store cannot be reached")
		return
	}
	status(w, http.StatusOK, "ready")
}

func status(w http.ResponseWriter, code int, text string) {
	protect(w.Header())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text + "\n")) // a prober that went away
}
