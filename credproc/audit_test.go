package credproc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/internal/settings"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

// trail reads an audit trail, having looked for secrets in it.
func (m *machine) trail(a audit.Dir) (lines []audit.Line) {
	m.Helper()
	text, err := os.ReadFile(a.Path())
	if err != nil {
		m.Fatal(err)
	}
	m.hidesSecrets("the trail", string(text))
	for scan := bufio.NewScanner(bytes.NewReader(text)); scan.Scan(); {
		var line audit.Line
		dec := json.NewDecoder(strings.NewReader(scan.Text()))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&line); err != nil {
			m.Fatalf("%s: %v", scan.Text(), err)
		}
		m.isDocumented(scan.Text(), line.Event)
		lines = append(lines, line)
	}
	return lines
}

// isDocumented holds the fields of a line to docs/audit.md, which says what events have
// them.
func (m *machine) isDocumented(text, event string) {
	m.Helper()
	page, err := os.ReadFile("../docs/audit.md")
	if err != nil {
		m.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## Fields")
	rows := make(map[string]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (.*?) \\|").FindAllStringSubmatch(table, -1) {
		rows[row[1]] = row[2]
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		m.Fatal(err)
	}
	for name := range fields {
		if events := rows[name]; !strings.HasPrefix(events, "all") && !strings.Contains(events, "`"+event+"`") {
			m.Errorf("docs/audit.md: %s of %s is only in %s", name, event, events)
		}
	}
	for name, events := range rows {
		if _, ok := fields[name]; !ok && events == "all" {
			m.Errorf("docs/audit.md: %s is in all lines, and not in %s", name, text)
		}
	}
}

// last is the last line of a trail.
func last(lines []audit.Line) audit.Line { return lines[len(lines)-1] }

func TestTheTrailLeadsFromAKeyToAProcess(t *testing.T) {
	onMachine(t, func(m *machine) {
		dir := m.TempDir()
		audited := func() *Provider {
			p := m.admin()
			p.AuditDir = dir
			return p
		}
		got := m.get(audited())
		line := last(m.trail(audit.Dir(dir)))
		if line.Event != audit.Answer || line.Expiration == nil || !line.Expiration.Equal(got.Expires.Truncate(time.Second)) {
			t.Errorf("the line of a fetch is %+v, of credentials until %v", line, got.Expires)
		}
		if line.Outcome != "fetched" || line.AccessKeyID != got.AccessKeyID || line.AccountID != "111111111111" || line.RoleName != "Admin" || line.Session != "corp" {
			t.Errorf("the line of a fetch is %+v", line)
		}
		if line.PID != os.Getpid() || line.ParentPID != os.Getppid() || line.Program == "" || line.Parent == "" {
			t.Errorf("it leads to %d, %s, of %d, %s", line.PID, line.Program, line.ParentPID, line.Parent)
		}
		if since := time.Since(line.Time); since < 0 || since > time.Second || line.Time.Location() != time.UTC {
			t.Errorf("its time is %v", line.Time)
		}
		if line.RequestID == "" || !strings.Contains(m.logged(), "status=200 request_id="+line.RequestID) {
			t.Errorf("its request is %q", line.RequestID)
		}
		m.get(audited())
		if line := last(m.trail(audit.Dir(dir))); line.Outcome != "cached" || line.AccessKeyID != got.AccessKeyID || line.RequestID != "" {
			t.Errorf("the line of what was stored is %+v", line)
		}
		if line.Client != "" {
			t.Errorf("its client is %q", line.Client)
		}
		p := audited()
		p.asker.Name = "codex"
		if _, err := p.Retrieve(audit.For(m.Context(), audit.Client{Name: "laptop", PID: 4711, Program: "aws", Agent: "claude", Seen: "process 4700 is claude"})); err != nil || last(m.trail(audit.Dir(dir))).Client != "laptop" {
			t.Errorf("%v: the line of a client is %+v", err, last(m.trail(audit.Dir(dir))))
		} else if line := last(m.trail(audit.Dir(dir))); line.ClientPID != 4711 || line.ClientProgram != "aws" || line.Agent != "claude" || line.AgentSeen != "process 4700 is claude" || line.PID != os.Getpid() {
			t.Errorf("the client that was seen as an agent is %+v", line)
		}
		if n := len(m.trail(audit.Dir(dir))); n != 3 {
			t.Errorf("three answers have %d lines", n)
		}
	})
}

func TestASessionHasOneNameInErrorsAndInTheTrail(t *testing.T) {
	onMachine(t, func(m *machine) {
		p := m.admin()
		p.AuditDir = m.TempDir()
		p.Session.Name, p.Session.Config.StartURL = "", "https://d-1234567890.awsapps.com/start"
		needed, ok := errors.AsType[*tokencache.SignInError](m.refused(p))
		line := last(m.trail(audit.Dir(p.AuditDir)))
		if !ok || needed.Session != "d-1234567890" || line.Session != needed.Session {
			t.Errorf("the error is %v, and the line %+v", needed, line)
		}
	})
}

func TestTheTrailSaysWhoHasJoinedWhom(t *testing.T) {
	onMachine(t, func(m *machine) {
		dir := m.TempDir()
		m.server.Set(func(s *idctest.Server) { s.Latency = time.Second })
		m.together(5, func(int) error {
			p := m.admin()
			p.AuditDir = dir
			_, err := p.Retrieve(m.Context())
			return err
		})
		outcomes := make(map[string]int)
		for _, line := range m.trail(audit.Dir(dir)) {
			outcomes[line.Outcome]++
		}
		if outcomes["fetched"] != 1 || outcomes["joined"] != 4 {
			t.Errorf("the outcomes are %v", outcomes)
		}
	})
}

func TestTheTrailSaysWhyAnAnswerWasRefused(t *testing.T) {
	onMachine(t, func(m *machine) {
		dir := m.TempDir()
		refused := func(role string) audit.Line {
			t.Helper()
			p := m.role("111111111111", role)
			p.AuditDir = dir
			m.refused(p)
			line := last(m.trail(audit.Dir(dir)))
			if line.Event != audit.Refusal || line.Wanted != audit.Answer || line.Outcome != "refused" || line.Expiration != nil || line.AccessKeyID != "" || line.RoleName != role {
				t.Errorf("the line is %+v", line)
			}
			return line
		}
		if line := refused("Nobody"); line.Reason != "no access" || line.RequestID == "" {
			t.Errorf("the line is %+v", line)
		}
		m.server.Fault("GetRoleCredentials", idctest.Fault{Status: 500})
		if line := refused("Admin"); line.Reason != "unavailable" {
			t.Errorf("the line is %+v", line)
		}
		m.server.ClearFaults()
		m.server.EndSessions()
		time.Sleep(2 * time.Hour)
		if line := refused("Admin"); line.Reason != "sign-in required" {
			t.Errorf("the line is %+v", line)
		}
	})
}

func TestAChainLeavesALineForEachOfItsRoles(t *testing.T) {
	onMachine(t, func(m *machine) {
		c := m.config(session+`credproc_audit = on

[profile base]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = Admin

[profile deploy]
role_arn = arn:aws:iam::333333333333:role/Deploy
source_profile = base
`, "AWS_REGION=us-east-1")
		p, err := c.Provider("deploy")
		if err != nil {
			t.Fatal(err)
		}
		got := m.get(p)
		lines := m.trail(audit.Dir(c.StateDir))
		if len(lines) != 2 || lines[0].RoleName != "Admin" || lines[1].RoleARN != "arn:aws:iam::333333333333:role/Deploy" {
			t.Fatalf("the lines are %+v", lines)
		}
		if lines[1].AccessKeyID != got.AccessKeyID || lines[1].RequestID == "" || lines[1].AccountID != "333333333333" {
			t.Errorf("the line is %+v", lines[1])
		}
	})
}

func TestATrailIsLeftWhereItIsAskedForAlone(t *testing.T) {
	onMachine(t, func(m *machine) {
		for _, env := range []string{"", "CREDPROC_AUDIT=off", "CREDPROC_AUDIT=on", "CREDPROC_AUDIT=perhaps"} {
			c := m.config(session, env)
			c.StateDir = m.TempDir()
			s, err := c.Session("corp")
			if err != nil {
				t.Fatal(err)
			}
			p, err := c.Role(s, "111111111111", "Admin")
			if strings.HasSuffix(env, "perhaps") {
				if err == nil || !strings.Contains(err.Error(), "CREDPROC_AUDIT") {
					t.Errorf("%s: error %v", env, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if on := strings.HasSuffix(env, "on"); (p.AuditDir != "") != on {
				t.Errorf("%q: a trail: %v", env, p.AuditDir != "")
			}
		}
	})
}

func TestATrailThatCannotBeWrittenKeepsNobodyFromAnAnswer(t *testing.T) {
	onMachine(t, func(m *machine) {
		file := filepath.Join(m.TempDir(), "file")
		write(m.T, file, "in the way")
		p := m.admin()
		p.AuditDir = file
		m.get(p)
		if !strings.Contains(m.logged(), `level=WARN msg="audit not written"`) {
			t.Error("the log says nothing of it")
		}
		m.server.EndSessions()
		time.Sleep(2 * time.Hour)
		if err := m.refused(p); !errors.Is(err, oidc.ErrSignInRequired) {
			t.Error(err)
		}
	})
}

// TestOneReadOfThePolicyServesAWholeAnswer replaces the policy after it was read: what
// decides about an answer decides about its line.
func TestOneReadOfThePolicyServesAWholeAnswer(t *testing.T) {
	onMachine(t, func(m *machine) {
		for _, byHand := range []bool{false, true} {
			c := m.governed("audit = required\n", session)
			c.StateDir = m.TempDir() + "/state"
			s, err := c.Session("corp")
			if err != nil {
				t.Fatal(err)
			}
			m.signIn(s)
			p := &Provider{Session: s, AccountID: "111111111111", RoleName: "Admin"}
			if !byHand {
				if p, err = c.Role(s, p.AccountID, p.RoleName); err != nil {
					t.Fatal(err)
				}
			}
			trail := filepath.Join(c.StateDir, "audit.jsonl")
			if err := errors.Join(os.RemoveAll(inside.Place(&c.insides).Root), os.Remove(trail), os.Mkdir(trail, 0o700)); err != nil {
				t.Fatal(err)
			}
			if got, err := p.Retrieve(m.Context()); !errors.Is(err, ErrPolicy) || got.HasKeys() {
				t.Errorf("by hand: %v: without its line there is %v, error %v", byHand, got, err)
			}
		}
	})
}

// governed is config on a machine with a policy.
func (m *machine) governed(rules, text string, env ...string) *Config {
	m.Helper()
	c := m.config(text, env...)
	etc := m.TempDir()
	file := filepath.Join(etc, "credproc", "policy.ini")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte("[policy]\nversion = 1\n"+rules), 0o644), os.Chmod(file, 0o644)); err != nil {
		m.Fatal(err)
	}
	inside.Put[settings.Config](c, policy.Place{Root: etc, Owner: os.Geteuid()})
	return c
}

func TestEachEventLeavesALineThroughTheLibraryAlone(t *testing.T) {
	onMachine(t, func(m *machine) {
		c := m.governed("audit = on\naccounts = 1111*\nagents = role:*/Reader\n", profiles)
		trail := audit.Dir(c.StateDir)
		seen := 0
		next := func(what string, want audit.Line) {
			t.Helper()
			lines := m.trail(trail)
			if seen++; len(lines) != seen {
				t.Fatalf("%s: %d lines, want %d", what, len(lines), seen)
			}
			got := last(lines)
			if got.Event != want.Event || got.Wanted != want.Wanted || got.Outcome != want.Outcome || got.Reason != want.Reason || got.Session != "corp" || got.Agent != want.Agent || (got.Rule != "") != (want.Reason == "policy") {
				t.Errorf("%s: the line is %+v", what, got)
			}
		}
		s, err := c.Session("corp")
		if err != nil {
			t.Fatal(err)
		}
		m.signIn(s)
		next("a sign-in", audit.Line{Event: audit.SignIn, Outcome: "signed in"})
		m.get(m.provider(c, "native"))
		next("an answer", audit.Line{Event: audit.Answer, Outcome: "fetched"})
		for _, give := range []func() error{
			func() error { _, err := s.Token(m.Context()); return err },
			func() error { _, err := s.RetrieveBearerToken(m.Context()); return err },
		} {
			if err := give(); err != nil {
				t.Error(err)
			}
			next("a token", audit.Line{Event: audit.Token, Outcome: "given"})
		}
		if _, err := c.Role(s, "222222222222", "Admin"); !errors.Is(err, ErrPolicy) {
			t.Error(err)
		}
		next("another account", audit.Line{Event: audit.Refusal, Wanted: audit.Answer, Outcome: "refused", Reason: "policy"})
		if _, err := (&Provider{Session: s, AccountID: "222222222222", RoleName: "Admin"}).Retrieve(m.Context()); !errors.Is(err, ErrPolicy) {
			t.Error(err)
		}
		next("the same by a provider of its own", audit.Line{Event: audit.Refusal, Wanted: audit.Answer, Outcome: "refused", Reason: "policy"})
		agents := m.governed("audit = on\nagents = role:*/Reader\n", profiles, "CODEX_THREAD_ID=1")
		if _, err := agents.Provider("native"); !errors.Is(err, ErrPolicy) {
			t.Error(err)
		}
		next("an agent", audit.Line{Event: audit.Refusal, Wanted: audit.Answer, Outcome: "refused", Reason: "policy", Agent: "codex"})
		theirs, err := agents.Session("corp")
		if err != nil {
			t.Fatal(err)
		}
		in, err := inside.Of[inside.Session](theirs)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.ResumeSignIn(m.Context(), time.Second); !errors.Is(err, ErrPolicy) {
			t.Error(err)
		}
		next("an agent that finishes a sign-in", audit.Line{Event: audit.Refusal, Wanted: audit.SignIn, Outcome: "refused", Reason: "policy", Agent: "codex"})
		m.server.EndSessions()
		if _, err := s.SignOut(m.Context()); err != nil {
			t.Error(err)
		}
		next("a sign-out", audit.Line{Event: audit.SignOut, Outcome: "signed out"})
		if _, err := s.SignOut(m.Context()); err != nil {
			t.Error(err)
		}
		if err := m.refused(m.provider(c, "native")); !errors.Is(err, oidc.ErrSignInRequired) {
			t.Error(err)
		}
		next("no login", audit.Line{Event: audit.Refusal, Wanted: audit.Answer, Outcome: "refused", Reason: "sign-in required"})
		if _, err := s.Token(m.Context()); !errors.Is(err, oidc.ErrSignInRequired) {
			t.Error(err)
		}
		next("no token", audit.Line{Event: audit.Refusal, Wanted: audit.Token, Outcome: "refused", Reason: "sign-in required"})
		if err := s.SignIn(m.Context(), func(context.Context, *oidc.Config) (*oidc.Token, error) { return nil, oidc.ErrDenied }); !errors.Is(err, oidc.ErrDenied) {
			t.Error(err)
		}
		next("a sign-in that is denied", audit.Line{Event: audit.Refusal, Wanted: audit.SignIn, Outcome: "refused", Reason: "sign-in required"})
	})
}

func TestATokenIsGivenToNoOneWithoutATrailThatIsRequired(t *testing.T) {
	onMachine(t, func(m *machine) {
		c := m.governed("audit = required\n", profiles)
		s, err := c.Session("corp")
		if err != nil {
			t.Fatal(err)
		}
		m.get(m.provider(c, "native"))
		trail := audit.Dir(c.StateDir).Path()
		if err := errors.Join(os.Remove(trail), os.Mkdir(trail, 0o700)); err != nil {
			t.Fatal(err)
		}
		for what, give := range map[string]func() error{
			"a token":     func() error { _, err := s.Token(m.Context()); return err },
			"credentials": func() error { _, err := m.provider(c, "native").Retrieve(m.Context()); return err },
		} {
			if err := give(); !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), "requires a trail, which cannot be written") {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := s.SignOut(m.Context()); err != nil {
			t.Errorf("signing out: %v", err)
		}
		if err := s.SignIn(m.Context(), func(context.Context, *oidc.Config) (*oidc.Token, error) { return nil, oidc.ErrDenied }); !errors.Is(err, oidc.ErrDenied) {
			t.Errorf("signing in: %v", err)
		}
	})
}
