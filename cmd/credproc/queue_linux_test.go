package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// aRecord returns the paths of the only record of a role, and of the lock file
// of those who wait for it.
func (m *machine) aRecord() (record, queue string) {
	m.Helper()
	if o := m.run(process(admin)...); o.status != 0 {
		m.Fatal(o.stderr)
	}
	queues, err := filepath.Glob(m.home + "/.local/state/credproc/*/locks/*.queue")
	if err != nil || len(queues) != 1 {
		m.Fatalf("queues: %q, %v", queues, err)
	}
	name := strings.TrimSuffix(filepath.Base(queues[0]), ".queue")
	records, err := filepath.Glob(m.home + "/.cache/credproc/*/*/" + name)
	if err != nil || len(records) != 1 {
		m.Fatalf("records: %q, %v", records, err)
	}
	return records[0], queues[0]
}

// beFirst is a process that is fetching, as the others see it.
func (m *machine) beFirst(queue string) (end func()) {
	m.Helper()
	f, err := os.Open(queue)
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		m.Fatal(err)
	}
	return func() { f.Close() }
}

// waiting reports how many processes the kernel lets wait for the lock on a
// file (proc_locks(5)).
func (m *machine) waiting(path string) (n int) {
	info, err := os.Stat(path)
	if err != nil {
		m.Fatal(err)
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		m.Fatal(err)
	}
	inode := fmt.Sprintf(":%d ", info.Sys().(*syscall.Stat_t).Ino)
	for line := range strings.Lines(string(locks)) {
		if strings.Contains(line, "-> FLOCK") && strings.Contains(line, inode) {
			n++
		}
	}
	return n
}

func TestWhoComesSecondWaitsForTheFirstBeforeItStarts(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.signIn(0)
	record, queue := m.aRecord()
	want := m.run(process(admin)...).stdout
	hidden := filepath.Join(m.home, "hidden")
	if err := os.Rename(record, hidden); err != nil {
		t.Fatal(err)
	}
	end := m.beFirst(queue)
	defer end()
	calls := m.calls(func() {
		done := make(chan outcome)
		for range 3 {
			go func() { done <- m.run(process(admin)...) }()
		}
		m.until("3 processes wait", func() bool { return m.waiting(queue) == 3 })
		if err := os.Rename(hidden, record); err != nil {
			t.Fatal(err)
		}
		end()
		for range 3 {
			if o := <-done; o.status != 0 || o.stdout != want {
				t.Errorf("exit status %d, the same document %v\n%s", o.status, o.stdout == want, o.stderr)
			}
		}
	})
	m.want(calls, "total", 0)
}

// As one that is fetching ends: not by a dump of the Go runtime, for one.
func TestASignalEndsWhoWaitsAsItEndsTheFirst(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.signIn(0)
	record, queue := m.aRecord()
	if err := os.Remove(record); err != nil {
		t.Fatal(err)
	}
	defer m.beFirst(queue)()
	m.set(func(s *idctest.Server) { s.Latency = time.Minute }) // for one that is seen too late, and goes on
	for sent, want := range map[syscall.Signal]outcome{
		syscall.SIGINT: {status: 130, stderr: "credproc: interrupted\n"}, syscall.SIGTERM: {status: 143, stderr: "credproc: terminated\n"},
		syscall.SIGHUP: {status: 129, stderr: "credproc: hung up\n"}, syscall.SIGQUIT: {status: 131, stderr: "credproc: quit\n"},
	} {
		unheard := heard(sent)
		before := m.idc.Count("GetRoleCredentials")
		c := m.command(process(admin)...)
		started, done := make(chan struct{}), make(chan outcome)
		go func() { done <- m.finishWith(c, started) }()
		<-started
		m.until("it waits", func() bool { return m.waiting(queue) == 1 || m.idc.Count("GetRoleCredentials") > before })
		unheard()
		c.Process.Signal(sent)
		if o := <-done; o.status != want.status || o.stderr != want.stderr || o.stdout != "" {
			t.Errorf("%v: exit status %d, %q", sent, o.status, o.stderr)
		}
	}
}

// Ctrl-C is for all of them: it ends the first at the same moment.
func TestASignalIsNotLostWhereTheFirstEndsToo(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.signIn(0)
	record, queue := m.aRecord()
	if err := os.Remove(record); err != nil {
		t.Fatal(err)
	}
	m.set(func(s *idctest.Server) { s.Latency = time.Second })
	defer heard(syscall.SIGINT)()
	end := m.beFirst(queue)
	done := make(chan outcome)
	for range 20 {
		c := m.command(process(admin)...)
		started := make(chan struct{})
		go func() { done <- m.finishWith(c, started) }()
		<-started
		defer c.Process.Signal(syscall.SIGCONT)
		m.until("it waits", func() bool { return m.waiting(queue) > 0 })
		c.Process.Signal(syscall.SIGSTOP)
		c.Process.Signal(syscall.SIGINT)
		end()
		c.Process.Signal(syscall.SIGCONT)
		if o := <-done; o.status != 130 && o.status != -1 { // by us, or by the system
			t.Errorf("exit status %d\n%s", o.status, o.stderr)
		}
		os.Remove(record)
		end = m.beFirst(queue)
	}
	end()
}

func TestAFirstThatDoesNotEndHoldsNobodyUp(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.signIn(0)
	record, queue := m.aRecord()
	if err := os.Remove(record); err != nil {
		t.Fatal(err)
	}
	defer m.beFirst(queue)()
	m.want(m.calls(func() { m.answered(m.together(times(3, process(admin))...)) }), "GetRoleCredentials", 1)
}

// Neither may be kept from its own time limit or from the person it asks.
func TestWhoMayWaitForASignInDoesNotQueue(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.signIn(0)
	record, queue := m.aRecord()
	if err := os.Remove(queue); err != nil {
		t.Fatal(err)
	}
	for _, more := range []string{"--wait=1m", "--auto-login"} {
		if err := os.Remove(record); err != nil {
			t.Fatal(err)
		}
		m.answered([]outcome{m.run(append(process(admin), more)...)})
		if _, err := os.Stat(queue); err == nil {
			t.Errorf("%s: %s is there", more, queue)
		}
	}
}
