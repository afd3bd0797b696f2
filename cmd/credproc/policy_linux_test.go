package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// underPolicy makes a command one that runs where /etc has this policy. ok is false
// where that cannot be, as without root.
func (m *machine) underPolicy(t *testing.T, rules string, c *exec.Cmd) (ok bool) {
	t.Helper()
	etc := filepath.Join(m.home, "etc")
	if err := os.MkdirAll(filepath.Join(etc, "credproc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"machine-id", "passwd", "group"} {
		if text, err := os.ReadFile("/etc/" + name); err == nil {
			m.write("etc/"+name, string(text))
		}
	}
	m.write("etc/credproc/policy.ini", rules)
	if err := os.Chmod(filepath.Join(etc, "credproc", "policy.ini"), 0o644); err != nil {
		t.Fatal(err)
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil || os.Geteuid() != 0 || exec.Command(unshare, "-m", "true").Run() != nil {
		t.Log("not run: there is no mount namespace here")
		return false
	}
	c.Args = append([]string{"unshare", "-m", "sh", "-c", `mount --bind "$0" /etc && exec "$@"`, etc, c.Path}, c.Args[1:]...)
	c.Path = unshare
	return true
}

// TestAWarmAnswerWithAPolicyTakesTheShortWay counts what a policy that allows the
// answer adds to it: its directory is looked at, and the file is opened (which Go's
// runtime asks the kernel about), looked at, read and closed. One that does not allow it has the last word.
func TestAWarmAnswerWithAPolicyTakesTheShortWay(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.program = built(t, "STORM_PROGRAM")
	m.signIn(0)
	want := m.run(process(admin)...)
	if want.status != 0 {
		t.Fatal(want.stderr)
	}
	c, trace := m.traced([]string{"-y", "-e", "signal=none"}, process(admin))
	const allowed = "[policy]\nversion = 1\naccounts = 1*\nkeyrings = plaintext\nenv_output = off\n"
	if !m.underPolicy(t, allowed, c) {
		return
	}
	if got := m.finish(c); got.status != 0 || got.stdout != want.stdout || got.stderr != "" {
		t.Fatalf("exit status %d, the same document %v\n%s", got.status, got.stdout == want.stdout, got.stderr)
	}
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for line := range strings.Lines(string(data)) {
		_, call, _ := strings.Cut(line, " ")
		if name, _, isCall := strings.Cut(strings.TrimLeft(call, " "), "("); isCall && strings.Contains(call, "/credproc/policy.ini") || strings.Contains(call, `"/etc/credproc"`) {
			calls = append(calls, name)
		}
		if strings.Contains(call, "socket(") || strings.Contains(call, "flock(") {
			t.Errorf("the long way: %s", call)
		}
	}
	if of := []string{"newfstatat", "openat", "epoll_ctl", "fstat", "read", "close"}; !slices.Equal(calls, of) {
		t.Errorf("the policy costs %q, want %q\n%s", calls, of, data)
	}
	for rules, status := range map[string]int{
		"[policy]\nversion = 1\naccounts = 2*\n": 5, "[policy]\nversion = 1\nstart_urls = https://other.example\n": 5, "[policy]\n": 2,
		"[policy]\nversion = 1\nagents = none\n": 5, "[policy]\nversion = 1\n[sso-session corp]\ncredproc_agents = role:2*/*\n": 5,
	} {
		c := m.command(process(admin)...)
		c.Env = append(c.Env, "CLAUDECODE=1")
		m.underPolicy(t, rules, c)
		if got := m.finish(c); got.status != status || got.stdout != "" || !strings.Contains(got.stderr, "/etc/credproc/policy.ini") {
			t.Errorf("%q: exit status %d and %q, want %d\n%s", rules, got.status, got.stdout, status, got.stderr)
		}
	}
}
