package message_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/message"
)

// Every key that the contract names has a text, and every text outside of pages, mails and the like is the contract's.
func TestContractKeysHaveTexts(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "keys.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var named []message.Key
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			for _, value := range v.Values {
				key, err := strconv.Unquote(value.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				named = append(named, message.Key(key))
			}
		}
		return true
	})
	keys := catalogue(t).Keys("en")
	for _, key := range named {
		if !slices.Contains(keys, key) {
			t.Errorf("%s has no text", key)
		}
	}
	for _, key := range keys {
		if !strings.Contains(string(key), ".") && !slices.Contains(named, key) {
			t.Errorf("%s is no key of the contract", key)
		}
	}
}

var (
	markup = regexp.MustCompile(`<|>|&[a-zA-Z#]+;`)
	// jargon is what the people who sign in need not know.
	jargon = regexp.MustCompile(`(?i)webauthn|fido|ctap|cbor|cose|\baaguid|\btokens?\b|credential|authentifizier|authenticat(e|ion)|attest|` +
		`assertion|challenge|\bcsrf|\bcookies?\b|\btotp\b|\botp\b|\bnonce\b|user ?handle|relying|ceremony|zeremonie`)
)

func TestPlainWords(t *testing.T) {
	each(t, func(lang, key, _, text string) {
		if m := markup.FindString(text); m != "" {
			t.Errorf("%s %s has markup: %s", lang, key, m)
		}
		if m := jargon.FindString(parameter.ReplaceAllString(text, "")); m != "" {
			t.Errorf("%s %s says %q", lang, key, m)
		}
		if strings.TrimSpace(text) == "" || strings.Contains(text, "  ") || strings.Trim(text, " ") != text {
			t.Errorf("%s %s is empty, or has blanks too many: %q", lang, key, text)
		}
		if strings.ContainsAny(text, "\"") {
			t.Errorf("%s %s has a typewriter's quotes: %s", lang, key, text)
		}
	})
}

// A mail's text ends its last line and its paragraphs are English's; a subject, a page's text and a text message are one line.
func TestLines(t *testing.T) {
	all := texts(t)
	each(t, func(lang, key, form, text string) {
		if got, want := strings.Count(text, "\n"), strings.Count(all["en"][key][form], "\n"); got != want {
			t.Errorf("%s %s: %d line breaks, English has %d", lang, key, got, want)
		}
		long := strings.HasPrefix(key, "mail.") && (strings.HasSuffix(key, ".text") || strings.HasSuffix(key, ".email"))
		if long != strings.HasSuffix(text, "\n") || !long && strings.Contains(text, "\n") {
			t.Errorf("%s %s: its lines: %q", lang, key, text)
		}
	})
}

// A text message in these letters alone costs one message of 160, not three of 70.
func TestTextMessagesAreShort(t *testing.T) {
	const letters = "@£$¥èéùìòÇØøÅåÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	c := catalogue(t)
	for _, lang := range c.Languages() {
		text := c.Text(lang, "mail.code.sms", "Code", "123456", "Site", "A site with a long name of forty letters", "Minutes", 10)
		if n := len([]rune(text)); n > 160 {
			t.Errorf("%s: %d letters", lang, n)
		}
		for _, r := range text {
			if !strings.ContainsRune(letters, r) {
				t.Errorf("%s: %q", lang, r)
			}
		}
	}
}

var (
	familiar = regexp.MustCompile(`(?i)\b(du|dich|dir|dein|deine|deinen|deinem|deiner|euch|euer|eure)\b`)
	// lower finds the polite words written small; "sie" and "ihr" are words of their own.
	lower = regexp.MustCompile(`\bihnen\b`)
)

func TestGerman(t *testing.T) {
	same := []string{"page.problem", "page.field.name", "page.field.code", "page.wan-register.title", "page.method.webauthn",
		"page.transport.usb", "page.transport.nfc", "page.transport.ble", "DENIED_WITH"}
	all := texts(t)
	each(t, func(lang, key, form, text string) {
		if lang != "de" {
			return
		}
		if text == all["en"][key][form] && !slices.Contains(same, key) {
			t.Errorf("%s is English: %s", key, text)
		}
		if m := familiar.FindString(text); m != "" {
			t.Errorf("%s says %q: %s", key, m, text)
		}
		// The people who run a site are "they" in one mail.
		if m := lower.FindString(text); m != "" && key != "mail.recovery_link_made.text" {
			t.Errorf("%s writes %q small: %s", key, m, text)
		}
		if strings.Count(text, "„") != strings.Count(text, "“") || strings.ContainsAny(text, "”‘‚»«") {
			t.Errorf("%s: quotes: %s", key, text)
		}
		if strings.Contains(text, "…") && !strings.Contains(text, "\u00a0…") {
			t.Errorf("%s: the dots stand without a blank: %s", key, text)
		}
	})
}
