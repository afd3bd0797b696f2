package cmd

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/credproc/credproc/internal/audit"
)

// asks are what clients of an endpoint do, by the rows of a table in docs/agents.md:
// scripts for sh, in which ./claude is a shell of an agent's.
var asks = map[string]string{
	"a program that a person started":                             `caller`,
	"one of the variables above is set in its environment":        `CODEX_THREAD_ID=1 caller`,
	"`CREDPROC_AGENT` is set there":                               `CREDPROC_AGENT=0 caller`,
	"a process above it has one of the names above":               `./claude -c 'sh -c "sh -c \"caller; :\"; :"; :'`,
	"the same, and its environment is empty (`env -i`)":           `./claude -c 'env -i $(env | grep ^AWS_) "$(command -v caller)"; :'`,
	"the same, and all of credproc's own variables are set there": `CREDPROC_AGENTS=all CREDPROC_AGENT_LOGIN=on CREDPROC_AGENT_PROFILE=dev CREDPROC_AGENT_PROGRAMS=none ./claude -c 'caller; :'`,
	hides: `./claude -c 'HIDE=1 caller; :'`,
	"a wrapper script of an agent's name is above it":                `./codex; :`,
	"what an agent left behind without a variable, such as a daemon": `./claude -c 'setsid sh -c "while kill -0 $$; do sleep 0.01; done; caller >out.new; mv out.new out" 2>/dev/null >/dev/null &'; until [ -e out ]; do sleep 0.01; done; cat out; rm out`,
	through: `AWS_CONTAINER_CREDENTIALS_FULL_URI=${FORWARDED-$AWS_CONTAINER_CREDENTIALS_FULL_URI} ./claude -c 'caller; :'`,
}

const hides = "the same, and it does not show what it has open, as below `sudo`"

const through = "what asks through another program that forwards, such as `ssh -R`"

// trail returns the lines of serve.
func (m *machine) trail() (lines []audit.Line) {
	m.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, "state", "audit.jsonl"))
	if err != nil && !os.IsNotExist(err) {
		m.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var l audit.Line
		if err := json.Unmarshal(line, &l); err != nil {
			m.Fatal(err)
		}
		if l.PID == m.server && l.Profile != "" { // and not of the role that another one is assumed by
			lines = append(lines, l)
		}
	}
	return lines
}

// rows are those of the table about clients in docs/agents.md, and whether an agent is
// seen there.
func rows(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../docs/agents.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n| the client | an agent |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	seen := map[string]bool{}
	for row := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(row, "| \n"), " | ")
		if len(cells) != 2 {
			t.Fatalf("%q", row)
		}
		seen[cells[0]] = strings.HasPrefix(cells[1], "yes")
	}
	return seen
}

// forwarding returns an address from which this process forwards connections.
func forwarding(t *testing.T, to string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp4", to)
			if err != nil {
				near.Close()
				continue
			}
			go func() { io.Copy(far, near); far.Close() }()
			go func() { io.Copy(near, far); near.Close() }()
		}
	}()
	return l.Addr().String()
}

// ruled is a machine whose config file has the rules of the script agents.txtar, and
// whose programs are at hand.
func ruled(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t)
	script, err := os.ReadFile("testdata/script/agents.txtar")
	if err != nil {
		t.Fatal(err)
	}
	_, config, _ := strings.Cut(string(script), "\n-- ruled --\n")
	m.env = append(m.env, "AWS_CONFIG_FILE="+m.home(config), "CREDPROC_AUDIT=on")
	m.start("sh", "-c", `cp "$(command -v sh)" "$HOME/claude"`).ends(0, "")
	m.program("codex", "#!/bin/sh\ncaller; :\n", "700")
	m.signedIn()
	return m
}

// serve starts serve, and returns its address and its token.
func (m *machine) serve() (url, token string) {
	m.Helper()
	p := m.start("sh", "-c", `exec credproc serve --token-file "$HOME/token" >"$HOME/url" 2>"$HOME/log"`)
	url = m.writes("url")
	m.server = p.Process.Pid
	m.Cleanup(func() { p.send(syscall.SIGTERM); p.Wait() })
	text, err := os.ReadFile(filepath.Join(m.dir, "token"))
	if err != nil {
		m.Fatal(err)
	}
	return url, string(text)
}

// script runs a script for sh, and returns what it says.
func (m *machine) script(env []string, before []string, script string) string {
	m.Helper()
	words := append(before, "sh", "-c", "cd \"$HOME\" && "+script)
	p := exec.Command(words[0], words[1:]...)
	p.Env = append(slices.Clone(m.env), env...)
	out, err := p.CombinedOutput()
	if err != nil {
		m.Errorf("%q: %v: %s", script, err, out)
	}
	return string(out)
}

