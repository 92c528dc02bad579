package passkey_test

import (
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/passkey"
)

// TestOptionsAreWrittenByteForByte: front ends take them apart with patterns, and rely on the order of the members.
func TestOptionsAreWrittenByteForByte(t *testing.T) {
	rp := newRP(t)
	user := passkey.UserEntity{Handle: []byte{0xff, 0xfe, 0xfd, 0xfc}, Name: "ada@example.org"}
	const keys = `"pubKeyCredParams":[{"type":"public-key","alg":-8},{"type":"public-key","alg":-7},{"type":"public-key","alg":-35},{"type":"public-key","alg":-36},{"type":"public-key","alg":-257}]`
	for name, tt := range map[string]struct {
		options any
		want    string
	}{
		"the least of a registration": {
			rp.CreationOptions(passkey.CreationParams{User: user, Challenge: []byte{0xfb, 0xff}}),
			`{"rp":{"id":"example.org","name":"Example"},"user":{"id":"__79_A","name":"ada@example.org","displayName":"ada@example.org"},"challenge":"-_8",` + keys +
				`,"excludeCredentials":[],"authenticatorSelection":{"requireResidentKey":false},"attestation":"none","extensions":{"credProps":true}}`,
		},
		"the most of a registration": {
			rp.CreationOptions(passkey.CreationParams{
				User: passkey.UserEntity{Handle: []byte{1}, Name: "ada", DisplayName: "Ada"}, Challenge: []byte{1}, Timeout: time.Minute, Attestation: "direct",
				Exclude:   []account.Credential{{CredentialID: []byte{1, 2, 3, 4}, Transports: []string{"usb", "nfc"}}, {CredentialID: []byte{0xff}}},
				Selection: passkey.AuthenticatorSelection{Attachment: "platform", ResidentKey: "required", UserVerification: "required"},
				Hints:     []string{"client-device", "hybrid"},
			}),
			`{"rp":{"id":"example.org","name":"Example"},"user":{"id":"AQ","name":"ada","displayName":"Ada"},"challenge":"AQ",` + keys +
				`,"timeout":60000,"excludeCredentials":[{"type":"public-key","id":"AQIDBA","transports":["usb","nfc"]},{"type":"public-key","id":"_w"}],` +
				`"authenticatorSelection":{"authenticatorAttachment":"platform","residentKey":"required","requireResidentKey":true,"userVerification":"required"},` +
				`"hints":["client-device","hybrid"],"attestation":"direct","extensions":{"credProps":true}}`,
		},
		"the least of an authentication": {
			rp.RequestOptions(passkey.RequestParams{Challenge: []byte{0xfb, 0xff}}),
			`{"challenge":"-_8","rpId":"example.org","allowCredentials":[],"userVerification":"preferred"}`,
		},
		"the most of an authentication": {
			rp.RequestOptions(passkey.RequestParams{
				Challenge: []byte{1}, Timeout: 90 * time.Second, UserVerification: passkey.VerificationDiscouraged,
				Allow: []passkey.Descriptor{{ID: []byte{1, 2}, Transports: []string{"internal"}}, {ID: []byte{3}}}, Hints: []string{"security-key"},
			}),
			`{"challenge":"AQ","timeout":90000,"rpId":"example.org","allowCredentials":[{"type":"public-key","id":"AQI","transports":["internal"]},{"type":"public-key","id":"Aw"}],"hints":["security-key"],"userVerification":"discouraged"}`,
		},
	} {
		if got := string(marshal(t, tt.options)); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, tt.want)
		}
	}
}

