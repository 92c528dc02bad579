package web

import (
	"cmp"
	"net/http"
	"strconv"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/device"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

func itoa(n int) string { return strconv.Itoa(n) }

// home is the site's front: what it is, or the person's own page.
func home(c *call) (*reply, error) {
	if c.caller.SignedIn() {
		return &reply{body: map[string]any{"user": c.user(*c.caller.User)}, to: c.h.path("account")}, nil
	}
	return &reply{page: "landing"}, nil
}

func loginPage(c *call) (*reply, error) {
	rep := &reply{body: map[string]any{"identity_attributes": []string{"email"}}, page: "login", data: loginData{Remember: c.h.DefaultRememberMe}}
	if c.caller.SignedIn() {
		rep.body["user"] = c.user(*c.caller.User)
		rep.to = c.afterLogin("") // not next: a page that sends the signed-in here would have them go round in circles
	}
	return rep, nil
}

func login(c *call) (*reply, error) {
	if c.caller.SignedIn() {
		return nil, &signin.Refusal{Key: message.AnonymousUserRequired}
	}
	in, err := c.texts("email", "password")
	if err != nil {
		return nil, err
	}
	w, err := c.wish()
	if err != nil {
		return nil, err
	}
	if err := c.startOver(); err != nil {
		return nil, err
	}
	out, err := c.h.service.Login(c.r.Context(), c.caller, in[0], in[1], w)
	if err != nil {
		return nil, err
	}
	return c.signedIn(out, nil), nil
}

// startOver drops a pending sign-in of this browser.
func (c *call) startOver() error {
	c.dropCookie(pendingCookie(c.secure))
	return c.h.service.DropPending(c.r.Context(), c.caller)
}

func registerPage(c *call) (*reply, error) {
	return &reply{page: "register", data: registerData{MinLength: c.h.service.PasswordLengthMin, MailFirst: c.h.Confirmable}}, nil
}

func register(c *call) (*reply, error) {
	in, err := c.texts("email", "password", "password_confirm")
	if err != nil {
		return nil, err
	}
	w, err := c.wish()
	if err != nil {
		return nil, err
	}
	n := signin.NewAccount{Email: in[0], Password: in[1]}
	if c.fields.has("password_confirm") || c.fields.json == nil {
		n.Confirm = &in[2]
	}
	if err := c.startOver(); err != nil {
		return nil, err
	}
	if c.h.Confirmable {
		return c.askConfirmation(in[0])
	}
	out, err := c.h.service.Register(c.r.Context(), c.caller, n, w)
	if err != nil {
		return nil, err
	}
	return c.signedIn(out, nil), nil
}

// signedIn is the answer to a step of a sign-in: the session with its cookies, or the page that is next.
func (c *call) signedIn(out signin.Outcome, more map[string]any) *reply {
	if out.Known != "" {
		c.setCookie(knownCookie(c.secure), out.Known, signin.KnownFor, http.SameSiteLaxMode)
	}
	if out.Pending != nil {
		return c.waits(out)
	}
	c.keep(out)
	user := c.user(out.User)
	if out.Bearer != "" {
		user["authentication_token"] = out.Bearer
	}
	body := map[string]any{"user": user, "tf_required": false}
	for k, v := range more {
		body[k] = v
	}
	return &reply{body: body, to: c.afterLogin(out.Next)}
}

// keep gives the browser the cookies of an outcome. A caller with a bearer token gets none.
func (c *call) keep(out signin.Outcome) {
	if out.Token != "" {
		life := c.h.RememberLifetime
		if !out.Session.Remember {
			life = 0
		}
		c.setCookie(sessionCookie(c.secure), out.Token, life, http.SameSiteLaxMode)
	}
	if out.Device != "" {
		c.setCookie(deviceCookie, out.Device, c.h.service.TwoFactorLoginValidity, http.SameSiteStrictMode)
	}
	if out.Pending == nil {
		c.dropCookie(pendingCookie(c.secure))
	}
}

func logout(c *call) (*reply, error) {
	if err := c.h.service.Logout(c.r.Context(), c.caller); err != nil {
		return nil, err
	}
	for _, name := range []string{sessionCookie(c.secure), pendingCookie(c.secure), graceCookie(c.secure)} {
		c.dropCookie(name)
	}
	return &reply{to: cmp.Or(c.keptNext(), c.h.view(c.h.PostLogoutView, ""))}, nil
}

func changePage(c *call) (*reply, error) {
	has := c.caller.User.HasPassword()
	return &reply{
		body: map[string]any{"has_password": has},
		page: "change", data: changeData{Has: has, MinLength: c.h.service.PasswordLengthMin},
	}, nil
}

func changePassword(c *call) (*reply, error) {
	in, err := c.texts("password", "new_password", "new_password_confirm")
	if err != nil {
		return nil, err
	}
	p := signin.PasswordChange{Current: in[0], New: in[1]}
	if c.fields.has("new_password_confirm") || c.fields.json == nil {
		p.Confirm = &in[2]
	}
	out, err := c.h.service.ChangePassword(c.r.Context(), c.caller, p)
	if err != nil {
		return nil, err
	}
	c.keep(out)
	return &reply{body: map[string]any{"user": c.user(out.User)}, to: cmp.Or(c.keptNext(), c.h.path("account")), note: &note{Kind: noteSuccess, Key: "flash.password_changed"}}, nil
}

func listSessions(c *call) (*reply, error) {
	all, err := c.h.service.Sessions(c.r.Context(), c.caller)
	if err != nil {
		return nil, err
	}
	list := make([]map[string]any, len(all))
	for i, s := range all {
		methods := s.Methods
		if methods == nil {
			methods = []account.Method{}
		}
		list[i] = map[string]any{
			"id": s.ID, "current": s.ID == c.caller.Session.ID, "created": s.Created, "last_seen": s.LastSeen,
			"amr": methods, "user_agent": s.UserAgent, "address": s.Address, "kind": s.Kind,
		}
	}
	return &reply{body: map[string]any{"sessions": list}, to: c.h.path("account")}, nil
}

func endSessions(c *call) (*reply, error) {
	id, err := c.fields.text("id")
	if err != nil {
		return nil, err
	}
	others, err := c.fields.flag("others")
	if err != nil {
		return nil, err
	}
	all, err := c.fields.flag("all")
	if err != nil {
		return nil, err
	}
	e := signin.Ending{ID: id, Others: others != nil && *others, All: all != nil && *all}
	n, err := c.h.service.EndSessions(c.r.Context(), c.caller, e)
	if err != nil {
		return nil, err
	}
	rep := &reply{body: map[string]any{"ended": n}, to: c.h.path("account"), note: &note{Kind: noteSuccess, Key: "flash.sessions_ended", Params: []any{"N", n}}}
	if e.All || (!e.Others && e.ID == c.caller.Session.ID) {
		c.dropCookie(sessionCookie(c.secure))
		rep.to = c.h.path("login")
	}
	return rep, nil
}

func accountPage(c *call) (*reply, error) {
	user := *c.caller.User
	o, err := c.h.service.Overview(c.r.Context(), user)
	if err != nil {
		return nil, err
	}
	sessions, err := c.h.service.Sessions(c.r.Context(), c.caller)
	if err != nil {
		return nil, err
	}
	d := accountData{
		Created: user.Created, HasPassword: user.HasPassword(), Passkeys: passkeyRows(o.Passkeys),
		Methods: c.methodRows(user, o.Second), Remaining: o.Second.RecoveryCodes, Advice: c.advice(o.Advice),
	}
	for _, s := range sessions {
		d.Sessions = append(d.Sessions, sessionRow{
			ID: s.ID, Kind: s.Kind, Current: s.ID == c.caller.Session.ID, Device: device.Describe(s.UserAgent), Address: s.Address,
			Created: s.Created, LastSeen: s.LastSeen, Methods: s.Methods,
		})
	}
	return &reply{body: map[string]any{"user": c.user(user), "advice": codesOf(o.Advice)}, page: "account", data: d}, nil
}

// advice is what the codes say.
func (c *call) advice(a []signin.Advice) []string {
	var out []string
	for _, x := range a {
		out = append(out, c.text(message.Key("advice."+string(x))))
	}
	return out
}

func codesOf(a []signin.Advice) []signin.Advice {
	if a == nil {
		return []signin.Advice{}
	}
	return a
}
