package web_test

import (
	"net/http"
	"testing"

	"github.com/latchkey-auth/latchkey/latchkeytest"
)

// race sends n requests at once. One of them wins, and the others are refused.
func race(t *testing.T, n int, send func(i int) *answer) {
	t.Helper()
	results := make(chan *answer, n)
	start := make(chan struct{})
	for i := range n {
		go func() {
			<-start
			results <- send(i)
		}()
	}
	close(start)
	won := 0
	for range n {
		switch a := <-results; a.status {
		case http.StatusOK:
			won++
		case http.StatusBadRequest:
		default:
			t.Errorf("%v", a)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d won", won, n)
	}
}

func TestOfManyAnswersOneWins(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const n = 8
	p := s.person(t)
	p.enrol("first")
	first := p.device
	p.enrol("secondary")
	p.setUpApp()
	p.setUpEmail()

	start := p.fresh().post("/wan-signin", fields{"identity": p.email})
	v := p.fresh()
	v.device = first
	body := fields{"credential": v.sign(start)}
	race(t, n, func(int) *answer { return p.fresh().post(with("/wan-signin", start), body) })

	v = p.waiting()
	v.post("/tf-select", fields{"which": "webauthn"})
	start = v.post("/wan-signin", nil)
	body = fields{"credential": v.sign(start)}
	race(t, n, func(int) *answer { return v.fork().post(with("/wan-signin", start), body) })

	start = p.post("/wan-verify", nil)
	body = fields{"credential": p.sign(start)}
	old := p.fork()
	race(t, n, func(int) *answer { return verifyOnce(old.fork(), with("/wan-verify", start), body) })
	p.cookies = p.again2FA(t).cookies

	v = p.waiting()
	v.post("/tf-select", fields{"which": "email"})
	code := fields{"code": s.mail.code(t, p.email)}
	race(t, n, func(int) *answer { return v.fork().post("/tf-validate", code) })

	var all []*visitor
	for range n {
		all = append(all, p.waiting())
	}
	code = fields{"code": p.codes.next()}
	race(t, n, func(i int) *answer { return all[i].post("/tf-validate", code) }) // one code, many sign-ins

	setup := p.post("/tf-setup", fields{"setup": "sms", "phone": "+447400100500"})
	code = fields{"code": s.mail.code(t, "+447400100500")}
	race(t, n, func(int) *answer { return p.fork().post("/tf-setup/"+setup.str("tf_state_token"), code) })
}

// verifyOnce is a verification after which the other racers' cookie is an old one: they are nobody.
func verifyOnce(v *visitor, path string, f fields) *answer {
	a := v.post(path, f)
	if a.status == http.StatusUnauthorized {
		a.status = http.StatusBadRequest
	}
	return a
}

func TestOfManyRegistrationsOneWins(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const n = 6
	p := s.person(t)
	start := p.post("/wan-register", fields{"name": "one state"})
	var made []string
	for range n {
		p.device = latchkeytest.NewAuthenticator()
		made = append(made, p.create(start))
	}
	race(t, n, func(i int) *answer { return p.fork().post(with("/wan-register", start), fields{"credential": made[i]}) })

	id := make([]byte, 32)
	var all []*visitor
	var starts []*answer
	made = nil
	for range n {
		q := s.person(t)
		start := q.post("/wan-register", fields{"name": "one id"})
		made = append(made, q.create(start, func(c *latchkeytest.Ceremony) { c.Credential.ID = id }))
		all, starts = append(all, q), append(starts, start)
	}
	race(t, n, func(i int) *answer {
		return all[i].post(with("/wan-register", starts[i]), fields{"credential": made[i]})
	})
}

func TestTheLastWayInStaysWhoeverHurries(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.person(t)
	const n = 4
	for range n {
		p.enrol("first")
	}
	names := p.passkeys()
	if err := s.store.SetPassword(t.Context(), accountOf(t, s, p.email).ID, ""); err != nil {
		t.Fatal(err)
	}
	results := make(chan *answer, n)
	for _, name := range names {
		go func() { results <- p.fork().post("/wan-delete", fields{"name": name}) }()
	}
	for range n {
		if a := <-results; a.status != http.StatusOK && a.status != http.StatusBadRequest {
			t.Errorf("%v", a)
		}
	}
	if left := p.passkeys(); len(left) != 1 {
		t.Errorf("%d passkeys are left", len(left))
	}
}
