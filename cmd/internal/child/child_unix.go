//go:build unix

package child

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/credproc/credproc/cmd/internal/terminal"
)

// Become makes this process the command: signals, terminal and exit status are
// the command's own from here on. No work of this process is under way any more.
func (c *Command) Become() error {
	err := syscall.Exec(c.Path, c.Args, c.Env)
	if errors.Is(err, syscall.ENOEXEC) && isText(c.Path) {
		err = syscall.Exec("/bin/sh", c.asScript(), c.Env)
	}
	return c.unable(err)
}

// asScript is for scripts that do not say what runs them: sh does, as in a shell.
func (c *Command) asScript() []string { return append([]string{"sh", c.Path}, c.Args[1:]...) }

// isText tells such a script from a program for another machine.
func isText(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 256)
	n, _ := io.ReadFull(f, head)
	return bytes.IndexByte(head[:n], 0) < 0
}

// Run runs the command and passes signals on to it, until it ends.
func (d *Signals) Run(c *Command) error {
	// The command is told when this thread ends: see orphanSignal.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	relay := new(relay)
	d.relayTo(relay)
	cmd := c.cmd()
	cmd.SysProcAttr = orphanSignal()
	err := cmd.Start()
	if errors.Is(err, syscall.ENOEXEC) && isText(c.Path) {
		c.Args, c.Path = c.asScript(), "/bin/sh"
		cmd = c.cmd()
		cmd.SysProcAttr = orphanSignal()
		err = cmd.Start()
	}
	if err != nil {
		return c.unable(err)
	}
	relay.begin(cmd.Process)
	d.stopWith(cmd.Process.Pid)
	err = cmd.Wait()
	ended, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return err
	}
	if status := ended.Sys().(syscall.WaitStatus); status.Signaled() {
		return &StatusError{Status: 128 + int(status.Signal())}
	}
	return &StatusError{Status: ended.ExitCode()}
}

// relay passes signals on to a command.
type relay struct {
	mu      sync.Mutex
	process *os.Process // nil before the command runs
	early   []os.Signal
}

func (p *relay) begin(process *os.Process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.process = process
	for _, s := range p.early {
		process.Signal(s)
	}
}

func (p *relay) pass(s os.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case byTerminal[s] && inForeground(): // the command has got it already
	case p.process == nil:
		p.early = append(p.early, s)
	default:
		p.process.Signal(s) // or it has ended
	}
}

// byTerminal are the signals that a key sends to every process in the
// foreground, of which the command is one. A second one is an order to some
// programs to drop everything, terraform among them.
var byTerminal = map[os.Signal]bool{syscall.SIGINT: true, syscall.SIGQUIT: true, syscall.SIGTSTP: true}

// passed are the signals that are passed on, beside those that end a command.
var passed = []os.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGCONT}

// inForeground reports whether keys on the controlling terminal reach this
// process, and those of its group.
func inForeground() bool {
	terminal, err := terminal.OpenControlling()
	if err != nil {
		return false
	}
	defer terminal.Close()
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// relayTo sends all signals to a relay, from now on. After the command has ended
// there is only its status to return, and a signal that was meant for both may
// be late: it must not stop this process, or have it end in another way.
func (d *Signals) relayTo(p *relay) {
	d.relay.Store(p)
	for _, s := range passed {
		if !signal.Ignored(s) {
			signal.Notify(d.deferred, s)
		}
	}
}
