package sqlite_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

// The tests start this program again as another process: role says as what, file on which database.
const (
	roleVariable = "LATCHKEY_TEST_ROLE"
	fileVariable = "LATCHKEY_TEST_FILE"
)

func TestMain(m *testing.M) {
	var err error
	switch role := os.Getenv(roleVariable); role {
	case "":
		os.Exit(m.Run())
	case "writer":
		err = writeUntilKilled(os.Getenv(fileVariable))
	case "reader":
		err = readOnce(os.Getenv(fileVariable))
	default:
		err = fmt.Errorf("there is no role %q", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// process is this program in another role.
type process struct {
	*exec.Cmd
	lines *bufio.Reader
}

func start(t *testing.T, role, file string) *process {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.CommandContext(t.Context(), executable)}
	p.Env = append(os.Environ(), roleVariable+"="+role, fileVariable+"="+file)
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewReader(out)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// line is the next whole line that the process printed; ok is false at the end.
func (p *process) line(t *testing.T) (line string, ok bool) {
	t.Helper()
	line, err := p.lines.ReadString('\n')
	if err == io.EOF {
		return "", false // what was cut off in the middle was not said
	}
	if err != nil {
		t.Fatal(err)
	}
	return line[:len(line)-1], true
}
