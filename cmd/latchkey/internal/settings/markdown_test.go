package settings

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDocumentation(t *testing.T) {
	const path = "../../../../docs/configuration.md"
	want := Markdown()
	if update := flag.Lookup("update"); update != nil && update.Value.String() == "true" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("docs/configuration.md is not what the code says; write it anew with go test ./cmd/latchkey/internal/settings -args -update\n%s", d)
	}
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write docs/configuration.md")
	flag.Parse()
	os.Exit(m.Run())
}
