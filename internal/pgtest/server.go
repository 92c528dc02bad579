package pgtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
)

// Options are the settings of [Start].
type Options struct {
	// Durable makes the server flush what it commits to the disk. Without it, it is faster, and loses data only with the machine.
	Durable bool
	// Settings are more of postgresql.conf.
	Settings map[string]string
}

// owner is the superuser of every server.
const owner = "latchkey"

// startTimeout bounds the start of a server, recovery included.
const startTimeout = time.Minute

// Server is a PostgreSQL of its own.
type Server struct {
	programs programs
	dir      string
	port     int
	password string
	settings map[string]string

	process *exec.Cmd
	leash   io.Closer
	ended   chan struct{}
}

// Start makes a server and starts it. Close it in the end.
func Start(o Options) (*Server, error) {
	p, err := find()
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	dir, err := p.folder()
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	s := &Server{programs: p, dir: dir, password: rand.Text(), settings: map[string]string{}}
	if !o.Durable {
		s.settings["fsync"], s.settings["full_page_writes"] = "off", "off"
	}
	for name, value := range o.Settings {
		s.settings[name] = value
	}
	if err := s.initialise(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

func (s *Server) initialise() error {
	secret := filepath.Join(s.dir, "password")
	if err := s.write(secret, s.password+"\n"); err != nil {
		return err
	}
	return run(s.programs.command("initdb", "--no-sync", "--auth=scram-sha-256", "--username="+owner, "--pwfile="+secret,
		"--encoding=UTF8", "--locale=C", "--pgdata="+s.data()))
}

func (s *Server) write(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	if s.programs.as == "" {
		return nil
	}
	return os.Chown(path, s.programs.uid, s.programs.gid)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// leashed runs a server until it ends or the other end of file descriptor 3 is closed, be it because this process died.
const leashed = `"$@" 3<&- & server=$!
(read -r _ <&3; kill -QUIT $server) >/dev/null 2>&1 & watcher=$!
exec 3<&-
wait $server; code=$?
kill $watcher 2>/dev/null
exit $code`

// Start starts a server that was stopped or killed, on the port that it had, and returns when it takes connections.
func (s *Server) Start() error {
	if s.port == 0 {
		port, err := freePort()
		if err != nil {
			return err
		}
		s.port = port
	}
	// What is left of a killed server keeps its memory for a moment, in which no other may start.
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return Until(ctx, func(ctx context.Context) error {
		err := s.launch(ctx)
		if err != nil && !strings.Contains(err.Error(), "still in use") {
			err = Final(err)
		}
		return err
	})
}

func (s *Server) launch(ctx context.Context) error {
	words := []string{"sh", "-c", leashed, "sh", filepath.Join(s.programs.dir, "postgres"), "-D", s.data()}
	for name, value := range s.all() {
		words = append(words, "-c", name+"="+value)
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	hold, leash, err := os.Pipe()
	if err != nil {
		return err
	}
	defer hold.Close()
	cmd := s.programs.shell(words...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, []*os.File{hold}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, leash.Close())
	}
	ended := make(chan struct{})
	s.process, s.leash, s.ended = cmd, leash, ended
	go func() {
		_ = cmd.Wait() // a killed server does not end well, and need not
		close(ended)
	}()
	if err := s.awaitReady(ctx); err != nil {
		return errors.Join(err, s.Kill())
	}
	return nil
}

func (s *Server) all() map[string]string {
	all := map[string]string{
		"listen_addresses": "127.0.0.1", "port": strconv.Itoa(s.port), "unix_socket_directories": "",
		"shared_buffers": "32MB", "log_min_messages": "warning", "max_connections": "100",
		"wal_retrieve_retry_interval": "200ms", // a standby whose primary died is not kept from its promotion
	}
	for name, value := range s.settings {
		all[name] = value
	}
	return all
}

// awaitReady waits until the server answers a query.
func (s *Server) awaitReady(ctx context.Context) error {
	err := Until(ctx, func(ctx context.Context) error {
		select {
		case <-s.ended:
			return Final(errors.New("the server ended"))
		default:
			return s.Do(ctx, "postgres", `SELECT 1`)
		}
	})
	if err != nil {
		return fmt.Errorf("pgtest: the server does not start: %w: %s", err, s.lastWords())
	}
	return nil
}

func (s *Server) lastWords() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// Do runs one statement as the superuser, on a connection of its own.
func (s *Server) Do(ctx context.Context, database, statement string, args ...any) (err error) {
	db, err := sql.Open("pgx", s.URI(database))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, statement, args...)
	return err
}

// Number asks for one, as the superuser, on a connection of its own.
func (s *Server) Number(ctx context.Context, database, query string, args ...any) (n int, err error) {
	db, err := sql.Open("pgx", s.URI(database))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.QueryRowContext(ctx, query, args...).Scan(&n)
	return n, err
}

// URI leads to that database of the server, as its superuser.
func (s *Server) URI(database string) string { return uri(s.password, database, s.Address()) }

// URIs leads to that database of whichever server accepts writes. They must be a primary and its standbys.
func URIs(database string, servers ...*Server) string {
	return Hosts(database, servers...) + "?target_session_attrs=read-write"
}

// Hosts is URIs without a word on writes.
func Hosts(database string, servers ...*Server) string {
	var hosts []string
	for _, s := range servers {
		hosts = append(hosts, s.Address())
	}
	return uri(servers[0].password, database, hosts...)
}

func uri(password, database string, hosts ...string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(owner, password), Host: strings.Join(hosts, ","), Path: "/" + database}
	return u.String()
}

// Address is host:port.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Password is the superuser's, and nobody else's in the world.
func (s *Server) Password() string { return s.password }

// Stop ends the server in good order: sessions are cut off, what is committed is written.
func (s *Server) Stop() error { return s.signal(syscall.SIGINT) }

// Kill ends it at once (immediate shutdown), as a crash would: the next start recovers.
func (s *Server) Kill() error { return s.signal(syscall.SIGQUIT) }

// KillHard kills the first process with SIGKILL. Its children see that and end, which takes them a moment.
func (s *Server) KillHard() error { return s.signal(syscall.SIGKILL) }

func (s *Server) signal(sig syscall.Signal) error {
	if s.process == nil {
		return nil
	}
	err := s.send(sig)
	if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if err != nil {
		// It never came so far as to write its number: let the leash do it.
		err = s.leash.Close()
	}
	select {
	case <-s.ended:
	case <-time.After(startTimeout):
		return errors.Join(err, errors.New("pgtest: the server does not end"))
	}
	if closing := s.leash.Close(); !errors.Is(closing, os.ErrClosed) {
		err = errors.Join(err, closing)
	}
	s.process = nil
	return err
}

func (s *Server) send(sig syscall.Signal) error {
	pid, err := s.pid()
	if err != nil {
		return err
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Signal(sig)
}

// Freeze stops every process that a client could speak with, as a machine does that hangs: connections stay open, and nobody answers. The
// function that it returns lets them go on.
func (s *Server) Freeze(ctx context.Context) (thaw func() error, err error) {
	db, err := sql.Open("pgx", s.URI("postgres"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var list string
	if err := db.QueryRowContext(ctx, `
		SELECT COALESCE(string_agg(pid::text, ' '), '') FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`).Scan(&list); err != nil {
		return nil, err
	}
	first, err := s.pid()
	if err != nil {
		return nil, err
	}
	processes := append(strings.Fields(list), strconv.Itoa(first))
	all := func(signal string) error {
		return run(s.programs.shell(append([]string{"kill", signal}, processes...)...))
	}
	return func() error { return all("-CONT") }, all("-STOP")
}

// pid is the first process of the server, which stands in the first line of a file.
func (s *Server) pid() (int, error) {
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(strings.TrimSpace(line))
}

// Close ends the server and removes what it kept.
func (s *Server) Close() error { return errors.Join(s.Kill(), os.RemoveAll(s.dir)) }

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}
