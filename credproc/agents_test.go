package credproc

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/lineage"
	"github.com/credproc/credproc/tokencache"
)

// ruled has a rule of each kind.
const ruled = `
[sso-session corp]
sso_start_url = https://idc.example/start
sso_region = us-east-1

[profile dev]
credential_process = credproc process --sso-session corp --account-id 111111111111 --role-name Admin
credproc_agent_profile = dev-agent

[profile dev-too]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = Admin

[profile dev-agent]
credential_process = credproc process --profile dev-agent-role

[profile dev-agent-role]
role_arn = arn:aws:iam::111111111111:role/Work
source_profile = dev
credproc_policy_arns = ` + readOnlyPolicy + `

[profile reader]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = ReadOnly

[profile sandbox]
sso_session = corp
sso_account_id = 222222222222
sso_role_name = Admin
credproc_agents = none
`

func TestAVariableOfAnAgentIsSeen(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	for _, variable := range []string{"CLAUDECODE", "AI_AGENT", "CREDPROC_AGENT"} {
		_, err := m.config(ruled, variable+"=1").Provider("sandbox")
		if !errors.Is(err, ErrPolicy) || KindOf(err) != NoAccess || !strings.Contains(err.Error(), variable+" is set") || !strings.Contains(err.Error(), `config:32: [profile sandbox]: credproc_agents "none": does not allow the role Admin in account 222222222222 to an agent`) {
			t.Errorf("%s: %v", variable, err)
		}
	}
}

func TestARuleHoldsForARoleHoweverItIsAskedFor(t *testing.T) {
	onMachine(t, func(m *machine) {
		person := m.config(ruled)
		if _, err := person.Provider("sandbox"); err != nil {
			t.Error(err)
		}
		c := m.config(ruled, "CLAUDECODE=1")
		for name, session := range map[string]func() (*tokencache.Session, error){
			"by name":      func() (*tokencache.Session, error) { return c.Session("corp") },
			"by start URL": func() (*tokencache.Session, error) { return c.SessionAt("https://IDC.example/start/", "us-east-1") },
		} {
			s, err := session()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Role(s, "222222222222", "Admin"); !errors.Is(err, ErrPolicy) {
				t.Errorf("%s: error %v", name, err)
			}
			p, err := c.Role(s, "111111111111", "Admin")
			if err != nil {
				t.Fatal(err)
			}
			if c := m.get(p); m.may(c, "PutParameter") {
				t.Errorf("%s: an agent may write", name)
			}
		}
		for _, profile := range []string{"dev", "dev-too", "dev-agent", "dev-agent-role"} {
			if got := m.get(m.provider(c, profile)); m.may(got, "PutParameter") || !strings.Contains(m.identity(got), "/Work/") {
				t.Errorf("%s: an agent gets %s", profile, m.identity(got))
			}
			if got := m.get(m.provider(person, profile)); !strings.Contains(profile, "agent") && !m.may(got, "PutParameter") {
				t.Errorf("%s: a person may not write", profile)
			}
		}
		if who := m.identity(m.get(m.provider(c, "reader"))); !strings.Contains(who, "ReadOnly") {
			t.Errorf("a profile without a rule gives %s", who)
		}
	})
}

func TestARuleAboutAnAssumedRoleHoldsByAnySourceAndWithTags(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	c := m.config(ruled+`
[profile prod]
role_arn = arn:aws:iam::111111111111:role/Other
source_profile = reader
credproc_agents = none

[profile prod-from-elsewhere]
role_arn = arn:aws:iam::111111111111:role/Other
source_profile = dev-too

[profile prod-with-tags]
role_arn = arn:aws:iam::111111111111:role/Other
source_profile = reader
credproc_session_tags = x=1

[profile prod-narrowed]
role_arn = arn:aws:iam::111111111111:role/Other
source_profile = reader
credproc_policy_arns = `+readOnlyPolicy+`
`, "CLAUDECODE=1")
	for profile, refused := range map[string]bool{"prod": true, "prod-from-elsewhere": true, "prod-with-tags": true, "prod-narrowed": false} {
		if _, err := c.Provider(profile); errors.Is(err, ErrPolicy) != refused {
			t.Errorf("%s: %v", profile, err)
		}
	}
}

