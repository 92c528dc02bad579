package captured

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
)

// MaxInput bounds what is read, in bytes.
const MaxInput = 64 << 20

// The kinds of cases.
const (
	registration   = "registration"
	authentication = "authentication"
)

// testCase is one captured response and what the site expected of it.
type testCase struct {
	Kind             string          `json:"kind"`
	RPID             string          `json:"rp_id"`
	Origin           string          `json:"origin"`
	Challenge        *octets         `json:"challenge"`
	UVRequired       bool            `json:"uv_required"`
	PubKeyCredParams []algorithm     `json:"pub_key_cred_params"`
	AllowCrossOrigin bool            `json:"allow_cross_origin"`
	TopOrigins       []string        `json:"top_origins"`
	Mediation        string          `json:"mediation"`
	Response         json.RawMessage `json:"response"`
	VerifyAt         time.Time       `json:"verify_at"`

	StoredPublicKey      *octets      `json:"stored_public_key"`
	StoredSignCount      uint32       `json:"stored_sign_count"`
	StoredBackupEligible *bool        `json:"stored_backup_eligible"`
	StoredUVInitialized  *bool        `json:"stored_uv_initialized"`
	UserHandle           *octets      `json:"user_handle"`
	Discoverable         bool         `json:"discoverable"`
	AllowCredentials     []descriptor `json:"allow_credentials"`
	AppID                string       `json:"appid"`
}

// InputError is a case that can't be judged. Its Hint says what to do about it.
type InputError struct {
	// Case counts from 1; 0: the input is no list.
	Case    int
	Problem string
	Hint    string
}

func (e *InputError) Error() string {
	if e.Case == 0 {
		return e.Problem
	}
	return fmt.Sprintf("case %d: %s", e.Case, e.Problem)
}

// read splits the input into its cases.
func read(in io.Reader) (cases []json.RawMessage, list bool, err error) {
	text, err := io.ReadAll(io.LimitReader(in, MaxInput+1))
	if err != nil {
		return nil, false, err
	}
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\uFEFF")))
	const hint = "give one case, or a list of them, on standard input: latchkey verify-response < case.json"
	switch {
	case len(text) > MaxInput:
		return nil, false, &InputError{Problem: fmt.Sprintf("the input is longer than %d MiB", MaxInput>>20), Hint: "split it"}
	case len(text) == 0:
		return nil, false, &InputError{Problem: "the input is empty", Hint: hint}
	case text[0] == '[':
		if err := json.Unmarshal(text, &cases); err != nil {
			return nil, false, &InputError{Problem: "the input is not JSON: " + err.Error(), Hint: hint}
		}
		return cases, true, nil
	case !json.Valid(text):
		return nil, false, &InputError{Problem: "the input is not one JSON value: " + json.Unmarshal(text, new(any)).Error(), Hint: hint}
	}
	return []json.RawMessage{text}, false, nil
}

// parse reads one case and fills in what an ordinary ceremony has.
func parse(raw json.RawMessage) (testCase, error) {
	var c testCase
	const hint = "latchkey verify-response --help shows a case, docs/verify-response.md every member"
	bad := func(problem, hint string) (testCase, error) { return c, &InputError{Problem: problem, Hint: hint} }
	if len(raw) == 0 || raw[0] != '{' {
		return bad("a case must be an object", hint)
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return bad(plainJSON(err), hint)
	}
	if len(c.Response) > 0 && c.Response[0] == '"' { // the text of a request's field
		var text string
		if err := json.Unmarshal(c.Response, &text); err != nil {
			return bad(plainJSON(err), hint)
		}
		c.Response = json.RawMessage(text)
	}
	switch {
	case c.Kind != registration && c.Kind != authentication:
		return bad(fmt.Sprintf("kind is %q", c.Kind), `it must be "registration" or "authentication"`)
	case len(c.Response) == 0 || string(c.Response) == "null":
		return bad("there is no response", "give what the page sent to the site: the JSON form of the credential")
	case c.Challenge == nil:
		return bad("there is no challenge", "give the one that the site had made, in base64url, as in the options; it must not be taken from the response")
	case c.RPID == "" && c.Origin == "":
		return bad("there is neither rp_id nor origin", `give both, as in "rp_id":"example.com","origin":"https://login.example.com"`)
	case c.Origin == "":
		c.Origin = "https://" + c.RPID
	case c.RPID == "":
		if u, err := url.Parse(c.Origin); err == nil {
			c.RPID = u.Hostname()
		}
	}
	return c, nil
}

// plainJSON says what is wrong with a case in the words of its author.
func plainJSON(err error) string {
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return fmt.Sprintf("%s can't be a %s", wrong.Field, wrong.Value)
	}
	return err.Error()
}

// octets are bytes in base64url. Padding and the other alphabet are read as well: what the bytes are is what matters here.
type octets []byte

// UnmarshalText decodes.
func (o *octets) UnmarshalText(text []byte) error {
	plain := strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(string(text), "="))
	b, err := base64.RawURLEncoding.DecodeString(plain)
	if err != nil {
		return fmt.Errorf("%q is not base64url", text)
	}
	*o = b
	return nil
}

// algorithm is a COSE algorithm, alone or as in the options: {"type":"public-key","alg":-7}.
type algorithm int64

// UnmarshalJSON reads either form.
func (a *algorithm) UnmarshalJSON(text []byte) error {
	if text[0] != '{' {
		return json.Unmarshal(text, (*int64)(a))
	}
	var param struct{ Alg int64 }
	err := json.Unmarshal(text, &param)
	*a = algorithm(param.Alg)
	return err
}

// descriptor is a credential id, alone or as in the options: {"type":"public-key","id":"…"}.
type descriptor struct{ octets }

// UnmarshalJSON reads either form.
func (d *descriptor) UnmarshalJSON(text []byte) error {
	if text[0] != '{' {
		return json.Unmarshal(text, &d.octets)
	}
	var in struct{ ID octets }
	err := json.Unmarshal(text, &in)
	d.octets = in.ID
	return err
}
