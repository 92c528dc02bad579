package web_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// frontend is where the tools are that a Go program does not need.
const frontend = "testdata/frontend"

// tool runs one of them, or leaves the test out where make test-tools has not installed it.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(frontend, "node_modules", ".bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("LATCHKEY_REQUIRE_ALL") != "" {
			t.Fatalf("%s is not installed, and LATCHKEY_REQUIRE_ALL is set: make test-tools", name)
		}
		t.Skipf("left out: %s is not installed: make test-tools", name)
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// An app in TypeScript compiles against latchkey.d.ts, and its mistakes do not.
func TestTypesForAnApp(t *testing.T) {
	t.Parallel()
	tool(t, "tsc", "-p", filepath.Join(frontend, "tsconfig.json"))
}

// The scripts themselves hold to their JSDoc.
func TestScriptsHoldToTheirTypes(t *testing.T) {
	t.Parallel()
	tool(t, "tsc", "-p", filepath.Join(frontend, "tsconfig.script.json"))
}

// The types that are written by hand are those of the module.
func TestWrittenTypesAreTheModules(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	tool(t, "tsc", "-p", filepath.Join(frontend, "tsconfig.made.json"), "--outDir", out)
	here, err := filepath.Abs(frontend)
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{
		"extends": filepath.Join(here, "tsconfig.json"),
		"compilerOptions": map[string]any{
			"exactOptionalPropertyTypes": false, "paths": map[string][]string{"made": {filepath.Join(out, "latchkey.d.ts")}},
		},
		"files": []string{filepath.Join(here, "same.ts")},
	})
	if err != nil {
		t.Fatal(err)
	}
	project := filepath.Join(out, "tsconfig.json")
	if err := os.WriteFile(project, config, 0o600); err != nil {
		t.Fatal(err)
	}
	tool(t, "tsc", "-p", project)
}

// A bundler takes the module as a package, for modern pages and for old ones, and what comes out runs.
func TestTheModuleCanBeBundled(t *testing.T) {
	t.Parallel()
	app := t.TempDir()
	static, err := filepath.Abs("static")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := os.ReadFile(filepath.Join(frontend, "bundled.ts"))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.MkdirAll(filepath.Join(app, "node_modules"), 0o700),
		os.Symlink(static, filepath.Join(app, "node_modules", "latchkey")),
		os.WriteFile(filepath.Join(app, "bundled.ts"), entry, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for format, file := range map[string]string{"esm": "app.mjs", "iife": "app.cjs"} {
		bundle := filepath.Join(app, file)
		tool(t, "esbuild", filepath.Join(app, "bundled.ts"), "--bundle", "--format="+format, "--log-level=error", "--log-override:empty-import-meta=silent", "--outfile="+bundle)
		out, err := exec.CommandContext(t.Context(), "node", bundle).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "false not-supported This browser can’t use passkeys." {
			t.Errorf("%s: %v: %s", format, err, out)
		}
	}
}
