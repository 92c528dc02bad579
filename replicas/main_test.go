package replicas

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/pgtest"

	// What the program is made of, so that after a change of it no result from before is shown again.
	_ "github.com/latchkey-auth/latchkey"
	_ "github.com/latchkey-auth/latchkey/store/postgres"
	_ "github.com/latchkey-auth/latchkey/store/sqlite"
)

// program is "latchkey", built from this source.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "latchkey-replicas-")
	if err != nil {
		fmt.Println("replicas:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	// For the same reason: what a test has looked at counts.
	if _, err := os.ReadDir("../cmd/latchkey"); err != nil {
		fmt.Println("replicas:", err)
		return 1
	}
	program = filepath.Join(dir, "latchkey")
	build := exec.Command("go", "build", "-o", program, "../cmd/latchkey")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Printf("replicas: %v: %s\n", err, out)
		return 1
	}
	return pgtest.Main(m)
}
