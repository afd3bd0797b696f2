package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// renewing makes the next process refresh and fetch. It is the token of a
// sign-in that is refused: for one got in place of another, everybody waits for
// the verdict of who got it.
func (m *machine) renewing() {
	m.signIn(0)
	m.idc.RevokeAccessTokens()
	m.forgetRoles()
}

// tampered runs a command whose n-th call of a system call (in one thread) is
// met with an injection of strace, and reports whether that happened.
func (m *machine) tampered(call, injection, when string, args []string) (o outcome, met bool) {
	return m.straced([]string{"-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:%s:when=%s", call, injection, when)}, args)
}

// straced runs a command under strace with options, and reports whether something
// was injected. strace itself may fail when a thread ends at the wrong moment, and
// its status is not the command's then: it gets three tries.
func (m *machine) straced(options, args []string) (o outcome, met bool) {
	for range 3 {
		if o, met = m.stracedOnce(options, args); !strings.Contains(o.stderr, "strace: ptrace(PTRACE_LISTEN,") {
			break
		}
	}
	return o, met
}

func (m *machine) stracedOnce(options, args []string) (o outcome, met bool) {
	c, trace := m.traced(options, args)
	o = m.finish(c)
	log, err := exec.Command("grep", "-c", "-e", "INJECTED", "-e", "killed by SIGKILL", trace).Output()
	return o, err == nil && strings.TrimSpace(string(log)) != "0"
}

// traced is a process below strace that has not started, and the file with its calls.
func (m *machine) traced(options, args []string) (c *exec.Cmd, trace string) {
	c, trace = m.command(args...), filepath.Join(m.home, "trace")
	c.Args = slices.Concat([]string{"strace", "-f", "-qq", "-o", trace}, options, []string{c.Path}, c.Args[1:])
	path, err := exec.LookPath("strace")
	if err != nil {
		m.Fatal(err)
	}
	c.Path = path
	return c, trace
}

// The calls by which files are changed, in the order of the house: a temporary
// file is synced, renamed, and its directory synced; the journal is written in
// place; marks are removed.
var fileCalls = []string{"fsync", "renameat", "unlinkat", "pwrite64"}

func TestAHolderKilledAtAnyFileCallLosesNothing(t *testing.T) {
	t.Parallel()
	onEachAndUnattended(t, bothRotations, func(m *machine) {
		m.signIn(0)
		for _, call := range fileCalls {
			for n := 1; n < 40; n++ {
				m.renewing()
				var killed bool
				calls := m.calls(func() { _, killed = m.tampered(call, "signal=KILL", fmt.Sprint(n), process(admin)) })
				if !killed {
					m.Logf("%s: %d points", call, n-1)
					break
				}
				m.works(fmt.Sprintf("killed at %s %d", call, n), calls, call == "pwrite64")
			}
		}
	})
}

// Before the request, in it, and after the answer, but before the journal: the
// one window that cannot be closed where a refresh token works only once.
func TestAHolderKilledInItsConversationLosesOnlyWhatTheServiceRotated(t *testing.T) {
	t.Parallel()
	onEachAndUnattended(t, bothRotations, func(m *machine) {
		m.signIn(0)
		for _, call := range []string{"write", "read"} {
			for n := 1; n < 60; n += 3 {
				m.renewing()
				var killed bool
				calls := m.calls(func() { _, killed = m.tampered(call, "signal=KILL", fmt.Sprint(n), process(admin)) })
				if !killed {
					m.Logf("%s: %d points", call, n-1)
					break
				}
				m.works(fmt.Sprintf("killed at %s %d", call, n), calls, true)
			}
		}
	})
}

// works checks that the next process answers. Where the answer of a rotation
// may have been lost on the way, and the service then refuses the old token, a
// sign-in is in order.
func (m *machine) works(after string, calls map[string]int, mayLose bool) {
	m.Helper()
	var o outcome
	m.foretold(after, func() { o = m.run(process(admin)...) })
	if o.status == 0 && validDocument(o.stdout) && o.stderr == "" {
		return
	}
	rotated := m.idc.Rotation == idctest.Strict && !m.unattended() && calls["CreateToken"] > 0
	if o.status == 4 && mayLose && rotated {
		m.Logf("%s: the rotated token was lost", after)
		if s := m.status(); s.State != "ended" || s.SignedIn {
			m.Errorf("%s, and the service has said that it is over: %+v", after, s)
		}
		m.signIn(0)
		return
	}
	m.Fatalf("%s: exit status %d\n%s", after, o.status, o.stderr)
}

