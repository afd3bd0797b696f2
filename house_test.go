// Package house_test holds the rules of the house: what may import what, what
// only main may do, what is documented, what is never written.
//
// A rule reads a tree and returns its complaints. Each is shown a tree that
// breaks it, and then ours.
package house_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

const module = "github.com/credproc/credproc"

func TestTheHouseKeepsItsRules(t *testing.T) {
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, complaint := range rule.check(os.DirFS(".")) {
				t.Error(complaint)
			}
		})
	}
}

func TestEveryRuleCanFail(t *testing.T) {
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			tree := fstest.MapFS{}
			for name, text := range rule.tree {
				tree[name] = &fstest.MapFile{Data: []byte(text)}
			}
			got := rule.check(tree)
			slices.Sort(got)
			if !slices.Equal(got, rule.want) {
				t.Errorf("complaints:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(rule.want, "\n"))
			}
		})
	}
}

func TestCodeThatDoesNotParseIsAComplaint(t *testing.T) {
	tree := fstest.MapFS{"oidc/a.go": {Data: []byte("package")}}
	if got := onlyMainExits(tree); len(got) != 1 {
		t.Errorf("complaints: %q, want one", got)
	}
}

var rules = []struct {
	name  string
	check func(fs.FS) []string
	tree  map[string]string // breaks the rule, and comes near to it
	want  []string          // sorted
}{
	{
		"imports run one way", importsRunOneWay,
		map[string]string{
			"cmd/a.go":                   `package cmd; import _ "` + module + `/internal/portal"`,
			"cmd/credproc/main.go":       `package main; import _ "` + module + `/cmd"`,
			"credproc/a.go":              `package credproc; import _ "` + module + `/cmd"`,
			"cmd/credproc/b.go":          `package main; import _ "` + module + `/credproc/credproctest/idctest"`,
			"credproc/a_test.go":         `package credproc; import _ "` + module + `/credproc/credproctest/idctest"`,
			"examples/embed/main.go":     `package main; import _ "` + module + `/credproc/credproctest/idctest"`,
			"examples/quickstart/a.go":   `package main; import _ "` + module + `/credproc/credproctest/idctest"`,
			"examples/sdk/a_test.go":     `package main; import _ "` + module + `/credproc/credproctest"`,
			"examples/sdk/b_test.go":     `package main; import _ "` + module + `/internal/safedir"`,
			"internal/e2e/a.go":          `package e2e; import _ "` + module + `/credproc/credproctest/idctest"`,
			"internal/flight/a.go":       `package flight; import _ "` + module + `/internal/sealed"`,
			"internal/sealed/a.go":       `package sealed; import _ "` + module + `/internal/safedir"`,
			"internal/util/a.go":         `package util`,
			"oidc/a.go":                  `package oidc; import _ "` + module + `/tokencache"`,
			"oidc/a_test.go":             `package oidc; import _ "` + module + `/cmd"`,
			"tokencache/a_windows.go":    `package tokencache; import _ "` + module + `/internal/awsconfig"`,
			"tokencache/keyring/a.go":    `package keyring; import _ "` + module + `/tokencache"`,
			"tokencache/export_test.go":  `package tokencache; import _ "` + module + `/credproc"`,
			"tokencache/testdata/bad.go": `not Go`,
		},
		[]string{
			"cmd/credproc/b.go imports credproc/credproctest/idctest",
			"credproc/a.go imports cmd",
			"examples/embed/main.go imports credproc/credproctest/idctest",
			"examples/sdk/b_test.go imports internal/safedir",
			"internal/sealed/a.go imports internal/safedir",
			"internal/util/a.go is in a package that the table of imports does not have",
			"oidc/a.go imports tokencache",
			"oidc/a_test.go imports cmd",
			"tokencache/a_windows.go imports internal/awsconfig",
			"tokencache/keyring/a.go imports tokencache",
		},
	},
	{
		"dependencies stay where they belong", dependenciesStay,
		map[string]string{
			"cmd/a.go":                `package cmd; import _ "github.com/alecthomas/kong"`,
			"cmd/b.go":                `package cmd; import _ "github.com/zalando/go-keyring"`,
			"cmd/c.go":                `package cmd; import _ "github.com/google/jsonschema-go/jsonschema"`,
			"cmd/c_test.go":           `package cmd; import _ "github.com/google/jsonschema-go/jsonschema"`,
			"cmd/d.go":                `package cmd; import _ "text/template"`,
			"credproc/a.go":           `package credproc; import _ "github.com/aws/aws-sdk-go-v2/config"`,
			"credproc/a_test.go":      `package credproc; import _ "github.com/godbus/dbus/v5"`,
			"credproc/b.go":           `package credproc; import _ "github.com/aws/aws-sdk-go-v2/credentials"`,
			"examples/sdk/main.go":    `package main; import _ "github.com/aws/aws-sdk-go-v2/config"`,
			"internal/e2e/a.go":       `package e2e; import _ "github.com/zalando/go-keyring"`,
			"internal/flight/a.go":    `package flight; import "C"`,
			"oidc/a.go":               `package oidc; import _ "github.com/alecthomas/kong/v2"`,
			"tokencache/a.go":         `package tokencache; import _ "github.com/zalando/go-keyring"`,
			"tokencache/keyring/a.go": `package keyring; import _ "github.com/zalando/go-keyring"`,
		},
		[]string{
			"cmd/b.go imports github.com/zalando/go-keyring",
			"cmd/c.go imports github.com/google/jsonschema-go/jsonschema",
			"cmd/d.go imports text/template",
			"credproc/a.go imports github.com/aws/aws-sdk-go-v2/config",
			"credproc/a_test.go imports github.com/godbus/dbus/v5",
			"internal/flight/a.go imports C",
			"oidc/a.go imports github.com/alecthomas/kong/v2",
			"tokencache/a.go imports github.com/zalando/go-keyring",
		},
	},
	{
		"only main exits", onlyMainExits,
		map[string]string{
			"cmd/a.go":                           "package cmd\nimport \"log\"\nfunc a() { log.Fatalf(\"\") }",
			"cmd/b.go":                           "package cmd\nimport \"os\"\nvar exit = os.Exit",
			"cmd/credproc/instant/a.go":          "package instant\nimport \"os\"\nfunc init() { os.Exit(0) }",
			"cmd/credproc/main.go":               "package main\nimport \"os\"\nfunc main() { os.Exit(1) }",
			"cmd/main_test.go":                   "package cmd\nimport \"os\"\nfunc a() { os.Exit(1); panic(1) }",
			"credproc/credproctest/idctest/a.go": "package idctest\nfunc a() { panic(1) }",
			"oidc/a.go":                          "package oidc\nfunc a() { panic(1) }",
			"oidc/b.go":                          "package oidc\nfunc init() {}\ntype t int\nfunc (t) init() {}",
		},
		[]string{
			"cmd/a.go:3: log.Fatalf outside of main",
			"cmd/b.go:3: os.Exit outside of main",
			"oidc/a.go:2: panic in a library",
			"oidc/b.go:2: func init",
		},
	},
	{
		"what is exported is documented", exportedIsDocumented,
		map[string]string{
			"cmd/a.go":      "package cmd\n// A is.\ntype A struct{ F int }\nfunc (A) M() {}\nfunc (*A) m() {}\nfunc (A) Error() {}\ntype b int\nfunc (b) M() {}\ntype G[T any] int\nfunc (*G[T]) M() {}",
			"cmd/a_test.go": "// Package cmd is.\npackage cmd\nfunc F() {}",
			"oidc/a.go":     "package oidc\nconst C = 1\n// Group.\nconst (\n\tD = 1\n\tE = 2\n)\nvar (\n\t// V is.\n\tV, w = 1, 2\n\tW = 2\n)\nfunc F() {}",
			"oidc/doc.go":   "// Package oidc is.\npackage oidc",
			"house_test.go": "// Package house_test is.\npackage house_test",
		},
		[]string{
			"cmd has no package comment",
			"cmd/a.go:10: M has no comment",
			"cmd/a.go:4: M has no comment",
			"cmd/a.go:9: G has no comment",
			"oidc/a.go:11: W has no comment",
			"oidc/a.go:13: F has no comment",
			"oidc/a.go:2: C has no comment",
		},
	},
	{
		"no internal type is in the public API", publicTypesAreOwn,
		map[string]string{
			"oidc/a.go": "package oidc\nimport \"" + module + "/internal/flight\"\n// T is.\ntype T struct{ F flight.Call; g flight.Call; flight.Gate }\n" +
				"func (T) M() flight.Failure { return a(flight.X) }\nfunc (t) N(flight.Call) {}\ntype t int\ntype A = flight.Call\n" +
				"type I interface{ M(*flight.Call) }\nfunc F(a []flight.Call) {}\nfunc f(flight.Call) {}\nvar V flight.Call\n" +
				"func G[T flight.Call]() {}\ntype gate = flight.Gate\ntype B struct { gate; _ flight.Call }\nvar w, X = f(flight.Call{}), 1\n",
			"oidc/b.go":           "package oidc\nimport inner \"" + module + "/internal/flight\"\n// F2 is.\nfunc F2() (a int, err *inner.Error) { return }",
			"oidc/a_test.go":      "package oidc\nimport \"" + module + "/internal/flight\"\nfunc F3(flight.Call) {}",
			"internal/fetch/a.go": "package fetch\nimport \"" + module + "/internal/flight\"\nfunc F(flight.Call) {}",
			"cmd/internal/a/b.go": "package a\nimport \"" + module + "/internal/flight\"\nfunc F(flight.Call) {}",
			"examples/embed/m.go": "package main\nimport \"net/http\"\nfunc F(http.Client) {}",
			"credproc/a.go":       "package credproc\nimport \"net/http\"\nfunc F(http.Client) {}",
			"cmd/a.go":            "package cmd\nimport \"" + module + "/cmd/internal/child\"\n// App is.\ntype App struct { s child.Signals }\nfunc (*App) Run() *child.Signals { return nil }",
		},
		[]string{
			"cmd/a.go:5: child.Signals in the API",
			"oidc/a.go:10: flight.Call in the API",
			"oidc/a.go:12: flight.Call in the API",
			"oidc/a.go:13: flight.Call in the API",
			"oidc/a.go:4: flight.Call in the API",
			"oidc/a.go:4: flight.Gate in the API",
			"oidc/a.go:5: flight.Failure in the API",
			"oidc/a.go:8: flight.Call in the API",
			"oidc/a.go:9: flight.Call in the API",
			"oidc/b.go:4: inner.Error in the API",
		},
	},
	{
		"tests are as long as code", testsAreAsLongAsCode,
		map[string]string{
			"cmd/a.go":             "package cmd\n\nvar a = 1",
			"credproc/a.go":        "package credproc\n\nvar a = 1",
			"credproc/a_test.go":   "package credproc\n\n\n",
			"tokencache/a.go":      "package tokencache\n\nvar a = 1",
			"tokencache/a_test.go": "package tokencache\nvar b = 1",
		},
		[]string{"credproc has 1 lines of tests for 2 of code"},
	},
	{
		"some words are not written", someWordsAreNotWritten,
		map[string]string{
			"README.md":          "later: TO" + "DO",
			"docs/a.md":          "fine: mktemp a.XX" + "XXXX",
			"docs/b.md":          "one\nXX" + "X FIX" + "ME",
			"go.sum":             "XX" + "X",
			"internal/e2e/a.txt": "GET https://registry.npm" + "js.org/a",
			"oidc/a_test.go":     "package oidc\nimport \"time\"\nfunc a() { t.Sk" + "ipf(1)\n time.Sleep(1) }",
			"oidc/b_test.go":     "package oidc\nimport (\"testing/synctest\"; \"time\")\nfunc b() { time.Sleep(1) }",
			"oidc/d_test.go":     "package oidc\nimport \"time\"\nfunc TestD() { bubble(func() { time.Sleep(1) }) }",
			"oidc/e_test.go":     "package oidc\nimport \"testing/synctest\"\nfunc bubble(f func()) { synctest.Test(nil, nil) }",
			"cmd/d_test.go":      "package cmd\nimport \"time\"\nfunc TestD() { bubble(func() { time.Sleep(1) }) }",
			"oidc/c.go":          "package oidc\nimport \"time\"\nfunc c() { time.Sleep(1) }",
			"tools/a":            "\x00TO" + "DO",
			".git/a":             "TO" + "DO",
		},
		[]string{
			"README.md:1: says TO" + "DO",
			"cmd/d_test.go:3: time.Sleep in a test without synctest",
			"docs/b.md:2: says FIX" + "ME",
			"docs/b.md:2: says XX" + "X",
			"internal/e2e/a.txt:1: says npm" + "js.org",
			"oidc/a_test.go:3: says t.Sk" + "ip",
			"oidc/a_test.go:4: time.Sleep in a test without synctest",
		},
	},
	{
		"one file prints what people see", printsInOnePlace,
		map[string]string{
			room + "terminal.go": "package terminal\nfunc a() { t.out = os.Stdout; io.WriteString(t.err, s) }",
			room + "prose.go":    "package terminal\nfunc a() Prose { return Prose(s) }",
			room + "ask.go":      "package terminal\nfunc a() {\n if Is(t.err) { t.err.Write(b) }\n _ = Prose(s)\n}",
			"cmd/a.go": "package cmd\nfunc a() {\n fmt.Fprintln(a.ErrWriter(), err)\n r.OutWriter().Write(b)\n w := a.Stderr\n" +
				" f := os.Stdout\n text := terminal.Prose(err.Error())\n mapped(text, f)\n a.Verbatim(err.Error())\n fmt.Println(err)\n" +
				" println(1)\n log.Print(err)\n slog.Error(s)\n t, _ := terminal.OpenControlling()\n p.tty.Write(b)\n syscall.Write(2, b)\n}",
			"cmd/b.go": "package cmd\nfunc a(text terminal.Prose) {\n terminal.Is(a.ErrWriter())\n kong.Writers(t.OutWriter(), t.ErrWriter())\n" +
				" c.Stdout, c.Stderr = &b, a.ErrWriter()\n c := exec.Cmd{Stdout: a.OutWriter()}\n fmt.Fprint(&b, err)\n}",
			"cmd/c.go":                  "package cmd\nfunc a() { c.Env, c.Stderr = a.ErrWriter(), nil }",
			"cmd/env.go":                "package cmd\nfunc a() { a.Verbatim(s) }",
			"cmd/credproc/main.go":      "package main\nvar w = os.Stderr",
			"cmd/credproc/instant/a.go": "package instant\nfunc a() { os.Stderr.WriteString(s) }",
			"cmd/a_test.go":             "package cmd\nvar w = os.Stderr",
			"examples/sdk/main.go":      "package main\nvar w = os.Stderr",
			"oidc/a.go":                 "package oidc\nvar w = os.Stderr",
		},
		[]string{
			"cmd/a.go:10: fmt.Println here",
			"cmd/a.go:11: println here",
			"cmd/a.go:12: log.Print here",
			"cmd/a.go:13: slog.Error here",
			"cmd/a.go:14: terminal.OpenControlling here",
			"cmd/a.go:15: .tty here",
			"cmd/a.go:16: syscall.Write here",
			"cmd/a.go:3: .ErrWriter here",
			"cmd/a.go:4: .OutWriter here",
			"cmd/a.go:5: .Stderr here",
			"cmd/a.go:6: os.Stdout here",
			"cmd/a.go:7: terminal.Prose() here",
			"cmd/a.go:8: mapped here",
			"cmd/a.go:9: .Verbatim here",
			"cmd/c.go:2: .ErrWriter here",
			"cmd/credproc/main.go:2: os.Stderr here",
			room + "ask.go:3: t.err here",
			room + "ask.go:4: Prose here",
			"oidc/a.go:2: os.Stderr here",
		},
	},
	{
		"no start waits for a regular expression", noExpressionAtStart,
		map[string]string{
			"cmd/a.go":                           "package cmd\nvar a = regexp.MustCompile(s)\nvar b = []any{\n 1: regexp.MustCompile(s),\n}",
			"cmd/b.go":                           "package cmd\nvar a = sync.OnceValue(func() any { return regexp.MustCompile(s) })\nfunc b() { var _ = regexp.MustCompile(s) }",
			"cmd/a_test.go":                      "package cmd\nvar a = regexp.MustCompile(s)",
			"credproc/credproctest/idctest/a.go": "package idctest\nvar a = regexp.MustCompile(s)",
			"oidc/a.go":                          "package oidc\nvar a, _ = regexp.Compile(s)",
		},
		[]string{
			"cmd/a.go:2: a regular expression is compiled at each start",
			"cmd/a.go:4: a regular expression is compiled at each start",
			"oidc/a.go:2: a regular expression is compiled at each start",
		},
	},
	{
		"the architecture page names every room", roomsAreNamed,
		map[string]string{
			"docs/architecture.md":      "| `internal/a`, `cmd/internal/a` | rooms |\n`internal/b/b.go` is a file.",
			"internal/a/a.go":           "package a",
			"internal/a/inner/a.go":     "package inner",
			"internal/b/b.go":           "package b",
			"cmd/internal/a/a.go":       "package a",
			"cmd/internal/c/c_test.go":  "package c",
			"credproc/internals/odd.go": "package internals",
		},
		[]string{"docs/architecture.md: does not name cmd/internal/c", "docs/architecture.md: does not name internal/b"},
	},
	{
		"the architecture page names files that exist", architectureIsTrue,
		map[string]string{
			"cmd/a.go":             "package cmd",
			"docs/architecture.md": "`cmd/a.go` and `cmd`, `oidc` and\n`cmd/b.go`, but `credproc process` and `Do` are no files",
		},
		[]string{"docs/architecture.md:1: there is no oidc", "docs/architecture.md:2: there is no cmd/b.go"},
	},
	{
		"links lead somewhere", linksLeadSomewhere,
		map[string]string{
			"README.md": "# A\n[b](docs/b.md) [c](docs/c.md) [d](docs/b.md#the-end-of-it) [e](docs/b.md#no) [f](#a) [g](https://example.com/x)\n" +
				"<img src=\"docs/x.svg\"> `[h](h.md)`\n```\n[i](i.md)\n# b\n```\n[j](#b) [k](docs)",
			"docs/b.md":    "## The `end` of it!\n[up](../README.md) [dir](../cmd)\n## Twice\n## Twice\n[twice](#twice-1)",
			"docs/a/d.txt": "[a](none.md)",
			"cmd/a.go":     "package cmd",
		},
		[]string{"README.md:2: no docs/c.md", "README.md:2: no heading docs/b.md#no", "README.md:3: no docs/x.svg", "README.md:8: no heading README.md#b"},
	},
	{
		"a test that runs once is a test", onceIsATest,
		map[string]string{
			"cmd/a_test.go":     "package cmd\nfunc TestA(t *testing.T) {}\nfunc FuzzB(f *testing.F) {}\nfunc (w) TestC() {}",
			"cmd/a.go":          "package cmd\nfunc TestD() {}",
			"scripts/once/user": "# why\n\nTestA\nFuzzB\nTestC\nTestD\nTest",
			"scripts/unix/cmd":  "# why\nTestA",
			"scripts/unix/oidc": "TestA",
		},
		[]string{
			"scripts/once/user:5: no test is called TestC",
			"scripts/once/user:6: no test is called TestD",
			"scripts/once/user:7: no test is called Test",
			"scripts/unix/oidc:1: no test is called TestA",
		},
	},
	{
		"the English is plain", theEnglishIsPlain,
		map[string]string{
			"README.md":      "run it ane" + "w\n> quoted: me" + "nd\nrecommend amends to them",
			"cmd/a.go":       "package cmd\n\n// A file is put\n// asi" + "de.\nfunc me" + "ndOf() {}\nfunc amended() {}",
			"docs/a.json":    `{"me` + `nd": ""}`,
			"docs/b.md":      "Good fo" + "r 5 minutes, stored in\nclea" + "r. Clear in cle" + "arings.",
			"go.sum":         "me" + "nd",
			"docs/img.png":   "\x00me" + "nd",
			"docs/c.md":      "No" + "body is of\nou" + "rs. https://no" + "body/x",
			"oidc/b.go":      "package oidc\n\n// It wi" + "ll do.\nvar beg" + "in = \"it beg" + "ins\"",
			"oidc/b_test.go": "package oidc\n\n// It wi" + "ll do.",
		},
		[]string{
			"README.md:1: says ane" + "w",
			"cmd/a.go:3: says put asi" + "de",
			"cmd/a.go:5: says me" + "ndOf",
			"docs/a.json:1: says me" + "nd",
			"docs/b.md:1: says Good fo" + "r 5",
			"docs/b.md:1: says in clea" + "r",
			"docs/c.md:1: says No" + "body",
			"docs/c.md:1: says of ou" + "rs",
			"oidc/b.go:3: says will d" + "o",
			"oidc/b.go:4: says beg" + "ins",
		},
	},
	{
		"what is fetched and run is pinned", whatIsRunIsPinned,
		map[string]string{
			".github/workflows/a.yml": "- uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4\n- uses: actions/setup-go@v5\n- run: scripts/test",
			"scripts/a":               "go run example.com/a@latest\ngo run example.com/a@v1.2.3",
			"docs/a.md":               "go install example.com/a@latest",
		},
		[]string{".github/workflows/a.yml:2: not pinned by a hash", "scripts/a:1: not pinned by a version"},
	},
	{
		"fuzzing ends by count", fuzzingEndsByCount,
		map[string]string{
			".github/workflows/a.yml": "- run: go test -fuzz=A -fuzztime 10s",
			"scripts/a":               "# go test -fuzz=A\ngo test -fuzz=A -fuzztime=20000x\ngo test -fuzz=A -fuzztime=3s\ngo test -fuzz=A -fuzzminimizetime=100x\ngo test -fuzzcachedir=x",
			"docs/a.md":               "go test -fuzz=A -fuzztime=1h",
		},
		[]string{".github/workflows/a.yml:1: fuzzes by time", "scripts/a:3: fuzzes by time", "scripts/a:4: fuzzes by time"},
	},
}

