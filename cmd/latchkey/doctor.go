package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/account"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/settings"
	"github.com/latchkey-auth/latchkey/web"
)

// networkTimeout bounds each connection that the doctor tries.
const networkTimeout = 5 * time.Second

type doctorCmd struct {
	configured
	Listen  *string `placeholder:"ADDR" help:"As for serve."`
	Origins *string `placeholder:"URL,…" help:"As for serve."`
	Outbox  *string `placeholder:"DIR" help:"As for serve."`
	Network bool    `help:"Try to reach the mail server and the gateway for text messages, too."`
}

// Run prints what it finds, and fails if any of it is an error.
func (c *doctorCmd) Run(ctx context.Context, a *app) error {
	d := &doctor{out: a.stdout, now: a.now(), built: buildTime()}
	s, err := c.load(a, false, map[string]*string{"LISTEN": c.Listen, "ORIGINS": c.Origins, "OUTBOX": c.Outbox})
	d.clock()
	if faults := (settings.Faults)(nil); errors.As(err, &faults) {
		for _, f := range faults {
			d.say(bad, "settings", f.Where()+": "+f.Problem, f.Hint)
		}
		return d.result()
	} else if err != nil {
		return err
	}
	d.s = s
	d.say(good, "settings", "all can be read, and none contradicts another", "")
	d.site()
	d.certificate()
	d.proxies()
	d.keys()
	d.database(ctx)
	d.outbox()
	d.senders()
	if c.Network {
		d.network(ctx)
	}
	return d.result()
}

const (
	good = web.VerdictOK
	odd  = web.VerdictWarn
	bad  = web.VerdictError
)

// doctor looks at one thing after the other, and changes nothing. Without out it only collects what it finds.
type doctor struct {
	out      io.Writer
	s        settings.Settings
	now      time.Time
	built    time.Time
	findings []latchkey.Finding
	errors   int
	err      error // of out
}

// say notes a finding, and prints it with what to do below it.
func (d *doctor) say(v web.Verdict, about, what, fix string) {
	d.findings = append(d.findings, latchkey.Finding{Verdict: v, About: about, What: what, Fix: fix})
	if v == bad {
		d.errors++
	}
	if d.out == nil {
		return
	}
	_, err := fmt.Fprintf(d.out, "%-5s  %s: %s\n", v, about, what)
	if fix != "" && err == nil {
		_, err = fmt.Fprintf(d.out, "       fix: %s\n", fix)
	}
	d.err = errors.Join(d.err, err)
}

// running looks at what a server that runs can be wrong about: at its start, and for its page in development. It touches no file but the
// certificate's.
func (d *doctor) running(ctx context.Context, events interface {
	Events(context.Context, account.EventFilter) ([]account.Event, error)
}) []latchkey.Finding {
	d.clock()
	newest, err := events.Events(ctx, account.EventFilter{Limit: 1})
	if err != nil {
		d.say(bad, "DATABASE", "it can't be read: "+err.Error(), "look at the log, and run latchkey doctor")
	}
	d.clockOf(newest)
	d.site()
	d.certificate()
	d.proxies()
	d.senders()
	d.nowhere()
	return d.findings
}

func (d *doctor) result() error {
	if d.err != nil {
		return d.err
	}
	if d.errors > 0 {
		return hinted{fmt.Errorf("%s found", count(d.errors, "error")), "each says above how to mend it"}
	}
	return nil
}

// buildTime is when the program's source was written, or a time before that.
func buildTime() time.Time {
	if t, err := time.Parse(time.RFC3339, buildSetting("vcs.time")); err == nil {
		return t
	}
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
}

// clock: codes of authenticator apps and the ends of sessions depend on it.
func (d *doctor) clock() {
	if d.now.Before(d.built) {
		d.say(bad, "clock", fmt.Sprintf("it is %s here, which is before this program was made", d.now.UTC().Format(time.RFC3339)),
			"set the clock, and let a time service such as chrony or systemd-timesyncd keep it right")
		return
	}
	d.say(good, "clock", d.now.UTC().Format(time.RFC3339), "")
}

// clockOf compares the clock with the newest event that any server has written.
func (d *doctor) clockOf(newest []account.Event) {
	if len(newest) > 0 && newest[0].At.After(d.now.Add(clockSlack)) {
		d.say(bad, "clock", fmt.Sprintf("the newest event in the database is of %s, and it is %s here", newest[0].At.UTC().Format(time.RFC3339), d.now.UTC().Format(time.RFC3339)),
			"set the clock, and let a time service such as chrony or systemd-timesyncd keep it right")
	}
}

// network tries to connect to what messages are sent by.
func (d *doctor) network(ctx context.Context) {
	try := func(name, address string) {
		ctx, cancel := context.WithTimeout(ctx, networkTimeout)
		defer cancel()
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			d.say(bad, name, "it can't be reached: "+err.Error(), "check the host and port, and that a firewall lets this machine connect to "+address)
			return
		}
		d.err = errors.Join(d.err, conn.Close())
		d.say(good, name, address+" takes connections; nothing was sent", "")
	}
	if m := d.s.SMTP; m != nil {
		try("SMTP_URL", net.JoinHostPort(m.Host, strconv.Itoa(m.Port)))
	}
	if t := d.s.Texts; t != nil {
		try("SMS_URL", t.Address())
	}
}
