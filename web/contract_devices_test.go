package web_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey"
)

func trusting(c *latchkey.Config) { c.TwoFactorAlwaysValidate = false }

// trust makes a browser of the person a remembered device, signed out again.
func trust(t *testing.T, p *visitor) *visitor {
	t.Helper()
	v := p.in(t).waiting(fields{"remember": true})
	v.post("/tf-validate", fields{"code": p.codes.next()}).want(http.StatusOK)
	if v.cookie("tf_validity") == nil {
		t.Fatal("no device is remembered")
	}
	v.post("/logout", nil).want(http.StatusOK)
	return v
}

func TestARememberedDeviceIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, trusting)
	p := s.person(t)
	p.enrol("first", unverified)
	p.setUpApp()
	v := trust(t, p)
	c := v.cookie("tf_validity")
	if c.MaxAge != 30*24*3600 || !c.HttpOnly || c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" {
		t.Errorf("cookie %v", c.Raw)
	}
	v.login().want(http.StatusOK).only("user", "tf_required").is(false, "tf_required")
	v.signedIn().post("/logout", nil)
	v.form("/login", fields{"email": p.email, "password": goodPassword}).goes("/")
	v.post("/logout", nil)
	v.signin(nil, nil, unverified).want(http.StatusOK).is(false, "tf_required")
	v.post("/logout", nil)
	v.restart()
	v.login().is(false, "tf_required")
	// it is one of that person's, and stands for nobody else
	q := s.person(t)
	q.setUpApp()
	v.post("/logout", nil)
	w := v.fork()
	w.post("/login", fields{"email": q.email, "password": goodPassword}).want(http.StatusOK).is(true, "tf_required")
	// and by itself it is nothing
	x := p.fresh()
	x.cookies["tf_validity"] = c
	x.signedOut()
	x.login(fields{"password": "Wrong-Kettle-42"}).refuses(http.StatusBadRequest, "GENERIC_AUTHN_FAILED", "")
}

func TestADeviceIsRememberedOnlyWhenAskedAndAllowed(t *testing.T) {
	t.Parallel()
	s := newSite(t, trusting)
	p := s.person(t)
	p.setUpApp()
	v := p.waiting()
	v.post("/tf-validate", fields{"code": p.codes.next()}).want(http.StatusOK)
	if v.cookie("tf_validity") != nil {
		t.Error("remembered unasked")
	}
	v = p.waiting()
	v.post("/tf-validate", fields{"code": p.codes.next(), "remember": true}).want(http.StatusOK)
	if v.cookie("tf_validity") == nil {
		t.Error("not remembered where the second step asks")
	}
	v = p.waiting(fields{"remember": true})
	v.post("/tf-validate", fields{"code": p.codes.next(), "remember": false}).want(http.StatusOK)
	if v.cookie("tf_validity") != nil {
		t.Error("remembered though the second step said no")
	}
	p.again2FA(t).post("/tf-setup", fields{"setup": "disable"}).want(http.StatusOK)
	v = p.again(fields{"remember": true})
	if v.cookie("tf_validity") != nil {
		t.Error("remembered without a second factor")
	}
	always := newSite(t)
	q := always.person(t)
	q.setUpApp()
	w := q.waiting(fields{"remember": true})
	w.post("/tf-validate", fields{"code": q.codes.next()}).want(http.StatusOK)
	if w.cookie("tf_validity") != nil {
		t.Error("remembered where it is off")
	}
	w.restart()
	w.signedIn() // the sign-in itself is
}

// again2FA is another browser of the same person, signed in with the app's code.
func (v *visitor) again2FA(t testing.TB) *visitor {
	t.Helper()
	c := v.in(t).waiting()
	c.post("/tf-validate", fields{"code": v.codes.next()}).want(http.StatusOK)
	return c
}