func TestARuleInAProfileThatLeadsToNoRoleIsAnErrorForAgents(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	for _, profile := range []string{"source_profile = gone", "credential_process = other"} {
		file := ruled + "\n[profile lost]\nrole_arn = arn:aws:iam::111111111111:role/x\n" + profile + "\ncredproc_agents = none\n"
		if _, err := m.config(file).Provider("reader"); err != nil {
			t.Errorf("%s: a person gets %v", profile, err)
		}
		if _, err := m.config(file, "CLAUDECODE=1").Provider("reader"); err == nil || !strings.Contains(err.Error(), "leads to no role") {
			t.Errorf("%s: an agent gets %v", profile, err)
		}
	}
}

func TestALimitThatIsMisspelledIsNotReadAsNone(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	for _, tt := range []struct{ where, line string }{
		{"[profile dev-too]\n", "credproc_agent = none"}, {"[sso-session corp]\n", "credproc_agent = none"}, {"[profile dev-too]\n", "credproc_agents_profile = x"},
		{"[profile dev-agent-role]\n", "credproc_policy_arn = " + readOnlyPolicy}, {"[profile dev-agent-role]\n", "credproc_session_tag = a=b"},
		{"[profile dev-too]\n", "credproc_agnets = none"}, {"[sso-session corp]\n", "credproc-agents = none"}, {"[sso-session corp]\n", "credproc_agents_login = off"},
		{"[profile dev-too]\n", "credproc_agent_login = off"}, // which is of a session
	} {
		file := strings.Replace(ruled, tt.where, tt.where+tt.line+"\n", 1)
		for _, profile := range []string{"dev-too", "dev-agent-role", "reader"} {
			if _, err := m.config(file, "CLAUDECODE=1").Provider(profile); err == nil || !strings.Contains(err.Error(), "looks like a limit") {
				t.Errorf("%s in %q: an agent that asks for %s gets %v", tt.line, tt.where, profile, err)
			}
			_, err := m.config(file).Provider(profile)
			if own := tt.where == "[profile "+profile+"]\n"; (err != nil) != own {
				t.Errorf("%s in %q: a person who asks for %s gets %v", tt.line, tt.where, profile, err)
			}
		}
	}
	if _, err := m.config(strings.Replace(ruled, "[profile reader]\n", "[profile reader]\ncredproc_browser = x\ncredproc_session_duration = 8h\n", 1), "CLAUDECODE=1").Provider("reader"); err != nil {
		t.Error(err)
	}
}

func TestAProfileCalledAllDoesNotOpenTheAccessToken(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	c := m.config(strings.NewReplacer("dev-agent\n", "all\n", "profile dev-agent]", "profile all]", "credproc_agents = none", "").Replace(ruled), "CLAUDECODE=1")
	s, err := c.Session("corp")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.agentToken(s); !errors.Is(err, ErrPolicy) {
		t.Errorf("the access token for an agent: %v", err)
	}
}

