package password

import (
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxBytes is the longest password, in bytes as typed.
const MaxBytes = 1024

// What is wrong with a new password.
var (
	ErrTooShort = errors.New("password: too short")
	ErrTooLong  = errors.New("password: too long")
	ErrCommon   = errors.New("password: too easily guessed")
)

// Check judges a new password as NIST SP 800-63B-4 §3.1.1.2 asks: its length, and that it is not what is guessed
// first. No rules of composition.
//
// Min is in characters. Guessed first are: the common passwords of the embedded list, one character over and over,
// rows of consecutive characters ("abcdefgh"), the person's address, the part of it before the @, and the words
// given: the site's name, its host. Case does not matter there.
//
// Errors: ErrTooLong; ErrTooShort; ErrCommon.
func Check(password, email string, min int, words ...string) error {
	if len(password) > MaxBytes {
		return ErrTooLong
	}
	if utf8.RuneCountInString(norm.NFKC.String(password)) < min {
		return ErrTooShort
	}
	folded := fold(password)
	if isRow(folded) || isOwn(folded, email, words) {
		return ErrCommon
	}
	common, err := isCommon(folded)
	if err != nil {
		return err
	}
	if common {
		return ErrCommon
	}
	return nil
}

// fold is the form in which two spellings count as one password here.
func fold(s string) string {
	return norm.NFKC.String(strings.ToLower(norm.NFKC.String(s)))
}

func isOwn(folded, email string, words []string) bool {
	email = fold(strings.TrimSpace(email))
	local, _, _ := strings.Cut(email, "@")
	if email != "" && (folded == email || folded == local) {
		return true
	}
	for _, w := range words {
		if w = fold(strings.TrimSpace(w)); w != "" && folded == w {
			return true
		}
	}
	return false
}

// isRow reports whether every character follows the one before by the same step of 0, 1 or -1.
func isRow(s string) bool {
	runes := []rune(s)
	if len(runes) < 2 {
		return false
	}
	step := runes[1] - runes[0]
	if step < -1 || step > 1 {
		return false
	}
	for i := 2; i < len(runes); i++ {
		if runes[i]-runes[i-1] != step {
			return false
		}
	}
	return true
}