// A source is one Go file.
type source struct {
	path, dir string // dir is that of the package, and of its path in the module
	test      bool
	text      []byte
	*ast.File
	set *token.FileSet
}

func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.set.Position(n.Pos()).Line)
}

func (s source) imports() []string {
	var paths []string
	for _, spec := range s.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has seen to it
		}
		paths = append(paths, p)
	}
	return paths
}

// ours returns what s imports of this module, as directories.
func (s source) ours() []string {
	var dirs []string
	for _, p := range s.imports() {
		if dir, ok := strings.CutPrefix(p, module+"/"); ok {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// uses calls f with each mention, in root, of a name of the package imported
// from importPath.
func (s source) uses(importPath string, root ast.Node, f func(n ast.Node, name string)) {
	if !slices.Contains(s.imports(), importPath) {
		return
	}
	ast.Inspect(root, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == path.Base(importPath) {
				f(n, sel.Sel.Name)
			}
		}
		return true
	})
}

// files calls f with every file that is part of the project.
func files(tree fs.FS, f func(name string, text []byte)) error {
	return fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || name == "dist"):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err == nil {
			f(name, text)
		}
		return err
	})
}

// sources returns the Go files, for whatever system they are, and a complaint
// for each that cannot be read.
func sources(tree fs.FS) (all []source, complaints []string) {
	if tree == os.DirFS(".") {
		all, complaints = oursParsed()
		return all, slices.Clone(complaints)
	}
	return parsed(tree)
}

