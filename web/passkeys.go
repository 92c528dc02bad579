package web

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/aaguid"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/passkey"
	"github.com/latchkey-auth/latchkey/signin"
)

func passkeysPage(c *call) (*reply, error) {
	o, err := c.h.service.Overview(c.r.Context(), *c.caller.User)
	if err != nil {
		return nil, err
	}
	list := make([]map[string]any, len(o.Passkeys))
	for i, k := range o.Passkeys {
		list[i] = passkeyJSON(k)
	}
	return &reply{
		body: map[string]any{"registered_credentials": list, "advice": codesOf(o.Advice)},
		page: "wan-register",
		data: passkeysData{
			Passkeys: passkeyRows(o.Passkeys), FirstAllowed: c.h.service.AllowAsFirstFactor,
			NameMax: c.h.service.NameMaxLength, Advice: c.advice(o.Advice), Accepted: c.accepted(o),
		},
	}, nil
}

// accepted is the complete list of the account's passkeys for the browser's signal (WebAuthn L3 §5.1.10): what is missing from it may be
// deleted there for good.
func (c *call) accepted(o signin.Overview) *acceptedData {
	if o.UserHandle == nil {
		return nil
	}
	a := &acceptedData{RPID: c.h.RPID, UserID: b64(o.UserHandle), CredentialIDs: []string{}}
	for _, k := range o.Passkeys {
		a.CredentialIDs = append(a.CredentialIDs, b64(k.CredentialID))
	}
	return a
}

// passkeyJSON is a row of registered_credentials.
func passkeyJSON(k account.Credential) map[string]any {
	deviceType := "single_device"
	if k.BackupEligible {
		deviceType = "multi_device"
	}
	var discoverable any = "Unknown"
	switch k.Discoverable {
	case account.DiscoverableYes:
		discoverable = true
	case account.DiscoverableNo:
		discoverable = false
	}
	name, known := aaguid.Name(k.AAGUID)
	var authenticator any
	if known {
		authenticator = name
	}
	transports := k.Transports
	if transports == nil {
		transports = []string{}
	}
	return map[string]any{
		"id": k.ID, "name": k.Nickname, "credential_id": b64(k.CredentialID), "transports": transports,
		"lastuse": k.LastUsed, "created": k.Created, "usage": k.Usage, "backup_state": k.BackedUp, "device_type": deviceType,
		"discoverable": discoverable, "aaguid": uuidText(k.AAGUID), "authenticator_name": authenticator,
		"user_verified": k.UserVerified, "platform": isPlatform(k),
	}
}

