package captured

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestAListIsAnsweredByAList(t *testing.T) {
	list := []any{
		with(newRegistration(t), object{"id": "first"}),
		with(newAuthentication(t), object{"id": 2, "challenge": "AAAA"}),
		object{"id": "third", "kind": "cooking"},
		with(newAuthentication(t), object{"id": []int{4}}),
	}
	wanted := []struct{ id, reason string }{{`"first"`, "ok"}, {"2", "challenge"}, {`"third"`, "input"}, {"[4]", "ok"}}
	for _, lines := range []bool{false, true} {
		var out bytes.Buffer
		err := Run(bytes.NewReader(marshal(t, list)), &out, lines)
		var fault *InputError
		if !errors.As(err, &fault) || fault.Case != 3 || !strings.Contains(err.Error(), `case 3: kind is "cooking"`) || fault.Hint == "" {
			t.Errorf("%v", err)
		}
		var answers []answer
		if lines {
			for line := range strings.Lines(out.String()) {
				var a answer
				if err := json.Unmarshal([]byte(line), &a); err != nil {
					t.Fatal(err)
				}
				answers = append(answers, a)
			}
		} else if err := json.Unmarshal(out.Bytes(), &answers); err != nil || strings.Count(out.String(), "\n") != 1 {
			t.Fatalf("%v: %s", err, out.String())
		}
		if len(answers) != len(wanted) {
			t.Fatalf("%d answers", len(answers))
		}
		for i, w := range wanted {
			if string(answers[i].ID) != w.id {
				t.Errorf("%d: id %s", i, answers[i].ID)
			}
			want(t, answers[i], w.reason)
		}
	}
	var out bytes.Buffer
	if err := Run(strings.NewReader(" [] "), &out, false); err != nil || out.String() != "[]\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestInputThatCantBeJudged(t *testing.T) {
	good := newAuthentication(t)
	bad := func(members object) string { return string(marshal(t, with(good, members))) }
	for name, tt := range map[string]struct{ in, says string }{
		"nothing":           {"", "empty"},
		"space":             {" \n", "empty"},
		"no JSON":           {"hello", "not one JSON value"},
		"half":              {`{"kind":`, "not one JSON value"},
		"two":               {"{}{}", "not one JSON value"},
		"half a list":       {"[{}", "not JSON"},
		"a number":          {"5", "must be an object"},
		"a text":            {`"x"`, "must be an object"},
		"null":              {"null", "must be an object"},
		"an empty case":     {"{}", `kind is ""`},
		"another kind":      {bad(object{"kind": "Registration"}), `kind is "Registration"`},
		"no response":       {bad(object{"response": nil}), "no response"},
		"a null response":   {bad(object{"response": null}), "no response"},
		"no challenge":      {bad(object{"challenge": nil}), "no challenge"},
		"a bad challenge":   {bad(object{"challenge": "***"}), `"***" is not base64url`},
		"no site":           {bad(object{"rp_id": nil, "origin": nil}), "neither rp_id nor origin"},
		"a list of origins": {bad(object{"origin": []string{origin}}), "origin can't be a array"},
		"a text for yes":    {bad(object{"uv_required": "yes"}), "uv_required can't be a string"},
		"a count below 0":   {bad(object{"stored_sign_count": -1}), "stored_sign_count can't be a number"},
		"a count too high":  {bad(object{"stored_sign_count": 1 << 32}), "stored_sign_count can't be a number"},
		"a bad key":         {bad(object{"stored_public_key": "%"}), "not base64url"},
		"a bad id":          {bad(object{"allow_credentials": []string{"%"}}), "not base64url"},
		"a bad time":        {bad(object{"verify_at": "yesterday"}), "yesterday"},
		"bad parameters":    {bad(object{"pub_key_cred_params": []string{"ES256"}}), "string"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := Run(strings.NewReader(tt.in), &out, false)
			var fault *InputError
			if !errors.As(err, &fault) || fault.Hint == "" || fault.Case != 0 || out.Len() > 0 {
				t.Fatalf("%v, %q", err, out.String())
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v does not say %q", err, tt.says)
			}
		})
	}
	broken := errors.New("broken")
	if err := Run(iotest.ErrReader(broken), io.Discard, false); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := Run(io.LimitReader(zeros{}, MaxInput+2), io.Discard, false); err == nil || !strings.Contains(err.Error(), "longer than 64 MiB") {
		t.Error(err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '0'
	}
	return len(b), nil
}

func TestAResponseMayBeText(t *testing.T) {
	c := newRegistration(t)
	c["response"] = string(c["response"].(json.RawMessage))
	want(t, ask(t, c), "ok")
	c["response"] = "not JSON"
	want(t, ask(t, c), "json")
}

// TestEveryReasonIsDocumentedAndExplained: each that the tables give, and no others, and each member of a case.
func TestEveryReasonIsDocumentedAndExplained(t *testing.T) {
	docs := string(orFail[[]byte](t)(os.ReadFile("../../../../docs/verify-response.md")))
	given := map[string]bool{reasonInput: true}
	for _, list := range []map[string]row{registrationRows(t), authenticationRows(t)} {
		for _, r := range list {
			given[r.reason] = true
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(given)) {
		if !strings.Contains(docs, "\n| `"+reason+"` | ") {
			t.Errorf("docs/verify-response.md does not list the reason %s", reason)
		}
	}
	_, listed, _ := strings.Cut(docs, "## Reasons\n")
	listed, _, _ = strings.Cut(listed, "## ")
	for line := range strings.Lines(listed) {
		if name, ok := strings.CutPrefix(line, "| `"); ok {
			if name, _, _ = strings.Cut(name, "`"); !given[name] {
				t.Errorf("docs/verify-response.md lists %s, which no test gives", name)
			}
		}
	}
	for _, m := range []string{"kind", "rp_id", "origin", "challenge", "uv_required", "pub_key_cred_params", "allow_cross_origin", "top_origins", "mediation",
		"response", "verify_at", "stored_public_key", "stored_sign_count", "stored_backup_eligible", "stored_uv_initialized", "user_handle",
		"discoverable", "allow_credentials", "appid"} {
		if !strings.Contains(docs, "\n| `"+m+"` | ") {
			t.Errorf("docs/verify-response.md does not list the member %s", m)
		}
	}
}
