package settings

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-auth/latchkey/internal/throttle"
)

// setter puts a value into the settings, or says what is wrong with it.
type setter func(s *Settings, text string) *problem

func boolean(field func(*Settings) *bool) setter {
	return func(s *Settings, text string) *problem {
		switch text {
		case "true", "1":
			*field(s) = true
		case "false", "0":
			*field(s) = false
		default:
			return &problem{fmt.Sprintf("%q is neither true nor false", text), "write true or false (or 1 or 0)"}
		}
		return nil
	}
}

// bound says what is wrong with a duration, nil if nothing is.
type bound func(time.Duration) *problem

func positive(d time.Duration) *problem {
	if d <= 0 {
		return &problem{fmt.Sprintf("%v is no length of time", d), "give a duration above zero, such as 30m"}
	}
	return nil
}

func notNegative(d time.Duration) *problem {
	if d < 0 {
		return &problem{fmt.Sprintf("%v is less than nothing", d), "give 0s, or a duration such as 30m"}
	}
	return nil
}

func notZero(d time.Duration) *problem {
	if d == 0 {
		return &problem{"with 0 nothing could ever pass", "give a duration such as 24h, or a negative one such as -1s for no check at all"}
	}
	return nil
}

func duration(field func(*Settings) *time.Duration, ok bound) setter {
	return func(s *Settings, text string) *problem {
		d, err := time.ParseDuration(text)
		if err != nil {
			return &problem{fmt.Sprintf("%q is not a duration", text), "write a number with its unit, such as 24h, 30m, 90s or 1h30m"}
		}
		if p := ok(d); p != nil {
			return p
		}
		*field(s) = d
		return nil
	}
}

func integer(field func(*Settings) *int, least, most int) setter {
	return func(s *Settings, text string) *problem {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return &problem{fmt.Sprintf("%q is not a whole number from %d to %d", text, least, most), "write a whole number in that range"}
		}
		*field(s) = n
		return nil
	}
}

// name takes a text of one line; empty only where that means something.
func name(field func(*Settings) *string, emptyHint string) setter {
	return func(s *Settings, text string) *problem {
		if text == "" && emptyHint != "" {
			return &problem{"it is empty", emptyHint}
		}
		if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			return &problem{"it holds control characters, or is not UTF-8", "write it on one line"}
		}
		*field(s) = text
		return nil
	}
}

func rate(field func(*Settings) *throttle.Rate) setter {
	return func(s *Settings, text string) *problem {
		r, err := throttle.ParseRate(text)
		if err != nil {
			return &problem{err.Error(), "write a number and a duration such as 10/5m, or off"}
		}
		*field(s) = r
		return nil
	}
}

// list splits at commas; an empty text is no items.
func list(text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	items := strings.Split(text, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// choices takes a list of some of the words.
func choices[T ~string](field func(*Settings) *[]T, words ...T) setter {
	return func(s *Settings, text string) *problem {
		chosen := []T{}
		for _, item := range list(text) {
			if !slices.Contains(words, T(item)) {
				return &problem{fmt.Sprintf("%q is none of %s", item, join(words)), "list some of them, with commas between them, or nothing at all"}
			}
			if !slices.Contains(chosen, T(item)) {
				chosen = append(chosen, T(item))
			}
		}
		*field(s) = chosen
		return nil
	}
}

// choice takes one of the words; what each stands for comes behind it.
func choice[T any](field func(*Settings) *T, words []string, meanings []T) setter {
	return func(s *Settings, text string) *problem {
		i := slices.Index(words, text)
		if i < 0 {
			return &problem{fmt.Sprintf("%q is none of %s", text, join(words)), "write one of them"}
		}
		*field(s) = meanings[i]
		return nil
	}
}

func join[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}
