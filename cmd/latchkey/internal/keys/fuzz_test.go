package keys

import (
	"encoding/base64"
	"strings"
	"testing"
)

// FuzzDecode gives whatever text as a key and as a file of keys: what is taken has the right size, and no error repeats what it was given.
func FuzzDecode(f *testing.F) {
	good := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", Size)))
	for _, text := range []string{"", good, good[:20], good + "\n# a comment\n" + good, "# nothing", "\x00", strings.TrimRight(good, "="), strings.Repeat("A", 5000), "____", good + "=", " " + good} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := Decode(text)
		if (err == nil) != (len(key) == Size) {
			t.Errorf("%q: %d bytes, %v", text, len(key), err)
		}
		all, err2 := parse([]byte(text))
		if (err2 == nil) != (len(all) > 0) {
			t.Errorf("%q: %d keys, %v", text, len(all), err2)
		}
		for _, e := range []error{err, err2} {
			if e != nil && len(text) > 16 && strings.Contains(e.Error(), text) {
				t.Errorf("the error repeats the key: %v", e)
			}
		}
	})
}
