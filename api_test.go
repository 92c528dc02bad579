package latchkey_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// protocolLibrary is replaceable as long as no signature of ours names it.
const protocolLibrary = "github.com/go-webauthn/"

func TestNoPublicSignatureNamesTheProtocolLibrary(t *testing.T) {
	users := 0
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			switch entry.Name() {
			case "internal", "cmd", "testdata", "e2e", "examples", ".git", "node_modules":
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		theirs := map[string]bool{}
		for _, i := range file.Imports {
			at := strings.Trim(i.Path.Value, `"`)
			if !strings.HasPrefix(at, protocolLibrary) {
				continue
			}
			users++
			local := path.Base(at)
			if i.Name != nil {
				local = i.Name.Name
			}
			theirs[local] = true
		}
		for _, where := range publicTypes(file) {
			ast.Inspect(where, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && theirs[x.Name] {
						t.Errorf("%s: %s.%s is in a public signature", set.Position(n.Pos()), x.Name, s.Sel.Name)
					}
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if users == 0 {
		t.Error("nothing was looked at")
	}
}

// publicTypes are the type expressions that other packages see.
func publicTypes(file *ast.File) []ast.Node {
	var out []ast.Node
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() {
				out = append(out, d.Type)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() {
						out = append(out, exportedFields(s.Type)...)
					}
				case *ast.ValueSpec:
					if s.Names[0].IsExported() && s.Type != nil {
						out = append(out, s.Type)
					}
				}
			}
		}
	}
	return out
}

func exportedFields(t ast.Expr) []ast.Node {
	s, ok := t.(*ast.StructType)
	if !ok {
		return []ast.Node{t}
	}
	var out []ast.Node
	for _, f := range s.Fields.List {
		if len(f.Names) == 0 || f.Names[0].IsExported() {
			out = append(out, f.Type)
		}
	}
	return out
}
