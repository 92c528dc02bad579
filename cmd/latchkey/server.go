package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// bounds are those of a connection.
type bounds struct {
	// header, read, write and idle are the time for a request's headers, for all of it, for the answer, and between two requests.
	header, read, write, idle time.Duration
	// headers is how many bytes of them there may be.
	headers int
}

// served are the server's. No answer takes longer than a mail server's 15 seconds.
var served = bounds{header: 5 * time.Second, read: 15 * time.Second, write: 40 * time.Second, idle: 2 * time.Minute, headers: 32 << 10}

const (
	// drainTimeout is how long requests may go on once the server is told to stop; unusedTimeout how long a connection may
	// that has sent nothing yet, such as a browser's spare one.
	drainTimeout  = 20 * time.Second
	unusedTimeout = 500 * time.Millisecond
)

// serve answers until the context ends, then finishes what is under way. It closes the listener.
func serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger, b bounds) error {
	unused := unusedConns{open: map[net.Conn]struct{}{}}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: b.header, ReadTimeout: b.read, WriteTimeout: b.write, IdleTimeout: b.idle,
		MaxHeaderBytes: b.headers, ConnState: unused.note, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping")
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	timer := time.AfterFunc(unusedTimeout, unused.close)
	defer timer.Stop()
	if err := srv.Shutdown(drain); err != nil {
		return errors.Join(fmt.Errorf("serve: requests did not end within %v: %w", drainTimeout, err), srv.Close())
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	log.Info("stopped")
	return nil
}

// unusedConns are the connections that have sent nothing. [http.Server.Shutdown] would wait five seconds for them.
type unusedConns struct {
	mu   sync.Mutex
	open map[net.Conn]struct{}
}

func (u *unusedConns) note(c net.Conn, s http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if s == http.StateNew {
		u.open[c] = struct{}{}
	} else {
		delete(u.open, c)
	}
}

func (u *unusedConns) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.open {
		c.Close()
	}
}
