package captured

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/passkey"
)

// judgement is an answer in the making.
type judgement struct {
	answer
	c  *testCase
	rp *passkey.RelyingParty
}

func newJudgement(c *testCase) *judgement {
	rp, err := passkey.Unchecked(passkey.Config{
		RPID: c.RPID, Origins: []string{c.Origin}, AllowCrossOrigin: c.AllowCrossOrigin, TopOrigins: c.TopOrigins,
	})
	j := &judgement{c: c, rp: rp}
	j.Explain = []string{}
	if err != nil {
		j.note("site", "Latchkey could not be set up so (%s); judged all the same, with origins compared byte for byte",
			strings.ReplaceAll(strings.TrimPrefix(err.Error(), "passkey: "), "\n", "; "))
	}
	return j
}

func (j *judgement) note(name, format string, args ...any) {
	j.Explain = append(j.Explain, name+": "+fmt.Sprintf(format, args...))
}

// refuse ends the answer.
func (j *judgement) refuse(reason, name, format string, args ...any) {
	j.Reason = reason
	j.note(name, "refused: "+format, args...)
}

// walk tells the steps up to the one that the error is of, which it ends with, or all of them.
func (j *judgement) walk(steps []step, err error) (ok bool) {
	var refusal *passkey.Error
	failed := errors.As(err, &refusal)
	for _, s := range steps {
		if failed && s.isOf(refusal.Reason) {
			what := s.want
			if s.found != "" {
				what += "; found " + s.found
			}
			if cause := errors.Unwrap(err); cause != nil && !strings.HasSuffix(what, cause.Error()) {
				what += " (" + cause.Error() + ")"
			}
			j.refuse(refusal.Reason, s.name, "%s", what)
			return false
		}
		if s.found == "" {
			j.note(s.name, "good: %s", s.want)
		} else {
			j.note(s.name, "good: %s; found %s", s.want, s.found)
		}
	}
	if failed {
		j.refuse(refusal.Reason, refusal.Reason, "%s", refusal.Error())
	}
	return !failed
}

func (j *judgement) registration() {
	c := j.c
	parsed, err := passkey.ParseRegistration(c.Response)
	if !j.walk(registrationForm, err) {
		return
	}
	says := parsed.Claims()
	id := guid(says.AAGUID)
	j.describe(says)
	j.AAGUID, j.Format = &id, &says.AttestationFormat
	if says.Algorithm != 0 {
		j.Algorithm = &says.Algorithm
	}
	check := passkey.RegistrationCheck{
		Challenge: *c.Challenge, Origin: c.Origin, RequireUserVerification: c.UVRequired, Conditional: c.Mediation == "conditional", At: c.VerifyAt,
	}
	for _, a := range c.PubKeyCredParams {
		check.Algorithms = append(check.Algorithms, int64(a))
	}
	made, err := j.rp.VerifyRegistration(parsed, check)
	if j.walk(c.registrationSteps(says, parsed.UnauthenticatedCredentialID), err) {
		j.OK, j.Reason = true, reasonOK
		j.note("result", "the registration is good; whether the id is registered already is for the site's database to say. Store public key %s, sign count %d, backup eligible %t, user verified %t",
			base64url(made.PublicKey), made.SignCount, made.BackupEligible, made.UserVerified)
	}
}

func (j *judgement) authentication() {
	c := j.c
	parsed, err := passkey.ParseAuthentication(c.Response)
	if !j.walk(authenticationForm, err) {
		return
	}
	says := parsed.Claims()
	j.describe(says)
	if !j.known(parsed.UnauthenticatedCredentialID) {
		return
	}
	stored := account.Credential{
		CredentialID: parsed.UnauthenticatedCredentialID, PublicKey: *c.StoredPublicKey, SignCount: c.StoredSignCount,
		BackupEligible: says.BackupEligible, UserVerified: true,
	}
	if c.StoredBackupEligible != nil {
		stored.BackupEligible = *c.StoredBackupEligible
	}
	if c.StoredUVInitialized != nil {
		stored.UserVerified = *c.StoredUVInitialized
	}
	use, err := j.rp.VerifyAuthentication(parsed, stored, passkey.AuthenticationCheck{
		Challenge: *c.Challenge, Origin: c.Origin, RequireUserVerification: c.UVRequired, AppID: c.AppID,
	})
	if !j.walk(c.authenticationSteps(says), err) || !j.owner(parsed.UnauthenticatedUserHandle) {
		return
	}
	j.OK, j.Reason = true, reasonOK
	counts := "and counts"
	switch {
	case !says.UserVerified:
		counts = "so that it proves possession alone"
	case !use.UserVerified:
		counts = "but does not count: the registration had none (stored_uv_initialized)"
	}
	j.note("result", "the authentication is good. Store sign count %d, backed up %t. User verified: %t, %s", use.SignCount, use.BackedUp, says.UserVerified, counts)
}

// known makes the checks of the credential id, before all others.
func (j *judgement) known(id []byte) bool {
	c := j.c
	if c.StoredPublicKey == nil {
		j.refuse(reasonUnknownCredential, "credential", "the site has no passkey with the id %s: there is no stored_public_key", base64url(id))
		return false
	}
	if key := passkey.AlgorithmOf(*c.StoredPublicKey); key != 0 {
		j.Algorithm = &key
	}
	if len(c.AllowCredentials) == 0 {
		j.note("allowed", "good: any passkey might answer (no allow_credentials)")
		return true
	}
	for _, allowed := range c.AllowCredentials {
		if bytes.Equal(allowed.octets, id) {
			j.note("allowed", "good: the id is one of the %d in allow_credentials", len(c.AllowCredentials))
			return true
		}
	}
	j.refuse(reasonNotAllowed, "allowed", "the id %s is none of the %d in allow_credentials", base64url(id), len(c.AllowCredentials))
	return false
}

// owner makes the checks of the user handle, which no signature covers, after all others.
func (j *judgement) owner(handle []byte) bool {
	c := j.c
	switch {
	case handle == nil && c.Discoverable:
		j.refuse(reasonNoUserHandle, "user handle", "the sign-in began without a known user, and the response does not say whose it is")
		return false
	case handle == nil:
		j.note("user handle", "good: none, and the user was known")
	case c.UserHandle == nil || len(*c.UserHandle) == 0:
		j.note("user handle", "not compared: found %s, and the case does not say whose it must be (user_handle)", base64url(handle))
	case !bytes.Equal(handle, *c.UserHandle):
		j.refuse(reasonOtherUserHandle, "user handle", "must be %s, the account's; found %s", base64url(*c.UserHandle), base64url(handle))
		return false
	default:
		j.note("user handle", "good: it is the account's")
	}
	return true
}
