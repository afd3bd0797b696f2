package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/kernelring"
	"github.com/credproc/credproc/tokencache/keyring"
)

// withoutKeychain makes a machine one without a Secret Service.
func (m *machine) withoutKeychain() {
	m.env = append(m.env, "DBUS_SESSION_BUS_ADDRESS=unix:path="+filepath.Join(m.home, "absent"))
}

// kernelless runs a command where the kernel forbids calls of its keyrings, as it
// does in most containers, and checks that the command met with that.
func (m *machine) kernelless(calls, errno string, args ...string) outcome {
	m.Helper()
	o, met := m.tampered(calls, "error="+errno, "1+", args)
	if !met {
		m.Errorf("%v: the kernel was not asked", args)
	}
	return o
}

// hasKernelKeyring reports whether this machine lets a login be there.
func (m *machine) hasKernelKeyring() bool {
	return kernelWorks() && kernelring.Persistent()
}

// Some kernels are built without persistent keyrings, as WSL's is.
func TestWithoutPersistentKeyringsALoginIsInTheUserKeyringAndPeopleAreTold(t *testing.T) {
	m := newMachine(t, "kernel")
	m.withoutKeychain()
	if !m.hasKernelKeyring() {
		return
	}
	without := func(args ...string) outcome {
		c := m.command(args...)
		c.Env = append(c.Env, "STORM_FORBIDDEN="+c.Path)
		c.Path = os.Args[0]
		return m.finish(c)
	}
	told := "no persistent keyrings"
	if o := without("login", "corp", "--no-browser"); o.status != 0 || !strings.Contains(o.stderr, told) {
		t.Errorf("login: exit status %d\n%s", o.status, o.stderr)
	}
	defer without("logout", "--all")
	m.answered([]outcome{without(process(admin)...), without(process(admin)...)})
	m.want(m.idc.Counts(), "GetRoleCredentials", 1)
	for _, args := range [][]string{{"doctor", "--offline"}, {"doctor", "--offline", "--json"}, {"keyring", "show"}, {"keyring", "show", "--json"}} {
		if o := without(args...); !strings.Contains(o.stdout, told) {
			t.Errorf("%v: exit status %d\n%s%s", args, o.status, o.stdout, o.stderr)
		}
		if o := m.run(args...); strings.Contains(o.stdout, told) {
			t.Errorf("%v, where the kernel has them:\n%s", args, o.stdout)
		}
	}
}

const kernelCalls = "keyctl,add_key"

// offersFiles checks that a command failed for want of a keyring, and offered those
// that are left.
func (m *machine) offersFiles(o outcome, says string) {
	m.Helper()
	m.failed([]outcome{o}, 6, says)
	for _, choice := range []string{"\n  CREDPROC_KEYRING=file       ", "\n  CREDPROC_KEYRING=plaintext  "} {
		if !strings.Contains(o.stderr, choice) {
			m.Errorf("%v: %q is not in\n%s", o.args, choice, o.stderr)
		}
	}
	if strings.Contains(o.stderr, "=kernel") {
		m.Errorf("%v: it offers what the kernel forbids:\n%s", o.args, o.stderr)
	}
}

func TestWithNoKeyringAtAllEveryChoiceIsNamed(t *testing.T) {
	m := newMachine(t, "auto")
	m.withoutKeychain()
	login := []string{"login", "corp", "--no-browser"}
	for _, errno := range []string{"ENOSYS", "EACCES", "EPERM"} {
		o := m.kernelless(kernelCalls, errno, login...)
		m.offersFiles(o, "credproc: no keyring can keep a login: os keyring: ")
		if !strings.Contains(o.stderr, "; kernel keyring: ") {
			t.Errorf("nothing is said of the kernel's:\n%s", o.stderr)
		}
	}
	for _, args := range [][]string{append(login, "--force"), process(admin)} {
		m.offersFiles(m.kernelless(kernelCalls, "EPERM", args...), "no keyring can keep a login")
	}
	m.want(m.idc.Counts(), "RegisterClient", 0) // for what could not be kept
	if o := m.kernelless(kernelCalls, "EPERM", "doctor", "--offline", "--json"); !strings.Contains(o.stdout, "a new login has nowhere to go") {
		t.Errorf("the doctor does not see it:\n%s", o.stdout)
	}

	m.tells("nowhere to sign in to", truth{state: "signed_out"})

	m.keyring = "plaintext"
	if o := m.run(login...); o.status != 0 || !strings.Contains(o.stderr, "Its tokens are in unencrypted files") {
		t.Errorf("login: exit status %d\n%s", o.status, o.stderr)
	}
	m.keyring = "auto" // the index knows
	if o := m.run("status", "corp"); o.status != 0 || !strings.HasPrefix(o.stdout, "corp  signed in, plaintext keyring\n") {
		t.Errorf("status: exit status %d\n%s%s", o.status, o.stdout, o.stderr)
	}
	o, _ := m.tampered(kernelCalls, "error=EPERM", "1+", process(admin))
	m.answered([]outcome{o})
	m.tells("without any keyring", truth{state: "signed_in", roles: 1})
}

