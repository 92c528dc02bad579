package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/redirect"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// call is one request on its way through an endpoint.
type call struct {
	h      *Handler
	w      http.ResponseWriter
	r      *http.Request
	caller *signin.Caller
	fields fields
	json   bool // the answer is JSON
	secure bool
}

func (h *Handler) call(w http.ResponseWriter, r *http.Request) *call {
	return &call{h: h, w: w, r: r, json: wantsJSON(r), secure: h.secure(r)}
}

// reply is an answer before it is rendered: what a program is told, and what a browser is shown or where it is sent.
type reply struct {
	body map[string]any // JSON: the members of response
	page string         // HTML: the page with data …
	data any
	to   string // … or a redirect
	note *note  // for the page after the redirect
	// Fields keep what was typed for a form that is shown again.
	errors map[string][]string
	status int // of the page; 0 is 200
	// fault: a gate could not find out whether to let the request pass.
	fault error
}

func (c *call) text(key message.Key, params ...any) string {
	return c.h.Messages.Text(c.caller.Lang, key, params...)
}

// next is where the person was on the way to: the form's, or else the query's, if it is a path of this site; else "".
func (c *call) next() (string, error) {
	posted, err := c.fields.text("next")
	if err != nil {
		return "", err
	}
	for _, candidate := range []string{posted, c.r.URL.Query().Get("next")} {
		if next, ok := redirect.Next(candidate); ok {
			return next, nil
		}
	}
	return "", nil
}

// keptNext is next for a redirect or a page that keeps it, where a wrong type has been told already.
func (c *call) keptNext() string {
	n, err := c.next()
	if err != nil {
		return ""
	}
	return n
}

// send renders a reply.
func (c *call) send(rep *reply) {
	if c.json {
		c.sendJSON(http.StatusOK, rep.body)
		return
	}
	if rep.to != "" {
		if rep.note != nil {
			if err := c.setFlashes([]note{*rep.note}); err != nil {
				c.broken(err)
				return
			}
		}
		c.redirect(rep.to)
		return
	}
	c.sendPage(rep)
}

// redirect sends the browser on, with no page of its own on the way.
func (c *call) redirect(to string) {
	c.w.Header().Set("Location", to)
	c.w.WriteHeader(http.StatusFound)
}

