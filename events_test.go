package latchkey_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/account"
)

// source parses the Go files of a folder, tests aside.
func source(t *testing.T, folder string) []*ast.File {
	t.Helper()
	var files []*ast.File
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v, %v", folder, names, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(l.Value)
	return s, err == nil
}

// written are the reasons that the code of a folder gives: in calls of why, and in assignments to a Reason.
func written(t *testing.T, folder string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, f := range source(t, folder) {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "why" {
					if r, ok := literal(n.Args[0]); ok {
						out[r] = true
					}
				}
			case *ast.AssignStmt:
				for i, left := range n.Lhs { // of a, b = x, f() the text that stands across
					if to, ok := left.(*ast.SelectorExpr); ok && to.Sel.Name == "Reason" && len(n.Rhs) == len(n.Lhs) {
						if r, ok := literal(n.Rhs[i]); ok {
							out[r] = true
						}
					}
				}
			case *ast.KeyValueExpr:
				if k, ok := n.Key.(*ast.Ident); ok && k.Name == "Reason" {
					if r, ok := literal(n.Value); ok {
						out[r] = true
					}
				}
			}
			return true
		})
	}
	return out
}

// firstColumn are the words in backquotes in the first column of the table under a heading of a page.
func firstColumn(t *testing.T, file, heading string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no %q", file, heading)
	}
	table, _, _ := strings.Cut(after, "\n## ")
	var words []string
	for line := range strings.SplitSeq(table, "\n") {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
				words = append(words, m[1])
			}
		}
	}
	return words
}

// TestEveryReasonIsBoundedAndDocumented: what the code can say, what account.Reasons promises and what docs/events.md explains are one set.
// That nothing else is ever said is checked where events are heard: by the houses and sites of the tests of signin and web.
func TestEveryReasonIsBoundedAndDocumented(t *testing.T) {
	promised := map[string]bool{}
	for _, k := range account.EventKinds() {
		if len(account.Reasons(k)) == 0 {
			t.Errorf("no reason is promised for %s", k)
		}
		for _, r := range account.Reasons(k) {
			if !regexp.MustCompile(`^[a-z_-]{0,32}$`).MatchString(r) {
				t.Errorf("%q is no word", r)
			}
			if r != "" {
				promised[r] = true
			}
		}
	}
	documented := firstColumn(t, "docs/events.md", "Reasons")
	if want := slices.Sorted(maps.Keys(promised)); !slices.Equal(slices.Sorted(slices.Values(documented)), want) {
		t.Errorf("docs/events.md has the reasons\n%q, account.Reasons has\n%q", slices.Sorted(slices.Values(documented)), want)
	}
	said := map[string]bool{}
	for _, folder := range []string{"signin", "cmd/latchkey"} {
		maps.Copy(said, written(t, folder))
	}
	if len(said) < 50 {
		t.Fatalf("only %d reasons were found in the code", len(said))
	}
	for r := range said {
		if !promised[r] {
			t.Errorf("the code says %q, which nobody promised", r)
		}
	}
	// the other way round: a reason that no code says would be a lie
	text := map[string]bool{}
	for _, folder := range []string{"signin", "cmd/latchkey", "passkey"} {
		for _, f := range source(t, folder) {
			ast.Inspect(f, func(n ast.Node) bool {
				if e, ok := n.(ast.Expr); ok {
					if s, ok := literal(e); ok {
						text[s] = true
					}
				}
				return true
			})
		}
	}
	for _, s := range []account.PendingState{account.PendingSelect, account.PendingReady, account.PendingSetup, account.PendingValidating} {
		text[string(s)] = true
	}
	for _, u := range []account.Usage{account.UsageFirst, account.UsageSecondary} {
		text[string(u)] = true
	}
	for r := range promised {
		if !text[r] {
			t.Errorf("%q is promised, and no code says it", r)
		}
	}
}

// TestEveryKindOfEventIsDocumented: the constants, account.EventKinds and docs/events.md are one list.
func TestEveryKindOfEventIsDocumented(t *testing.T) {
	var consts []string
	for _, f := range source(t, "account") {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				if typ, ok := v.Type.(*ast.Ident); ok && typ.Name == "EventKind" {
					s, _ := literal(v.Values[0])
					consts = append(consts, s)
				}
			}
		}
	}
	var kinds []string
	for _, k := range account.EventKinds() {
		kinds = append(kinds, string(k))
	}
	if !slices.Equal(slices.Sorted(slices.Values(consts)), slices.Sorted(slices.Values(kinds))) {
		t.Errorf("constants %q, EventKinds %q", consts, kinds)
	}
	if documented := firstColumn(t, "docs/events.md", "Kinds"); !slices.Equal(documented, kinds) {
		t.Errorf("docs/events.md has %q, EventKinds %q", documented, kinds)
	}
	if account.Reasons("no.such_kind") != nil {
		t.Error("a kind that there is not has reasons")
	}
}

// TestNoStatementChangesAnEvent: of all SQL of the stores, what names the log adds to it or reads it. The houses and sites of the tests have
// the database refuse anything else.
func TestNoStatementChangesAnEvent(t *testing.T) {
	named, added, pruned := 0, 0, 0
	for _, folder := range []string{"store/sqlstore", "store/sqlite"} {
		for _, f := range source(t, folder) {
			ast.Inspect(f, func(n ast.Node) bool {
				e, ok := n.(ast.Expr)
				if !ok {
					return true
				}
				s, ok := literal(e)
				if !ok || !strings.Contains(s, "latchkey_events") {
					return true
				}
				named++
				words := strings.Join(strings.Fields(strings.ToUpper(s)), " ")
				switch {
				case strings.HasPrefix(words, "INSERT INTO LATCHKEY_EVENTS ") && !strings.Contains(words, "CONFLICT"):
					added++
				case words == prune:
					pruned++
				case strings.HasPrefix(words, "SELECT ") && !strings.Contains(words, "DELETE") && !strings.Contains(words, "UPDATE"):
				default:
					t.Errorf("a statement that may change events: %s", words)
				}
				return true
			})
		}
	}
	if named < 3 || added != 1 || pruned != 1 {
		t.Errorf("%d statements name the log, %d add to it, %d prune it", named, added, pruned)
	}
	// which is an operator's to ask for: no server does
	for _, folder := range []string{".", "web", "signin", "passkey", "factor"} {
		for _, f := range source(t, folder) {
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.SelectorExpr); ok && call.Sel.Name == "PruneEvents" {
					t.Errorf("%s prunes the log", folder)
				}
				return true
			})
		}
	}
}

// prune is the one statement that deletes events.
const prune = "DELETE FROM LATCHKEY_EVENTS WHERE SEQ IN ( SELECT SEQ FROM LATCHKEY_EVENTS WHERE AT < $1 ORDER BY AT, SEQ LIMIT $2)"
