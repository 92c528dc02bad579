package account_test

import (
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/account"
)

func TestTwoSpellingsOfOneAddressAreEqual(t *testing.T) {
	for spelling, want := range map[string]string{
		" Ada@Example.TEST\t":    "ada@example.test",
		"ÄDA@example.test":       "äda@example.test",
		"a\u0308da@example.test": "äda@example.test",
		"ａｄａ@example.test":       "ada@example.test",
		"":                       "",
	} {
		if got := account.CanonicalEmail(spelling); got != want {
			t.Errorf("%q is %q, want %q", spelling, got, want)
		}
	}
}

func TestTwoFactorsAreSomethingKnownAndSomethingHeldOrAVerifiedUser(t *testing.T) {
	const (
		pw, key, uv = account.MethodPassword, account.MethodPasskey, account.MethodUserVerification
		app, mail   = account.MethodAuthenticator, account.MethodEmail
		sms, rec    = account.MethodSMS, account.MethodRecoveryCode
		device      = account.MethodDevice
	)
	for _, c := range []struct {
		want    int
		methods []account.Method
	}{
		{0, nil},
		{0, []account.Method{device}},
		{1, []account.Method{pw}},
		{1, []account.Method{pw, pw}},
		{1, []account.Method{pw, device}},
		{1, []account.Method{key}},
		{1, []account.Method{key, app}},
		{1, []account.Method{app, mail, sms, rec}},
		{2, []account.Method{key, uv}},
		{2, []account.Method{pw, key}},
		{2, []account.Method{app, pw}},
		{2, []account.Method{pw, rec}},
		{2, []account.Method{pw, mail}},
		{2, []account.Method{sms, pw}},
	} {
		if got := account.FactorsOf(c.methods); got != c.want {
			t.Errorf("%v amount to %d, want %d", c.methods, got, c.want)
		}
	}
}

func TestASessionEndsAtItsLifetimeAndWhenItIsIdle(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := account.Session{LastSeen: noon, Expires: noon.Add(3 * time.Hour), IdleFor: time.Hour}
	never := s
	never.IdleFor = 0
	for _, c := range []struct {
		what string
		s    account.Session
		at   time.Duration
		want bool
	}{
		{"just not idle", s, time.Hour - time.Microsecond, true},
		{"idle", s, time.Hour, false},
		{"never idle, just not over", never, 3*time.Hour - time.Microsecond, true},
		{"over", never, 3 * time.Hour, false},
	} {
		if got := c.s.Live(noon.Add(c.at)); got != c.want {
			t.Errorf("%s: live is %v", c.what, got)
		}
	}
}
