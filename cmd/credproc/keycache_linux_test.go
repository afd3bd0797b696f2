package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// cached returns a machine for each place that a key is cached in, with a program
// that uses it: the kernel's keyring, and the shared memory of macOS.
func cached(t *testing.T, keyring string) map[string]*machine {
	all := map[string]*machine{"kernel": newMachine(t, keyring), "shared": newMachine(t, keyring)}
	all["kernel"].program = built(t, "STORM_PROGRAM")
	all["shared"].program = built(t, "STORM_SHARED", "-tags=likemacos")
	for cache, m := range all {
		m.env = append(m.env, "DBUS_SESSION_BUS_ADDRESS=unix:path="+filepath.Join(m.home, "absent"))
		t.Cleanup(func() { m.run("logout", "--all") })
		if !m.hasKernelKeyring() && (cache == "kernel" || keyring == "kernel") {
			t.Logf("not run: %s", cache)
			delete(all, cache)
		}
	}
	return all
}

// built is the program as it is released: the test binary has more in it, and so
// another order of things. It is built here unless the variable names it.
func built(t *testing.T, variable string, flags ...string) (program string) {
	if program = os.Getenv(variable); program != "" {
		return program
	}
	program = filepath.Join(t.TempDir(), "credproc")
	build := exec.Command("go", slices.Concat([]string{"build", "-o", program}, flags, []string{"."})...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// warmCalls are the system calls by which a warm answer gets the key, in this
// order: docs/performance.md names them.
var warmCalls = map[string][]string{
	"kernel": {
		"keyctl(KEYCTL_GET_PERSISTENT, -1, KEY_SPEC_PROCESS_KEYRING", "keyctl(KEYCTL_SEARCH", "keyctl(KEYCTL_READ",
		"keyctl(KEYCTL_CLEAR, KEY_SPEC_PROCESS_KEYRING",
	},
	"shared": {"shmget(", "shmctl(", "shmat(", "shmctl(", "shmdt("},
}

// The calls are counted in one thread: another one would cost more than all of them.
func TestAWarmAnswerAsksTheSystemForOneKeyInOneThread(t *testing.T) {
	for cache, m := range cached(t, "kernel") {
		m.signIn(0)
		want := m.run(process(admin)...)
		got, _ := m.straced([]string{"-e", "signal=none"}, process(admin))
		if got.status != 0 || got.stdout != want.stdout || got.stderr != "" {
			t.Fatalf("%s: exit status %d, the same document %v\n%s", cache, got.status, got.stdout == want.stdout, got.stderr)
		}
		trace, err := os.ReadFile(filepath.Join(m.home, "trace"))
		if err != nil {
			t.Fatal(err)
		}
		total, calls, threads := 0, []string{}, map[string]bool{}
		for line := range strings.Lines(string(trace)) {
			thread, call, _ := strings.Cut(line, " ")
			call = strings.TrimSpace(call)
			name, _, isCall := strings.Cut(call, "(")
			if !isCall || strings.HasPrefix(call, "<...") || slices.Contains(ofTheRuntime, name) {
				continue
			}
			total++
			if strings.HasPrefix(name, "shm") || strings.HasPrefix(name, "key") || name == "add_key" || name == "request_key" {
				calls, threads[thread] = append(calls, call), true
			}
		}
		t.Logf("%s: %d system calls", cache, total)
		if total == 0 || total > 65 {
			t.Errorf("%s: %d system calls, want at most 65\n%s", cache, total, trace)
		}
		if !slices.EqualFunc(calls, warmCalls[cache], strings.HasPrefix) || len(threads) != 1 {
			t.Errorf("%s: in %d threads, want 1:\n%s", cache, len(threads), strings.Join(calls, "\n"))
		}
	}
}

// What takes a passphrase to open, or a keychain that is slow, is opened by the
// first of many, for all of them, until the key is dropped or not to be cached.
func TestTheKeyIsCachedUntilItIsDropped(t *testing.T) {
	for cache, m := range cached(t, "file") {
		m.env = append(m.env, m.passphraseCommand())
		m.signIn(0)
		opens := func(want int, when string, do func()) {
			t.Helper()
			before := m.lines("opened")
			if do(); m.lines("opened")-before != want {
				t.Errorf("%s: %s it is opened %d times, want %d", cache, when, m.lines("opened")-before, want)
			}
		}
		answer := func(env ...string) func() {
			return func() {
				c := m.command(process(admin)...)
				c.Env = append(c.Env, env...)
				m.answered([]outcome{m.finish(c)})
			}
		}
		off := answer("CREDPROC_KEY_CACHE=off")
		opens(0, "after a sign-in", answer())
		m.run("keyring", "lock")
		opens(1, "by twenty at once, locked,", func() { m.answered(m.together(times(20, process(admin))...)) })
		opens(0, "when it is cached", answer())
		opens(1, "without the cache", off)
		m.run("keyring", "lock")
		opens(1, "locked, and without the cache,", off)
		opens(1, "after an answer that has cached nothing", answer())
		opens(0, "when it is cached again", answer())
		if o := m.run("logout", "--all"); o.status != 0 {
			t.Error(o.stderr)
		}
	}
}

// A process that waits before main is answered with the key that the first has
// cached.
func TestProcessesQueueForWhatTheFirstFetchesWhereverTheKeyIs(t *testing.T) {
	for cache, m := range cached(t, "kernel") {
		m.signIn(0)
		m.set(func(s *idctest.Server) { s.Latency = 100 * time.Millisecond })
		outcomes := m.together(times(20, process(admin))...)
		if answers := m.answered(outcomes); len(answers) != 1 {
			t.Errorf("%s: %d different answers", cache, len(answers))
		}
		m.want(m.idc.Counts(), "GetRoleCredentials", 1)
		if _, queue := m.aRecord(); queue == "" {
			t.Errorf("%s: there was no queue", cache)
		}
	}
}
