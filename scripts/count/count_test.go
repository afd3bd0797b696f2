package main

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

var tree = fstest.MapFS{
	"oidc/a.go": {Data: []byte(`// Package oidc is.
package oidc

// T is.
type T struct{ F int }

func (t *T) M(a, b bool) int {
	if a && b {
		return 1
	}
	switch {
	case a:
	default:
	}
	return 0 // a comment beside code
}

func (T) String() string { return ` + "`one\ntwo`" + ` }

func (t) M() {}

type t int

// I is.
type I interface {
	N() // N does.
}

const (
	C = 1
	d = 2
)
`)},
	"oidc/a_windows.go":        {Data: []byte("package oidc\n\nconst C = 2\n")},
	"oidc/a_test.go":           {Data: []byte("package oidc\n\n// A comment.\nvar a = 1\n")},
	"oidc/testdata/a.go":       {Data: []byte("not Go")},
	"cmd/app.go":               {Data: []byte("package cmd\ntype App int\nfunc (*App) Run() {}\nfunc (App) a() {}\n")},
	"examples/quick/main.go":   {Data: []byte("package main\nfunc main() {\n\n\n\n\n}\n")},
	"internal/e2e/all_test.go": {Data: []byte("package e2e\n")},
}

func TestCodeIsCounted(t *testing.T) {
	h, err := measure(tree)
	if err != nil {
		t.Fatal(err)
	}
	r := h.rooms["oidc"]
	if r.files != 2 || r.code != 25 || r.test != 2 {
		t.Errorf("%d files, %d and %d lines, want 2, 25 and 2", r.files, r.code, r.test)
	}
	if want := []string{"T", "T.M", "T.String", "I", "I.N", "C"}; !slices.Equal(r.names, want) {
		t.Errorf("exported: %q, want %q", r.names, want)
	}
	if r.documented != 3 {
		t.Errorf("%d are documented, want T, I and I.N", r.documented)
	}
	if m := r.functions[0]; m.lines != 10 || m.branches != 4 {
		t.Errorf("M has %d lines and a complexity of %d, want 10 and 4", m.lines, m.branches)
	}
	if got := h.publicNames(); got != 5 {
		t.Errorf("%d public names, want 5: String does not count", got)
	}
}

func TestTheTotalsLeaveOutWhatIsNoProduct(t *testing.T) {
	h, err := measure(tree)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := h.print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"longest function: T.M, 10 lines, in oidc/a.go\n",
		"methods of cmd.App: 2, exported 1\n",
		"  production\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}