func TestRequireResidentKeyFollowsResidentKey(t *testing.T) {
	rp := newRP(t)
	for _, tt := range []struct {
		given, want passkey.AuthenticatorSelection
	}{
		{passkey.AuthenticatorSelection{ResidentKey: "preferred", RequireResidentKey: true}, passkey.AuthenticatorSelection{ResidentKey: "preferred"}},
		{passkey.AuthenticatorSelection{ResidentKey: "required"}, passkey.AuthenticatorSelection{ResidentKey: "required", RequireResidentKey: true}},
		{passkey.AuthenticatorSelection{RequireResidentKey: true}, passkey.AuthenticatorSelection{ResidentKey: "required", RequireResidentKey: true}},
		{passkey.AuthenticatorSelection{}, passkey.AuthenticatorSelection{}},
	} {
		if got := rp.CreationOptions(passkey.CreationParams{Selection: tt.given}).AuthenticatorSelection; got != tt.want {
			t.Errorf("%+v: got %+v", tt.given, got)
		}
	}
}

func TestThePartyIsNamedByItsIDWithoutAName(t *testing.T) {
	rp := newRP(t, func(c *passkey.Config) { c.RPName = "" })
	if got := rp.CreationOptions(passkey.CreationParams{}).RP; got != (passkey.RPEntity{ID: rpID, Name: rpID}) {
		t.Errorf("%+v", got)
	}
}

func TestPolicies(t *testing.T) {
	first, second := account.UsageFirst, account.UsageSecondary
	for _, tt := range []struct {
		policy passkey.Policy
		usage  account.Usage
		hints  bool
		want   passkey.AuthenticatorSelection
	}{
		{passkey.Classic{}, first, true, passkey.AuthenticatorSelection{Attachment: "cross-platform", ResidentKey: "preferred", UserVerification: "preferred"}},
		{passkey.Classic{}, first, false, passkey.AuthenticatorSelection{Attachment: "cross-platform", ResidentKey: "required", RequireResidentKey: true, UserVerification: "preferred"}},
		{passkey.Classic{}, second, true, passkey.AuthenticatorSelection{ResidentKey: "preferred", UserVerification: "discouraged"}},
		{passkey.Classic{}, second, false, passkey.AuthenticatorSelection{ResidentKey: "required", RequireResidentKey: true, UserVerification: "discouraged"}},
		{passkey.SyncedPasskeys{}, first, true, passkey.AuthenticatorSelection{ResidentKey: "required", RequireResidentKey: true, UserVerification: "required"}},
		{passkey.SyncedPasskeys{}, first, false, passkey.AuthenticatorSelection{ResidentKey: "required", RequireResidentKey: true, UserVerification: "required"}},
		{passkey.SyncedPasskeys{}, second, true, passkey.AuthenticatorSelection{ResidentKey: "required", RequireResidentKey: true, UserVerification: "discouraged"}},
	} {
		if got := tt.policy.AuthenticatorSelection(t.Context(), passkey.Registering{Usage: tt.usage, Hints: tt.hints}); got != tt.want {
			t.Errorf("%T %s hints %v: got %+v, want %+v", tt.policy, tt.usage, tt.hints, got, tt.want)
		}
	}
	for _, tt := range []struct {
		policy                        passkey.Policy
		signin, second, reauth, first passkey.UserVerification
	}{
		{passkey.Classic{}, "preferred", "discouraged", "discouraged", "preferred"},
		{passkey.SyncedPasskeys{}, "required", "discouraged", "discouraged", "preferred"},
	} {
		p := tt.policy
		var got []passkey.UserVerification
		for _, a := range []passkey.Asking{
			{Purpose: passkey.PurposeSignin, Usages: []account.Usage{first}},
			{Purpose: passkey.PurposeSecondFactor, Usages: []account.Usage{second}},
			{Purpose: passkey.PurposeVerify, Usages: []account.Usage{first, second}},
			{Purpose: passkey.PurposeVerify, Usages: []account.Usage{first}},
		} {
			got = append(got, p.UserVerification(t.Context(), a))
		}
		want := []passkey.UserVerification{tt.signin, tt.second, tt.reauth, tt.first}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%T: got %v, want %v", p, got, want)
				break
			}
		}
	}
}
