package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"runtime/debug"
	"time"

	"github.com/latchkey-auth/latchkey"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/phone"
	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/settings"
	"github.com/latchkey-auth/latchkey/internal/clientip"
)

// gcPercent lets the heap grow to five times what lives in it. Little does: collecting at twice that would cost as much as
// parsing all requests, to save some megabytes.
const gcPercent = 400

type serveCmd struct {
	configured
	Listen    *string `placeholder:"ADDR" help:"Listen on this address and port (default 127.0.0.1:8080)."`
	Origins   *string `placeholder:"URL,…" help:"The sites that people use (default http://localhost:8080)."`
	Outbox    *string `placeholder:"DIR" help:"Write mails and text messages to this folder."`
	LogFormat string  `enum:"text,json" default:"text" help:"How to write the log: text or json."`
}

// Run serves until it is told to stop.
func (c *serveCmd) Run(ctx context.Context, a *app) (err error) {
	s, err := c.load(a, false, map[string]*string{"LISTEN": c.Listen, "ORIGINS": c.Origins, "OUTBOX": c.Outbox})
	if err != nil {
		return err
	}
	log := newLog(a.stderr, c.LogFormat)
	listener, err := listen(ctx, s)
	if err != nil {
		return err
	}
	defer listener.Close() // where the server has not come to own it
	// Before the store is opened, which tells what it does by itself.
	s.Library.Log = log
	store, err := openOrMake(ctx, &s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	s.Library.ParsePhone = phone.Parse
	if s.Library.Sender, err = newSender(s); err != nil {
		return err
	}
	counted := newMetrics()
	counted.watch(store)
	s.Library.OnEvent, s.Library.OnCeremony = counted.event, counted.ceremony
	at := s // where it really listens, if any port would do
	at.Listen = listener.Addr().String()
	diagnosis := func(ctx context.Context) []latchkey.Finding {
		return (&doctor{s: at, now: a.now(), built: buildTime()}).running(ctx, store)
	}
	s.Library.Diagnosis = diagnosis
	auth, err := latchkey.New(s.Library, store)
	if err != nil {
		return err
	}
	if err := auth.CheckKeys(ctx); errors.Is(err, latchkey.ErrKeys) {
		log.Error("SECRET_KEYS: "+err.Error(), "hint", "put the key back that the server had, after the first; latchkey keys --help says how to change keys")
	} else if err != nil {
		return err
	}
	measured, err := listenMetrics(ctx, s)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(a.stdout, "Latchkey is at "+address(s, listener.Addr())); err != nil {
		return err
	}
	debug.FreeOSMemory() // what only the start needed
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	log.Info("started", "version", version(), "listen", listener.Addr().String(), "database", s.DatabaseName(), "origins", s.Library.Origins, "rp_id", s.Library.RPID)
	for _, f := range diagnosis(ctx) {
		if f.Verdict != good {
			log.Warn(f.About+": "+f.What, "fix", f.Fix)
		}
	}
	stopMetrics := serveMetrics(measured, counted.handler(s.Profiling), log)
	stop := background(ctx, log, auth.Sweep)
	err = serve(ctx, listener, accessLog(log, counted, clientip.Resolver{Trusted: s.Library.TrustedProxies}, auth.Handler()), log, served)
	stop()
	stopMetrics()
	// Whoever was told to stop wants what is in memory written, not dropped.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, auth.Close(last))
}

// listen opens the port, with TLS where a certificate was given.
func listen(ctx context.Context, s settings.Settings) (net.Listener, error) {
	var cert tls.Certificate
	if s.TLSCert != "" {
		var err error
		if cert, err = tls.LoadX509KeyPair(s.TLSCert, s.TLSKey); err != nil {
			return nil, hinted{fmt.Errorf("TLS_CERT, TLS_KEY: %w", err), "give files of a certificate and of the key that belongs to it, both in PEM"}
		}
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.Listen)
	if err != nil {
		return nil, hinted{fmt.Errorf("LISTEN: %w", err), "stop what listens there, or give another address with --listen or LATCHKEY_LISTEN"}
	}
	if s.TLSCert != "" {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
	}
	return l, nil
}

// address is where people find the server, and where it listens if that does not follow.
func address(s settings.Settings, at net.Addr) string {
	site := s.Library.Origins[0] + s.Library.URLPrefix
	if s.Local && portOf(s.Library.Origins[0]) == portOf("http://"+at.String()) {
		return site
	}
	return site + " (listening on " + at.String() + ")"
}

// portOf is the port of a URL, its scheme's own where it names none.
func portOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// background sweeps what has ended from the database every minute, until the function that it returns is called.
func background(ctx context.Context, log *slog.Logger, sweep func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Minute)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := sweep(ctx); err != nil && ctx.Err() == nil {
				log.Error("the database could not be swept", "error", err.Error())
			}
		}
	}()
	return func() { cancel(); <-done }
}
