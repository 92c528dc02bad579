package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/latchkey-auth/latchkey/cmd/latchkey/internal/settings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, &app{environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, now: time.Now}, os.Args[1:]))
}

// app is what a command finds around itself.
type app struct {
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
}

// commands is the command line. The texts that the commands are explained with are in help.go.
type commands struct {
	Serve   serveCmd          `cmd:"" help:"Run the server."`
	User    userCmd           `cmd:"" help:"Look after accounts, also while the server runs."`
	Session sessionCmd        `cmd:"" help:"Look after what is signed in, also while the server runs."`
	DB      dbCmd             `cmd:"" name:"db" help:"Look after the database."`
	Keys    keysCmd           `cmd:"" help:"Look after the secret keys."`
	Events  eventsCmd         `cmd:"" help:"Show the audit log, or prune it."`
	Doctor  doctorCmd         `cmd:"" help:"Look for what is wrong with the settings and around them."`
	Verify  verifyResponseCmd `cmd:"" name:"verify-response" help:"Explain why a passkey's response is refused, offline."`
	Version versionCmd        `cmd:"" help:"Print the version."`
}

// run does what the arguments say and returns the exit status.
func run(ctx context.Context, a *app, args []string) int {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	var c commands
	parser, err := kong.New(&c,
		kong.Name("latchkey"), kong.Description(about), kong.Writers(a.stdout, a.stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, NoAppDescFormat: true, WrapUpperBound: 110}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(a))
	if err != nil {
		return a.report(err)
	}
	chosen, err := parser.Parse(args)
	if err != nil {
		return a.report(hinted{err, "latchkey --help explains the commands"})
	}
	if err := chosen.Run(); err != nil {
		return a.report(err)
	}
	return 0
}

// hinted is an error with what to do about it.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// report prints an error as lines that begin with "error:" and "hint:", and returns the exit status.
func (a *app) report(err error) int {
	if faults := (settings.Faults)(nil); errors.As(err, &faults) {
		for _, f := range faults {
			a.complain(f.Where()+": "+f.Problem, f.Hint)
		}
		return 1
	}
	hint := ""
	if h := (hinted{}); errors.As(err, &h) {
		hint = h.hint
	}
	a.complain(err.Error(), hint)
	return 1
}

func (a *app) complain(problem, hint string) {
	said := ""
	for line := range strings.SplitSeq(problem, "\n") {
		if strings.HasSuffix(said, line) {
			continue // joined errors have one cause, mostly
		}
		said = line
		line = strings.TrimSpace(line) // some drivers indent
		fmt.Fprintln(a.stderr, "error:", line)
	}
	if hint != "" {
		fmt.Fprintln(a.stderr, "hint:", hint)
	}
}

// configured are the flags of every command that reads the settings.
type configured struct {
	Config   *string `placeholder:"FILE" help:"Read settings from this TOML file."`
	Database *string `placeholder:"FILE|URI" help:"The database file (default latchkey.db), or postgres://… (others see this machine's command lines: give a password in LATCHKEY_DATABASE instead)."`
}

// load reads the settings for a command; more are its other flags that stand for settings, by name.
func (c configured) load(a *app, admin bool, more map[string]*string) (settings.Settings, error) {
	flags := map[string]string{}
	for name, flag := range map[string]*string{"CONFIG": c.Config, "DATABASE": c.Database} {
		if flag != nil {
			flags[name] = *flag
		}
	}
	for name, flag := range more {
		if flag != nil {
			flags[name] = *flag
		}
	}
	return settings.Load(settings.Sources{Flags: flags, Environ: a.environ, Admin: admin})
}