func TestAFullDiskLosesNothing(t *testing.T) {
	t.Parallel()
	onEachAndUnattended(t, []idctest.Rotation{idctest.Strict}, func(m *machine) {
		m.signIn(0)
		for _, call := range fileCalls {
			for _, more := range []string{"", "+"} { // this one write, or all from here on
				for n := 1; n < 40; n++ {
					m.renewing()
					o, met := m.tampered(call, "error=ENOSPC", fmt.Sprint(n)+more, process(admin))
					if !met {
						break
					}
					if !(o.status == 0 && validDocument(o.stdout)) && !(o.status == 3 || o.status == 1 || o.status == 6) {
						m.Fatalf("disk full at %s %d%s: exit status %d\n%s", call, n, more, o.status, o.stderr)
					}
					full := fmt.Sprintf("disk full at %s %d%s, exit status %d", call, n, more, o.status)
					if m.patchy() {
						if o := m.run(process(admin)...); o.status == 4 && !m.unattended() {
							m.Logf("%s, for some threads: the rotated token was lost", full)
							m.signIn(0)
						}
						continue
					}
					m.foretold(full, func() { m.untilAnswered(process(admin), 15*time.Second) })
				}
			}
		}
	})
}

// patchy reports whether the disk of the last straced command was full, then not,
// then full again. strace counts for each thread, and a goroutine changes threads:
// what proved before the request that there is room may have been in another one
// than what stores the answer. No disk is like that.
func (m *machine) patchy() bool {
	m.Helper()
	trace, err := os.ReadFile(filepath.Join(m.home, "trace"))
	if err != nil {
		m.Fatal(err)
	}
	var full, room bool
	for line := range strings.Lines(string(trace)) {
		switch {
		case strings.Contains(line, "INJECTED") && room:
			return true
		case strings.Contains(line, "INJECTED"):
			full = true
		case strings.Contains(line, " = ") && !strings.Contains(line, " = -1"):
			room = full
		}
	}
	return false
}

func TestProcessesKilledAtRandomLoseNothing(t *testing.T) {
	t.Parallel()
	onEachAndUnattended(t, bothRotations, func(m *machine) {
		m.signIn(0)
		lost := 0
		for round := range *stormRounds {
			m.env = [][]string{nil, {unqueued}}[round%2]
			m.renewing()
			m.set(func(s *idctest.Server) { s.Latency = time.Duration(rand.IntN(30)) * time.Millisecond })
			calls := m.calls(func() { m.survivorsAnswer(20) })
			var o outcome
			m.foretold("killed at random", func() { o = m.run(process(admin)...) })
			if o.status != 0 {
				if m.idc.Rotation != idctest.Strict || m.unattended() || calls["CreateToken"] == 0 {
					m.Fatalf("exit status %d\n%s", o.status, o.stderr)
				}
				lost++
				m.signIn(0)
			}
		}
		m.Logf("%d of %d rounds lost a rotated token", lost, *stormRounds)
	})
}

// survivorsAnswer runs processes and kills about half of them.
func (m *machine) survivorsAnswer(n int) {
	m.Helper()
	type ended struct {
		outcome
		killed bool
	}
	all := make(chan ended, n)
	for range n {
		go func() {
			c := m.command(process(admin)...)
			done := make(chan struct{})
			var killed bool
			started := make(chan struct{})
			kill := rand.IntN(2) == 0
			go func() {
				defer close(done)
				<-started
				if kill && c.Process != nil {
					<-time.After(time.Duration(rand.IntN(150)) * time.Millisecond)
					killed = c.Process.Signal(syscall.SIGKILL) == nil
				}
			}()
			o := m.finishWith(c, started)
			<-done
			all <- ended{o, killed || o.status == -1}
		}()
	}
	for range n {
		if o := <-all; !o.killed && !(o.status == 0 && validDocument(o.stdout)) {
			// A holder killed after a strict rotation takes the login with it.
			if o.status != 4 || m.idc.Rotation != idctest.Strict || m.unattended() {
				m.Errorf("a survivor: exit status %d\n%s", o.status, o.stderr)
			}
		}
	}
}