func TestAPasskeyMakesADeviceRememberedToo(t *testing.T) {
	t.Parallel()
	s := newSite(t, trusting)
	p := s.person(t)
	p.enrol("secondary")
	v := p.waiting(fields{"remember": true})
	v.signin(nil, nil).want(http.StatusOK)
	v.post("/logout", nil)
	v.login().want(http.StatusOK).is(false, "tf_required")
}

func TestWhatEndsARememberedDevice(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, s *site, p *visitor){
		"a new password": func(t *testing.T, _ *site, p *visitor) {
			p.post("/change", fields{"password": goodPassword, "new_password": "Another-Kettle-77-Fen"}).want(http.StatusOK)
		},
		"another method":     func(t *testing.T, _ *site, p *visitor) { p.setUpEmail() },
		"a new app":          func(t *testing.T, _ *site, p *visitor) { p.setUpApp() },
		"a new passkey":      func(t *testing.T, _ *site, p *visitor) { p.enrol("secondary") },
		"new recovery codes": func(t *testing.T, _ *site, p *visitor) { p.recoveryCodes() },
		"signing out of all": func(t *testing.T, _ *site, p *visitor) {
			p.post("/sessions/end", fields{"all": true}).want(http.StatusOK)
		},
		"ending the others": func(t *testing.T, _ *site, p *visitor) {
			p.post("/sessions/end", fields{"others": true}).want(http.StatusOK)
		},
		"ending it by itself": func(t *testing.T, _ *site, p *visitor) { endDevice(t, p) },
		"30 days":             func(t *testing.T, s *site, p *visitor) { s.clock.pass(30*24*time.Hour + time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, trusting)
			p := s.person(t)
			p.setUpApp()
			v := trust(t, p)
			w := v.fork()
			w.login().is(false, "tf_required")
			end(t, s, p)
			password := goodPassword
			if name == "a new password" {
				password = "Another-Kettle-77-Fen"
			}
			v.login(fields{"password": password}).want(http.StatusOK).is(true, "tf_required")
		})
	}
}

func endDevice(t *testing.T, p *visitor) {
	t.Helper()
	for _, x := range p.get("/sessions").want(http.StatusOK).at("sessions").([]any) {
		if m := x.(map[string]any); m["kind"] == "device" {
			p.post("/sessions/end", fields{"id": m["id"]}).want(http.StatusOK).is(1, "ended")
			return
		}
	}
	t.Fatal("no device in the list")
}

func TestSigningOutKeepsTheDeviceRemembered(t *testing.T) {
	t.Parallel()
	s := newSite(t, trusting, func(c *latchkey.Config) { c.TwoFactorLoginValidity = 3 * time.Second })
	p := s.person(t)
	p.setUpApp()
	v := trust(t, p)
	v.login().is(false, "tf_required")
	s.clock.pass(4 * time.Second)
	v.post("/logout", nil)
	v.login().is(true, "tf_required")
}

func TestARememberedDeviceLeavesASessionOfOneFactor(t *testing.T) {
	t.Parallel()
	s := newSite(t, trusting)
	p := s.person(t)
	p.setUpApp()
	v := trust(t, p)
	v.login().is(false, "tf_required")
	if got := strs(v.session("current", true)["amr"]); !slices.Equal(got, []string{"password", "remembered_device"}) {
		t.Errorf("amr %q", got)
	}
}

func TestANothingDeviceCookieIsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, trusting)
	p := s.person(t)
	p.setUpApp()
	for _, value := range []string{"", "x", "a.b.c", p.cookie("latchkey_session").Value} {
		v := p.fresh()
		v.cookies["tf_validity"] = &http.Cookie{Name: "tf_validity", Value: value}
		v.login().want(http.StatusOK).is(true, "tf_required")
	}
	v := trust(t, p)
	w := p.fresh()
	w.cookies["latchkey_session"] = v.cookie("tf_validity")
	w.signedOut()
	p.bearer(v.cookie("tf_validity").Value).get("/wan-register").refuses(http.StatusUnauthorized, "UNAUTHENTICATED", "")
}