func TestTheStrictestOfSeveralRulesHolds(t *testing.T) {
	const two = session + `%s
[profile a]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = Admin
%s
[profile b]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = Admin
%s
[profile c]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = ReadOnly
`
	m := &machine{T: t, server: idctest.New()}
	for _, tt := range []struct{ session, a, b, says string }{
		{"", "credproc_agents = all", "", ""},
		{"", "credproc_agents = all", "credproc_agents = none", "does not allow"},
		{"credproc_agents = none", "credproc_agents = all", "", "[sso-session corp]"},
		{"credproc_agents = profile:a", "", "", ""}, // b is the same role
		{"credproc_agents = profile:b*, role:*/ReadOnly", "", "", ""},
		{"credproc_agents = role:111111111111/Adm*", "", "", ""},
		{"credproc_agents = role:222222222222/*", "", "", "does not allow"},
		{"credproc_agents = Admin", "", "", "must be profile:GLOB or role:ACCOUNT/ROLE"},
		{"credproc_agents =", "", "", "must be none, all, or patterns"},
		{"credproc_agents = none all", "", "", "must be profile:GLOB"},
		{"credproc_agents = role:*/ReadOnly", "credproc_agent_profile = c", "", ""}, // what it gets is allowed
		{"credproc_agents = role:*/Admin", "credproc_agent_profile = c", "", "does not allow the role ReadOnly"},
		{"", "credproc_agent_profile = c", "credproc_agents = none", "does not allow the role Admin"},
		{"", "credproc_agent_profile = c", "credproc_agent_profile = b", "must be the same as in [profile a]"},
		{"", "credproc_agent_profile = gone", "", `no profile "gone"`},
		{"", "credproc_agent_profile = a", "", ""},
	} {
		for _, profile := range []string{"a", "b"} {
			_, err := m.config(fmt.Sprintf(two, tt.session, tt.a, tt.b), "CURSOR_AGENT=1").Provider(profile)
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%+v: profile %s: error %v", tt, profile, err)
			}
			if refused := strings.HasPrefix(tt.says, "does not") || strings.HasPrefix(tt.says, "[sso"); err != nil && errors.Is(err, ErrPolicy) != refused || err != nil && !refused && !isA[*ConfigError](err) {
				t.Errorf("%+v: error %T %v", tt, err, err)
			}
		}
		if _, err := m.config(fmt.Sprintf(two, tt.session, tt.a, tt.b)).Provider("a"); err != nil {
			t.Errorf("%+v: a person gets error %v", tt, err)
		}
	}
}

func TestAnAgentProfileIsOneOfTheSameAccount(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	_, err := m.config(profiles+"[profile dev]\ncredential_process = credproc process --profile native\ncredproc_agent_profile = legacy\n", "GEMINI_CLI=1").Provider("native")
	if KindOf(err) != Misconfigured || !strings.Contains(err.Error(), "must be a profile of the account 111111111111: legacy is one of 222222222222") {
		t.Errorf("error %v", err)
	}
}

func TestNoVariableOfOursGivesAnAgentMore(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	env := []string{"CLAUDECODE=1"}
	for _, name := range []string{"AGENTS", "AGENT", "AGENT_PROFILE", "AGENT_LOGIN", "AGENT_PROGRAMS", "POLICY", "POLICY_ARNS", "NO_LOGIN"} {
		for _, value := range []string{"all", "on", "0"} {
			if _, err := m.config(ruled, append(env, "CREDPROC_"+name+"="+value)...).Provider("sandbox"); !errors.Is(err, ErrPolicy) {
				t.Errorf("CREDPROC_%s=%s: error %v", name, value, err)
			}
		}
	}
}

func TestAnAgentNeitherSignsInNorGetsTheAccessTokenWhereThereAreRules(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	in := func(text string, env ...string) *insideConfig {
		c := m.config(text, env...)
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		return &insideConfig{c}
	}
	allowed := strings.Replace(ruled, "sso_region = us-east-1", "sso_region = us-east-1\ncredproc_agent_login = on", 1)
	const everything = session + "credproc_agents = all\n"
	for _, tt := range []struct {
		name         string
		in           *insideConfig
		login, token bool
	}{
		{"a person", in(ruled), true, true},
		{"an agent", in(ruled, "CLAUDECODE=1"), false, false},
		{"an agent that may sign in", in(allowed, "CLAUDECODE=1"), true, false},
		{"an agent that may have everything", in(everything, "CLAUDECODE=1"), false, true},
		{"an agent, no rules", in(profiles, "CLAUDECODE=1"), true, true},
	} {
		s, err := tt.in.c.Session("corp")
		if err != nil {
			t.Fatal(err)
		}
		for what, err := range map[bool]error{tt.login: tt.in.AgentLogin(s)} {
			if (err == nil) != what || err != nil && !errors.Is(err, ErrPolicy) {
				t.Errorf("%s: a sign-in: %v", tt.name, err)
			}
		}
		if err := tt.in.AgentToken(s); (err == nil) != tt.token || err != nil && !errors.Is(err, ErrPolicy) {
			t.Errorf("%s: the access token: %v", tt.name, err)
		}
	}
}

