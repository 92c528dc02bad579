package web

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"slices"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/factor"
	"github.com/latchkey-auth/latchkey/internal/qr"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// waits is the answer to a step that leaves a sign-in pending: the contract's pending body, or the page that is next.
func (c *call) waits(out signin.Outcome) *reply {
	if out.PendingToken != "" {
		c.setCookie(pendingCookie(c.secure), out.PendingToken, 0, http.SameSiteLaxMode)
	}
	p := out.Pending
	body := map[string]any{"tf_required": true}
	to := "tf-validate"
	switch {
	case p.State == account.PendingSelect:
		body["tf_select"], body["tf_setup_methods"] = true, out.Methods
		to = "tf-select"
	case p.State == account.PendingReady && p.Method == account.MethodPasskey:
		body["tf_state"], body["tf_method"], body["tf_signin_url"] = p.State, p.Method, c.h.path("wan-signin")
		to = "wan-signin"
	case p.State == account.PendingReady:
		body["tf_state"], body["tf_method"], body["tf_primary_method"] = p.State, p.Method, p.Method
	default:
		body["tf_state"] = p.State
		to = "tf-setup"
	}
	return &reply{body: body, to: withNext(c.h.path(to), out.Next)}
}

// methodRows are the methods that an account may have, and has; none where none are on offer.
func (c *call) methodRows(user account.User, second account.SecondFactors) []methodRow {
	var rows []methodRow
	if !c.h.service.TwoFactor {
		return nil
	}
	for _, m := range c.h.service.TwoFactorMethods {
		f, ok := second.Code(m)
		row := methodRow{Method: m, SetUp: ok, Since: f.Created}
		if ok {
			row.Where = where(user, f.Method, f.Phone)
		}
		rows = append(rows, row)
	}
	return rows
}

// where a code goes to, so that its owner recognises it and nobody else learns it.
func where(user account.User, m account.Method, phone string) string {
	switch m {
	case account.MethodEmail:
		return factor.MaskEmail(user.Email)
	case account.MethodSMS:
		return factor.MaskPhone(phone)
	}
	return ""
}

func selectPage(c *call) (*reply, error) {
	methods, second, err := c.h.service.SecondMethods(c.r.Context(), c.caller)
	if err != nil {
		return nil, err
	}
	d := selectData{}
	for _, m := range methods {
		f, _ := second.Code(m)
		d.Methods = append(d.Methods, methodRow{Method: m, SetUp: true, Where: where(*c.caller.PendingUser, m, f.Phone), Since: f.Created})
	}
	return &reply{body: map[string]any{"tf_select": true, "tf_setup_methods": methods}, page: "tf-select", data: d}, nil
}

func selectMethod(c *call) (*reply, error) {
	which, err := c.fields.text("which")
	if err != nil {
		return nil, err
	}
	out, err := c.h.service.Choose(c.r.Context(), c.caller, account.Method(which))
	if err != nil {
		return nil, err
	}
	out.Pending = c.caller.Pending
	if next := c.keptNext(); next != "" {
		out.Next = next
	}
	return c.waits(out), nil
}

// rescueURLs are where each way out is asked for.
func (c *call) rescueURLs(opts []string) map[string]string {
	urls := map[string]string{}
	for _, o := range opts {
		urls[o] = c.h.path("tf-rescue")
		if o == signin.RescueRecovery {
			urls[o] = c.h.path("mf-recovery")
		}
	}
	return urls
}

// validation is what the pages of tf-validate and tf-rescue share.
func (c *call) validation(page, problem string) (*reply, error) {
	p := c.caller.Pending
	d := validateData{Problem: problem, Method: p.Method, Setup: p.State == account.PendingValidating, Rescue: map[string]string{}}
	var opts []string
	if !d.Setup {
		methods, second, err := c.h.service.SecondMethods(c.r.Context(), c.caller)
		if err != nil {
			return nil, err
		}
		if p.State == account.PendingReady {
			if opts, err = c.h.service.RescueOptions(c.r.Context(), c.caller); err != nil {
				return nil, err
			}
		}
		d.Other = len(methods) > 1
		f, _ := second.Code(p.Method)
		if p.Code != nil {
			d.SentTo = where(*c.caller.PendingUser, p.Method, f.Phone)
		}
		for _, o := range opts {
			d.Rescue[o] = c.text(message.Key("rescue." + o))
		}
	}
	return &reply{body: map[string]any{"recovery_options": c.rescueURLs(opts)}, page: page, data: d}, nil
}

