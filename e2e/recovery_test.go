package e2e

import (
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey"
)

// TestRecoveryCodes: they are made, shown once, and each gets the person in once.
func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.joined(ada, phrase)
	b.addApp(s)
	codes := b.recoveryCodes()
	s.mail.next(t, "recovery_codes_made")
	if len(codes) != 5 {
		t.Fatalf("%d codes", len(codes))
	}
	b.says("page.mf-recovery-codes.once")
	b.open("/mf-recovery-codes")
	b.says("page.mf-recovery-codes.left", "N", 5)
	for _, c := range codes {
		if contains(b.reads("body"), c) {
			t.Error("a code is shown a second time")
		}
	}
	b.signOut()

	lost := func() {
		t.Helper()
		b.signIn(ada, phrase, "/tf-validate")
		b.leads("/tf-rescue", func() { b.click("a[href^='/tf-rescue']") })
		b.leads("/mf-recovery", func() { b.click("[href^='/mf-recovery'], button[value=recovery_code]") })
	}
	lost()
	b.enter(strings.ToUpper(strings.ReplaceAll(codes[1], "-", " ")), "/account")
	s.mail.next(t, "recovery_code_used")
	b.says("page.mf-recovery-codes.left", "N", 4)
	b.signOut()

	lost()
	b.enter(codes[1], "/mf-recovery")
	b.faultAt("code", text(t, "INVALID_RECOVERY_CODE"))
	b.enter("nonsense", "/mf-recovery")
	b.faultAt("code", text(t, "INVALID_RECOVERY_CODE"))
	b.enter(codes[2], "/account")

	// A new set takes the place of the old one.
	again := b.recoveryCodes()
	b.signOut()
	lost()
	b.enter(codes[3], "/mf-recovery")
	b.faultAt("code", text(t, "INVALID_RECOVERY_CODE"))
	b.enter(again[0], "/account")
}

// TestKeepingRecoveryCodes: the page helps to copy, print and keep them.
func TestKeepingRecoveryCodes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.tab()
	b.onEveryPage(`(() => {
		window.kept = {};
		navigator.clipboard && (navigator.clipboard.writeText = async (text) => { kept.copied = text; });
		window.print = () => { kept.printed = true; };
		const make = URL.createObjectURL;
		URL.createObjectURL = (blob) => { blob.text().then((text) => { kept.saved = text; }); return make.call(URL, blob); };
	})()`)
	b.joined(ada, phrase)
	codes := b.recoveryCodes()
	b.click("[data-copy]")
	b.says("page.script.copied")
	if got := eval[string](b, "kept.copied"); got != strings.Join(codes, "\n") {
		t.Errorf("copied %q", got)
	}
	b.click("[data-print]")
	b.until("kept.printed")
	b.click("[data-download]")
	b.until("kept.saved")
	saved := eval[string](b, "kept.saved")
	for _, want := range append(codes, ada, "Latchkey") {
		if !strings.Contains(saved, want) {
			t.Errorf("the file lacks %q:\n%s", want, saved)
		}
	}
}

// TestRescue: who can't give the second factor asks the operator, or is mailed a code where the site allows that.
func TestRescue(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) {
		c.TwoFactorRescueEmail, c.TwoFactorRescueMail = true, "help@example.org"
	})
	b := s.tab()
	b.joined(ada, phrase)
	b.addApp(s)
	b.signOut()
	b.open("/login?next=/change")
	b.leads("/tf-validate", func() { b.givePassword(ada, phrase) })
	b.leads("/tf-rescue", func() { b.click("a[href^='/tf-rescue']") })
	b.leads("/tf-rescue", func() { b.click("button[value=help]") })
	if call := s.mail.next(t, "rescue"); call.To != "help@example.org" || !strings.Contains(call.Text, ada) {
		t.Errorf("the call for help went to %s and said: %s", call.To, call.Text)
	}
	b.leads("/tf-validate", func() { b.click("button[value=email]") })
	b.enter(s.mail.next(t, "code").Code, "/change")
}

// TestRescueTold: the page says that the call for help was passed on.
func TestRescueTold(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *latchkey.Config) { c.TwoFactorRescueMail = "help@example.org" })
	b := s.tab()
	b.joined(ada, phrase)
	b.addApp(s)
	b.signOut()
	b.signIn(ada, phrase, "/tf-validate")
	b.open("/tf-rescue")
	b.leads("/tf-rescue", func() { b.click("button[value=help]") })
	if got := b.reads(".flash"); got == "" || strings.Contains(got, "page.") {
		t.Errorf("the page says %q", got)
	}
}
