package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// requireAll makes a failure of what would be left out.
const requireAll = "LATCHKEY_REQUIRE_ALL"

// programs are where PostgreSQL is, and as whom it runs: it refuses to run as root.
type programs struct {
	dir string
	// as is the user to become; empty: this one is good.
	as       string
	uid, gid int
}

// Missing says what keeps servers from being started on this machine, or nothing.
func Missing() string {
	if _, err := find(); err != nil {
		return err.Error()
	}
	return ""
}

// RequireAll reports whether nothing may be left out.
func RequireAll() bool { return os.Getenv(requireAll) != "" }

// Need skips the test where servers cannot be started, or fails it where nothing may be left out.
func Need(t testing.TB) {
	t.Helper()
	what := Missing()
	switch {
	case what == "":
	case RequireAll():
		t.Fatalf("%s, and %s is set", what, requireAll)
	default:
		t.Skip("left out: " + what)
	}
}

func find() (programs, error) {
	var p programs
	if runtime.GOOS == "windows" {
		return p, fmt.Errorf("servers for tests are started on Unix only")
	}
	if p.dir = directory(); p.dir == "" {
		return p, fmt.Errorf("no PostgreSQL on this machine (apt-get install postgresql)")
	}
	if os.Getuid() != 0 {
		return p, nil
	}
	if _, err := exec.LookPath("runuser"); err != nil {
		return p, fmt.Errorf("PostgreSQL does not run as root, and there is no runuser")
	}
	p.as = "postgres"
	u, err := user.Lookup(p.as)
	if err != nil {
		return p, fmt.Errorf("PostgreSQL does not run as root, and there is no user %s", p.as)
	}
	if p.uid, err = strconv.Atoi(u.Uid); err != nil {
		return p, err
	}
	p.gid, err = strconv.Atoi(u.Gid)
	return p, err
}

// directory is where initdb and postgres are: the PATH, else the newest version of Debian's packages.
func directory() string {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil && whole(filepath.Dir(path)) {
			return filepath.Dir(path)
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return ""
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	for _, dir := range found {
		if whole(dir) {
			return dir
		}
	}
	return ""
}

func whole(dir string) bool {
	for _, name := range []string{"initdb", "postgres", "pg_basebackup"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

func version(dir string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	if err != nil {
		return 0 // a folder of something else, which comes last
	}
	return n
}

// command is one of the programs, as the right user.
func (p programs) command(name string, args ...string) *exec.Cmd {
	return p.shell(append([]string{filepath.Join(p.dir, name)}, args...)...)
}

func (p programs) shell(words ...string) *exec.Cmd {
	if p.as != "" {
		words = append([]string{"runuser", "-u", p.as, "--"}, words...)
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = "/" // the other user may not enter this one's folder
	return cmd
}

// run does it to the end, and says what the program said if it fails.
func run(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("pgtest: %s: %w: %s", filepath.Base(cmd.Args[len(cmd.Args)-1]), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// folder makes one that the server's user can use.
func (p programs) folder() (string, error) {
	dir, err := os.MkdirTemp("", "latchkey-pg-")
	if err != nil {
		return "", err
	}
	if p.as != "" {
		err = os.Chown(dir, p.uid, p.gid)
	}
	return dir, err
}
