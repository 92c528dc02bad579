package captured

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// FuzzRun gives verify-response whatever it may be given: it answers in lines of JSON, or says what is wrong with the input.
func FuzzRun(f *testing.F) {
	for _, seed := range []string{"", "{}", "[]", "null", "[{}]", `{"kind":"registration"}`, `{"kind":"authentication","rp_id":5}`, strings.Repeat("[", 9000), `{"kind":"registration","response":"x","verify_at":"never"}`, "\xff", "{}{}"} {
		f.Add([]byte(seed), false)
	}
	registration, authentication := marshal(f, newRegistration(f)), marshal(f, newAuthentication(f))
	for _, whole := range [][]byte{registration, authentication, []byte("[" + string(registration) + "," + string(authentication) + "]")} {
		f.Add(whole, true)
		f.Add(whole[:len(whole)/2], false)
		f.Add(bytes.Replace(whole, []byte("A"), []byte("_"), 3), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, lines bool) {
		var out bytes.Buffer
		err := Run(bytes.NewReader(in), &out, lines)
		var fault *InputError
		if err != nil && !errors.As(err, &fault) {
			t.Fatalf("%v", err)
		}
		for line := range bytes.Lines(out.Bytes()) {
			if !json.Valid(line) {
				t.Errorf("a line that is not JSON: %s", line)
			}
		}
	})
}
