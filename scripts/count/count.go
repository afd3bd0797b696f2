package main

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A function is one function or method with a body, tests excepted.
type function struct {
	dir, file, name string
	lines           int // from the line of "func" to that of the last brace
	branches        int // cyclomatic complexity: 1, and 1 per decision
}

// A room is what was counted in one directory.
type room struct {
	dir        string
	files      int // without tests
	code, test int // lines that hold a token
	functions  []function
	// names are the exported ones, without struct fields: "Session", "Session.Token".
	names      []string
	documented int // of names
	// methods counts all methods, exported or not, by the name of the receiver.
	methods map[string]int
}

// A house is a whole checkout.
type house struct{ rooms map[string]*room }

// measure reads every Go file below tree, for whichever system it is.
func measure(tree fs.FS) (*house, error) {
	h := &house{rooms: map[string]*room{}}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == ".git" || name == "dist"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		return h.add(name, text)
	})
	return h, err
}

func (h *house) add(name string, text []byte) error {
	dir := path.Dir(name)
	r := h.rooms[dir]
	if r == nil {
		r = &room{dir: dir, methods: map[string]int{}}
		h.rooms[dir] = r
	}
	lines := codeLines(text)
	if strings.HasSuffix(name, "_test.go") {
		r.test += lines
		return nil
	}
	r.files++
	r.code += lines
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			r.addFunction(set, name, d)
		case *ast.GenDecl:
			r.addNames(d)
		}
	}
	return nil
}

// codeLines counts the lines that hold a token other than a comment. A string
// of several lines counts as all of them.
func codeLines(text []byte) int {
	set := token.NewFileSet()
	file := set.AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0) // without comments
	lines := map[int]bool{}
	for {
		pos, tok, literal := s.Scan()
		if tok == token.EOF {
			return len(lines)
		}
		if tok == token.SEMICOLON && literal == "\n" {
			continue // put in by the scanner
		}
		first := file.Line(pos)
		for i := range 1 + strings.Count(literal, "\n") {
			lines[first+i] = true
		}
	}
}

func (r *room) addFunction(set *token.FileSet, file string, f *ast.FuncDecl) {
	name, receiver := f.Name.Name, ""
	if f.Recv != nil {
		receiver = receiverName(f.Recv.List[0].Type)
		r.methods[receiver]++
		name = receiver + "." + name
	}
	if f.Name.IsExported() && (receiver == "" || ast.IsExported(receiver)) {
		r.export(name, f.Doc != nil)
	}
	if f.Body == nil {
		return
	}
	lines := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1
	r.functions = append(r.functions, function{r.dir, file, name, lines, complexity(f.Body)})
}

func receiverName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiverName(e.X)
	case *ast.IndexExpr:
		return receiverName(e.X)
	case *ast.IndexListExpr:
		return receiverName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func (r *room) addNames(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			r.exportAll([]*ast.Ident{s.Name}, d.Doc != nil || s.Doc != nil)
			if i, ok := s.Type.(*ast.InterfaceType); ok && s.Name.IsExported() {
				for _, m := range i.Methods.List {
					for _, n := range m.Names {
						r.export(s.Name.Name+"."+n.Name, m.Doc != nil || m.Comment != nil)
					}
				}
			}
		case *ast.ValueSpec:
			// In a group, a comment on the group is one for each name.
			r.exportAll(s.Names, d.Doc != nil || s.Doc != nil || s.Comment != nil)
		}
	}
}

func (r *room) exportAll(names []*ast.Ident, documented bool) {
	for _, n := range names {
		if n.IsExported() {
			r.export(n.Name, documented)
		}
	}
}

func (r *room) export(name string, documented bool) {
	if slices.Contains(r.names, name) {
		return // the same for another system
	}
	r.names = append(r.names, name)
	if documented {
		r.documented++
	}
}

// complexity is 1 and one for each if, loop, case, && and ||, as McCabe counts.
func complexity(body *ast.BlockStmt) int {
	n := 1
	ast.Inspect(body, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if node.List != nil {
				n++
			}
		case *ast.CommClause:
			if node.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if node.Op == token.LAND || node.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}
