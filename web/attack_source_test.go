package web_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/web"
)

// What the tests of attacks must leave out nothing of, they read in the code itself.

func routesOf(s *site) []web.Route { return web.Routes(s.auth.Handler()) }

// eachNode walks the Go files of a folder, tests aside.
func eachNode(t testing.TB, folder string, see func(ast.Node)) {
	t.Helper()
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
		ast.Inspect(f, func(n ast.Node) bool { see(n); return true })
	}
}

func textOf(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(l.Value)
	return s, err == nil
}

// constants are the values of a folder's constants of a type of text.
func constants(t testing.TB, folder, typ string) []string {
	t.Helper()
	var out []string
	eachNode(t, folder, func(n ast.Node) {
		if v, ok := n.(*ast.ValueSpec); ok {
			if id, ok := v.Type.(*ast.Ident); ok && id.Name == typ {
				for _, x := range v.Values {
					if s, ok := textOf(x); ok {
						out = append(out, s)
					}
				}
			}
		}
	})
	return out
}
