//go:build unix

// Command measure times whole processes: a Go program that does nothing, ours
// in each of its ways, and what else answers a credential_process on this
// machine. scripts/bench runs it.
//
// All commands run in turn, over and over, so that a machine whose speed
// drifts is as slow to one as to another: compare within one run only.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/creack/pty"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("measure: ")
	rounds := flag.Int("rounds", 100, "how often each command runs")
	only := flag.String("only", "", "measure commands with this in their name, and hello")
	n := flag.Int("pairs", 0, "compare warm answers with rules and without, so many times each, and nothing else")
	before := flag.String("before", "", "with -pairs: also compare with this program, another build of credproc")
	flag.Parse()
	if *n > 0 {
		done, err := withOwnEtc()
		if !done {
			err = pairs(os.Stdout, *n, *before)
		}
		if err != nil {
			log.Fatal(err)
		}
		return
	}
	r, err := measure(*rounds, *only)
	if err == nil {
		err = r.print(os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// A command is one way to run one program.
type command struct {
	name   string
	args   []string // the first is the program's path
	env    []string
	before func() // each run
	onTTY  bool   // stdin and stderr are a terminal, where it may ask
}

// A figure is what the runs of a command took.
type figure struct {
	name             string
	median, p10, p90 float64 // ms
	ratio            float64 // median of the ratios to hello in the same round
	cpu              float64 // ms
	rss              float64 // peak, MiB
	faults           int64   // minor ones
	syscalls         int     // 0: there is no strace
}

type report struct {
	rounds   int
	versions []string
	figures  []figure
}

func measure(rounds int, only string) (*report, error) {
	dir, err := os.MkdirTemp("", "measure")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	w, err := newWorld(dir)
	if err != nil {
		return nil, err
	}
	defer w.close()
	commands, err := w.commands()
	if err != nil {
		return nil, err
	}
	commands = slices.DeleteFunc(commands, func(c command) bool { return c.name != "hello" && !strings.Contains(c.name, only) })
	r := &report{rounds: rounds, versions: append(w.versions, runtime.Version())}
	r.figures, err = figures(commands, rounds, w.peak)
	return r, err
}

// A run is what one process took.
type run struct {
	wall, cpu time.Duration
	faults    int64
}

func figures(commands []command, rounds int, peakProgram string) (all []figure, err error) {
	debug.SetGCPercent(-1) // none of its pauses in a figure
	runs := make([][]run, len(commands))
	for round := range rounds + 3 {
		for i, c := range commands {
			took, err := c.run()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if round >= 3 { // the first ones fill caches
				runs[i] = append(runs[i], took)
			}
		}
	}
	for i, c := range commands {
		f := c.figure(runs[i], runs[0])
		if c.onTTY { // the programs below have none
			all = append(all, f)
			continue
		}
		f.syscalls = c.syscalls()
		if f.rss, err = c.peak(peakProgram); err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

func (c *command) run() (run, error) {
	if c.before != nil {
		c.before()
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return run{}, err
	}
	defer null.Close()
	seat := null
	if c.onTTY {
		terminal, tty, err := pty.Open()
		if err != nil {
			return run{}, err
		}
		defer terminal.Close() // what is said to the person fits into its buffer
		defer tty.Close()
		seat = tty
	}
	began := time.Now()
	p, err := os.StartProcess(c.args[0], c.args, &os.ProcAttr{Env: c.env, Files: []*os.File{seat, null, seat}})
	if err != nil {
		return run{}, err
	}
	state, err := p.Wait()
	wall := time.Since(began)
	if err == nil && !state.Success() {
		err = fmt.Errorf("%s", state)
	}
	if err != nil {
		return run{}, err
	}
	used := state.SysUsage().(*syscall.Rusage)
	return run{wall, state.UserTime() + state.SystemTime(), int64(used.Minflt)}, nil
}

func (c *command) figure(runs, hello []run) figure {
	f := figure{name: c.name}
	var wall, ratio, cpu, faults []float64
	for i, r := range runs {
		wall = append(wall, r.wall.Seconds()*1e3)
		ratio = append(ratio, r.wall.Seconds()/hello[i].wall.Seconds())
		cpu = append(cpu, r.cpu.Seconds()*1e3)
		faults = append(faults, float64(r.faults))
	}
	f.p10, f.median, f.p90 = quantile(wall, 0.1), quantile(wall, 0.5), quantile(wall, 0.9)
	f.ratio, f.cpu = quantile(ratio, 0.5), quantile(cpu, 0.5)
	f.faults = int64(quantile(faults, 0.5))
	return f
}

// peak returns the largest of five runs, in MiB. Until a child has executed its
// program it has its parent's memory, which the kernel counts: so a small
// program starts them, whose own memory is the least that can be seen.
func (c *command) peak(program string) (mib float64, err error) {
	for range 5 {
		if c.before != nil {
			c.before()
		}
		measured := exec.Command(program, c.args...)
		measured.Env = c.env
		out, err := measured.Output()
		if err != nil {
			return 0, fmt.Errorf("peak of %s: %w", c.name, err)
		}
		size, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
		if err != nil {
			return 0, err
		}
		if runtime.GOOS != "linux" { // which counts KiB
			size /= 1 << 10
		}
		mib = max(mib, size/(1<<10))
	}
	return mib, nil
}

// peakSource is a program that starts the one in its arguments, and prints the
// most memory that it had.
const peakSource = `package main

import (
	"os"
	"strconv"
	"syscall"
)

func main() {
	null, err := syscall.Open("/dev/null", syscall.O_RDWR, 0)
	if err != nil {
		os.Exit(1)
	}
	pid, err := syscall.ForkExec(os.Args[1], os.Args[1:], &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{uintptr(null), uintptr(null), uintptr(null)}})
	if err != nil {
		os.Exit(1)
	}
	var status syscall.WaitStatus
	var used syscall.Rusage
	if _, err := syscall.Wait4(pid, &status, 0, &used); err != nil || status != 0 {
		os.Exit(1)
	}
	os.Stdout.WriteString(strconv.FormatInt(int64(used.Maxrss), 10))
}
`

func quantile(values []float64, q float64) float64 {
	slices.Sort(values)
	return values[int(q*float64(len(values)-1)+0.5)]
}

// syscalls counts those of one run, in all of its threads.
func (c *command) syscalls() int {
	strace, err := exec.LookPath("strace")
	if err != nil {
		return 0
	}
	if c.before != nil {
		c.before()
	}
	traced := exec.Command(strace, append([]string{"-f", "-qq", "-o", "/dev/stdout", "-e", "signal=none"}, c.args...)...)
	traced.Env = c.env
	out, err := traced.Output()
	if err != nil {
		return 0
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "(") && !strings.Contains(line, "resumed>") {
			n++
		}
	}
	return n
}

func (r *report) print(w io.Writer) error {
	fmt.Fprintf(w, "%s, %s, %d rounds\n%s\n\n", time.Now().UTC().Format(time.DateOnly), platform(), r.rounds, strings.Join(r.versions, "\n"))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tmedian ms\tp10-p90\tx hello\tcpu ms\tpeak MiB\tfaults\tsyscalls\t")
	for _, f := range r.figures {
		fmt.Fprintf(table, "%s\t%.2f\t%.2f-%.2f\t%.2f\t%.2f\t%.1f\t%d\t%d\t\n", f.name, f.median, f.p10, f.p90, f.ratio, f.cpu, f.rss, f.faults, f.syscalls)
	}
	return table.Flush()
}

// platform says on what the figures were taken.
func platform() string {
	kernel, _ := exec.Command("uname", "-sr").Output()
	cpu := ""
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok && cpu == "" {
			cpu = ", " + strings.Trim(name, "\t :\n")
		}
	}
	return fmt.Sprintf("%s, %s, %d CPUs%s", strings.TrimSpace(string(kernel)), runtime.GOARCH, runtime.NumCPU(), cpu)
}

// build compiles a program as releases are.
func build(dir, name string, source ...string) (string, error) {
	program := filepath.Join(dir, name)
	c := exec.Command("go", append([]string{"build", "-trimpath", "-buildvcs=false", "-tags=nethttpomithttp2", "-ldflags=-s -w", "-o", program}, source...)...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", source, err, out)
	}
	return program, nil
}
