package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// started is a part of what login --start prints.
type started struct {
	State    string `json:"state"`
	UserCode string `json:"user_code"`
}

func (m *machine) starts() started {
	m.Helper()
	o := m.run("login", "--start", "corp")
	var s started
	if err := json.Unmarshal([]byte(o.stdout), &s); err != nil || o.status != 0 {
		m.Fatalf("%v: exit status %d, %v\n%s%s", o.args, o.status, err, o.stderr, o.stdout)
	}
	return s
}

// done checks that processes that answer nothing have ended well.
func (m *machine) done(outcomes []outcome) {
	m.Helper()
	for _, o := range outcomes {
		if o.status != 0 || o.stdout != "" {
			m.Fatalf("%v: exit status %d\n%s%s", o.args, o.status, o.stderr, o.stdout)
		}
	}
}

func TestTwentyAgentsWithoutATerminalShareOneSignIn(t *testing.T) {
	for _, keyring := range keyrings() {
		m := newMachine(t, keyring)
		m.expired()
		m.idc.EndSessions()
		m.set(func(s *idctest.Server) { s.AutoApprove, s.Latency = false, 150*time.Millisecond })
		m.env = append(m.env, "CREDPROC_ERRORS=json")
		m.failed(m.together(process(admin)), 4, `"kind":"session_ended"`)
		var begun []outcome
		calls := m.calls(func() { begun = m.together(times(20, []string{"login", "--start", "corp"})...) })
		m.want(calls, "RegisterClient", 1)
		m.want(calls, "StartDeviceAuthorization", 1)
		for _, o := range begun {
			if o.status != 0 || o.stderr != "" || o.stdout != begun[0].stdout {
				t.Fatalf("%v: exit status %d\n%s%s\nand another\n%s", o.args, o.status, o.stderr, o.stdout, begun[0].stdout)
			}
		}
		m.failed(m.together(times(5, []string{"login", "--resume", "--timeout", "1s", "corp"})...), 3, `"command":"credproc login --resume corp"`)
		code := m.starts().UserCode
		m.done(m.meanwhile(times(20, []string{"login", "--resume", "corp"}), func() {
			if err := m.idc.Approve(code); err != nil {
				t.Error(err)
			}
		}))
		if n := m.idc.Count("StartDeviceAuthorization"); n != 2 { // the first was that of expired
			t.Errorf("%d codes", n)
		}
		if s := m.starts(); s.State != "signed_in" {
			t.Errorf("signed in, and told of %q", s.State)
		}
		m.answered(m.together(times(5, process(admin))...))
		m.tells("signed in", truth{state: "signed_in", roles: 1})
	}
}

// Nobody has to wait for what a program has started: they can confirm it.
func TestAPersonIsShownTheCodeThatAProgramWaitsFor(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.set(func(s *idctest.Server) { s.AutoApprove = false })
	code := m.starts().UserCode
	asked := m.idc.Count("CreateToken")
	outcomes := m.meanwhile([][]string{{"login", "--resume", "corp"}}, func() {
		m.until("a question", func() bool { return m.idc.Count("CreateToken") > asked })
		c := m.command("login", "corp")
		said, err := c.StderrPipe()
		if err = errors.Join(err, c.Start()); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(said)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "the code "+code) {
				m.idc.Approve(code)
			}
		}
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
	m.done(outcomes)
	if n := m.idc.Count("StartDeviceAuthorization"); n != 1 {
		t.Errorf("%d codes", n)
	}
	m.answered(m.together(process(admin)))
}

// The commands are those of the page on signing in.
func TestThePageOnSigningInSignsAnAgentIn(t *testing.T) {
	page, err := os.ReadFile("../../docs/sign-in.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Without a terminal: in two steps\n")
	section, _, _ = strings.Cut(section, "\n## ")
	m := newMachine(t, "plaintext")
	m.set(func(s *idctest.Server) { s.AutoApprove = false })
	commands := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(section, -1)
	if len(commands) != 2 {
		t.Fatalf("commands %q", commands)
	}
	for i, c := range commands {
		line := strings.Fields(c[1])
		if line[0] != "credproc" {
			t.Fatalf("it runs %q", line)
		}
		var out outcome
		if i == 0 {
			out = m.run(line[1:]...)
		} else {
			out = m.meanwhile([][]string{line[1:]}, func() { m.idc.Approve(m.idc.Pending()[0]) })[0]
		}
		if out.status != 0 {
			t.Fatalf("%v: exit status %d\n%s%s", out.args, out.status, out.stderr, out.stdout)
		}
		if i > 0 {
			continue
		}
		var printed, documented map[string]any
		example := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(section)
		if err := errors.Join(json.Unmarshal([]byte(out.stdout), &printed), json.Unmarshal([]byte(example[1]), &documented)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(slices.Sorted(maps.Keys(printed)), slices.Sorted(maps.Keys(documented))) {
			t.Errorf("it prints %v, and the page shows %v", printed, documented)
		}
	}
	m.answered(m.together(process(admin)))
}

func TestASignInInTwoStepsOutlivesItsProcesses(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.set(func(s *idctest.Server) { s.AutoApprove, s.Latency = false, 200*time.Millisecond })
	for _, op := range []string{"RegisterClient", "StartDeviceAuthorization"} {
		c := m.command("login", "--start", "corp")
		before := m.idc.Count(op)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		m.until(op, func() bool { return m.idc.Count(op) > before })
		c.Process.Kill()
		c.Wait()
	}
	code := m.starts().UserCode
	asked := m.idc.Count("CreateToken")
	c := m.command("login", "--resume", "corp")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	m.until("a question", func() bool { return m.idc.Count("CreateToken") > asked })
	c.Process.Kill()
	c.Wait()
	m.tells("killed", truth{state: "signed_out"})
	if again := m.starts().UserCode; again != code || !slices.Contains(m.idc.Pending(), code) {
		t.Errorf("code %s after %s", again, code)
	}
	if err := m.idc.Approve(code); err != nil {
		t.Fatal(err)
	}
	m.done(m.together([]string{"login", "--resume", "corp"}))
	m.answered(m.together(process(admin)))
}
