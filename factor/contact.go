package factor

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// ErrPhone is the answer to what is no phone number in international form.
var ErrPhone = errors.New("factor: not a phone number in international form")

// hidden stands for what a masked address or number leaves out.
const hidden = "…"

// MaskEmail is enough of an address for its owner to know it by: "a…e@example.test". The part before the @ shows
// its first and last character where it has three or more, the first where it has two, else none.
func MaskEmail(s string) string {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return hidden
	}
	local, domain := s[:at], s[at:]
	n := utf8.RuneCountInString(local)
	var first, last string
	if n >= 2 {
		_, size := utf8.DecodeRuneInString(local)
		first = local[:size]
	}
	if n >= 3 {
		_, size := utf8.DecodeLastRuneInString(local)
		last = local[len(local)-size:]
	}
	return first + hidden + last + domain
}

// MaskPhone is enough of a number for its owner to know it by, its country and last two digits: "+44 … 00". What is
// no number in E.164 is hidden whole.
func MaskPhone(s string) string {
	number, err := E164(s)
	if err != nil {
		return hidden
	}
	country := countryCode(number[1:])
	return "+" + country + " " + hidden + " " + number[len(number)-2:]
}

// E164 reads a number in international form and returns it as "+" and 8 to 15 digits (ITU-T E.164 §6). Spaces,
// dashes, parentheses and the invisible characters of a pasted contact are dropped. A national prefix in
// parentheses, "(0)", is no part of such a number and is refused, as are extensions.
//
// Errors: ErrPhone.
func E164(s string) (string, error) {
	typed := strings.Map(func(r rune) rune {
		if isFiller(r) {
			return -1
		}
		return r
	}, s)
	digits, found := strings.CutPrefix(typed, "+")
	if !found || strings.Contains(digits, "(0)") {
		return "", ErrPhone
	}
	digits = strings.NewReplacer("(", "", ")", "").Replace(digits)
	if len(digits) < 8 || len(digits) > 15 || digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return "", ErrPhone
	}
	return "+" + digits, nil
}

// twoDigits are the country codes of two digits (ITU-T E.164, list of assigned codes). 1 and 7 have one digit, all
// others three.
var twoDigits = []string{
	"20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49",
	"51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84", "86",
	"90", "91", "92", "93", "94", "95", "98",
}

// countryCode is the country's part of a number's digits.
func countryCode(digits string) string {
	if digits[0] == '1' || digits[0] == '7' {
		return digits[:1]
	}
	if slices.Contains(twoDigits, digits[:2]) {
		return digits[:2]
	}
	return digits[:3]
}