// oursParsed are those of this tree, which ten rules look at.
var oursParsed = sync.OnceValues(func() ([]source, []string) { return parsed(os.DirFS(".")) })

func parsed(tree fs.FS) (all []source, complaints []string) {
	err := files(tree, func(name string, text []byte) {
		if path.Ext(name) != ".go" || slices.Contains(strings.Split(name, "/"), "testdata") {
			return
		}
		s := source{path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), text: text, set: token.NewFileSet()}
		var err error
		s.File, err = parser.ParseFile(s.set, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			complaints = append(complaints, err.Error())
			return
		}
		all = append(all, s)
	})
	if err != nil {
		complaints = append(complaints, err.Error())
	}
	return all, complaints
}

var namedFile = regexp.MustCompile("`((?:cmd|credproc|tokencache|oidc|internal)(?:/[a-z0-9_]+)*(?:\\.go)?)`")

// architectureIsTrue looks at the page that leads new people through the code.
func architectureIsTrue(tree fs.FS) (complaints []string) {
	const page = "docs/architecture.md"
	text, err := fs.ReadFile(tree, page)
	if err != nil {
		return nil // of a tree without the page there is nothing to say
	}
	for i, line := range strings.Split(string(text), "\n") {
		for _, found := range namedFile.FindAllStringSubmatch(line, -1) {
			if _, err := fs.Stat(tree, found[1]); err != nil {
				complaints = append(complaints, fmt.Sprintf("%s:%d: there is no %s", page, i+1, found[1]))
			}
		}
	}
	return complaints
}