// uuidText is an AAGUID in the form of RFC 9562.
func uuidText(a [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", a[:4], a[4:6], a[6:8], a[8:10], a[10:])
}

// isPlatform: the passkey lives on the device itself, as the client said.
func isPlatform(k account.Credential) bool {
	if k.Attachment != "" {
		return k.Attachment == "platform"
	}
	return slices.Contains(k.Transports, "internal")
}

func passkeyRows(creds []account.Credential) []passkeyRow {
	rows := make([]passkeyRow, len(creds))
	for i, k := range creds {
		name, _ := aaguid.Name(k.AAGUID)
		rows[i] = passkeyRow{
			ID: k.ID, Name: k.Nickname, Authenticator: name, Usage: k.Usage, Transports: k.Transports, Discoverable: k.Discoverable,
			Synced: k.BackedUp, Syncable: k.BackupEligible, Platform: isPlatform(k), UserVerified: k.UserVerified,
			Created: k.Created, LastUsed: k.LastUsed,
		}
		if k.LastUsed.Equal(k.Created) { // registering it was no use of it, to a person
			rows[i].LastUsed = time.Time{}
		}
	}
	return rows
}

func startRegistration(c *call) (*reply, error) {
	in, err := c.texts("name", "usage")
	if err != nil {
		return nil, err
	}
	c.begins()
	started, err := c.h.service.StartRegistration(c.r.Context(), c.caller, in[0], account.Usage(in[1]))
	if err != nil {
		return nil, err
	}
	return c.ceremony("register", "wan-register", started.Options, started.State, nil, map[string]any{})
}

// begins has the policy choose the origin that the ceremony must be finished on.
func (c *call) begins() {
	c.caller.Origin = c.h.service.ChooseOrigin(c.r.Context(), passkey.Request{Origin: c.r.Header.Get("Origin"), Host: c.r.Host, Header: c.r.Header.Get})
}

// ceremony is the answer to the start of a ceremony: the options and the state, or the page that runs it.
func (c *call) ceremony(kind, path string, options any, state string, remember *bool, body map[string]any) (*reply, error) {
	raw, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	body["credential_options"], body["wan_state"] = json.RawMessage(raw), state
	back := c.h.path(path)
	if kind == "register" && !c.caller.SignedIn() {
		back = c.h.path("tf-setup")
	}
	return &reply{body: body, page: "ceremony", data: ceremonyData{
		Kind: kind, Options: raw, Action: c.h.path(path) + "/" + state, Back: withNext(back, c.keptNext()),
		Remember: remember != nil && *remember,
	}}, nil
}

func finishRegistration(c *call) (*reply, error) {
	credential, err := c.fields.credential()
	if err != nil {
		return nil, err
	}
	cred, err := c.h.service.FinishRegistration(c.r.Context(), c.caller, c.r.PathValue("state"), credential)
	if err != nil {
		return nil, err
	}
	rep := &reply{
		to:   c.h.view(c.h.PostRegisterView, "wan-register"),
		note: &note{Kind: noteSuccess, Key: message.WebAuthnRegisterSuccessful, Params: []any{"Name", cred.Nickname}},
	}
	switch next := c.keptNext(); {
	case !c.caller.SignedIn(): // the sign-in goes on with the passkey that it just got
		rep.to = withNext(c.h.path("wan-signin"), next)
	case next != "":
		rep.to = next
	}
	return rep, nil
}

func deletePage(c *call) (*reply, error) { return &reply{to: c.h.path("wan-register")}, nil }

func deletePasskey(c *call) (*reply, error) {
	in, err := c.texts("id", "name")
	if err != nil {
		return nil, err
	}
	cred, err := c.h.service.RemovePasskey(c.r.Context(), c.caller, in[0], in[1])
	if err != nil {
		return nil, err
	}
	return &reply{to: c.h.path("wan-register"), note: &note{Kind: noteSuccess, Key: message.WebAuthnCredentialDeleted, Params: []any{"Name", cred.Nickname}}}, nil
}

func signinPage(c *call) (*reply, error) {
	secondary := c.h.service.Secondary(c.caller)
	d := signinData{Remember: c.h.DefaultRememberMe, Secondary: secondary, Hints: c.h.service.AllowUserHints}
	if secondary {
		d.Remember = c.caller.Pending.Remember
		methods, second, err := c.h.service.SecondMethods(c.r.Context(), c.caller)
		if err != nil {
			return nil, err
		}
		d.Other, d.Recovery = len(methods) > 1, c.h.service.RecoveryCodes && second.RecoveryCodes > 0
		if c.h.service.TwoFactor {
			ways, err := c.h.service.RescueOptions(c.r.Context(), c.caller)
			if err != nil {
				return nil, err
			}
			d.Rescue = slices.ContainsFunc(ways, func(w string) bool { return w != signin.RescueRecovery })
		}
	}
	return &reply{body: map[string]any{"is_secondary": secondary}, page: "wan-signin", data: d}, nil
}

func startSignin(c *call) (*reply, error) {
	identity, err := c.fields.text("identity")
	if err != nil {
		return nil, err
	}
	w, err := c.wish()
	if err != nil {
		return nil, err
	}
	secondary := c.h.service.Secondary(c.caller)
	c.begins()
	started, err := c.h.service.StartSignin(c.r.Context(), c.caller, identity, w)
	if err != nil {
		return nil, err
	}
	return c.ceremony("signin", "wan-signin", started.Options, started.State, w.Remember,
		map[string]any{"remember": w.Remember != nil && *w.Remember, "is_secondary": secondary})
}

func finishSignin(c *call) (*reply, error) {
	credential, err := c.fields.credential()
	if err != nil {
		return nil, err
	}
	w, err := c.wish()
	if err != nil {
		return nil, err
	}
	out, err := c.h.service.FinishSignin(c.r.Context(), c.caller, c.r.PathValue("state"), credential, w)
	if err != nil {
		return nil, err
	}
	return c.signedIn(out, map[string]any{"post_login_url": c.afterLogin(out.Next)}), nil
}

func passkeyVerifyPage(c *call) (*reply, error) {
	d, _, err := verifyDataOf(c)
	return &reply{page: "wan-verify", data: d}, err
}

func startVerify(c *call) (*reply, error) {
	w, err := c.wish()
	if err != nil {
		return nil, err
	}
	c.begins()
	started, err := c.h.service.StartVerify(c.r.Context(), c.caller, w)
	if err != nil {
		return nil, err
	}
	return c.ceremony("verify", "wan-verify", started.Options, started.State, nil, map[string]any{})
}

func finishVerify(c *call) (*reply, error) {
	credential, err := c.fields.credential()
	if err != nil {
		return nil, err
	}
	w, err := c.wish()
	if err != nil {
		return nil, err
	}
	out, err := c.h.service.FinishVerify(c.r.Context(), c.caller, c.r.PathValue("state"), credential, w)
	if err != nil {
		return nil, err
	}
	return c.verified(out), nil
}

func verifyDataOf(c *call) (verifyData, signin.VerifyWays, error) {
	ways, err := c.h.service.VerifyWays(c.r.Context(), *c.caller.User)
	if err != nil {
		return verifyData{}, ways, err
	}
	d := verifyData{Password: ways.Password, Passkey: ways.Passkey, Code: ways.Code}
	held := ways.Passkey || ways.Code || len(ways.Sent) > 0
	// on the way to what a password alone does not open, it is not asked for
	if c.forFactors() && held {
		ok, err := c.h.service.PasswordSuffices(c.r.Context(), c.caller)
		if err != nil {
			return d, ways, err
		}
		d.ForFactors = !ok
		d.Password = d.Password && ok
	}
	if !ways.Passkey && !ways.Code {
		d.Sent = ways.Sent
		if d.State, err = c.fields.text("verify_state"); err != nil { // a wrong code: another may be the right one
			return d, ways, err
		}
	}
	// a session that is fresh was sent here for what it lacks: its second factor
	d.TwoFactors = !d.ForFactors && c.caller.Factors() < 2 && held && c.h.service.FreshWithin(c.caller, c.h.service.Freshness)
	return d, ways, nil
}

// forFactors reports whether the person is on the way to a page that changes what protects the account.
func (c *call) forFactors() bool {
	next, _, _ := strings.Cut(c.keptNext(), "?")
	return slices.Contains(c.h.guarding, next)
}

func verifyPage(c *call) (*reply, error) {
	d, ways, err := verifyDataOf(c)
	if err != nil {
		return nil, err
	}
	return &reply{
		body: map[string]any{"user": c.user(*c.caller.User), "has_webauthn_verify_credential": ways.Passkey},
		page: "verify", data: d,
	}, nil
}

func verifyPassword(c *call) (*reply, error) {
	in, err := c.texts("password", "send", "verify_state")
	if err != nil {
		return nil, err
	}
	if in[1] != "" {
		return sendVerifyCode(c, account.Method(in[1]))
	}
	code, err := c.fields.code("code")
	if err != nil {
		return nil, err
	}
	w, err := c.wish()
	if err != nil {
		return nil, err
	}
	out, err := c.h.service.Verify(c.r.Context(), c.caller, signin.Proof{Password: in[0], Code: code, State: in[2]}, w)
	if err != nil {
		return nil, err
	}
	return c.verified(out), nil
}

// sendVerifyCode sends a code to somebody whose second factor is a mail or a text message, and asks for it.
func sendVerifyCode(c *call, m account.Method) (*reply, error) {
	token, err := c.h.service.SendVerifyCode(c.r.Context(), c.caller, m)
	if err != nil {
		return nil, err
	}
	second, err := c.h.service.SecondFactors(c.r.Context(), c.caller.User.ID)
	if err != nil {
		return nil, err
	}
	f, _ := second.Code(m)
	d, _, err := verifyDataOf(c)
	if err != nil {
		return nil, err
	}
	d.State, d.SentTo = token, c.text("verify.sent", "Where", where(*c.caller.User, m, f.Phone))
	return &reply{body: map[string]any{"verify_state": token, "tf_method": m}, page: "verify", data: d}, nil
}

// verified is the answer to a verification.
func (c *call) verified(out signin.Outcome) *reply {
	c.keep(out)
	user := c.user(out.User)
	if out.Bearer != "" {
		user["authentication_token"] = out.Bearer
	}
	to := out.Next
	if to == "" {
		to = c.h.view(c.h.PostVerifyView, "")
	}
	return &reply{body: map[string]any{"user": user}, to: to, note: &note{Kind: noteSuccess, Key: message.ReauthenticationSuccessful}}
}

// outcome hears from a browser how a ceremony ended there. It is for measuring alone: nothing is stored, and nobody is looked up.
func outcome(c *call) (*reply, error) {
	in, err := c.texts("ceremony", "outcome")
	if err != nil {
		return nil, err
	}
	if !c.h.service.EndedInBrowser(in[0], in[1]) {
		return nil, &signin.Refusal{Key: message.APIError, Field: "outcome"}
	}
	return &reply{to: c.h.path("")}, nil
}
