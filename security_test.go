package latchkey_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryRequirementNamesItsProof reads the tables of SECURITY.md: each row names tests that there are, or a page, or says why it is not met.
func TestEveryRequirementNamesItsProof(t *testing.T) {
	text, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, tables, ok := strings.Cut(string(text), "\n## Requirements\n")
	if !ok {
		t.Fatal("no requirements")
	}
	declared := map[string]string{} // the tests of a folder, as text
	exists := func(folder, name string) bool {
		if _, read := declared[folder]; !read {
			files, err := filepath.Glob(filepath.Join(filepath.FromSlash(folder), "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				source, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				declared[folder] += string(source)
			}
		}
		return regexp.MustCompile(`(?m)^func ` + name + `\(\w+ \*testing\.[TF]\)`).MatchString(declared[folder])
	}
	named := regexp.MustCompile("`(?:([a-z0-9/]+)\\.)?((?:Test|Fuzz)\\w+)`")
	page := regexp.MustCompile(`\]\((docs/[a-z.-]+)\)`)
	rows, tests, numbers := 0, 0, map[string]bool{}
	for line := range strings.SplitSeq(tables, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || strings.HasPrefix(cells[1], "---") || regexp.MustCompile(`^ (requirement|section) $`).MatchString(cells[1]) {
			continue
		}
		rows++
		for number := range strings.SplitSeq(cells[1], ",") {
			if number = strings.TrimSpace(number); !regexp.MustCompile(`^\d+(\.\d+){1,3}$`).MatchString(number) {
				t.Errorf("%q is no requirement", number)
			}
			numbers[number] = true
		}
		found := named.FindAllStringSubmatch(cells[3], -1)
		for _, m := range found {
			tests++
			folder := m[1]
			if folder == "" {
				folder = "."
			}
			if !exists(folder, m[2]) {
				t.Errorf("%s: there is no test %s in %s", cells[1], m[2], folder)
			}
		}
		pages := page.FindAllStringSubmatch(cells[3], -1)
		for _, m := range pages {
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s: %v", cells[1], err)
			}
		}
		if len(found) == 0 && len(pages) == 0 && !strings.Contains(cells[3], "not met, because") && !strings.Contains(cells[3], "there is no code that") {
			t.Errorf("%s: nothing shows it", cells[1])
		}
	}
	if rows < 80 || tests < 150 {
		t.Errorf("only %d rows with %d tests", rows, tests)
	}
	for _, number := range []string{"3.4.3", "6.2.1", "6.3.8", "6.5.1", "7.2.4", "7.4.1", "8.2.2", "11.4.2", "16.3.1", "3.2.2", "3.2.7", "5.1"} {
		if !numbers[number] {
			t.Errorf("nothing is said of %s", number)
		}
	}
}