func TestTheTrailSaysThatAnAgentAskedAndWhatItGot(t *testing.T) {
	onMachine(t, func(m *machine) {
		c := m.config(ruled, "OPENCODE=1", "CREDPROC_AUDIT=on")
		m.get(m.provider(c, "dev"))
		m.get(m.provider(c, "reader"))
		text, err := os.ReadFile(filepath.Join(m.dir, "state", "audit.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		var lines []struct {
			Agent        string `json:"agent"`
			AgentProfile string `json:"agent_profile"`
			RoleARN      string `json:"role_arn"`
		}
		for line := range strings.Lines(string(text)) {
			lines = append(lines, struct {
				Agent        string `json:"agent"`
				AgentProfile string `json:"agent_profile"`
				RoleARN      string `json:"role_arn"`
			}{})
			if err := json.Unmarshal([]byte(line), &lines[len(lines)-1]); err != nil {
				t.Fatal(err)
			}
		}
		last := lines[len(lines)-1]
		replaced := lines[len(lines)-2]
		if last.Agent != "opencode" || last.AgentProfile != "" || replaced.Agent != "opencode" || replaced.AgentProfile != "dev-agent" || !strings.HasSuffix(replaced.RoleARN, "role/Work") {
			t.Errorf("%s", text)
		}
		if !strings.Contains(m.logged(), "an agent gets another profile") {
			t.Error("the log does not say so")
		}
	})
}

// TestTheClientOfAnEndpointGetsWhatTheRulesAllowIt asks one provider for a person, and
// for an agent beside.
func TestTheClientOfAnEndpointGetsWhatTheRulesAllowIt(t *testing.T) {
	onMachine(t, func(m *machine) {
		person := m.Context()
		claude := audit.For(person, audit.Client{PID: 7, Agent: "claude", Seen: "process 6 is claude"})
		c := m.config(ruled)
		dev, sandbox := m.provider(c, "dev"), m.provider(c, "sandbox")
		if _, err := sandbox.Retrieve(claude); !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), "process 6 is claude") {
			t.Errorf("an agent gets error %v", err)
		}
		if _, err := sandbox.Retrieve(person); err != nil {
			t.Error(err)
		}
		for range 2 {
			if got, err := dev.Retrieve(person); err != nil || !strings.Contains(m.identity(got), "Admin") || !m.may(got, "PutParameter") {
				t.Errorf("a person gets %v", err)
			}
			if got, err := dev.Retrieve(claude); err != nil || !strings.Contains(m.identity(got), "/Work/") || m.may(got, "PutParameter") {
				t.Errorf("an agent gets %v", err)
			}
		}
		var told time.Duration
		dev.MinValidity, dev.Short = 3*time.Hour, func(_, wanted time.Duration) { told = wanted }
		if _, err := dev.Retrieve(claude); err != nil || told != dev.MinValidity {
			t.Errorf("an agent's credentials must have %v left, error %v", told, err)
		}
		agents := m.config(ruled, "CLAUDECODE=1")
		if got, err := m.provider(agents, "dev").Retrieve(person); err != nil || m.may(got, "PutParameter") {
			t.Errorf("a person's client of an agent's endpoint: %v, and may write", err)
		}
	})
}

func TestClientsAreToldApartWhereSomethingDependsOnIt(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	const misspelled = "[profile x]\ncredproc_agent = none\n"
	for _, tt := range []struct {
		what, config string
		env          string
		want         bool
	}{
		{"no rule", profiles, "", false},
		{"a rule", ruled, "", true},
		{"a rule that is misspelled", profiles + misspelled, "", true},
		{"a trail", profiles, "CREDPROC_AUDIT=on", true},
		{"a trail of a session", strings.Replace(profiles, "sso_region", "credproc_audit = on\nsso_region", 1), "", true},
		{"a trail that is misspelled", profiles, "CREDPROC_AUDIT=yes", true},
	} {
		c := m.config(tt.config, tt.env)
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		if who, err := (&insideConfig{c}).ClientAsker(); err != nil || (who != nil) != tt.want {
			t.Errorf("%s: clients are told apart: %t, %v", tt.what, who != nil, err)
		}
	}
}