func validatePage(c *call) (*reply, error) { return c.validation("tf-validate", "") }

func validate(c *call) (*reply, error) {
	code, err := c.fields.code("code")
	if err != nil {
		return nil, err
	}
	w, err := c.wish()
	if err != nil {
		return nil, err
	}
	out, err := c.h.service.Validate(c.r.Context(), c.caller, code, w)
	if err != nil {
		return nil, err
	}
	rep := c.signedIn(out, nil)
	rep.note = &note{Kind: noteSuccess, Key: message.TwoFactorLoginSuccessful}
	return rep, nil
}

func rescuePage(c *call) (*reply, error) { return c.validation("tf-rescue", "") }

func rescue(c *call) (*reply, error) {
	option, err := c.fields.text("help_setup")
	if err != nil {
		return nil, err
	}
	if err := c.h.service.Rescue(c.r.Context(), c.caller, option); err != nil {
		return nil, err
	}
	rep, err := c.validation("tf-rescue", option)
	if err != nil {
		return nil, err
	}
	switch option {
	case signin.RescueRecovery:
		rep.to = c.h.path("mf-recovery")
	case signin.RescueEmail:
		rep.to, rep.note = c.h.path("tf-validate"), &note{Kind: noteInfo, Key: message.CodeHasBeenSent}
	}
	if rep.to != "" {
		rep.to = withNext(rep.to, c.keptNext())
	}
	return rep, nil
}

func recoveryPage(*call) (*reply, error) { return &reply{page: "mf-recovery"}, nil }

func recoverSignin(c *call) (*reply, error) {
	code, err := c.fields.code("code")
	if err != nil {
		return nil, err
	}
	w, err := c.wish()
	if err != nil {
		return nil, err
	}
	out, err := c.h.service.Recover(c.r.Context(), c.caller, code, w)
	if err != nil {
		return nil, err
	}
	return c.signedIn(out, nil), nil
}

func recoveryCodesPage(c *call) (*reply, error) {
	n, err := c.h.service.RecoveryCodesLeft(c.r.Context(), c.caller.User.ID)
	if err != nil {
		return nil, err
	}
	return &reply{
		body: map[string]any{"recovery_codes": []string{}, "recovery_codes_remaining": n},
		page: "mf-recovery-codes", data: recoveryCodesData{Remaining: n},
	}, nil
}

func makeRecoveryCodes(c *call) (*reply, error) {
	codes, err := c.h.service.NewRecoveryCodes(c.r.Context(), c.caller)
	if err != nil {
		return nil, err
	}
	return &reply{
		body: map[string]any{"recovery_codes": codes},
		page: "mf-recovery-codes", data: recoveryCodesData{Codes: codes, Remaining: len(codes)},
	}, nil
}

// setupView is the page of tf-setup, and what a program is told there.
func (c *call) setupView() (*reply, *setupData, error) {
	s := c.h.service
	user := c.caller.User
	if user == nil {
		user = c.caller.PendingUser
	}
	second, err := s.SecondFactors(c.r.Context(), user.ID)
	if err != nil {
		return nil, nil, err
	}
	primary := signin.Primary(second)
	var method, phone any
	if primary != "" {
		method = primary
	}
	sms, hasPhone := second.Code(account.MethodSMS)
	if hasPhone {
		phone = sms.Phone
	}
	d := &setupData{
		Methods: c.methodRows(*user, second), Required: s.TwoFactorRequired, Pending: !c.caller.SignedIn(), NameMax: s.NameMaxLength,
		CanDisable: c.caller.SignedIn() && len(second.Codes) > 0 && !s.TwoFactorRequired, Phone: sms.Phone,
	}
	available := slices.Clone(s.TwoFactorMethods)
	if d.CanDisable {
		available = append([]account.Method{signin.SetupDisable}, available...)
	}
	rep := &reply{page: "tf-setup", data: d, body: map[string]any{
		"tf_required": s.TwoFactorRequired, "tf_method": method, "tf_primary_method": method,
		"tf_phone_number": phone, "tf_available_methods": available,
	}}
	return rep, d, nil
}

