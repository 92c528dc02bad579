package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("LATCHKEY_REQUIRE_ALL") != "" {
			fmt.Println("e2e: no chromium on this machine (apt-get install chromium), and LATCHKEY_REQUIRE_ALL is set")
			return 1
		}
		fmt.Println("e2e: left out: no chromium on this machine (apt-get install chromium)")
		return 0
	}
	profile, err := os.MkdirTemp("", "latchkey-e2e-")
	if err != nil {
		fmt.Println("e2e:", err)
		return 1
	}
	defer os.RemoveAll(profile)
	ctx, stop, err := startBrowser(path, profile)
	if err != nil {
		fmt.Println("e2e:", err)
		return 1
	}
	defer stop()
	chromium = ctx
	return m.Run()
}
