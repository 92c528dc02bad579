package settings

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/internal/loopback"
	"github.com/latchkey-auth/latchkey/passkey"
)

// check looks at how settings go together, and works out the defaults that depend on others.
func (l *loader) check(admin bool) {
	s := &l.s
	l.relyingParty()
	if s.Local && !l.isGiven("OUTBOX") && !l.bad["DATABASE"] {
		s.Outbox = "outbox"
		if !s.OnPostgreSQL() {
			s.Outbox = filepath.Join(filepath.Dir(s.Database), s.Outbox)
		}
	}
	if !admin && s.OnPostgreSQL() && !l.isGiven("SECRET_KEYS") {
		l.fault("SECRET_KEYS", &problem{"they must be set where DATABASE is PostgreSQL, the same for every server of it", "make a key with: openssl rand -base64 32"})
	}
	if s.SMTP != nil {
		if s.mailFrom != nil {
			s.SMTP.From = *s.mailFrom
		} else if !l.bad["MAIL_FROM"] {
			l.fault("MAIL_FROM", &problem{"mails need a sender, and SMTP_URL is set", "set it as in Example <no-reply@example.com>"})
		}
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		missing, there := "TLS_KEY", "TLS_CERT"
		if s.TLSCert == "" {
			missing, there = there, missing
		}
		l.fault(missing, &problem{"it is missing, and " + there + " is set", "set both, or neither where a proxy in front speaks HTTPS"})
	}
	if s.Profiling && s.MetricsListen == "" && !l.bad["METRICS_LISTEN"] {
		l.fault("PPROF", &problem{"profiles are served beside the metrics, and METRICS_LISTEN is not set", "set METRICS_LISTEN, to an address that only you can reach"})
	}
	if s.Library.TwoFactorRequired && !l.bad["TWO_FACTOR"] && !l.bad["TWO_FACTOR_ENABLED_METHODS"] {
		switch {
		case !s.Library.TwoFactor:
			l.fault("TWO_FACTOR_REQUIRED", &problem{"nobody could set a second factor up: TWO_FACTOR is false", "set TWO_FACTOR=true, or leave TWO_FACTOR_REQUIRED out"})
		case len(s.Library.TwoFactorMethods) == 0:
			l.fault("TWO_FACTOR_REQUIRED", &problem{"TWO_FACTOR_ENABLED_METHODS is empty", "enable at least the authenticator: TWO_FACTOR_ENABLED_METHODS=authenticator"})
		}
	}
	if !admin {
		l.senders()
	}
}

// relyingParty checks the relying-party id against the origins.
func (l *loader) relyingParty() {
	s := &l.s
	if l.bad["ORIGINS"] {
		return
	}
	s.Local = true
	for i, o := range s.Library.Origins {
		u, err := url.Parse(o)
		if err != nil {
			return // it was checked before
		}
		if i == 0 && s.Library.RPID == "" {
			s.Library.RPID = u.Hostname()
		}
		s.Local = s.Local && loopback.Is(u.Hostname())
	}
	if l.bad["RP_ID"] {
		return
	}
	if _, err := passkey.New(passkey.Config{RPID: s.Library.RPID, Origins: s.Library.Origins}); err != nil {
		what := plain(err)
		if !strings.Contains(what, s.Library.RPID) {
			what = fmt.Sprintf("%q: %s", s.Library.RPID, what)
		}
		l.fault("RP_ID", &problem{what, "set it to a domain that the hosts of all ORIGINS share, such as example.com for https://login.example.com and https://app.example.com"})
	}
}

// senders makes sure that what is enabled can be sent. On localhost a site without senders may start: there, nobody waits for a code.
func (l *loader) senders() {
	s := &l.s
	if l.bad["ORIGINS"] || s.Local || l.bad["OUTBOX"] || s.Outbox != "" {
		return
	}
	codes := s.Library.TwoFactor && !l.bad["TWO_FACTOR_ENABLED_METHODS"]
	byMail := codes && slices.Contains(s.Library.TwoFactorMethods, account.MethodEmail)
	byText := codes && slices.Contains(s.Library.TwoFactorMethods, account.MethodSMS)
	if s.SMTP == nil && !l.bad["SMTP_URL"] {
		const hint = "set SMTP_URL and MAIL_FROM, or OUTBOX to try things out"
		switch {
		case byMail:
			l.fault("TWO_FACTOR_ENABLED_METHODS", &problem{"email is enabled, and there is nothing to send mails with", hint + "; or take email out of the list"})
		case s.Library.TwoFactor && s.Library.TwoFactorRescueEmail:
			l.fault("TWO_FACTOR_RESCUE_EMAIL", &problem{"there is nothing to send mails with", hint})
		case s.Library.TwoFactor && s.Library.TwoFactorRescueMail != "":
			l.fault("TWO_FACTOR_RESCUE_MAIL", &problem{"there is nothing to send mails with", hint})
		}
		if s.Library.Confirmable {
			l.fault("CONFIRMABLE", &problem{"there is nothing to send mails with", hint})
		}
	}
	if s.Texts == nil && !l.bad["SMS_URL"] && byText {
		l.fault("TWO_FACTOR_ENABLED_METHODS", &problem{"sms is enabled, and there is nothing to send text messages with", "set SMS_URL, or OUTBOX to try things out; or take sms out of the list"})
	}
}