// target finds where a page leads: a link of Markdown, an image in HTML, or a source
// of a picture.
var target = regexp.MustCompile(`\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"`)

// fenced is code in a page.
var fenced = regexp.MustCompile("(?ms)^ *```.*?^ *```|`[^`\n]+`")

// linksLeadSomewhere follows the links of pages to files and headings.
func linksLeadSomewhere(tree fs.FS) (complaints []string) {
	pages := map[string]string{}
	err := files(tree, func(name string, text []byte) {
		if path.Ext(name) == ".md" {
			pages[name] = fenced.ReplaceAllStringFunc(string(text), func(code string) string { return strings.Repeat("\n", strings.Count(code, "\n")) })
		}
	})
	if err != nil {
		return []string{err.Error()}
	}
	for name, text := range pages {
		for _, at := range target.FindAllStringSubmatchIndex(text, -1) {
			from := max(at[2], at[4])
			to := max(at[3], at[5])
			link, heading, _ := strings.Cut(text[from:to], "#")
			if strings.Contains(link, ":") {
				continue
			}
			file := name
			if link != "" {
				file = path.Join(path.Dir(name), link)
			}
			line := 1 + strings.Count(text[:from], "\n")
			if _, err := fs.Stat(tree, file); err != nil {
				complaints = append(complaints, fmt.Sprintf("%s:%d: no %s", name, line, file))
			} else if page, ok := readPage(tree, file); heading != "" && ok && !slices.Contains(headings(page), heading) {
				complaints = append(complaints, fmt.Sprintf("%s:%d: no heading %s#%s", name, line, file, heading))
			}
		}
	}
	return complaints
}

func readPage(tree fs.FS, name string) (string, bool) {
	text, err := fs.ReadFile(tree, name)
	return string(text), err == nil && path.Ext(name) == ".md"
}

