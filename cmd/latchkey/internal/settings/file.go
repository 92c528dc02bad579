package settings

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// file reads the TOML file and adds what neither flags nor the environment say. A value of any fitting type is taken and
// turned into the text that a variable would hold.
func (l *loader) file(config value, read func(string) ([]byte, error)) {
	text, err := read(config.text)
	if err != nil {
		l.fault("CONFIG", &problem{err.Error(), "give the path of a TOML file that can be read, or leave it out"})
		return
	}
	var keys map[string]any
	if _, err := toml.Decode(string(text), &keys); err != nil {
		what := err.Error()
		if parse := (toml.ParseError{}); errors.As(err, &parse) {
			// The message may repeat the line, which may hold a secret.
			what = fmt.Sprintf("line %d is not TOML", parse.Position.Line)
		}
		l.fault("CONFIG", &problem{config.text + ": " + what, `write each setting on a line of its own, as in wan_rp_name = "Example"`})
		return
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		l.key(key, keys[key], config.text)
	}
}

func (l *loader) key(key string, v any, file string) {
	name, source := strings.ToUpper(key), key+" in "+file
	if name == "CONFIG" || strings.ToLower(key) != key || !l.known(name) {
		what, hint := "there is no such setting", unknownHint(name, strings.ToLower(l.nearest(name)), "")
		if name == "CONFIG" {
			what, hint = "the file can't name another", "take it out"
		}
		l.faults = append(l.faults, Fault{Setting: name, Source: source, Problem: what, Hint: hint})
		return
	}
	if l.isGiven(name) {
		return
	}
	text, err := textOf(v)
	l.given[name] = value{text, source}
	if err != nil {
		l.fault(name, &problem{err.Error(), `give a text in quotes, a number, true or false, or a list of texts such as ["a", "b"]`})
	}
}

// textOf is the text that an environment variable would hold.
func textOf(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case []any:
		parts := make([]string, len(v))
		for i, one := range v {
			part, ok := one.(string)
			if !ok || strings.Contains(part, ",") {
				return "", fmt.Errorf("item %d of the list is not a text without commas", i+1)
			}
			parts[i] = part
		}
		return strings.Join(parts, ","), nil
	}
	return "", errors.New("a value of this kind has no meaning here")
}
