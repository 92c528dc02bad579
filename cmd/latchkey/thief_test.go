package main

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// secretNames are the members of requests and responses that are secrets, or were. A challenge is none: its client data is kept with the passkey, for
// another verifier to read.
var secretNames = []string{
	"password", "new_password", "new_password_confirm", "password_confirm", "code", "verify_state", "wan_state", "tf_state_token",
	"authentication_token", "tf_authr_b32key", "tf_authr_key", "tf_authr_uri", "recovery_codes",
}

// thief keeps every secret that goes over the wire, by what it is.
type thief struct {
	mu      sync.Mutex
	secrets map[string]string
	next    http.RoundTripper
}

func (k *thief) keep(what, secret string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, kept := k.secrets[secret]; len(secret) >= 6 && !kept {
		k.secrets[secret] = what
	}
}

func (k *thief) json(v any, name string) {
	switch v := v.(type) {
	case map[string]any:
		for n, x := range v {
			k.json(x, n)
		}
	case []any:
		for _, x := range v {
			k.json(x, name)
		}
	case string:
		if slices.Contains(secretNames, name) {
			k.keep(name, v)
		}
	}
}

// RoundTrip implements http.RoundTripper.
func (k *thief) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		var v any
		if json.Unmarshal(body, &v) == nil {
			k.json(v, "")
		}
	}
	if m := regexp.MustCompile(`/(?:recover|confirm|reopen)/([^/?]+)`).FindStringSubmatch(r.URL.Path); m != nil {
		k.keep("link", m[1])
	}
	res, err := k.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	for _, c := range res.Cookies() {
		k.keep("cookie "+c.Name, c.Value)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	var v any
	if json.Unmarshal(body, &v) == nil {
		k.json(v, "")
	}
	return res, nil
}

// forms are the ways in which a secret may be written down.
func forms(secret string) map[string][]byte {
	out := map[string][]byte{"as it is": []byte(secret)}
	write := func(what string, raw []byte) {
		for name, text := range map[string]string{
			"hexadecimal": hex.EncodeToString(raw), "HEXADECIMAL": strings.ToUpper(hex.EncodeToString(raw)), "base64": base64.RawStdEncoding.EncodeToString(raw),
			"base64url": base64.RawURLEncoding.EncodeToString(raw), "base32": base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw),
		} {
			out[what+name] = []byte(text)
		}
	}
	write("", []byte(secret))
	if raw, err := base64.RawURLEncoding.DecodeString(secret); err == nil && len(raw) >= 16 {
		out["decoded"] = raw
		write("decoded, in ", raw)
	}
	if raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret); err == nil && len(raw) >= 16 {
		out["decoded from base32"] = raw
		write("decoded from base32, in ", raw)
	}
	if bare := strings.NewReplacer("-", "", " ", "").Replace(secret); bare != secret && len(bare) >= 8 {
		out["without dashes"] = []byte(bare)
	}
	return out
}

// holds reports whether a text has a secret in it. A short code counts where it stands by itself: six digits turn up in any number.
func holds(text, secret []byte) bool {
	for at := 0; ; {
		i := bytes.Index(text[at:], secret)
		if i < 0 {
			return false
		}
		at += i
		if len(secret) > 12 || !wordAt(text, at-1) && !wordAt(text, at+len(secret)) {
			return true
		}
		at++
	}
}

func wordAt(text []byte, i int) bool {
	return i >= 0 && i < len(text) && (text[i] >= '0' && text[i] <= '9' || text[i] >= 'a' && text[i] <= 'z' || text[i] >= 'A' && text[i] <= 'Z')
}

// search reports every secret that a text holds.
func (k *thief) search(t *testing.T, where string, text []byte) {
	t.Helper()
	for secret, what := range k.secrets {
		for form, raw := range forms(secret) {
			if len(raw) >= 6 && holds(text, raw) {
				t.Errorf("%s holds a %s, %s", where, what, form)
			}
		}
	}
}