func TestAClientIsAnAgentByItsProcessesIfThereAreRules(t *testing.T) {
	self, _, _ := lineage.Process(os.Getpid())
	if self == "" {
		return // not on this system
	}
	m := &machine{T: t, server: idctest.New()}
	program := func(config string) string {
		return strings.Replace(config, "sso_region", "credproc_agent_programs = "+self+"\nsso_region", 1)
	}
	for _, tt := range []struct{ what, config, want string }{
		{"by its process", program(ruled), strings.ToLower(self)},
		{"without rules", program(profiles), ""},
	} {
		c := m.config(tt.config, "CREDPROC_AUDIT=on")
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		asker, err := (&insideConfig{c}).ClientAsker()
		if err != nil {
			t.Fatal(err)
		}
		if who, err := asker(os.Getpid()); err != nil || who.Name != tt.want {
			t.Errorf("%s: %+v, %v", tt.what, who, err)
		}
	}
}

// TestWhatAnEndpointMayGiveIsJudgedByTheRoleThatIsMeant has two profiles of one role, one
// of a role that is narrowed down, and what no profile names.
func TestWhatAnEndpointMayGiveIsJudgedByTheRoleThatIsMeant(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	c := m.config(ruled)
	s, err := c.Session("corp")
	if err != nil {
		t.Fatal(err)
	}
	in := &insideConfig{c}
	for _, tt := range []struct{ allow, serves string }{
		{"none", ""},
		{"all", "dev dev-too dev-agent reader gone 111111111111/Admin 111111111111/ReadOnly 333333333333/X 1/x"},
		{"dev", "dev dev-too 111111111111/Admin"},
		{"profile:dev-too", "dev dev-too 111111111111/Admin"},
		{"role:111111111111/Admin", "dev dev-too 111111111111/Admin"},
		{"role:*/Work", "dev-agent"},
		{"dev-agent-role", "dev-agent"},
		{"role:*/ReadOnly", "reader 111111111111/ReadOnly"},
		{"*", "dev dev-too dev-agent reader gone 111111111111/Admin 111111111111/ReadOnly"},
		{"role:*/*", "dev dev-too dev-agent reader 111111111111/Admin 111111111111/ReadOnly 333333333333/X 1/x"},
		{"gone", "gone"},
	} {
		rule, err := agent.ParseAllow([]string{tt.allow})
		if err != nil {
			t.Fatal(err)
		}
		var serves []string
		for name := range strings.FieldsSeq("dev dev-too dev-agent reader gone") {
			if in.AllowsProfile(rule, name) {
				serves = append(serves, name)
			}
		}
		for role := range strings.FieldsSeq("111111111111/Admin 111111111111/ReadOnly 333333333333/X 1/x") {
			if in.AllowsRole(rule, s, role) {
				serves = append(serves, role)
			}
		}
		if got := strings.Join(serves, " "); got != tt.serves {
			t.Errorf("%s serves %q, want %q", tt.allow, got, tt.serves)
		}
		if rule.All != in.AllowsRole(rule, nil, "111111111111/None") && !rule.Role("111111111111", "None") {
			t.Errorf("%s: a role of no session", tt.allow)
		}
	}
}

func TestARuleThatCannotBeReadIsNotReadAsNone(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	for _, line := range []string{"credproc_agents none", "credproc_agents: none", "  credproc_agents = none", "CREDPROC_AGENTS none", "credproc_agents = none\ncredproc_agents = all"} {
		file := strings.Replace(ruled, "[profile reader]\n", "[profile other]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = ReadOnly\n"+line+"\n[profile reader]\n", 1)
		if _, err := m.config(file, "CLAUDECODE=1").Provider("reader"); KindOf(err) != Misconfigured || !strings.Contains(err.Error(), "looks like a rule about agents") {
			t.Errorf("%q: an agent that asks for the same role gets %v", line, err)
		}
		if _, err := m.config(file).Provider("reader"); err != nil {
			t.Errorf("%q: a person gets %v", line, err)
		}
	}
}
