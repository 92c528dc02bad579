package web

import (
	"encoding/json"
	"html/template"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/message"
)

// View is what every page template is given: the same frame around a Data of its own. Templates live in templates/,
// one file a page, each defining "main" for layout.html, and "title" or "width" where the usual ones won't do.
//
// Template functions beside html/template's own: t KEY [NAME VALUE]… (a text of the catalogue), title PAGE, url NAME (the path of an
// endpoint under the prefix: "login", "wan-register", "account" …), link NAME NEXT (the same with next in its query),
// static FILE (its path with the content hash), ago TIME and date TIME (times for people, in <time> elements), dict NAME VALUE…,
// otpauth URI (a link to an authenticator app), dir (the direction of the language), texts (those for the script).
type View struct {
	Page          string // the template's name: "login", "wan-register" …
	Lang          string
	Site          string // WAN_RP_NAME
	Nonce         string // for script elements
	Email         string // of who is signed in; empty if nobody is
	Path          string // where the page's own form posts to, prefix and all
	Next          string // to be kept through every form of the sign-in, may be empty
	Flashes       []Flash
	Fields        map[string]string   // what the person had typed, never a password
	Errors        map[string][]string // texts by field; "" for what belongs to no field
	Registerable  bool
	FirstPasskey  bool // a passkey may start a sign-in here
	TwoFactor     bool // code methods are offered
	RecoveryCodes bool
	// Values are the app's own, of Config.TemplateValues: {{.Values.tagline}}. Nil where it gives none.
	Values map[string]any
	Data   any
}

// Flash is a message that a redirect carries to the next page.
type Flash struct {
	Kind string `json:"k"` // "success", "error" or "info"
	Text string `json:"t"`
	// Code is the text's key, where the page's script acts on it: WEBAUTHN_UNKNOWN_CREDENTIAL_ID. May be empty.
	Code message.Key `json:"c,omitempty"`
	// Link is the path of a page that helps with what was said, LinkText what to call it. Both may be empty.
	Link, LinkText string
}

// The Data of each page. A page that is not here has none.
type (
	// loginData is login's: the password form, and the way to the passkey.
	loginData struct {
		Remember bool // the box's first state
	}
	// signinData is wan-signin's. Secondary: it answers a pending sign-in, and asks for no identity.
	signinData struct {
		Remember  bool
		Secondary bool
		Hints     bool // an identity narrows the choice of passkeys
		Other     bool // another method may be chosen instead, at tf-select
		Recovery  bool // a recovery code may be used instead, at mf-recovery
		Rescue    bool // there is a way out, at tf-rescue
	}
	// ceremonyData is that of the page that runs a ceremony ("ceremony"): it goes on by itself, offers a retry, and posts credential
	// (and remember, next) to Action.
	ceremonyData struct {
		Kind     string // "register", "signin", "verify"
		Options  json.RawMessage
		Action   string // …/wan-signin/{state}
		Back     string // where to go when the person gives up
		Remember bool
	}
	// passkeysData is wan-register's: the list and the form.
	passkeysData struct {
		Passkeys     []passkeyRow
		FirstAllowed bool
		NameMax      int
		Advice       []string // texts
		Accepted     *acceptedData
	}
	passkeyRow struct {
		ID, Name, Authenticator string
		Usage                   account.Usage
		Transports              []string
		Discoverable            account.Discoverable
		Synced                  bool // backed up
		Syncable                bool // backup eligible
		Platform                bool
		UserVerified            bool
		Created, LastUsed       time.Time
	}
	// acceptedData lets the script tell the browser which passkeys this account has, so that it stops offering deleted ones. Nil where
	// nothing is to be told.
	acceptedData struct {
		RPID          string   `json:"rpId"`
		UserID        string   `json:"userId"`        // the user handle, base64url
		CredentialIDs []string `json:"credentialIds"` // all of them, base64url
	}
	// verifyData is verify's and wan-verify's: the forms that this person can use.
	verifyData struct {
		Password, Passkey, Code bool
		Sent                    []account.Method // whose codes can be sent
		State, SentTo           string           // of a code that was sent
		TwoFactors              bool             // something is asked for that lifts the session to two factors
		ForFactors              bool             // something is asked for that opens what changes the factors
	}
	reopenData struct{ Email string }
	// setupData is tf-setup's.
	setupData struct {
		Methods    []methodRow // those that may be set up
		Required   bool
		Pending    bool // in a sign-in: only then is a passkey among the ways
		NameMax    int  // of that passkey's nickname
		CanDisable bool
		Phone      string
		Chosen     account.Method // set once a method is being set up: the page asks for its code
		Action     string         // where that code is posted to: tf-setup/{token}, or tf-validate while pending
		Key        string         // the authenticator's key, in groups of four
		URI        string
		QR         template.HTML // inline SVG
		SentTo     string        // masked address or number that the code went to
	}
	methodRow struct {
		Method account.Method
		SetUp  bool
		Where  string // masked address or number
		Since  time.Time
	}
	// selectData is tf-select's.
	selectData struct{ Methods []methodRow }
	// validateData is tf-validate's and tf-rescue's.
	validateData struct {
		Method  account.Method
		SentTo  string            // masked; empty for the authenticator app
		Setup   bool              // the code confirms a method being set up
		Other   bool              // another method may be chosen
		Rescue  map[string]string // "email", "help", "recovery_code" → text; only those on offer
		Problem string            // the rescue that was asked for
	}
	// recoveryCodesData is mf-recovery-codes'. Codes are there once, right after they were made.
	recoveryCodesData struct {
		Codes     []string
		Remaining int
	}
	// changeData is change's. Has: the account has a password that must be given.
	changeData struct {
		Has       bool
		MinLength int
	}
	// registerData is register's. MailFirst: only the address is asked for, the password is set behind the link in the mail.
	registerData struct {
		MinLength int
		MailFirst bool
	}
	// confirmData is confirm's: the password of the account that is made now.
	confirmData struct {
		Email     string
		MinLength int
	}
	// accountData is account's: every way in, every second factor, what is missing, every session.
	accountData struct {
		Created     time.Time
		HasPassword bool
		Passkeys    []passkeyRow
		Methods     []methodRow
		Remaining   int // recovery codes
		Advice      []string
		Sessions    []sessionRow
	}
	sessionRow struct {
		ID                string
		Kind              account.SessionKind
		Current           bool
		Device            string // in words: "Firefox on Linux"
		Address           string
		Created, LastSeen time.Time
		Methods           []account.Method
	}
	// recoverData is recover's: a new password from a one-time link. The form is posted to View.Path.
	recoverData struct {
		Email     string // whose account it is
		MinLength int
		Factors   bool // there are second factors or passkeys that may be removed
	}
	// messageData is message's: something to know and nothing to fill in, such as "Check your mail".
	messageData struct{ Title, Text string }
	// doctorData is doctor's, in development alone. The findings are in English.
	doctorData struct{ Findings []Finding }
	// errorData is error's.
	errorData struct {
		Status int
		Text   string
		Again  string // the path to ask for again, where that is what helps; may be empty
	}
)

// pageTitle is the key of a page's title.
func pageTitle(page string) message.Key { return message.Key("page." + page + ".title") }