// headings are those of a page as GitHub names them in links.
func headings(page string) (anchors []string) {
	page = regexp.MustCompile("(?ms)^ *```.*?^ *```").ReplaceAllString(page, "")
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		anchor := regexp.MustCompile(`[^\pL\pN _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		anchor = strings.ReplaceAll(anchor, " ", "-")
		for n, base := 1, anchor; slices.Contains(anchors, anchor); n++ {
			anchor = fmt.Sprintf("%s-%d", base, n)
		}
		anchors = append(anchors, anchor)
	}
	return anchors
}

// onceIsATest looks at the lists of tests that some stages leave out: a name that
// no test has any more would leave out nothing, unseen. Those of scripts/unix are
// called after a package, with "-" for "/".
func onceIsATest(tree fs.FS) []string {
	all, complaints := sources(tree)
	tests := map[string]bool{}
	for _, s := range all {
		for _, d := range s.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test && f.Recv == nil {
				tests[f.Name.Name] = true
				tests[strings.ReplaceAll(s.dir, "/", "-")+" "+f.Name.Name] = true
			}
		}
	}
	err := files(tree, func(name string, text []byte) {
		from := ""
		switch path.Dir(name) {
		case "scripts/once":
		case "scripts/unix":
			from = path.Base(name) + " "
		default:
			return
		}
		for i, line := range strings.Split(string(text), "\n") {
			if line != "" && line[0] != '#' && !tests[from+line] {
				complaints = append(complaints, fmt.Sprintf("%s:%d: no test is called %s", name, i+1, line))
			}
		}
	})
	if err != nil {
		complaints = append(complaints, err.Error())
	}
	return complaints
}

var (
	pinnedAction = regexp.MustCompile(`uses:\s+\S+@[0-9a-f]{40}\b`)
	anyVersion   = regexp.MustCompile(`\S@(latest|main|master|upgrade)\b`)
)

// whatIsRunIsPinned looks at what workflows and scripts bring from elsewhere and
// run: another author could change it later.
func whatIsRunIsPinned(tree fs.FS) (complaints []string) {
	err := files(tree, func(name string, text []byte) {
		workflow, script := strings.HasPrefix(name, ".github/"), strings.HasPrefix(name, "scripts/")
		for i, line := range strings.Split(string(text), "\n") {
			at := fmt.Sprintf("%s:%d: not pinned by ", name, i+1)
			if workflow && strings.Contains(line, "uses:") && !pinnedAction.MatchString(line) {
				complaints = append(complaints, at+"a hash")
			}
			if (workflow || script) && anyVersion.MatchString(line) {
				complaints = append(complaints, at+"a version")
			}
		}
	})
	if err != nil {
		complaints = append(complaints, err.Error())
	}
	return complaints
}

var (
	fuzzes  = regexp.MustCompile(`^[^#]*\s-fuzz[= ]`)
	byCount = regexp.MustCompile(`\s-fuzztime[= ]\d+x\b`)
)

// fuzzingEndsByCount looks at what workflows and scripts run. On a busy machine, go
// test fails at the end of a time though nothing was found: "context deadline
// exceeded".
func fuzzingEndsByCount(tree fs.FS) (complaints []string) {
	err := files(tree, func(name string, text []byte) {
		for i, line := range strings.Split(string(text), "\n") {
			run := strings.HasPrefix(name, ".github/") || strings.HasPrefix(name, "scripts/")
			if run && fuzzes.MatchString(line) && !byCount.MatchString(line) {
				complaints = append(complaints, fmt.Sprintf("%s:%d: fuzzes by time", name, i+1))
			}
		}
	})
	if err != nil {
		complaints = append(complaints, err.Error())
	}
	return complaints
}

// kit is for the tests of programs that embed credproc, and fake the local
// Identity Center in it. No part of the product may need them.
const (
	kit  = "credproc/credproctest"
	fake = kit + "/idctest"

	keyringtest = "tokencache/keyring/keyringtest" // is for tests, too
)

// mayImport has a line for each package: what of ours its code may import. A
// name that ends in a slash is all below it.
var mayImport = map[string][]string{
	"cmd/credproc":         {"cmd", "cmd/credproc/instant", "credproc", "tokencache", "tokencache/keyring", "oidc", "internal/"},
	"cmd/credproc/instant": {"internal/warm"},
	"cmd":                  {"cmd/internal/", "credproc", "tokencache", "tokencache/keyring", "oidc", "internal/"},
	"credproc":             {"tokencache", "tokencache/keyring", "oidc", "internal/agent", "internal/assume", "internal/audit", "internal/awsconfig", "internal/clicache", "internal/environ", "internal/fetch", "internal/flight", "internal/inside", "internal/layout", "internal/pause", "internal/portal", "internal/policy", "internal/printable", "internal/awsapi", "internal/safedir", "internal/sealed", "internal/settings"},
	"tokencache":           {"tokencache/keyring", "oidc", "internal/assume", "internal/audit", "internal/dirid", "internal/fetch", "internal/flight", "internal/inside", "internal/keycache", "internal/layout", "internal/pause", "internal/policy", "internal/portal", "internal/awsapi", "internal/safedir", "internal/sealed", "internal/startpage", "internal/starturl"},
	"tokencache/keyring":   {"internal/flight", "internal/kernelring", "internal/keycache", "internal/layout", "internal/macos", "internal/pause", "internal/printable", "internal/safedir", "internal/sealed", "internal/wsl"},
	keyringtest:            {"tokencache/keyring"},
	kit:                    {"credproc", "tokencache", "tokencache/keyring", "oidc", "internal/inside", "internal/settings", fake},
	fake:                   {},
	"oidc":                 {"internal/jwt", "internal/policy", "internal/startpage", "internal/loopback", "internal/pause", "internal/printable", "internal/awsapi", "internal/starturl"},
	"internal/agent":       {"internal/lineage"},
	"internal/audit":       {"internal/layout", "internal/lineage", "internal/policy", "internal/printable", "internal/safedir"},
	"credproc/tip":         {"oidc", "internal/assume", "internal/audit", "internal/awsapi", "internal/jwt", "internal/layout", "internal/policy"},
	"internal/assume":      {"internal/awsapi", "internal/printable"},
	"internal/awsconfig":   {"internal/ospath", "internal/pause", "internal/safedir", "internal/starturl"},
	"internal/clicache":    {"tokencache", "oidc", "internal/safedir", "internal/starturl"},
	"internal/credman":     {},
	"internal/dirid":       {"internal/safedir", "internal/sealed"},
	"internal/environ":     {"internal/safedir"},
	"internal/fetch":       {"internal/flight", "internal/layout", "internal/portal"},
	"internal/flight":      {"internal/pause", "internal/printable", "internal/safedir", "internal/sealed"},
	"internal/inside":      {"oidc", "internal/audit", "internal/fetch", "internal/policy"},
	"internal/jwt":         {},
	"internal/kernelring":  {},
	"internal/keycache":    {"internal/kernelring"},
	"internal/macos":       {},
	"internal/layout":      {"internal/ospath", "internal/sealed"},
	"internal/lineage":     {"internal/safedir"},
	"internal/loopback":    {"internal/safedir"},
	"internal/ospath":      {},
	"internal/pause":       {},
	"internal/policy":      {"internal/agent", "internal/awsconfig", "internal/layout", "internal/ospath", "internal/safedir", "internal/starturl"},
	"internal/portal":      {"internal/printable", "internal/awsapi"},
	"internal/printable":   {},
	"internal/safedir":     {"internal/ospath"},
	"internal/awsapi":      {"internal/printable", "internal/starturl"},
	"internal/sealed":      {},
	"internal/settings":    {"tokencache", "internal/agent", "internal/audit", "internal/awsapi", "internal/awsconfig", "internal/layout", "internal/policy"},
	"internal/startpage":   {"internal/awsapi", "internal/starturl"},
	"internal/starturl":    {},
	"internal/wsl":         {},
	"internal/warm":        {"internal/agent", "internal/awsconfig", "internal/credman", "internal/dirid", "internal/keycache", "internal/layout", "internal/ospath", "internal/policy", "internal/safedir", "internal/sealed", "internal/starturl"},
	"internal/e2e":         {"cmd", "credproc", "tokencache", "tokencache/keyring", "oidc", "internal/", fake},
	"scripts/count":        {},
	"scripts/measure":      {fake},
	"examples/embed":       {"cmd", "credproc", "tokencache", "tokencache/keyring", "oidc"},
	"examples/parsers":     {},
	"examples/quickstart":  {"cmd", "credproc", "tokencache", "tokencache/keyring", "oidc", fake},
	"examples/sdk":         {"credproc", "tokencache", "tokencache/keyring", "oidc"},
	"examples/tip":         {"credproc/tip", "oidc"},
	"examples/signin":      {"credproc", "tokencache", "tokencache/keyring", "oidc"},

	"examples/parsers/cobra":  {"cmd", "credproc"},
	"examples/parsers/flag":   {"cmd", "credproc"},
	"examples/parsers/kong":   {"cmd", "credproc"},
	"examples/parsers/urfave": {"cmd", "credproc"},

	"cmd/internal/advice":    {"cmd/internal/", "credproc", "tokencache", "tokencache/keyring", "oidc", "internal/"},
	"cmd/internal/authority": {"internal/safedir", "internal/sealed"},
	"cmd/internal/browser":   {"cmd/internal/shell", "internal/wsl"},
	"cmd/internal/child":     {"cmd/internal/terminal", "internal/awsconfig", "internal/safedir"},
	"cmd/internal/console":   {"oidc", "internal/awsapi", "internal/awsconfig", "internal/printable"},
	"cmd/internal/doctor":    {"cmd/internal/", "tokencache", "tokencache/keyring", "oidc", "internal/"},
	"cmd/internal/elsewhere": {"cmd/internal/terminal", "internal/awsconfig", "internal/layout", "oidc", "tokencache"},
	"cmd/internal/endpoint":  {"cmd/internal/shell", "cmd/internal/terminal", "internal/"},
	"cmd/internal/help":      {"cmd/internal/match"},
	"cmd/internal/items":     {"tokencache/keyring", "internal/wsl"},
	"cmd/internal/manual":    {"cmd/internal/help"},
	"cmd/internal/known":     {"cmd/internal/shell", "credproc", "internal/awsconfig"},
	"cmd/internal/match":     {},
	"cmd/internal/profiles":  {"cmd/internal/terminal", "credproc", "oidc", "internal/"},
	"cmd/internal/report":    {"tokencache", "oidc", "internal/"},
	"cmd/internal/roles":     {"cmd/internal/child", "cmd/internal/match", "cmd/internal/profiles", "cmd/internal/shell", "cmd/internal/terminal", "credproc", "tokencache", "internal/safedir"},
	"cmd/internal/shell":     {"cmd/internal/match", "cmd/internal/child", "cmd/internal/terminal", "internal/printable"},
	"cmd/internal/signin":    {"cmd/internal/browser", "cmd/internal/shell", "cmd/internal/terminal", "oidc", "internal/startpage"},
	"cmd/internal/status":    {"cmd/internal/terminal", "oidc", "tokencache", "tokencache/keyring", "internal/"},
	"cmd/internal/terminal":  {"cmd/internal/match", "internal/printable", "internal/safedir"},
}

func roomsAreNamed(tree fs.FS) []string {
	page, err := fs.ReadFile(tree, "docs/architecture.md")
	if err != nil {
		return []string{err.Error()}
	}
	all, complaints := sources(tree)
	room := regexp.MustCompile(`^(cmd/)?internal/[^/]+`)
	for _, s := range all {
		name := room.FindString(s.dir)
		complaint := "docs/architecture.md: does not name " + name
		if name != "" && !strings.Contains(string(page), "`"+name+"`") && !slices.Contains(complaints, complaint) {
			complaints = append(complaints, complaint)
		}
	}
	return complaints
}

func importsRunOneWay(tree fs.FS) []string {
	all, complaints := sources(tree)
	for _, s := range all {
		allowed, known := mayImport[s.dir]
		if !known && s.dir != "." {
			complaints = append(complaints, s.path+" is in a package that the table of imports does not have")
			continue
		}
		for _, dir := range s.ours() {
			ok := slices.ContainsFunc(allowed, func(a string) bool {
				return a == dir || strings.HasSuffix(a, "/") && strings.HasPrefix(dir, a)
			})
			switch {
			case s.test && isForEmbedders(s.dir): // anybody may copy it
				ok = ok || !strings.HasPrefix(dir, "internal/") && !isCommand(dir)
			case s.test: // may import what it likes, but not the commands from below
				ok = ok || !isCommand(dir) || isCommand(s.dir)
			}
			if !ok {
				complaints = append(complaints, s.path+" imports "+dir)
			}
		}
	}
	return complaints
}

func isForEmbedders(dir string) bool {
	return strings.HasPrefix(dir, "examples/") || dir == kit || dir == fake
}

func isCommand(dir string) bool { return dir == "cmd" || strings.HasPrefix(dir, "cmd/") }

// belongs says which packages, tests included, may import a dependency that
// the rest must not depend on.
var belongs = map[string][]string{
	"github.com/alecthomas/kong":          {"cmd", "cmd/credproc", "cmd/internal/help", "cmd/internal/manual", "cmd/internal/shell", "examples/embed", "examples/parsers/kong"},
	"github.com/aws/aws-sdk-go-v2/config": {"internal/e2e", "examples/sdk", "examples/tip"},
	"github.com/godbus/dbus":              {"tokencache/keyring", "internal/e2e"},
	"github.com/spf13/cobra":              {"examples/parsers/cobra"},
	"github.com/urfave/cli":               {"examples/parsers/urfave"},
	"github.com/zalando/go-keyring":       {"tokencache/keyring", "internal/e2e"},
	"C":                                   {}, // we build without cgo
}

// forTests are packages that must not be linked into the program: text/template
// calls methods by name, which costs 300 kB.
var forTests = []string{"text/template", "github.com/rogpeppe/go-internal/testscript", "github.com/google/jsonschema-go", "go.uber.org/goleak"}

func dependenciesStay(tree fs.FS) []string {
	all, complaints := sources(tree)
	for _, s := range all {
		for _, p := range s.imports() {
			isFrom := func(dependency string) bool { return p == dependency || strings.HasPrefix(p, dependency+"/") }
			misplaced := !s.test && slices.ContainsFunc(forTests, isFrom)
			for dependency, dirs := range belongs {
				misplaced = misplaced || isFrom(dependency) && !slices.Contains(dirs, s.dir)
			}
			if misplaced {
				complaints = append(complaints, s.path+" imports "+p)
			}
		}
	}
	return complaints
}

// instant is main's first part: it runs, and exits, before main.
const instant = "cmd/credproc/instant"

func onlyMainExits(tree fs.FS) []string {
	all, complaints := sources(tree)
	for _, s := range all {
		complain := func(n ast.Node, what string) {
			complaints = append(complaints, s.at(n)+": "+what)
		}
		for _, d := range s.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" && s.dir != instant {
				complain(f, "func init")
			}
		}
		if s.test || s.Name.Name == "main" || s.dir == instant {
			continue
		}
		s.uses("os", s.File, func(n ast.Node, name string) {
			if name == "Exit" {
				complain(n, "os.Exit outside of main")
			}
		})
		s.uses("log", s.File, func(n ast.Node, name string) {
			if strings.HasPrefix(name, "Fatal") {
				complain(n, "log."+name+" outside of main")
			}
		})
		if s.dir == fake {
			continue // runs in tests, and aborts responses as net/http wants it
		}
		ast.Inspect(s.File, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if f, ok := call.Fun.(*ast.Ident); ok && f.Name == "panic" {
					complain(n, "panic in a library")
				}
			}
			return true
		})
	}
	return complaints
}

