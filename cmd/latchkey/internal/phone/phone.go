package phone

import (
	"errors"

	"github.com/nyaruka/phonenumbers"
)

// What is wrong with a number.
var (
	ErrInvalid = errors.New("phone: not a number with its country code")
	// ErrCostly: a number whose owner earns by every message to it.
	ErrCostly = errors.New("phone: a premium-rate number")
)

// maxTyped bounds what is looked at, in bytes; maxNumber is a + and 15 digits (ITU-T E.164 §6.2.1).
const (
	maxTyped  = 64
	maxNumber = 16
)

// Parse returns the number in E.164. It must begin with + and a country code. Whether its length is one that the country has
// is checked, not whether the range is in use: ranges come into use faster than software is renewed.
func Parse(typed string) (string, error) {
	number, err := parse(typed)
	if err != nil {
		return "", err
	}
	// What is left after a national prefix was taken off must not seem to have another.
	if again, err := parse(number); err != nil || again != number || len(number) > maxNumber {
		return "", ErrInvalid
	}
	return number, nil
}

func parse(typed string) (string, error) {
	if len(typed) > maxTyped {
		return "", ErrInvalid
	}
	n, err := phonenumbers.Parse(typed, "ZZ")
	if err != nil || n.GetExtension() != "" || !phonenumbers.IsPossibleNumber(n) {
		return "", ErrInvalid
	}
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.PREMIUM_RATE, phonenumbers.SHARED_COST:
		return "", ErrCostly
	}
	return phonenumbers.Format(n, phonenumbers.E164), nil
}
