package names

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What is wrong with a nickname.
var (
	ErrRequired   = errors.New("names: the name is empty")
	ErrTooLong    = errors.New("names: the name is too long")
	ErrCharacters = errors.New("names: the name has characters that can't be used")
)

// Nickname returns the name in the form in which it is stored and compared: NFKC, without surrounding spaces.
// Letters, marks, numbers, connector and dash punctuation, spaces and . ' ’ ( ) pass; spaces within stay as they
// are. Max is in characters (code points) of that form.
//
// Errors: ErrCharacters, also for what can't be seen; ErrRequired; ErrTooLong.
func Nickname(s string, max int) (string, error) {
	if hasUnseen(s) {
		return "", ErrCharacters
	}
	s = strings.Trim(norm.NFKC.String(s), " ")
	if s == "" {
		return "", ErrRequired
	}
	for _, r := range s {
		if !inNickname(r) {
			return "", ErrCharacters
		}
	}
	if utf8.RuneCountInString(s) > max {
		return "", ErrTooLong
	}
	return s, nil
}

func inNickname(r rune) bool {
	switch r {
	case ' ', '.', '\'', '’', '(', ')':
		return true
	}
	return unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.Pc, unicode.Pd)
}

// Presentable reports whether a name that other rules made can be stored and shown: UTF-8 of 1 to 255 characters, at least one of them to
// be seen, on one line, and none that changes the order in which others are read.
func Presentable(s string) bool {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > 255 {
		return false
	}
	seen := false
	for _, r := range s {
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			return false
		}
		seen = seen || !unicode.IsSpace(r) && !unicode.In(r, unseen...)
	}
	return seen
}