// A keyring that was named is not offered again where it failed, nor is the
// kernel's where that is no way out.
func TestAKeyringThatDoesNotWorkIsNotOffered(t *testing.T) {
	m := newMachine(t, "os")
	m.withoutKeychain()
	m.offersFiles(m.kernelless(kernelCalls, "EPERM", "login", "corp"), "os keyring: read: keyring unavailable")
	m.keyring = "kernel"
	for _, calls := range []string{kernelCalls, "add_key"} { // all of it, or only to write
		m.offersFiles(m.kernelless(calls, "EPERM", "login", "corp"), "kernel keyring: ")
	}
	if o := m.kernelless(kernelCalls, "EPERM", "doctor", "--offline", "--json"); !strings.Contains(o.stdout, "the kernel forbids its keyring here") {
		t.Errorf("the doctor does not see it:\n%s", o.stdout)
	}
	m.want(m.idc.Counts(), "RegisterClient", 0)
}

// passphraseCommand is a CREDPROC_PASSPHRASE_COMMAND that counts in a file how
// often it is run, and in another how often no process has the lock for it.
func (m *machine) passphraseCommand() (setting string) {
	m.write("passphrase", `#!/bin/sh
echo >>$HOME/opened
lock=$(find $HOME/.local/state -name unlock.lock)
if [ -z "$lock" ] || flock -n "$lock" true; then echo >>$HOME/unguarded; fi
echo correct-horse
`)
	return "CREDPROC_PASSPHRASE_COMMAND=sh " + filepath.Join(m.home, "passphrase")
}

// lines counts those of a file, which there is none of if it has none.
func (m *machine) lines(name string) int {
	text, err := os.ReadFile(filepath.Join(m.home, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.Error(err)
	}
	return strings.Count(string(text), "\n")
}

// watched runs n processes at once, and returns the most memory that was seen to
// be theirs alone, in kilobytes. What they share with each other does not count.
func (m *machine) watched(n int, args []string) (outcomes []outcome, peak int) {
	outcomes = make([]outcome, n)
	commands := make([]*exec.Cmd, n)
	var started, over sync.WaitGroup
	for i := range n {
		commands[i] = m.command(args...)
		running := make(chan struct{})
		started.Go(func() { <-running })
		over.Go(func() { outcomes[i] = m.finishWith(commands[i], running) })
	}
	started.Wait()
	done := make(chan struct{})
	go func() { over.Wait(); close(done) }()
	for {
		sum := 0
		for _, c := range commands {
			sum += anonymous(c.Process.Pid)
		}
		peak = max(peak, sum)
		select {
		case <-done:
			return outcomes, peak
		case <-time.After(time.Millisecond):
		}
	}
}

// anonymous is the memory of a process that no other has, in kilobytes; 0: it
// has ended.
func anonymous(pid int) (kilobytes int) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, field, _ := strings.Cut(string(status), "\nRssAnon:")
	fmt.Sscanf(field, "%d kB", &kilobytes)
	return kilobytes
}

// One that opens the file takes 32 MB for it.
func TestTwentyProcessesOpenAFileOneAfterAnother(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "file")
	m.env = append(m.env, "CREDPROC_KEY_CACHE=off", m.passphraseCommand())
	const life = 5 * time.Second // enough for an answer that is valid when it is read
	m.set(func(s *idctest.Server) { s.RoleLife = life })
	m.signIn(0)
	m.run(process(admin)...) // what each of them has to open, before all wait
	<-time.After(life)
	m.set(func(s *idctest.Server) { s.RoleLife, s.Latency = time.Hour, 2*time.Second })
	before := m.lines("opened")
	outcomes, peak := m.watched(20, process(admin))
	if answers := m.answered(outcomes); len(answers) != 1 {
		t.Errorf("%d different answers", len(answers))
	}
	if n := m.lines("opened") - before; n != 20 {
		t.Errorf("opened %d times", n)
	}
	if n := m.lines("unguarded"); n > 0 {
		t.Errorf("%d times while another could have", n)
	}
	t.Logf("at most %d MB", peak>>10)
	if peak < 32<<10 || peak > 7*32<<10 {
		t.Errorf("at most %d MB", peak>>10)
	}
}

// kernelWorks reports whether this kernel lets programs have a keyring.
func kernelWorks() bool {
	k, err := keyring.New("kernel", keyring.Options{})
	if err == nil {
		_, err = k.Get(context.Background(), "none")
	}
	return errors.Is(err, keyring.ErrNotFound)
}