func setupPage(c *call) (*reply, error) {
	rep, d, err := c.setupView()
	if err != nil {
		return nil, err
	}
	rep.data = *d
	return rep, nil
}

func startSetup(c *call) (*reply, error) {
	in, err := c.texts("setup", "phone", "which")
	if err != nil {
		return nil, err
	}
	if in[0] == signin.SetupDisable {
		return disable(c, account.Method(in[2]))
	}
	started, err := c.h.service.StartSetup(c.r.Context(), c.caller, account.Method(in[0]), in[1])
	if err != nil {
		return nil, err
	}
	rep, d, err := c.setupView()
	if err != nil {
		return nil, err
	}
	d.Chosen, d.Action = started.Method, c.h.path("tf-validate")
	if started.State != "" {
		d.Action = c.h.path("tf-setup") + "/" + started.State
	}
	rep.body = map[string]any{"tf_state": account.PendingValidating, "tf_method": started.Method, "tf_primary_method": started.Method, "tf_state_token": nil}
	if started.State != "" {
		rep.body["tf_state_token"] = started.State
	}
	user := c.caller.User
	if user == nil {
		user = c.caller.PendingUser
	}
	d.SentTo = where(*user, started.Method, started.Phone)
	if started.Method == account.MethodAuthenticator {
		if err := authenticatorSetup(c, rep, d, started, *user); err != nil {
			return nil, err
		}
	}
	rep.data = *d
	return rep, nil
}

// authenticatorSetup adds the key, as text and as a picture.
func authenticatorSetup(c *call, rep *reply, d *setupData, started signin.SetupStarted, user account.User) error {
	svg, err := qr.SVG(started.URI, c.text("qr.label"))
	if err != nil {
		return err
	}
	d.QR, d.Key, d.URI = svg, started.KeyGroups, started.URI
	rep.body["tf_authr_key"] = d.Key
	rep.body["tf_authr_b32key"] = started.KeyText
	rep.body["tf_authr_username"] = user.Email
	rep.body["tf_authr_issuer"] = started.Issuer
	rep.body["tf_authr_uri"] = started.URI
	return nil
}

// disable removes code methods. Only a signed-in person may; a sign-in that sets one up has none to remove.
func disable(c *call, which account.Method) (*reply, error) {
	if !c.caller.SignedIn() {
		return nil, &signin.Refusal{Key: message.TwoFactorMethodNotAvailable, Field: "setup"}
	}
	if _, err := c.h.service.Disable(c.r.Context(), c.caller, which); err != nil {
		return nil, err
	}
	return &reply{to: cmp.Or(c.keptNext(), c.h.path("tf-setup")), note: &note{Kind: noteSuccess, Key: message.TwoFactorDisabled}}, nil
}

func finishSetup(c *call) (*reply, error) {
	code, err := c.fields.code("code")
	if err != nil {
		return nil, err
	}
	f, err := c.h.service.FinishSetup(c.r.Context(), c.caller, c.r.PathValue("state"), code)
	if err != nil {
		return nil, err
	}
	var phone any
	if f.Phone != "" {
		phone = f.Phone
	}
	return &reply{
		body: map[string]any{"tf_method": f.Method, "tf_primary_method": f.Method, "tf_phone": phone},
		to:   cmp.Or(c.keptNext(), c.h.path("tf-setup")), note: &note{Kind: noteSuccess, Key: message.TwoFactorChangeSuccessful},
	}, nil
}