// csrfToken is what clients of the reference API expect to be given. Nothing here asks for it back.
func (c *call) csrfToken() (string, error) {
	var raw [32]byte
	if _, err := io.ReadFull(c.h.Rand, raw[:]); err != nil {
		return "", fmt.Errorf("web: random numbers: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// envelope is every JSON answer.
type envelope struct {
	Meta struct {
		Code int `json:"code"`
	} `json:"meta"`
	Response map[string]any `json:"response"`
}

func (c *call) sendJSON(status int, body map[string]any) {
	e := envelope{Response: make(map[string]any, len(body)+1)}
	e.Meta.Code = status
	maps.Copy(e.Response, body)
	if status < 400 {
		token, err := c.csrfToken()
		if err != nil {
			c.broken(err)
			return
		}
		e.Response["csrf_token"] = token
	}
	b, err := json.Marshal(e) // which escapes HTML
	if err != nil {
		c.broken(err)
		return
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	c.write(append(b, '\n'))
}

// write sends the body; a browser that went away is nobody's fault.
func (c *call) write(b []byte) {
	if _, err := c.w.Write(b); err != nil {
		c.h.Log.DebugContext(c.r.Context(), "the answer could not be sent", "error", err.Error())
	}
}

func (c *call) sendPage(rep *reply) {
	v := View{
		Page: rep.page, Lang: c.caller.Lang, Path: c.r.URL.Path,
		Next: c.keptNext(), Flashes: c.takeFlashes(), Errors: rep.errors, Data: rep.data, Fields: c.typed(),
	}
	if c.h.TemplateValues != nil {
		v.Values = c.h.TemplateValues(c.r.WithContext(context.WithValue(c.r.Context(), contextKey{}, c.caller)), rep.page)
	}
	if err := c.show(v, cmp.Or(rep.status, http.StatusOK)); err != nil {
		c.broken(err)
	}
}

// show renders a page and sends it. Where it fails, nothing has been sent.
func (c *call) show(v View, status int) error {
	var err error
	if v.Nonce, err = c.csrfToken(); err != nil {
		return err
	}
	v.Site, v.Registerable, v.FirstPasskey = c.h.service.SiteName, c.h.Registerable, c.h.service.AllowAsFirstFactor
	v.TwoFactor, v.RecoveryCodes = c.h.service.TwoFactor, c.h.service.RecoveryCodes
	if c.caller.SignedIn() {
		v.Email = c.caller.User.Email
	}
	var b bytes.Buffer
	if err := c.h.render.page(&b, v); err != nil {
		return err
	}
	head := c.w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Language", v.Lang)
	head.Set("Content-Security-Policy", "default-src 'none'; script-src 'self' 'nonce-"+v.Nonce+"'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "+
		"form-action "+c.h.formTargets+"; base-uri 'none'; frame-ancestors 'none'")
	head.Set("X-Frame-Options", "DENY")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Vary", "Accept, Accept-Language, Cookie")
	c.w.WriteHeader(status)
	c.write(b.Bytes())
	return nil
}

// outage is the page for as long as the database is away. It is made without it: of nothing that is read there, nor of the app's own values,
// which may be; and the notes wait for a page that can be read in peace.
func (c *call) outage() View {
	lang := c.h.Messages.Match(c.r.Header.Get("Accept-Language"))
	data := errorData{Status: http.StatusServiceUnavailable, Text: c.h.Messages.Text(lang, "status.503")}
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		if again, ok := redirect.Next(c.r.URL.RequestURI()); ok {
			data.Again = again
		}
	}
	return View{Page: "error", Lang: lang, Path: c.r.URL.Path, Data: data}
}

// typed is what a form had, for showing it again: never a password, a code or a credential.
func (c *call) typed() map[string]string {
	out := map[string]string{}
	for _, name := range []string{"email", "identity", "name", "usage", "phone", "remember"} {
		if v := c.fields.form.Get(name); v != "" {
			out[name] = v
		}
	}
	return out
}

// statusOf is the one table from message keys to statuses; every other key is a 400.
func statusOf(key message.Key) int {
	switch key {
	case message.Unauthenticated, message.ReauthenticationRequired:
		return http.StatusUnauthorized
	case message.Unauthorized:
		return http.StatusForbidden
	case message.TooManyAttempts:
		return http.StatusTooManyRequests
	case message.FailedToSendCode:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// problem is an error as it is told: a status, texts and codes in one order, and the texts by field.
type problem struct {
	status int
	errors []string
	codes  []message.Key
	fields map[string][]string
	retry  int // seconds
	notes  []note
	next   string // as the ceremony that failed remembers it
}

func (p *problem) add(c *call, key, text message.Key, field string, params ...any) {
	t := c.text(text, params...)
	p.errors, p.codes = append(p.errors, t), append(p.codes, key)
	p.fields[field] = append(p.fields[field], t)
	p.notes = append(p.notes, note{Kind: noteError, Key: text, Params: params})
}

// problemOf reads an error. It is nil for a failure of the system, which is told to nobody.
func (c *call) problemOf(err error) *problem {
	p := &problem{fields: map[string][]string{}}
	var bad *badRequest
	if errors.As(err, &bad) {
		p.status = bad.status
		p.add(c, message.APIError, message.APIError, bad.field)
		return p
	}
	var many signin.Refusals
	if !errors.As(err, &many) {
		r, ok := signin.AsRefusal(err)
		if !ok {
			return nil
		}
		many = signin.Refusals{r}
	}
	for _, r := range many {
		p.status = statusOf(r.Key)
		text := r.Text
		if text == "" {
			text = r.Key
		}
		p.add(c, r.Key, text, r.Field, r.Params...)
		p.next = r.Next
		if r.RetryAfter > 0 {
			p.retry = int((r.RetryAfter.Seconds())) + 1
		}
	}
	return p
}

func (c *call) sendProblem(p *problem, more map[string]any) {
	body := map[string]any{"errors": p.errors, "error_codes": p.codes, "field_errors": p.fields}
	maps.Copy(body, more)
	c.sendJSON(p.status, body)
}

// fail answers with one key of no field and a status of its own, as JSON or as a page.
func (c *call) fail(status int, key message.Key) {
	p := &problem{status: status, fields: map[string][]string{}}
	p.add(c, key, key, "")
	if c.json {
		c.sendProblem(p, nil)
		return
	}
	c.sendPage(&reply{page: "error", status: status, data: errorData{Status: status, Text: c.text(message.Key("status." + strconv.Itoa(status)))}})
}

// broken answers a failure of the system: 503 where the store cannot be reached, else 500, and a line in the log.
func (c *call) broken(err error) {
	if c.r.Context().Err() != nil {
		// mostly nobody is there any more; who only sent all that there was to send must not read an empty answer as a success
		c.w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	status := http.StatusInternalServerError
	if unavailable(err) {
		status = http.StatusServiceUnavailable
		c.w.Header().Set("Retry-After", "5")
	}
	c.h.Log.ErrorContext(c.r.Context(), "request failed", "route", c.r.Pattern, "status", status, "error", err.Error())
	if c.caller == nil {
		c.caller = &signin.Caller{Client: signin.Client{Lang: "en"}}
	}
	p := &problem{status: status, fields: map[string][]string{}}
	p.add(c, message.APIError, message.APIError, "")
	if c.json {
		c.sendProblem(p, nil)
		return
	}
	if status == http.StatusServiceUnavailable {
		if err := c.show(c.outage(), status); err == nil {
			return
		}
	}
	// no page: what failed may be the pages
	c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	c.w.WriteHeader(status)
	c.write([]byte(http.StatusText(status) + "\n"))
}

// user is the public payload of an account.
func (c *call) user(u account.User) map[string]any {
	if c.h.UserPayload != nil {
		if own := maps.Clone(c.h.UserPayload(u)); own != nil {
			return own
		}
		return map[string]any{}
	}
	return map[string]any{"email": u.Email}
}
