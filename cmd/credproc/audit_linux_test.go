package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/audit"
)

const (
	askers, clients = 50, 10

	// lie is a name that would be another line, or other fields, if it left its own.
	lie = "x\",\"event\":\"answer\",\"access_key_id\":\"ASIALIE\"}\n{\"pid\":1,\"\u2028\x1b\u202e"
)

// asked is one process of the storm, and the keys that it should have in the trail.
type asked struct {
	process *exec.Cmd
	agent   string
	refused string   // the reason; "": it was answered
	got     []string // "": refused
}

// TestTheTrailAccountsForEveryAnswerOfAMixedStorm: people, agents and the clients of an
// endpoint ask at once. Each answer, by its key, and each refusal is in the trail once,
// with the process that got it; and each key that the service gave.
func TestTheTrailAccountsForEveryAnswerOfAMixedStorm(t *testing.T) {
	if who, _ := agent.ByProcess(os.Getpid(), nil); who.IsAgent() {
		t.Log("not run: " + who.Why)
		return
	}
	m := newMachine(t, "plaintext")
	m.write(".aws/config", "[sso-session corp]\nsso_start_url = "+m.idc.StartURL+"\nsso_region = us-east-1\ncredproc_audit = on\ncredproc_agents = role:*/ReadOnly\n")
	m.signIn(0)
	url, serving := m.serves()
	storm := m.mixed(url)
	var all sync.WaitGroup
	for _, a := range storm {
		var out bytes.Buffer
		a.process.Stdout = &out
		all.Go(func() {
			a.process.Run()
			for text := range strings.Lines(cmp.Or(out.String(), "\n")) {
				key := strings.TrimSpace(text)
				if strings.HasPrefix(key, "{") {
					key = keyIn(strings.NewReader(text))
				}
				a.got = append(a.got, key)
			}
		})
	}
	all.Wait()
	serving()
	m.accountsFor(storm)
}

// serves starts an endpoint, which stop ends.
func (m *machine) serves() (url string, stop func()) {
	m.Helper()
	m.write("token", clientToken)
	c := m.command("serve", "corp", "--token-file", filepath.Join(m.home, "token"))
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		m.Fatal(err)
	}
	line := make([]byte, 100)
	n, err := out.Read(line)
	if err != nil {
		m.Fatal(err)
	}
	return strings.TrimSpace(string(line[:n])), func() { c.Process.Signal(syscall.SIGTERM); c.Wait() }
}

// mixed are the processes of the storm.
func (m *machine) mixed(url string) (storm []*asked) {
	roles := []string{"111111111111/Admin", "111111111111/ReadOnly", "222222222222/Admin"}
	agents := map[int]asked{7: {agent: "claude", refused: "policy"}, 22: {agent: "codex"}, 39: {agent: "an agent", refused: "policy"}}
	variables := map[string]string{"claude": "CLAUDECODE=1", "codex": "CODEX_THREAD_ID=1", "an agent": "CREDPROC_AGENT=1"}
	for i := range askers {
		a, role := agents[i], roles[i%len(roles)]
		switch {
		case a.refused != "":
			role = roles[0]
		case a.agent != "":
			role = roles[1]
		case i%20 == 1:
			a.refused, role = "no access", "111111111111/Nobody"
		}
		a.process = m.command(process(role)...)
		a.process.Env = append(a.process.Env, variables[a.agent])
		if i%5 == 0 {
			a.process.Path, a.process.Args[0] = a.process.Args[0], lie
		}
		storm = append(storm, &a)
	}
	for i := range clients {
		a, path := asked{}, "/role/"+roles[i%len(roles)]
		switch i {
		case 3:
			a, path = asked{agent: "claude", refused: "policy"}, "/role/"+roles[0]
		case 6:
			a, path = asked{refused: "misconfigured"}, "/profile/%0A%22,%22event%22:%22answer%22"
		}
		a.process = exec.Command(os.Args[0])
		a.process.Env = []string{"STORM_CLIENT=" + url + path, "HOME=" + m.home, variables[a.agent]}
		storm = append(storm, &a)
	}
	return storm
}

// accountsFor holds the trail to what the processes got, and to the service's log.
func (m *machine) accountsFor(storm []*asked) {
	m.Helper()
	of := make(map[int][]audit.Line)
	inTrail := make(map[string]bool)
	for _, line := range m.trail() {
		pid := cmp.Or(line.ClientPID, line.PID)
		of[pid] = append(of[pid], line)
		if line.AccessKeyID != "" {
			inTrail[line.AccessKeyID] = true
		}
	}
	for _, a := range storm {
		lines := of[a.process.ProcessState.Pid()]
		delete(of, a.process.ProcessState.Pid())
		if len(lines) != len(a.got) {
			m.Errorf("%q: %d lines for %d answers", a.process.Args, len(lines), len(a.got))
			continue
		}
		for i, line := range lines {
			if line.AccessKeyID != a.got[i] || line.Reason != a.refused || line.Agent != a.agent || (line.Event == audit.Answer) != (a.refused == "") || (a.got[i] == "") != (a.refused != "") {
				m.Errorf("%q got %q: the line is %+v", a.process.Args, a.got[i], line)
			}
			if a.process.Args[0] == lie && line.Program != lie {
				m.Errorf("the forged name is %q", line.Program)
			}
		}
	}
	for pid, lines := range of {
		if len(lines) != 1 || lines[0].Event != audit.SignIn {
			m.Errorf("process %d, which is not of the storm, has %+v", pid, lines)
		}
	}
	given := make(map[string]bool)
	for _, e := range m.idc.Log() {
		if e.Key != "" {
			given[e.Key] = true
		}
	}
	if !maps.Equal(given, inTrail) || len(given) != 3 {
		m.Errorf("the service gave %q, and the trail has %q", slices.Sorted(maps.Keys(given)), slices.Sorted(maps.Keys(inTrail)))
	}
}

// trail reads the trail strictly.
func (m *machine) trail() (lines []audit.Line) {
	m.Helper()
	var text []byte
	filepath.WalkDir(m.home, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == "audit.jsonl" {
			text, err = os.ReadFile(path)
		}
		return err
	})
	for one := range bytes.Lines(text) {
		var line audit.Line
		decoder := json.NewDecoder(bytes.NewReader(one))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&line); err != nil || bytes.ContainsFunc(bytes.TrimSpace(one), func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u2028' || r == '\u202e' }) {
			m.Errorf("%q: %v", one, err)
		}
		if line.Time.IsZero() || time.Since(line.Time) > time.Hour {
			m.Errorf("%s: its time is %v", one, line.Time)
		}
		lines = append(lines, line)
	}
	return lines
}
