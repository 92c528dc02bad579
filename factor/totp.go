package factor

import (
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// TOTPKeySize is the size of a key in bytes, that of an HMAC-SHA1 (RFC 4226 §4, R6).
const TOTPKeySize = 20

const (
	totpPeriod = 30 // seconds (RFC 6238 §5.2)
	totpDrift  = 1  // steps that a clock may be off, each way
	totpDigits = 6
)

var totpText = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewTOTPKey draws a key from rand.
func NewTOTPKey(rand io.Reader) ([]byte, error) {
	key := make([]byte, TOTPKeySize)
	if _, err := io.ReadFull(rand, key); err != nil {
		return nil, fmt.Errorf("factor: drawing a key: %w", err)
	}
	return key, nil
}

// TOTPText is the key as authenticator apps take it: base32 without padding (RFC 4648 §6).
func TOTPText(key []byte) string { return totpText.EncodeToString(key) }

// TOTPGroups is TOTPText in groups of four, for a person to read and type.
func TOTPGroups(key []byte) string { return group(TOTPText(key), 4, " ") }

// TOTPURI is the key as an otpauth URI, for a QR code: "otpauth://totp/Issuer:account?secret=…&issuer=…". The
// format (Google Authenticator's Key URI Format) parts issuer and account with a colon, so that colons within
// either are left out.
func TOTPURI(issuer, account string, key []byte) string {
	issuer = strings.TrimSpace(strings.ReplaceAll(issuer, ":", ""))
	account = strings.TrimSpace(strings.ReplaceAll(account, ":", ""))
	label, query := escape(account), "?secret="+TOTPText(key)
	if issuer != "" {
		label = escape(issuer) + ":" + label
		query += "&issuer=" + escape(issuer)
	}
	return "otpauth://totp/" + label + query +
		fmt.Sprintf("&algorithm=SHA1&digits=%d&period=%d", totpDigits, totpPeriod)
}

// escape leaves nothing but unreserved characters (RFC 3986 §2.3); apps show the plus that a form's encoding makes
// of a space.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// MatchTOTP looks for the time step, now's or the one before or after it, whose code is the one given, and returns
// it. Steps up to and including after never match: give the last step that was accepted, and store the one
// returned, so that no code counts twice (RFC 6238 §5.2). Of several matching steps it is the latest. The time it
// takes does not depend on which matches.
func MatchTOTP(key []byte, code string, now time.Time, after int64) (step int64, ok bool) {
	if len(key) == 0 {
		return 0, false // anybody can compute the codes of an empty key
	}
	code = CleanCode(code)
	current := now.Unix() / totpPeriod
	for candidate := current - totpDrift; candidate <= current+totpDrift; candidate++ {
		want, err := totpCode(key, candidate)
		if err == nil && subtle.ConstantTimeCompare([]byte(code), []byte(want)) == 1 && candidate > after {
			step, ok = candidate, true
		}
	}
	return step, ok
}

// totpCode is the code of one time step (RFC 4226 §5.3).
func totpCode(key []byte, step int64) (string, error) {
	return hotp.GenerateCodeCustom(TOTPText(key), uint64(step),
		hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
}
