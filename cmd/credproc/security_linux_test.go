package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// mac is a machine whose program does what it does on macOS, with a script in the
// place of /usr/bin/security.
type mac struct{ *machine }

func newMac(t *testing.T) mac {
	m := mac{newMachine(t, "os")}
	m.program = built(t, "STORM_SHARED", "-tags=likemacos")
	m.env = append(m.env, "LIKEMACOS="+filepath.Join(m.home, "mac"))
	script, err := os.ReadFile("../../tokencache/keyring/testdata/security")
	if err != nil {
		t.Fatal(err)
	}
	m.write("mac/security", string(script))
	if err := os.Chmod(filepath.Join(m.home, "mac/security"), 0o700); err != nil {
		t.Fatal(err)
	}
	m.signIn(0)
	t.Cleanup(func() {
		m.is("")
		if o := m.run("logout", "--all"); o.status != 0 {
			t.Error(o.stderr)
		}
	})
	return m
}

// is makes the tool do something else than it should; "" ends that.
func (m mac) is(mode string) { m.write("mac/mode", mode) }

// starts counts how often the tool is started.
func (m mac) starts(do func()) (n int) {
	before := m.lines("mac/calls")
	do()
	return m.lines("mac/calls") - before
}

// leavesNothing checks that the tool was started, and that nothing is left of it.
func (m mac) leavesNothing(after string) {
	m.Helper()
	text, err := os.ReadFile(filepath.Join(m.home, "mac/pids"))
	if err != nil {
		m.Fatal(err)
	}
	for pid := range strings.FieldsSeq(string(text)) {
		m.until("process "+pid+" has ended, "+after, func() bool {
			state, _ := exec.Command("ps", "-o", "stat=", "-p", pid).Output()
			return len(state) == 0 || state[0] == 'Z'
		})
	}
}

func TestOnAMacAWarmAnswerStartsNothingAndFiftyColdOnesOneRead(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.answered([]outcome{m.run(process(admin)...)})
	want := func(n int, when string, do func()) {
		t.Helper()
		if got := m.starts(do); got != n {
			t.Errorf("%s the tool is started %d times, want %d", when, got, n)
		}
	}
	fifty := func() { m.answered(m.together(times(50, process(admin))...)) }
	want(0, "for a warm answer", func() { m.answered([]outcome{m.run(process(admin)...)}) })
	want(0, "for fifty warm answers", fifty)
	for _, mode := range []string{"", "slow", "noisy"} {
		m.is(mode)
		m.run("keyring", "lock")
		want(1, fmt.Sprintf("where the key is not cached, and the tool %q,", mode), fifty)
		if err := os.RemoveAll(filepath.Join(m.home, ".cache")); err != nil {
			t.Fatal(err)
		}
		want(1, fmt.Sprintf("where no role is cached, and the tool %q,", mode), fifty)
	}
	m.want(m.idc.Counts(), "GetRoleCredentials", 4)
	calls, err := os.ReadFile(filepath.Join(m.home, "mac/calls"))
	if err != nil || strings.Contains(string(calls), "go-keyring-") {
		t.Errorf("a secret is an argument, or %v:\n%s", err, calls)
	}
}

// It would show a dialog: the caller is told, and in no time.
func TestOnAMacALockedKeychainIsSaidBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.run("keyring", "lock")
	m.write("mac/status", "locked")
	n := m.starts(func() {
		m.failed(m.together(times(3, process(admin))...), 6, "the keychain is locked")
	})
	if n != 0 {
		t.Errorf("the tool is started %d times", n)
	}
	m.write("mac/status", "open")
	m.answered([]outcome{m.run(process(admin)...)})
	m.write("mac/status", "locked")
	m.answered([]outcome{m.run(process(admin)...)}) // warm
}

// "Not signed in" would have people sign in again.
func TestOnAMacNoKeychainIsNotNoLogin(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.write("mac/complaint", "A default keychain could not be found.")
	for _, mode := range []string{"status-44", "status-37"} {
		m.run("keyring", "lock")
		m.is(mode)
		m.failed([]outcome{m.run(process(admin)...)}, 6, "there is no default keychain")
	}
	m.is("")
	m.write("mac/status", "none")
	m.failed([]outcome{m.run(process(admin)...)}, 6, "there is no default keychain")
	m.write("mac/status", "")
	m.answered([]outcome{m.run(process(admin)...)})
}

func TestOnAMacAToolThatIsMuteIsEnded(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.run("keyring", "lock")
	m.is("mute")
	for _, sent := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		unheard := heard(sent)
		c := m.command(process(admin)...)
		started, done := make(chan struct{}), make(chan outcome)
		before := m.lines("mac/pids")
		go func() { done <- m.finishWith(c, started) }()
		<-started
		m.until("the tool runs", func() bool { return m.lines("mac/pids") > before })
		unheard()
		c.Process.Signal(sent)
		if o := <-done; o.status != 128+int(sent) {
			t.Errorf("%v: exit status %d\n%s", sent, o.status, o.stderr)
		}
		m.leavesNothing("after " + sent.String())
	}
	m.failed([]outcome{m.run(process(admin)...)}, 6, "no answer in time")
	m.leavesNothing("after the deadline")
	m.is("")
	m.answered([]outcome{m.run(process(admin)...)})
}
