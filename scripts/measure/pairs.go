//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"text/tabwriter"
	"time"
)

// A pair is two commands that run in turn, and differ in one thing.
type pair struct {
	name        string
	base, other command
}

// pairs measures what rules add to a warm answer, and, if before is another build,
// what this build adds to that one.
func pairs(w io.Writer, n int, before string) error {
	dir, err := os.MkdirTemp("", "measure")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	world, err := newWorld(dir)
	if err != nil {
		return err
	}
	defer world.close()
	all, err := world.pairs(before)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s, %s, %d pairs\n\n", time.Now().UTC().Format(time.DateOnly), platform(), n)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tms\tratio\t95 %\t")
	for _, p := range all {
		took, ratios, err := p.run(n)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		middle, low, high := interval(ratios)
		median, _, _ := interval(took)
		fmt.Fprintf(table, "%s\t%.2f\t%.3f\t%.3f-%.3f\t\n", p.name, median, middle, low, high)
	}
	return table.Flush()
}

// run returns what the other command took, and its ratio to the base, of each pair.
// Each is the first of its pair as often as the other.
func (p pair) run(n int) (took, ratios []float64, err error) {
	debug.SetGCPercent(-1) // none of its pauses in a figure
	for i := range n + 6 {
		var base, other run
		var err1, err2 error
		if i%2 == 0 {
			base, err1 = p.base.run()
		}
		other, err2 = p.other.run()
		if i%2 == 1 {
			base, err1 = p.base.run()
		}
		if err := errors.Join(err1, err2); err != nil {
			return nil, nil, err
		}
		if i >= 6 { // the first ones fill caches
			took = append(took, other.wall.Seconds()*1e3)
			ratios = append(ratios, other.wall.Seconds()/base.wall.Seconds())
		}
	}
	return took, ratios, nil
}

// interval returns the median of values, and what it lies between in 95 of 100 such
// samples, by the ranks of a binomial distribution.
func interval(values []float64) (median, low, high float64) {
	slices.Sort(values)
	half, off := float64(len(values))/2, 0.98*math.Sqrt(float64(len(values)))
	at := func(rank float64) float64 { return values[max(0, min(len(values)-1, int(rank)))] }
	return quantile(values, 0.5), at(half - off), at(math.Ceil(half + off))
}

// pairs returns what is compared: with a warm answer as it is, the same with rules;
// and with that of another build.
func (w *world) pairs(before string) (all []pair, err error) {
	warm := func(name, program, rules string) command {
		env, err2 := w.home(name, 1, "plaintext")
		if file := filepath.Join(w.dir, name, ".aws", "config"); err2 == nil {
			text, _ := os.ReadFile(file)
			err2 = os.WriteFile(file, append(text, rules...), 0o600)
		}
		err = errors.Join(err, err2)
		c := command{name: name, args: []string{program, "process", "--profile", "last"}, env: env}
		_, err2 = c.run()
		err = errors.Join(err, err2)
		return c
	}
	plain := warm("plain", w.credproc, "")
	all = []pair{
		{"rules about agents, and none asks", plain, warm("ruled", w.credproc, "credproc_agents = none\n")},
		{"the same, with names of more agents", plain, warm("named", w.credproc, "credproc_agents = none\ncredproc_agent_programs = robot, droid\n")},
	}
	if before != "" {
		own := w.credproc
		w.credproc = before // which signs in
		old := warm("before", before, "")
		w.credproc = own
		all = append([]pair{{"no rules, and the other build", old, plain}}, all...)
	}
	if os.Getenv(ownEtc) != "" {
		without, with := plain, plain
		with.before = func() { os.Rename("/etc/none", "/etc/credproc") }
		without.before = func() { os.Rename("/etc/credproc", "/etc/none") }
		rules := "[policy]\nversion = 1\naccounts = 1*\nkeyrings = plaintext\n"
		err = errors.Join(err, os.Mkdir("/etc/none", 0o755), os.WriteFile("/etc/none/policy.ini", []byte(rules), 0o644))
		all = append(all, pair{"a policy", without, with})
	}
	return all, err
}

// ownEtc is set where /etc is one that no other process sees.
const ownEtc = "MEASURE_OWN_ETC"

// withOwnEtc starts this program again with an /etc of its own, in which there may be
// a policy. done is false where that cannot be.
func withOwnEtc() (done bool, err error) {
	unshare, err := exec.LookPath("unshare")
	if os.Getenv(ownEtc) != "" || err != nil || os.Geteuid() != 0 || exec.Command(unshare, "-m", "true").Run() != nil {
		return false, nil
	}
	etc, err := os.MkdirTemp("", "measure-etc")
	if err != nil {
		return true, err
	}
	defer os.RemoveAll(etc)
	const script = `cp /etc/passwd /etc/group /etc/machine-id "$0" 2>/dev/null; chmod 755 "$0" && mount --bind "$0" /etc && exec "$@"`
	c := exec.Command(unshare, append([]string{"-m", "sh", "-c", script, etc, os.Args[0]}, os.Args[1:]...)...)
	c.Stdout, c.Stderr, c.Env = os.Stdout, os.Stderr, append(os.Environ(), ownEtc+"=1")
	return true, c.Run()
}
