package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// group is a process in a process group of its own, as a shell's job is.
func (m *machine) group(args ...string) (c *exec.Cmd, stdout *bytes.Buffer) {
	c, stdout = m.command(args...), new(bytes.Buffer)
	c.Stdout = stdout
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		m.Fatal(err)
	}
	m.Cleanup(func() { syscall.Kill(-c.Process.Pid, syscall.SIGKILL) })
	return c, stdout
}

// heard lets what is started hear a signal that this process may have been told
// to ignore, by nohup or as a job in the background.
func heard(s os.Signal) (stop func()) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, s)
	return func() { signal.Stop(caught) }
}

func TestSignalsInARenewalLoseNothing(t *testing.T) {
	for sent, status := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129, syscall.SIGQUIT: 131} {
		t.Run(sent.String(), func(t *testing.T) {
			defer heard(sent)()
			onEachAndUnattended(t, []idctest.Rotation{idctest.Strict}, func(m *machine) {
				m.expired()
				m.set(func(s *idctest.Server) { s.Latency = time.Second })
				before := m.idc.Count(m.renewal)
				c, stdout := m.group(process(admin)...)
				m.until("the request", func() bool { return m.idc.Count(m.renewal) > before })
				syscall.Kill(-c.Process.Pid, sent)
				c.Wait()
				if c.ProcessState.ExitCode() != status || stdout.Len() != 0 {
					m.Errorf("%v, %d bytes of stdout", c.ProcessState, stdout.Len())
				}
				if s := m.status(); s.State != "signed_in" || len(s.InProgress) != 0 {
					m.Errorf("after the signal: %+v", s)
				}
				calls := m.calls(func() { m.answered(m.together(process(admin))) })
				m.want(calls, m.renewal, 0)
			})
		})
	}
}

func TestARenewalIsStoredBeforeTheProcessStops(t *testing.T) {
	onEachAndUnattended(t, []idctest.Rotation{idctest.Strict}, func(m *machine) {
		m.expired()
		m.set(func(s *idctest.Server) { s.Latency = time.Second })
		before := m.idc.Count(m.renewal)
		c, stdout := m.group(process(admin)...)
		m.until("the request", func() bool { return m.idc.Count(m.renewal) > before })
		syscall.Kill(-c.Process.Pid, syscall.SIGTSTP)
		m.until("it stops, or has done its work first", func() bool {
			stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.Process.Pid))
			_, after, _ := strings.Cut(string(stat), ") ")
			return strings.HasPrefix(after, "T") || strings.HasPrefix(after, "Z")
		})
		// It holds no lock while it is stopped, and what it fetched is there.
		calls := m.calls(func() { m.answered(m.together(process(admin), process("222222222222/Admin"))) })
		m.want(calls, "GetRoleCredentials", 1)
		m.want(calls, m.renewal, 0)
		m.tells("stopped", truth{state: "signed_in", roles: 2})
		syscall.Kill(-c.Process.Pid, syscall.SIGCONT)
		if err := c.Wait(); err != nil || !validDocument(stdout.String()) {
			m.Errorf("%v\n%s", err, stdout)
		}
	})
}

// terminal opens a pseudo-terminal, and collects what is written to it.
func terminal(t *testing.T) (slave *os.File, text func() string) {
	master, slave := openTerminal(t)
	var all bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(&all, master) // until the last user of the other side is gone
	}()
	return slave, func() string { slave.Close(); <-done; return all.String() }
}

func openTerminal(t *testing.T) (master, slave *os.File) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	var unlock int32
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), unix.TIOCSPTLCK, uintptr(unsafe.Pointer(&unlock))); errno != 0 {
		t.Fatal(errno)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// What terraform is to its providers: their standard streams are pipes, and the
// terminal is still theirs.
func TestHundredsOfProcessesGiveOneHintOnTheTerminal(t *testing.T) {
	for _, keyring := range keyrings() {
		m := newMachine(t, keyring)
		slave, text := terminal(t)
		parent := m.command()
		parent.Path, parent.Args = os.Args[0], os.Args[:1]
		parent.Env = append(parent.Env, fmt.Sprintf("STORM_PARENT=%d", *stormProcesses), "STORM_PROGRAM="+program())
		parent.Stdin = slave
		parent.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		report := m.finish(parent)
		if report.status != 0 {
			t.Fatalf("%d\n%s%s", report.status, report.stdout, report.stderr)
		}
		if shown := text(); strings.Count(shown, "hint:") != 1 || !strings.Contains(shown, "credproc login corp") {
			t.Errorf("the terminal shows %q", shown)
		}
		if n := strings.Count(report.stdout, "hint:"); n != *stormProcesses {
			t.Errorf("%d hints on stderr", n)
		}
	}
}