func exportedIsDocumented(tree fs.FS) []string {
	all, complaints := sources(tree)
	comment := map[string]bool{} // directory: has a package comment
	for _, s := range all {
		if !s.test {
			comment[s.dir] = comment[s.dir] || s.Doc.Text() != ""
			complaints = append(complaints, undocumented(s)...)
		}
	}
	for dir, has := range comment {
		if !has {
			complaints = append(complaints, dir+" has no package comment")
		}
	}
	return complaints
}

// undocumented complains of names. A comment on a group of constants or
// variables is one on all of them; fields are their type's affair, and the
// methods of an error are errors' own.
func undocumented(s source) (complaints []string) {
	need := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		if name.IsExported() && !slices.ContainsFunc(docs, func(g *ast.CommentGroup) bool { return g.Text() != "" }) {
			complaints = append(complaints, fmt.Sprintf("%s: %s has no comment", s.at(name), name.Name))
		}
	}
	for _, d := range s.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			switch {
			case d.Recv != nil && !receiver(d.Recv.List[0].Type).IsExported():
			case d.Recv != nil && (d.Name.Name == "Error" || d.Name.Name == "Unwrap"):
			default:
				need(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if d.Lparen.IsValid() {
						need(spec.Name, spec.Doc)
					} else {
						need(spec.Name, d.Doc)
					}
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						need(name, d.Doc, spec.Doc, spec.Comment)
					}
				}
			}
		}
	}
	return complaints
}

// receiver returns T of T, *T and *T[P].
func receiver(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x
		default:
			return ast.NewIdent("_")
		}
	}
}

