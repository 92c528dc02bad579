package web

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/latchkey-auth/latchkey/message"
)

// The cookies. On an https site they carry the __Host- prefix, which binds them to this host and to TLS
// (RFC 6265bis §4.1.3.2); but for the remembered device's, whose name the contract fixes.
const deviceCookie = "tf_validity"

func hostCookie(name string, secure bool) string {
	if secure {
		return "__Host-" + name
	}
	return name
}

func sessionCookie(secure bool) string { return hostCookie("latchkey_session", secure) }
func pendingCookie(secure bool) string { return hostCookie("latchkey_pending", secure) }
func graceCookie(secure bool) string   { return hostCookie("latchkey_grace", secure) }
func knownCookie(secure bool) string   { return hostCookie("latchkey_known", secure) }
func flashCookie(secure bool) string   { return hostCookie("latchkey_flash", secure) }

func cookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return "" // the only error is that there is none
	}
	return c.Value
}

// setCookie sets a cookie for the whole site; life 0 leaves it to the browser's session, a negative life deletes it.
func (c *call) setCookie(name, value string, life time.Duration, same http.SameSite) {
	ck := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: c.secure, SameSite: same}
	if life < 0 {
		ck.MaxAge = -1
	} else {
		ck.MaxAge = int(life / time.Second)
	}
	http.SetCookie(c.w, ck)
}

// dropCookie deletes a cookie if the browser sent it.
func (c *call) dropCookie(name string) {
	if _, err := c.r.Cookie(name); err == nil {
		c.setCookie(name, "", -1, http.SameSiteLaxMode)
	}
}

// note is a flash on its way: a key and its parameters, so that it is told in the language of the page that shows it.
type note struct {
	Kind   string      `json:"k"`
	Key    message.Key `json:"m"`
	Params []any       `json:"p,omitempty"`
}

const (
	noteSuccess = "success"
	noteError   = "error"
	noteInfo    = "info"
)

// setFlashes leaves notes for the next page, sealed, so that nobody else can put words there.
func (c *call) setFlashes(notes []note) error {
	raw, err := json.Marshal(notes)
	if err != nil {
		return err
	}
	sealed, err := c.h.flashes.Seal(raw)
	if err != nil {
		return err
	}
	c.setCookie(flashCookie(c.secure), sealed, 5*time.Minute, http.SameSiteLaxMode)
	return nil
}

// takeFlashes reads the notes that were left, and forgets them. What is not ours is dropped.
func (c *call) takeFlashes() []Flash {
	name := flashCookie(c.secure)
	sealed := cookieValue(c.r, name)
	if sealed == "" {
		return nil
	}
	c.dropCookie(name)
	raw, err := c.h.flashes.Open(sealed)
	if err != nil {
		return nil
	}
	var notes []note
	if err := json.Unmarshal(raw, &notes); err != nil {
		return nil
	}
	for _, n := range notes {
		for i, p := range n.Params {
			if x, ok := p.(float64); ok {
				n.Params[i] = int(x) // a count, which JSON knows as any number
			}
		}
	}
	out := make([]Flash, len(notes))
	for i, n := range notes {
		out[i] = Flash{Kind: n.Kind, Text: c.text(n.Key, n.Params...), Code: n.Key}
		if n.Key == message.WebAuthnCredentialDeleted {
			// what was signed in with it stays so
			out[i].Link, out[i].LinkText = c.h.path("account")+"#sessions", c.text("flash.see_sessions")
		}
	}
	return out
}
