package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/lineage"
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

// shortWay returns the names of the calls in a trace whose arguments count, and
// complains of those that only the long way makes.
func shortWay(t *testing.T, trace string, counts func(arguments string) bool) (calls []string) {
	t.Helper()
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		_, call, _ := strings.Cut(line, " ")
		name, arguments, isCall := strings.Cut(strings.TrimLeft(call, " "), "(")
		if isCall && counts(arguments) {
			calls = append(calls, name)
		}
		if isCall && (name == "socket" || name == "flock") {
			t.Errorf("the long way: %s", call)
		}
	}
	return calls
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
	calls := shortWay(t, trace, func(arguments string) bool {
		return strings.Contains(arguments, "/credproc/policy.ini") || strings.Contains(arguments, `"/etc/credproc"`)
	})
	if of := []string{"newfstatat", "openat", "epoll_ctl", "fstat", "read", "close"}; !slices.Equal(calls, of) {
		t.Errorf("the policy costs %q, want %q", calls, of)
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

// TestAWarmAnswerWithRulesAboutAgentsTakesTheShortWay counts what rules add to an
// answer where no agent asks: the stat of each process above is opened, read and
// closed. Where an agent asks, the long way is taken.
func TestAWarmAnswerWithRulesAboutAgentsTakesTheShortWay(t *testing.T) {
	if who, _ := agent.ByProcess(os.Getpid(), nil); who.IsAgent() {
		t.Log("not run: " + who.Why)
		return
	}
	m := newMachine(t, "plaintext")
	m.program = built(t, "STORM_PROGRAM")
	m.signIn(0)
	want := m.run(process(admin)...)
	if want.status != 0 {
		t.Fatal(want.stderr)
	}
	session := "[sso-session corp]\nsso_start_url = " + m.idc.StartURL + "\nsso_region = us-east-1\n"
	rule := "\n[profile dev]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = ReadOnly\n"
	above := 1 // strace
	for range lineage.Above(os.Getpid()) {
		above++
	}
	each := []string{"openat", "read", "close"}
	for _, tt := range []struct {
		config, policy string
		above          int
	}{
		{session, "", 0},
		{session + "credproc_agents = none\n", "", above},
		{session + rule + "credproc_agent_profile = other\n", "", above},
		{session + "credproc_agent_login = on\ncredproc_agent_programs = robot, droid\n", "", above},
		{session, "[policy]\nversion = 1\n", 0},
		{session, "[policy]\nversion = 1\nagents = none\n", above},
		{session, "[policy]\nversion = 1\n[sso-session corp]\ncredproc_agents = none\ncredproc_agent_programs = robot\n", above},
	} {
		m.write(".aws/config", tt.config)
		c, trace := m.traced([]string{"-y", "-e", "signal=none"}, process(admin))
		if tt.policy != "" && !m.underPolicy(t, tt.policy, c) {
			continue
		}
		if got := m.finish(c); got.status != 0 || got.stdout != want.stdout || got.stderr != "" {
			t.Fatalf("%v: exit status %d, the same document %v\n%s", tt, got.status, got.stdout == want.stdout, got.stderr)
		}
		calls := shortWay(t, trace, func(arguments string) bool {
			return strings.Contains(arguments, "/proc/") && strings.Contains(arguments, "/stat")
		})
		if of := slices.Repeat(each, min(tt.above, 32)); !slices.Equal(calls, of) {
			t.Errorf("%v: the rules cost %q, want %q", tt, calls, of)
		}
	}
}

func TestAProgramThatTheRulesAddIsAnAgentForAWarmAnswer(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.program = built(t, "STORM_PROGRAM")
	m.signIn(0)
	if o := m.run(process(admin)...); o.status != 0 {
		t.Fatal(o.stderr)
	}
	name, _, _ := lineage.Process(os.Getpid())
	for _, programs := range []string{"robot, " + name, "robot,\n  " + name, "robot\n# and this:\n\n\t" + name, strings.ToUpper(name) + " # this test"} {
		m.write(".aws/config", "[sso-session corp]\nsso_start_url = "+m.idc.StartURL+"\nsso_region = us-east-1\ncredproc_agents = none\ncredproc_agent_programs = "+programs+"\n")
		if got := m.run(process(admin)...); got.status != 5 || got.stdout != "" {
			t.Errorf("%q: exit status %d and %q", programs, got.status, got.stdout)
		}
	}
}