// TestTheClientsOfAnEndpointAreJudgedAsTheDocumentationSays has a person and an agent
// side by side at one endpoint, and each way for an agent to be there.
func TestTheClientsOfAnEndpointAreJudgedAsTheDocumentationSays(t *testing.T) {
	t.Parallel()
	m := ruled(t)
	url, token := m.serve()
	forwarded := forwarding(t, strings.TrimPrefix(url, "http://"))
	table := rows(t)
	lines := m.trail()
	if len(table) != len(asks) {
		t.Errorf("the table has %d rows, and %d are tried", len(table), len(asks))
	}
	for what, script := range asks {
		isAgent, ok := table[what]
		if !ok {
			t.Errorf("the table does not have: %s", what)
		}
		check := func(server, profile, got, person, agent string) {
			want := person
			if isAgent {
				want = agent
			}
			if !strings.Contains(got, want) {
				t.Errorf("%s: a client of %s asks for %s: %q, want %q", what, server, profile, got, want)
			}
		}
		at := func(profile string) []string {
			return []string{"AWS_CONTAINER_AUTHORIZATION_TOKEN=" + token, "AWS_CONTAINER_CREDENTIALS_FULL_URI=" + url + "/profile/" + profile, "FORWARDED=http://" + forwarded + "/profile/" + profile}
		}
		const person, agent = "AWSReservedSSO_Admin_", ":assumed-role/Work/"
		check("serve", "dev", m.script(at("dev"), nil, script), person, agent)
		check("serve", "sandbox", m.script(at("sandbox"), nil, script), person, "403 NoAccess")
		all := m.trail()
		if len(all) != len(lines)+2 {
			t.Fatalf("%s: two answers have left %d lines", what, len(all)-len(lines))
		}
		for i, line := range all[len(lines):] {
			profile, given := [...]string{"dev", "sandbox"}[i], i == 0 || !isAgent
			if (line.Agent != "") != isAgent || (line.AgentProfile != "") != (isAgent && i == 0) || line.Profile != profile ||
				line.ClientProgram != "caller" && what != through && what != hides || // which show their connections to root alone
				(line.ClientPID == 0) != (line.ClientProgram == "") || (line.Event == audit.Answer) != given || (line.AccessKeyID != "") != given {
				t.Errorf("%s: the trail says %+v", what, line)
			}
		}
		lines = all
		if !strings.Contains(script, "FORWARDED") {
			check("exec --server", "dev", m.script(nil, []string{"credproc", "exec", "--server", "dev", "--"}, script), person, agent)
		}
	}
}

// TestAllClientsOfAnAgentsEndpointAreAgents has a client that looks like a person's.
func TestAllClientsOfAnAgentsEndpointAreAgents(t *testing.T) {
	t.Parallel()
	m := ruled(t)
	const agent = ":assumed-role/Work/"
	for what, server := range map[string]string{
		"a variable":  `CLAUDECODE=1 exec credproc exec --server dev -- env -u CLAUDECODE "$@"`,
		"the command": `exec credproc exec --server dev -- ./claude -c '"$0" "$@"; :' "$@"`,
		"a process":   `./claude -c 'credproc exec --server dev -- "$0" "$@"; :' "$@"`,
	} {
		if got := m.script(nil, []string{"sh", "-c", `cd "$HOME" && ` + server, "sh"}, "caller"); !strings.Contains(got, agent) {
			t.Errorf("the agent is seen by %s: %q", what, got)
		}
	}
	m.env = append(m.env, "CODEX_THREAD_ID=1")
	url, token := m.serve()
	m.env = m.env[:len(m.env)-1]
	if got := m.script([]string{"AWS_CONTAINER_AUTHORIZATION_TOKEN=" + token, "AWS_CONTAINER_CREDENTIALS_FULL_URI=" + url + "/profile/dev"}, nil, "caller"); !strings.Contains(got, agent) {
		t.Errorf("serve: %q", got)
	}
	// Where the session of what an agent gets has ended, the sign-in to run is to that one.
	crossed := []string{"AWS_CONTAINER_AUTHORIZATION_TOKEN=" + token, "AWS_CONTAINER_CREDENTIALS_FULL_URI=" + url + "/profile/crossed"}
	if got := m.script(crossed, nil, "caller"); !strings.Contains(got, "Run: credproc login apart") {
		t.Errorf("serve: %q", got)
	}
	hint := m.script(nil, []string{"credproc", "exec", "--server", "crossed", "--"}, "CLAUDECODE=1 caller")
	if !strings.Contains(hint, "401 SignInRequired") || !strings.Contains(hint, "Run: credproc login third") {
		t.Errorf("exec --server: %q", hint)
	}
}
