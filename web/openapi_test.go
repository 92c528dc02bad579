package web

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/seal"
	"github.com/latchkey-auth/latchkey/message"
	"github.com/latchkey-auth/latchkey/signin"
)

// Every endpoint of the table is described with its methods, and nothing else is.
func TestOpenAPIDescribesTheTable(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(contract, &doc); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"/openapi.json": {"get"}, "/healthz": {"get"}, "/readyz": {"get"}, "/static/latchkey/{file}": {"get"}}
	ring, err := seal.NewRing([][]byte{bytes.Repeat([]byte{1}, seal.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	h := &Handler{service: signin.New(signin.Config{Ring: ring}, nil, nil)}
	for _, e := range h.endpoints() {
		var methods []string
		if e.get != nil {
			methods = append(methods, "get")
		}
		if e.post != nil {
			methods = append(methods, "post")
		}
		want["/"+strings.TrimSuffix(e.path, "{$}")] = methods
	}
	for path, methods := range want {
		for _, m := range methods {
			if doc.Paths[path][m] == nil {
				t.Errorf("%s %s is not described", m, path)
			}
		}
	}
	for path, item := range doc.Paths {
		for m := range item {
			if m != "parameters" && !slices.Contains(want[path], m) {
				t.Errorf("%s %s is described, and not there", m, path)
			}
		}
	}
}

// Every key that a refusal may have is listed; each is one of the catalogue.
func TestOpenAPIListsTheCodes(t *testing.T) {
	var doc struct {
		Components struct {
			Schemas struct {
				ErrorCode struct{ Enum []message.Key }
			}
		}
	}
	if err := json.Unmarshal(contract, &doc); err != nil {
		t.Fatal(err)
	}
	texts, err := message.New()
	if err != nil {
		t.Fatal(err)
	}
	// these are told of what went well, or are the text of another key
	told := []message.Key{
		message.WebAuthnCredentialDeleted, message.WebAuthnRegisterSuccessful, message.ReauthenticationSuccessful, message.TwoFactorLoginSuccessful,
		message.TwoFactorChangeSuccessful, message.TwoFactorDisabled, message.CodeHasBeenSent, message.ConfirmationRequired,
		message.PasswordMismatch, message.PasskeysTooMany, message.StepClosed, message.Denied, message.DeniedWith,
	}
	listed := doc.Components.Schemas.ErrorCode.Enum
	for _, key := range texts.Keys("en") {
		if strings.ToUpper(string(key)) != string(key) {
			continue // a text of a page
		}
		if slices.Contains(listed, key) == slices.Contains(told, key) {
			t.Errorf("%s: listed %v", key, slices.Contains(listed, key))
		}
	}
	for _, key := range listed {
		if !slices.Contains(texts.Keys("en"), key) {
			t.Errorf("%s has no text", key)
		}
	}
}
