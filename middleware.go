package latchkey

import (
	"context"
	"net/http"
	"time"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/web"
)

// Identify lets every request pass, and tells the handler behind it who it is from: see [UserFrom].
func (a *Auth) Identify(next http.Handler) http.Handler { return a.web.Guard(web.Demand{}, next) }

// Require lets signed-in people and programs pass. A browser is sent to /login and comes back; a program gets 401 with the
// contract's body.
func (a *Auth) Require(next http.Handler) http.Handler {
	return a.web.Guard(web.Demand{SignedIn: true}, next)
}

// RequireFresh is Require for what is sensitive: the session must have proved itself within that time (NIST SP 800-63B §7.2).
// A browser is sent to /verify and comes back; a program gets 401 with reauth_required. within of 0 stands for
// Config.Freshness with its sliding grace; a bound of the app's own has no grace.
func (a *Auth) RequireFresh(within time.Duration) func(http.Handler) http.Handler {
	if within <= 0 {
		within = -1
	}
	return func(next http.Handler) http.Handler {
		return a.web.Guard(web.Demand{SignedIn: true, Fresh: within}, next)
	}
}

// RequireTwoFactors is Require for sessions that proved two factors: a user-verified passkey, or something known and something held. A
// session of one is sent to /verify, where its second factor raises it; a program gets 401 with tf_required.
func (a *Auth) RequireTwoFactors(next http.Handler) http.Handler {
	return a.web.Guard(web.Demand{SignedIn: true, TwoFactors: true}, next)
}

// UserFrom is the account that a request is signed in to, behind one of the middlewares; false if there is none.
func UserFrom(ctx context.Context) (account.User, bool) {
	c := web.CallerFrom(ctx)
	if c == nil || c.User == nil {
		return account.User{}, false
	}
	return *c.User, true
}

// SessionFrom is the session that a request carries, behind one of the middlewares; false if there is none. Its Methods
// are what proved it, and account.FactorsOf says what they amount to.
func SessionFrom(ctx context.Context) (account.Session, bool) {
	c := web.CallerFrom(ctx)
	if c == nil || c.Session == nil {
		return account.Session{}, false
	}
	return *c.Session, true
}
