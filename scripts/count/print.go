package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// aside is what is no part of the product: examples, the fake service that
// tests use, and tools of the project's own.
var aside = []string{"examples", "scripts", "tools", "internal/e2e", "credproc/credproctest", "tokencache/keyring/keyringtest"}

func isAside(dir string) bool {
	return dir == "." || slices.ContainsFunc(aside, func(a string) bool { return dir == a || strings.HasPrefix(dir, a+"/") })
}

// public are the packages whose names other programs depend on.
var public = []string{"oidc", "tokencache", "tokencache/keyring", "credproc"}

// conventional are methods that a name has because of what it is, not because
// it is needed.
var conventional = []string{"String", "GoString", "Format", "LogValue", "Error", "Unwrap", "Is"}

func (h *house) print(out io.Writer) error {
	rooms := slices.SortedFunc(maps.Values(h.rooms), func(a, b *room) int {
		return cmp.Or(cmp.Compare(b.code, a.code), cmp.Compare(a.dir, b.dir))
	})
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "files\tcode\tfuncs\tmedian\tp90\tlongest\tcyclo>10\texported\twith doc\ttest/code\t  package\t")
	all := &room{dir: "production", methods: map[string]int{}}
	for _, r := range rooms {
		r.row(w)
		if !isAside(r.dir) {
			all.join(r)
		}
	}
	all.row(w)
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nexported names of %s: %d (without %s)\n%s",
		strings.Join(public, ", "), h.publicNames(), strings.Join(conventional, ", "), h.limits(all))
	return err
}

func (r *room) join(other *room) {
	r.files += other.files
	r.code += other.code
	r.test += other.test
	r.functions = append(r.functions, other.functions...)
	r.documented += other.documented
	for _, n := range other.names {
		r.names = append(r.names, other.dir+"."+n)
	}
}

func (r *room) row(out io.Writer) {
	doc := "–"
	if len(r.names) > 0 {
		doc = fmt.Sprintf("%d %%", 100*r.documented/len(r.names))
	}
	fmt.Fprintf(out, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%.2f\t  %s\t\n", r.files, r.code, len(r.functions),
		r.length(50), r.length(90), r.length(100), r.complex(), len(r.names), doc, float64(r.test)/float64(max(r.code, 1)), r.dir)
}

// length returns the length of the function that percent of all are no longer
// than.
func (r *room) length(percent int) int {
	if len(r.functions) == 0 {
		return 0
	}
	lines := make([]int, len(r.functions))
	for i, f := range r.functions {
		lines[i] = f.lines
	}
	slices.Sort(lines)
	return lines[max(0, (percent*len(lines)+99)/100-1)]
}

func (r *room) complex() int {
	n := 0
	for _, f := range r.functions {
		if f.branches > 10 {
			n++
		}
	}
	return n
}

func (h *house) publicNames() int {
	n := 0
	for _, dir := range public {
		if h.rooms[dir] == nil {
			continue
		}
		for _, name := range h.rooms[dir].names {
			if _, method, ok := strings.Cut(name, "."); !ok || !slices.Contains(conventional, method) {
				n++
			}
		}
	}
	return n
}

// limits is what CONTRIBUTING.md has limits for, and no row shows.
func (h *house) limits(all *room) string {
	var b strings.Builder
	longest := slices.MaxFunc(all.functions, func(a, b function) int { return cmp.Compare(a.lines, b.lines) })
	fmt.Fprintf(&b, "longest function: %s, %d lines, in %s\n", longest.name, longest.lines, longest.file)
	for _, m := range []struct{ dir, receiver string }{{"cmd", "App"}, {"cmd", "run"}, {"tokencache", "Session"}, {"credproc", "Config"}} {
		if r := h.rooms[m.dir]; r != nil {
			fmt.Fprintf(&b, "methods of %s.%s: %d, exported %d\n", m.dir, m.receiver, r.methods[m.receiver], r.exportedMethods(m.receiver))
		}
	}
	return b.String()
}

func (r *room) exportedMethods(receiver string) int {
	n := 0
	for _, name := range r.names {
		if of, method, ok := strings.Cut(name, "."); ok && of == receiver && !slices.Contains(conventional, method) {
			n++
		}
	}
	return n
}
