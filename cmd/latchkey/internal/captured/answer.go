package captured

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/latchkey-auth/latchkey/passkey"
)

// The reasons that an answer has beside those of package passkey.
const (
	reasonOK                = "ok"
	reasonInput             = "input"
	reasonUnknownCredential = "unknown-credential"
	reasonNotAllowed        = "not-allowed"
	reasonNoUserHandle      = "no-user-handle"
	reasonOtherUserHandle   = "other-user-handle"
)

// answer is what is found out about a case. Members are null where the response could not be read so far.
type answer struct {
	ID        json.RawMessage `json:"id,omitempty"`
	OK        bool            `json:"ok"`
	Reason    string          `json:"reason"`
	Explain   []string        `json:"explain"`
	AAGUID    *string         `json:"aaguid"`
	Format    *string         `json:"fmt"`
	Algorithm *int64          `json:"alg"`
	Flags     *flags          `json:"flags"`
	SignCount *uint32         `json:"sign_count"`
}

// flags are those of the authenticator data (WebAuthn L3 §6.1).
type flags struct {
	UP bool `json:"up"`
	UV bool `json:"uv"`
	BE bool `json:"be"`
	BS bool `json:"bs"`
	AT bool `json:"at"`
	ED bool `json:"ed"`
}

// Run reads a case, or a list of them, and writes a line with the answer, or with the list of answers; with lines, a list is
// answered by a line for each. Where a case in a list can't be judged, its answer says so, the others are judged all the same, and the
// error has an [*InputError] for each such case.
func Run(in io.Reader, out io.Writer, lines bool) error {
	cases, list, err := read(in)
	if err != nil {
		return err
	}
	answers := make([]answer, len(cases))
	var faults []error
	for i, raw := range cases {
		var fault *InputError
		answers[i], err = judge(raw)
		if errors.As(err, &fault) {
			if !list {
				return fault
			}
			fault.Case = i + 1
			faults = append(faults, fault)
		}
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if list && !lines {
		return errors.Join(enc.Encode(answers), errors.Join(faults...))
	}
	for _, a := range answers {
		if err := enc.Encode(a); err != nil {
			return err
		}
	}
	return errors.Join(faults...)
}

// judge answers one case. Its error is an [*InputError].
func judge(raw json.RawMessage) (answer, error) {
	var named struct{ ID json.RawMessage }
	_ = json.Unmarshal(raw, &named) // what is no object has no id, and parse refuses it
	c, err := parse(raw)
	if err != nil {
		return answer{ID: named.ID, Reason: reasonInput, Explain: []string{"input: refused: " + err.Error()}}, err
	}
	j := newJudgement(&c)
	if c.Kind == registration {
		j.registration()
	} else {
		j.authentication()
	}
	j.ID = named.ID
	return j.answer, nil
}

// describe fills in what a response says of itself.
func (a *answer) describe(c passkey.Claims) {
	a.Flags = &flags{c.UserPresent, c.UserVerified, c.BackupEligible, c.BackedUp, c.AttestedData, c.Extensions}
	a.SignCount = &c.SignCount
}

// guid writes an AAGUID as authenticators' makers do.
func guid(id [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
