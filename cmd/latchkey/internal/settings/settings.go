package settings

import (
	"net/mail"
	"os"
	"strings"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/smtp"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/textgateway"
	"github.com/latchkey-auth/latchkey/store/postgres"
)

// Prefix stands before a setting's name in the environment.
const Prefix = "LATCHKEY_"

// Settings is everything that the server is told.
type Settings struct {
	// Library is the part for latchkey.New. Its Sender, ParsePhone, OnEvent and Log are the server's to fill in, and its
	// SecretKeys too where none were given.
	Library latchkey.Config
	// Listen is host:port.
	Listen string
	// Database is the path of the SQLite file, or the URI of a PostgreSQL database, which may hold a password: see DatabaseName.
	Database string
	// TLSCert and TLSKey are files, both or neither.
	TLSCert, TLSKey string
	// Outbox is the folder for messages; empty: there is none.
	Outbox string
	// SMTP is the mail server, nil if there is none. Its From is set.
	SMTP *smtp.Config
	// Texts is the gateway for text messages, nil if there is none.
	Texts *textgateway.Config
	// MetricsListen is host:port of the metrics' own listener; empty: there is none. Profiling serves profiles there too.
	MetricsListen string
	Profiling     bool
	// Local: every origin is localhost.
	Local bool

	mailFrom *mail.Address
}

// OnPostgreSQL reports whether the database is one of PostgreSQL.
func (s Settings) OnPostgreSQL() bool { return postgres.IsURI(s.Database) }

// DatabaseName is what to call the database: it holds no password.
func (s Settings) DatabaseName() string {
	if s.OnPostgreSQL() {
		return postgres.Name(s.Database)
	}
	return s.Database
}

// Sources are where settings come from.
type Sources struct {
	// Flags are the settings that were given on the command line, by name.
	Flags map[string]string
	// Environ is what os.Environ returns.
	Environ []string
	// ReadFile reads the TOML file; nil: os.ReadFile.
	ReadFile func(name string) ([]byte, error)
	// Admin leaves out what only a server needs, such as something to send mails with.
	Admin bool
}

// value is a setting as it was given.
type value struct {
	text   string
	source string // what to call it in a fault
}

// Load reads all settings. Its error is [Faults].
func Load(src Sources) (Settings, error) {
	l := loader{given: map[string]value{}, bad: map[string]bool{}, table: table()}
	l.s.Library = latchkey.Default()
	l.environment(src.Environ)
	for name, text := range src.Flags {
		l.given[name] = value{text, "--" + strings.ReplaceAll(strings.ToLower(name), "_", "-")}
	}
	if config := l.given["CONFIG"]; config.text != "" {
		read := src.ReadFile
		if read == nil {
			read = os.ReadFile
		}
		l.file(config, read)
	}
	l.apply()
	l.check(src.Admin)
	if len(l.faults) > 0 {
		return Settings{}, l.faults
	}
	return l.s, nil
}

type loader struct {
	table  []setting
	given  map[string]value
	s      Settings
	faults Faults
	bad    map[string]bool // settings with a fault, which further checks leave alone
}

func (l *loader) fault(name string, p *problem) {
	l.bad[name] = true
	l.faults = append(l.faults, Fault{Setting: name, Source: l.given[name].source, Problem: p.what, Hint: p.hint})
}

// isGiven reports whether somebody said something about the setting, be it that it is empty.
func (l *loader) isGiven(name string) bool {
	_, ok := l.given[name]
	return ok
}

func (l *loader) known(name string) bool {
	for _, s := range l.table {
		if s.name == name {
			return true
		}
	}
	return false
}

func (l *loader) environment(environ []string) {
	for _, e := range environ {
		variable, text, _ := strings.Cut(e, "=")
		name, ok := strings.CutPrefix(variable, Prefix)
		switch {
		case !ok:
		case l.known(name):
			l.given[name] = value{text, variable}
		default:
			l.faults = append(l.faults, Fault{Setting: name, Source: variable, Problem: "there is no such setting", Hint: unknownHint(name, l.nearest(name), Prefix)})
		}
	}
}

// apply gives every setting its value, in the table's order.
func (l *loader) apply() {
	for _, s := range l.table {
		v, ok := l.given[s.name]
		switch {
		case ok:
			if p := s.set(&l.s, v.text); p != nil {
				l.fault(s.name, p)
			}
		case s.note == "":
			if p := s.set(&l.s, s.value); p != nil {
				l.fault(s.name, p)
			}
		}
	}
}