// publicTypesAreOwn looks at what other programs see of a package: nobody outside
// can name, match or make a type of an internal one.
func publicTypesAreOwn(tree fs.FS) []string {
	all, complaints := sources(tree)
	for _, s := range all {
		if s.test || slices.Contains(strings.Split(s.dir, "/"), "internal") || s.Name.Name == "main" {
			continue
		}
		internal := internalNames(s)
		for _, seen := range visible(s.File) {
			ast.Inspect(seen, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if of, ok := sel.X.(*ast.Ident); ok && internal[of.Name] {
					complaints = append(complaints, fmt.Sprintf("%s: %s.%s in the API", s.at(sel), of.Name, sel.Sel.Name))
				}
				return false
			})
		}
	}
	return complaints
}

// internalNames are those by which a file knows internal packages.
func internalNames(s source) map[string]bool {
	names := make(map[string]bool)
	for _, spec := range s.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil || !slices.Contains(strings.Split(p, "/"), "internal") {
			continue
		}
		name := path.Base(p)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = true
	}
	return names
}

// visible returns the types that other programs see in a file: of functions,
// methods, variables, constants and exported fields.
func visible(file *ast.File) (types []ast.Node) {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && (d.Recv == nil || receiver(d.Recv.List[0].Type).IsExported()) {
				types = append(types, d.Type)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				types = append(types, visibleIn(spec)...)
			}
		}
	}
	return types
}

func visibleIn(spec ast.Spec) (types []ast.Node) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		if spec.Type != nil && slices.ContainsFunc(spec.Names, func(n *ast.Ident) bool { return n.IsExported() }) {
			types = append(types, spec.Type)
		}
	case *ast.TypeSpec:
		fields, isStruct := spec.Type.(*ast.StructType)
		switch {
		case !spec.Name.IsExported():
		case !isStruct:
			types = append(types, spec.Type)
		default:
			for _, f := range fields.Fields.List {
				if f.Names == nil && ast.IsExported(embedded(f.Type)) || slices.ContainsFunc(f.Names, func(n *ast.Ident) bool { return n.IsExported() }) {
					types = append(types, f.Type)
				}
			}
		}
	}
	return types
}

// embedded is the name of an embedded field.
func embedded(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return embedded(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func testsAreAsLongAsCode(tree fs.FS) []string {
	all, complaints := sources(tree)
	tests, code := map[string]int{}, map[string]int{}
	for _, s := range all {
		lines := 0
		for line := range bytes.Lines(s.text) {
			if len(bytes.TrimSpace(line)) > 0 {
				lines++
			}
		}
		if s.test {
			tests[s.dir] += lines
		} else {
			code[s.dir] += lines
		}
	}
	for _, dir := range []string{"oidc", "tokencache", "tokencache/keyring", "credproc"} { // the public libraries
		if tests[dir] < code[dir] {
			complaints = append(complaints, fmt.Sprintf("%s has %d lines of tests for %d of code", dir, tests[dir], code[dir]))
		}
	}
	return complaints
}

// words are not written anywhere: what is not done is no comment, a test runs
// or is not there, and a build takes its modules from where its user says.
// They are in two parts, or this file would have them.
var words = regexp.MustCompile(`\bTO` + `DO\b|\bFIX` + `ME\b|\bXX` + `X\b|\bt\.Sk` + `ip|` +
	`\bproxy\.go` + `lang\.org|\bsum\.go` + `lang\.org|\bnpm` + `js\.org|\bpypi\.` + `org|\bpythonhosted\.` + `org|` +
	`\bcrates\.` + `io|\brubygems\.` + `org|\bregistry\.terra` + `form\.io`)

func someWordsAreNotWritten(tree fs.FS) []string {
	all, complaints := sources(tree)
	err := files(tree, func(name string, text []byte) {
		if path.Base(name) == "go.sum" || bytes.IndexByte(text, 0) >= 0 {
			return // not written by anybody
		}
		number := 0
		for line := range bytes.Lines(text) {
			number++
			for _, word := range words.FindAll(line, -1) {
				complaints = append(complaints, fmt.Sprintf("%s:%d: says %s", name, number, word))
			}
		}
	})
	if err != nil {
		complaints = append(complaints, err.Error())
	}
	bubbles := inBubbles(all)
	for _, s := range all {
		if !s.test || bubbles[s.path] {
			continue
		}
		s.uses("time", s.File, func(n ast.Node, name string) {
			if name == "Sleep" {
				complaints = append(complaints, s.at(n)+": time.Sleep in a test without synctest")
			}
		})
	}
	return complaints
}

// foreign are words that docs/style.md rules out, in any file and across the ends
// of lines. They are in two parts, or this file would have them.
var foreign = regexp.MustCompile(`(?i:\bme` + `nd(?:s|ed|ing)?)(?:[A-Z]\w*|\b)|(?i:` +
	`\bane` + `w\b|\bwho` + `ever\b|\bput` + gap + `aside\b|\bin` + gap + `cle` + `ar\b|\bleave` + gap + `wo` + `rd\b|` +
	`\bgood` + gap + `for` + gap + `\d+)`)

// gap is what may be between two words: a space, or the end of a line and the
// start of the next one of a comment.
const gap = `(?:[ \t]+|[ \t]*\n[ \t]*(?://|#|\*)?[ \t]*)`

// clumsy are words of the same kind that are ruled out where people read: in
// pages, and in the comments and the texts of what is released. Identifiers and
// tests may have them.
var clumsy = regexp.MustCompile(`(?:^|[^/\w])((?i:no` + `body|some` + `body|beg` + `(?:ins?|an|un|inning)|of` + gap + `ou` + `rs|will` + gap + `d` + `o|` +
	`(?:what|that)` + gap + `there` + gap + `(?:is|are|was)` + gap + `(?:of|to)|is` + gap + `not` + gap + `ser` + `ved|beh` + `ind` + gap + `(?:--|a flag|the flag)))(?:[^\w/]|$)`)

// quoted are lines that others wrote.
var quoted = regexp.MustCompile(`(?m)^>.*$`)

func theEnglishIsPlain(tree fs.FS) (complaints []string) {
	err := files(tree, func(name string, text []byte) {
		if path.Base(name) == "go.sum" || bytes.IndexByte(text, 0) >= 0 {
			return
		}
		if path.Ext(name) == ".md" {
			text = quoted.ReplaceAll(text, nil)
		}
		for _, at := range foreign.FindAllIndex(text, -1) {
			said := strings.Join(slices.DeleteFunc(strings.Fields(string(text[at[0]:at[1]])), func(s string) bool { return s == "//" || s == "#" }), " ")
			complaints = append(complaints, fmt.Sprintf("%s:%d: says %s", name, 1+bytes.Count(text[:at[0]], []byte("\n")), said))
		}
		if path.Ext(name) == ".md" {
			complaints = append(complaints, clumsyIn(name, 1, text)...)
		}
	})
	if err != nil {
		complaints = append(complaints, err.Error())
	}
	all, broken := sources(tree)
	complaints = append(complaints, broken...)
	for _, s := range all {
		complaints = append(complaints, clumsyInSource(s)...)
	}
	return complaints
}

// clumsyIn looks at a text that starts at a line of a file.
func clumsyIn(name string, line int, text []byte) (complaints []string) {
	for _, at := range clumsy.FindAllSubmatchIndex(text, -1) {
		said := strings.Join(strings.Fields(string(text[at[2]:at[3]])), " ")
		complaints = append(complaints, fmt.Sprintf("%s:%d: says %s", name, line+bytes.Count(text[:at[2]], []byte("\n")), said))
	}
	return complaints
}

// clumsyInSource looks at the comments and at the texts with words between spaces:
// others are names and commands.
func clumsyInSource(s source) (complaints []string) {
	if s.test {
		return nil
	}
	look := func(n ast.Node, text string) {
		complaints = append(complaints, clumsyIn(s.path, s.set.Position(n.Pos()).Line, []byte(text))...)
	}
	for _, group := range s.Comments {
		look(group, group.Text())
	}
	ast.Inspect(s.File, func(n ast.Node) bool {
		if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && strings.Contains(text.Value, " ") && !strings.Contains(text.Value, `\n  set -l `) {
			look(text, text.Value)
		}
		return true
	})
	return complaints
}

// inBubbles returns the paths of the test files that work in a bubble of
// testing/synctest, where sleep takes no time: they import it, or call a
// function of their package's tests that uses it.
func inBubbles(all []source) map[string]bool {
	helpers := map[string]bool{} // directory/function
	for _, s := range all {
		if !s.test || !slices.Contains(s.imports(), "testing/synctest") {
			continue
		}
		for _, d := range s.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				s.uses("testing/synctest", f, func(ast.Node, string) { helpers[s.dir+"/"+f.Name.Name] = true })
			}
		}
	}
	bubbles := map[string]bool{}
	for _, s := range all {
		bubbles[s.path] = slices.Contains(s.imports(), "testing/synctest")
		ast.Inspect(s.File, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				f, ok := call.Fun.(*ast.Ident)
				bubbles[s.path] = bubbles[s.path] || ok && helpers[s.dir+"/"+f.Name]
			}
			return true
		})
	}
	return bubbles
}

