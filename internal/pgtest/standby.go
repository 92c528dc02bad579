package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// standbyName is how a standby introduces itself to its primary.
const standbyName = "standby"

// Standby makes a server that follows this one and takes no writes, and starts it. Close it in the end.
func (s *Server) Standby(ctx context.Context) (*Server, error) {
	dir, err := s.programs.folder()
	if err != nil {
		return nil, err
	}
	standby := &Server{programs: s.programs, dir: dir, password: s.password, settings: s.settings}
	primary := fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=%s application_name=%s", s.port, owner, s.password, standbyName)
	if err := run(s.programs.command("pg_basebackup", "--no-sync", "--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf",
		"--dbname="+primary, "--pgdata="+standby.data())); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := standby.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return standby, nil
}

// Synchronous makes every commit wait until the standby has it on its disk too, and returns when that holds.
func (s *Server) Synchronous(ctx context.Context) error {
	for _, statement := range []string{`ALTER SYSTEM SET synchronous_standby_names = '` + standbyName + `'`, `SELECT pg_reload_conf()`} {
		if err := s.Do(ctx, "postgres", statement); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return Until(ctx, func(ctx context.Context) error {
		// A division by zero is the simplest error there is.
		return s.Do(ctx, "postgres", `SELECT 1 / COUNT(*) FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'`)
	})
}

// Promote makes a primary of a standby, one that waits for nobody, and returns when it takes writes.
func (s *Server) Promote(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, statement := range []string{
		`SELECT pg_promote(TRUE, 60)`, `ALTER SYSTEM SET synchronous_standby_names = ''`, `SELECT pg_reload_conf()`,
	} {
		if err := s.Do(ctx, "postgres", statement); err != nil {
			return err
		}
	}
	return nil
}
