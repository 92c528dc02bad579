package latchkey_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// parsers are what reads outside input, and the target that fuzzes it.
var parsers = map[string]string{
	"a device's registration": "passkey.FuzzRegistration", "an attestation object": "passkey.FuzzAttestationObject", "an attestation statement": "passkey.FuzzStatement",
	"the parts of one": "passkey.FuzzStatementParts", "a device's sign-in": "passkey.FuzzAuthentication", "an assertion": "passkey.FuzzAssertion", "origins and relying parties": "passkey.FuzzConfiguration",
	"the finishing half of a ceremony": "web.FuzzFinish", "a state in a path": "web.FuzzState", "a sealed token": "internal/seal.FuzzOpen", "cookies": "web.FuzzCookie", "bodies, JSON and forms": "web.FuzzBody",
	"headers": "web.FuzzHeaders", "next": "internal/redirect.FuzzNext", "next, all the way": "web.FuzzNext", "Accept-Language": "message.FuzzMatch", "User-Agent": "internal/device.FuzzDescribe",
	"X-Forwarded-For": "internal/clientip.FuzzFrom", "addresses": "internal/names.FuzzEmail", "nicknames": "internal/names.FuzzNickname", "passwords": "internal/password.FuzzCheck", "stored hashes": "internal/password.FuzzParse",
	"codes": "factor.FuzzCleanCode", "codes of an app": "factor.FuzzMatchTOTP", "recovery codes": "factor.FuzzCleanRecoveryCode", "telephone numbers": "factor.FuzzE164", "numbers as people write them": "cmd/latchkey/internal/phone.FuzzParse",
	"addresses that are shown in part": "factor.FuzzMaskEmail", "an app's URI": "factor.FuzzTOTPURI", "what is drawn as a code": "internal/qr.FuzzSVG", "rates": "internal/throttle.FuzzParseRate",
	"settings, the database's among them": "cmd/latchkey/internal/settings.FuzzSetting", "a URI of PostgreSQL": "store/postgres.FuzzURI", "the file of settings": "cmd/latchkey/internal/settings.FuzzFile", "secret keys": "cmd/latchkey/internal/keys.FuzzDecode",
	"SMTP_URL": "cmd/latchkey/internal/smtp.FuzzParseURL", "SMS_URL": "cmd/latchkey/internal/textgateway.FuzzParseURL", "verify-response": "cmd/latchkey/internal/captured.FuzzRun",
}

// TestEveryParserIsFuzzed: each has its target, each target its parser and a kept corpus, which an ordinary test run goes through.
func TestEveryParserIsFuzzed(t *testing.T) {
	targets := map[string]bool{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		folder := path.Dir(filepath.ToSlash(name))
		for _, m := range regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			targets[folder+"."+m[1]] = true
			kept, err := filepath.Glob(filepath.Join(folder, "testdata", "fuzz", m[1], "*"))
			if err != nil || len(kept) < 3 {
				t.Errorf("%s.%s keeps a corpus of %d: %v", folder, m[1], len(kept), err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for what, target := range parsers {
		named[target] = true
		if !targets[target] {
			t.Errorf("nothing fuzzes %s: there is no %s", what, target)
		}
	}
	for target := range targets {
		if !named[target] {
			t.Errorf("what does %s fuzz?", target)
		}
	}
}