// room is the package that writes to people.
const room = "cmd/internal/terminal/"

// mayPrint says which files may do what makes text reach people, or makes text
// safe to print. What is not in the map, no file may.
var mayPrint = map[string][]string{
	"os.Stdout": {room + "terminal.go", instant + "/"}, "os.Stderr": {room + "terminal.go", instant + "/"},
	"t.out": {room + "terminal.go"}, "t.err": {room + "terminal.go"}, ".OutWriter": {}, ".ErrWriter": {},
	".Stdout": {"cmd/app.go"}, ".Stderr": {"cmd/app.go"}, // for a terminal
	".tty": {room + "terminal.go"}, "OpenControlling": {room + "terminal.go"},
	"terminal.OpenControlling": {"cmd/internal/child/child_unix.go"}, // which only asks it something
	"Prose":                    {room + "prose.go"}, "terminal.Prose()": {},
	"mapped": {room + "paint.go", room + "picker.go"}, // which break and cut it
	// What is for programs goes out as it is.
	".Verbatim": {room + "terminal.go", "cmd/completion.go", "cmd/env.go", "cmd/help.go", "cmd/item_windows.go", "cmd/process.go", "cmd/status.go", "cmd/token.go", "cmd/use.go", "cmd/warm.go"},
}

var printing = regexp.MustCompile(`^(fmt\.Print.*|log\.(Print|Fatal|Panic|Output|Default).*|slog\.(Debug|Info|Warn|Error)(Context)?|slog\.(Log|LogAttrs|Default)|` +
	`syscall\.Write|unix\.Write|os\.NewFile|print|println)$`)

// printsInOnePlace complains of code that could show people something that the
// terminal's package has not made printable. Examples and what only tests use speak for themselves.
func printsInOnePlace(tree fs.FS) []string {
	all, complaints := sources(tree)
	for _, s := range all {
		top, _, _ := strings.Cut(s.dir, "/")
		if s.test || !slices.Contains([]string{"cmd", "credproc", "oidc", "tokencache", "internal"}, top) ||
			s.dir == fake || s.dir == "internal/e2e" {
			continue
		}
		harmless := map[ast.Node]bool{}
		ast.Inspect(s.File, func(n ast.Node) bool {
			for _, stream := range harmlessIn(n) {
				harmless[stream] = true
			}
			what := mentioned(n)
			files, known := mayPrint[what]
			allowed := slices.ContainsFunc(files, func(f string) bool {
				return f == s.path || strings.HasSuffix(f, "/") && strings.HasPrefix(s.path, f)
			})
			if (known && !allowed || printing.MatchString(what)) && !harmless[n] {
				complaints = append(complaints, s.at(n)+": "+what+" here")
			}
			return true
		})
	}
	return complaints
}

// noExpressionAtStart complains of what a package compiles before main.
func noExpressionAtStart(tree fs.FS) []string {
	all, complaints := sources(tree)
	for _, s := range all {
		if s.test || s.dir == fake || strings.HasPrefix(s.dir, "examples/") {
			continue
		}
		for _, d := range s.Decls {
			if _, ok := d.(*ast.GenDecl); !ok {
				continue
			}
			ast.Inspect(d, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := sel.X.(*ast.Ident); ok && x.Name == "regexp" && strings.Contains(sel.Sel.Name, "Compile") {
						complaints = append(complaints, s.at(n)+": a regular expression is compiled at each start")
					}
				}
				_, later := n.(*ast.FuncLit)
				return !later
			})
		}
	}
	return complaints
}

// mentioned names what that rule looks at: "os.Stderr" of a package, ".Stderr" of
// a value, "t.err" of a terminal, "Prose" where it is called.
func mentioned(n ast.Node) string {
	switch n := n.(type) {
	case *ast.CallExpr:
		switch f := n.Fun.(type) {
		case *ast.Ident:
			return f.Name
		case *ast.SelectorExpr:
			if what := mentioned(f); what == "terminal.Prose" {
				return what + "()"
			}
		}
	case *ast.SelectorExpr:
		if x, ok := n.X.(*ast.Ident); ok && slices.Contains([]string{"os", "fmt", "log", "slog", "syscall", "unix", "terminal"}, x.Name) {
			return x.Name + "." + n.Sel.Name
		} else if ok && x.Name == "t" && (n.Sel.Name == "out" || n.Sel.Name == "err") {
			return "t." + n.Sel.Name
		}
		return "." + n.Sel.Name
	}
	return ""
}

// harmlessIn returns the mentions of streams that n only asks what they are, or
// gives to another program.
func harmlessIn(n ast.Node) (streams []ast.Node) {
	stream := func(e ast.Expr) {
		if call, ok := e.(*ast.CallExpr); ok {
			e = call.Fun
		}
		streams = append(streams, e)
	}
	isStream := func(e ast.Expr) bool {
		what := strings.TrimPrefix(mentioned(e), ".")
		if name, ok := e.(*ast.Ident); ok {
			what = name.Name
		}
		return what == "Stdout" || what == "Stderr"
	}
	switch n := n.(type) {
	case *ast.CallExpr:
		switch what := mentioned(n.Fun); {
		case mentioned(n) == "Is" || what == "terminal.Is":
			stream(n.Args[0])
		case what == "kong.Writers" || what == ".Writers": // help has nothing in it from elsewhere
			stream(n.Args[0])
			stream(n.Args[1])
		}
	case *ast.KeyValueExpr:
		if isStream(n.Key) {
			stream(n.Value)
		}
	case *ast.AssignStmt:
		for i, to := range n.Lhs {
			if isStream(to) && len(n.Lhs) == len(n.Rhs) {
				streams = append(streams, to)
				stream(n.Rhs[i])
			}
		}
	}
	return streams
}
