package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a process under measurement, alone on its core.
type server struct {
	cmd     *exec.Cmd
	address string
	// profiler is where its profiles are: the address itself, or another.
	profiler string
	log      *os.File
}

// ticks is how the kernel counts CPU time in /proc (USER_HZ, which Linux fixes).
const ticks = 100

// start runs a program on the server's core and returns once it is ready.
func start(ctx context.Context, logPath, binary string, args, env []string, address, ready string) (*server, error) {
	log, err := os.Create(logPath)
	if err != nil {
		return nil, err
	}
	cmd := onCore(ctx, serverCore, binary, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	s := &server{cmd: cmd, address: address, profiler: address, log: log}
	if err := s.await(ctx, ready); err != nil {
		return nil, errors.Join(err, s.stop(), fmt.Errorf("it said: %s", tail(logPath)))
	}
	return s, nil
}

// await returns when the server answers.
func (s *server) await(ctx context.Context, ready string) error {
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) && ctx.Err() == nil {
		res, err := http.Get("http://" + s.address + ready)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			if res.Body.Close(); res.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(500 * time.Microsecond)
	}
	return errors.Join(errors.New("the server does not come up"), ctx.Err())
}

func (s *server) stop() error {
	err := s.cmd.Process.Signal(syscall.SIGTERM)
	if err == nil {
		err = s.cmd.Wait()
	}
	return errors.Join(err, s.log.Close())
}

// cpu is the time that the process has had so far, in user and in kernel mode.
func (s *server) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The name stands in parentheses and may hold anything, spaces too.
	_, rest, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')'):]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("cannot read %q", stat)
	}
	var total int64
	for _, f := range fields[11:13] { // utime, stime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return time.Duration(total) * time.Second / ticks, nil
}

// memory is a line of /proc/PID/status in bytes: VmRSS, VmHWM.
func (s *server) memory(line string) (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), line+":"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(value, "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no %s", line)
}

// profile takes a CPU profile of that length into a file.
func (s *server) profile(ctx context.Context, length time.Duration, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.profiler, int(length.Seconds())), nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, res.Body)
	return errors.Join(err, f.Close())
}

func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-1500):])
}

// freeAddress is one on loopback that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// origin is the site of every server that is measured; no browser is there to mind the port.
const origin = "http://localhost:8080"

// serve starts `latchkey serve` on that database.
func (r *run) serve(ctx context.Context, database string, more ...string) (*server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	env := append([]string{
		"LATCHKEY_DATABASE=" + database, "LATCHKEY_LISTEN=" + address, "LATCHKEY_ORIGINS=" + origin,
		"LATCHKEY_SECRET_KEYS=" + secretKeys, "LATCHKEY_OUTBOX=" + r.path("outbox"),
	}, more...)
	return start(ctx, r.path("server.log"), r.binary, []string{"serve"}, env, address, "/readyz")
}

// profiled is serve with a profiler.
func (r *run) profiled(ctx context.Context, database string) (*server, error) {
	profiler, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s, err := r.serve(ctx, database, "LATCHKEY_METRICS_LISTEN="+profiler, "LATCHKEY_PPROF=true")
	if err == nil {
		s.profiler = profiler
	}
	return s, err
}

// secretKeys are no secret here: the database holds made-up people.
const secretKeys = "YmVuY2htYXJrIGtleSBvZiAzMiBieXRlcywgbm90IGE="
