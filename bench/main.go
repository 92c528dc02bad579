package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	binary, dir, out string
	only, match      string
	large            bool
	each             time.Duration
	samples          int
	profile          string
}

func main() {
	var o options
	flag.StringVar(&o.binary, "latchkey", "", "the latchkey binary to measure")
	flag.StringVar(&o.dir, "dir", "", "where the databases are made: on a real disk (default: the folder of temporary files)")
	flag.StringVar(&o.out, "out", "", "write the tables to this file as well")
	flag.StringVar(&o.only, "only", "", "measure only these parts: "+strings.Join(partNames(), ","))
	flag.StringVar(&o.match, "match", "", "of the loads only those whose name has this in it, such as \"SQLite sign-in, address typed 16\"")
	flag.BoolVar(&o.large, "large", false, "measure a database of a million credentials too; filling it takes a minute or two")
	flag.DurationVar(&o.each, "each", 5*time.Second, "how long each load lasts")
	flag.IntVar(&o.samples, "samples", 500, "how many samples of each kind the statistic of identities takes")
	flag.StringVar(&o.profile, "profile", "", "keep the CPU profiles that the part \"where\" takes in this folder")
	role := flag.String("role", "", "for the bench's own children")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch *role {
	case "probe":
		err = probe(os.Stdout)
	case "app":
		err = serveApp(ctx, flag.Arg(0))
	case "":
		err = pinned(func() error { return measure(ctx, o) })
	default:
		err = fmt.Errorf("no role %q", *role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// part is one table of the report.
type part struct {
	name string
	run  func(context.Context, *run) error
}

var parts = []part{
	{"load", measureLoad}, {"sessions", measureSessions}, {"sizes", measureSizes}, {"start", measureStart}, {"identities", measureIdentities}, {"where", measureWhere},
}

func partNames() (names []string) {
	for _, p := range parts {
		names = append(names, p.name)
	}
	return names
}

// run is what the parts share.
type run struct {
	options
	report *report
	probes []float64 // ns of a verification, as measured so far
}

func measure(ctx context.Context, o options) (err error) {
	if o.binary == "" {
		return errors.New("say which binary to measure, with -latchkey; make bench does")
	}
	if o.dir, err = os.MkdirTemp(o.dir, "latchkey-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	r := &run{options: o, report: newReport(o)}
	for _, p := range parts {
		if o.only != "" && !strings.Contains(","+o.only+",", ","+p.name+",") {
			continue
		}
		if err := p.run(ctx, r); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	text := r.report.text(r.verification(), r.spread())
	if _, err := os.Stdout.WriteString(text); err != nil {
		return err
	}
	if o.out == "" {
		return nil
	}
	return os.WriteFile(o.out, []byte(text), 0o644)
}

// tell says on the terminal what goes on.
func tell(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// The client has the first core, the server the second; whoever else is needed has the client's.
const (
	clientCore = 0
	serverCore = 1
)

// pinnedBy names the variable by which a child that was started pinned knows it.
const pinnedBy = "LATCHKEY_BENCH_PINNED"

// pinned runs the rest of the program on the client's core, where there is a way to.
func pinned(do func() error) error {
	if os.Getenv(pinnedBy) != "" || !canPin() {
		return do()
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := onCore(context.Background(), clientCore, self, os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), pinnedBy+"=1")
	err = cmd.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		os.Exit(ended.ExitCode())
	}
	return err
}

func canPin() bool {
	_, err := exec.LookPath("taskset")
	return err == nil && cores() > 1
}

// onCore is a command that runs on that core alone, where there is a way to.
func onCore(ctx context.Context, core int, name string, args ...string) *exec.Cmd {
	if !canPin() {
		return exec.CommandContext(ctx, name, args...)
	}
	return exec.CommandContext(ctx, "taskset", append([]string{"-c", strconv.Itoa(core), name}, args...)...)
}

// path is a file in the folder of this run.
func (r *run) path(name string) string { return filepath.Join(r.dir, name) }

// ns prints a duration in the unit that suits it.
func ns(n float64) string {
	switch {
	case n < 1e3:
		return fmt.Sprintf("%.0f ns", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f µs", n/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.2f ms", n/1e6)
	}
	return fmt.Sprintf("%.2f s", n/1e9)
}

func mib(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

// within marks whether a target is met.
func within[T cmp.Ordered](got, most T) string {
	if got <= most {
		return "met"
	}
	return "**missed**"
}
