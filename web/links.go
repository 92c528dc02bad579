package web

import (
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// The pages behind links in mails. GET shows a form and changes nothing, for mail scanners open links; POST uses the link up.

// askConfirmation is the answer to a registration where the address must be confirmed first: the same for every address.
func (c *call) askConfirmation(email string) (*reply, error) {
	base := c.h.Origins[0] + c.h.path("confirm") + "/"
	if err := c.h.service.AskConfirmation(c.r.Context(), c.caller, email, base); err != nil {
		return nil, err
	}
	text := c.text(message.ConfirmationRequired)
	return &reply{
		body: map[string]any{"confirmation_required": true},
		page: "message", data: messageData{Title: c.text("flash.check_mail"), Text: text},
	}, nil
}

func confirmPage(c *call) (*reply, error) {
	email, err := c.h.service.ConfirmationEmail(c.r.PathValue("state"))
	if err != nil {
		return nil, err
	}
	return &reply{
		body: map[string]any{"email": email},
		page: "confirm", data: confirmData{Email: email, MinLength: c.h.service.PasswordLengthMin},
	}, nil
}

func confirm(c *call) (*reply, error) {
	in, err := c.texts("password", "password_confirm")
	if err != nil {
		return nil, err
	}
	n := signin.NewAccount{Password: in[0]}
	if c.fields.has("password_confirm") || c.fields.json == nil {
		n.Confirm = &in[1]
	}
	out, err := c.h.service.Confirm(c.r.Context(), c.caller, c.r.PathValue("state"), n)
	if err != nil {
		return nil, err
	}
	rep := c.signedIn(out, nil)
	rep.note = &note{Kind: noteSuccess, Key: "flash.confirmed"}
	return rep, nil
}

func reopenPage(c *call) (*reply, error) {
	user, err := c.h.service.ReopenUser(c.r.Context(), c.r.PathValue("state"))
	if err != nil {
		return nil, err
	}
	return &reply{body: map[string]any{"email": user.Email}, page: "reopen", data: reopenData{Email: user.Email}}, nil
}

func reopen(c *call) (*reply, error) {
	if err := c.h.service.Reopen(c.r.Context(), c.caller, c.r.PathValue("state")); err != nil {
		return nil, err
	}
	return &reply{body: map[string]any{}, to: c.h.path("login"), note: &note{Kind: noteSuccess, Key: "flash.reopened"}}, nil
}

func recoverPage(c *call) (*reply, error) {
	user, err := c.h.service.RecoveryUser(c.r.Context(), c.r.PathValue("state"))
	if err != nil {
		return nil, err
	}
	o, err := c.h.service.Overview(c.r.Context(), user)
	if err != nil {
		return nil, err
	}
	factors := len(o.Passkeys) > 0 || len(o.Second.Codes) > 0 || o.Second.RecoveryCodes > 0
	return &reply{page: "recover", data: recoverData{Email: user.Email, MinLength: c.h.service.PasswordLengthMin, Factors: factors}}, nil
}

func recoverAccount(c *call) (*reply, error) {
	in, err := c.texts("new_password", "new_password_confirm")
	if err != nil {
		return nil, err
	}
	r := signin.Recovery{New: in[0]}
	if c.fields.has("new_password_confirm") || c.fields.json == nil {
		r.Confirm = &in[1]
	}
	for name, to := range map[string]*bool{"end_sessions": &r.EndSessions, "reset_factors": &r.ResetFactors} {
		yes, err := c.fields.flag(name)
		if err != nil {
			return nil, err
		}
		*to = yes != nil && *yes
	}
	out, err := c.h.service.UseRecoveryLink(c.r.Context(), c.caller, c.r.PathValue("state"), r)
	if err != nil {
		return nil, err
	}
	rep := c.signedIn(out, nil)
	rep.note = &note{Kind: noteSuccess, Key: "flash.password_set"}
	if out.Pending == nil { // the next thing to do is a passkey
		rep.to = c.h.path("wan-register")
	}
	return rep, nil
}
