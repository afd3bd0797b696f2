package credproc

import (
	"errors"
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/policy"
)

// TestOfThePolicysRulesAboutAgentsAndTheUsersTheStricterHolds is a table of what an
// agent gets: "" is the role, and "policy.ini" or "config" the file that refuses it.
func TestOfThePolicysRulesAboutAgentsAndTheUsersTheStricterHolds(t *testing.T) {
	const corp, elsewhere = "[sso-session corp]\n", "[sso-session other]\nsso_start_url = https://MINE.example/start/\n"
	for _, tt := range []struct{ what, rules, sessions, session, profile, role, login, token string }{
		{"no rule", "", "", "", "", "", "", ""},
		{"a rule of the policy", "agents = none", "", "", "", "policy.ini", "policy.ini", "policy.ini"},
		{"a looser one of the user", "agents = none", "", "credproc_agents = all", "credproc_agents = all", "policy.ini", "policy.ini", "policy.ini"},
		{"a stricter one of the user", "agents = all", "", "", "credproc_agents = none", "config", "policy.ini", "config"},
		{"a pattern that means it", "agents = role:1*/Admin", "", "", "", "", "policy.ini", "policy.ini"},
		{"a pattern that means another", "agents = role:2*/Admin", "", "", "", "policy.ini", "policy.ini", "policy.ini"},
		{"a rule about the session", "", corp + "credproc_agents = none", "", "", "policy.ini", "policy.ini", "policy.ini"},
		{"a looser one about it", "", corp + "credproc_agents = none", "credproc_agents = all", "", "policy.ini", "policy.ini", "policy.ini"},
		{"a stricter one about it", "", corp + "credproc_agents = all", "credproc_agents = none", "", "config", "policy.ini", "config"},
		{"a locked one about it", "lock_sessions = on", corp + "credproc_agents = none", "credproc_agents = all", "", "policy.ini", "policy.ini", "policy.ini"},
		{"a session of another name there", "", elsewhere + "credproc_agents = none", "", "", "policy.ini", "policy.ini", "policy.ini"},
		{"a session elsewhere", "", "[sso-session x]\nsso_start_url = https://x.example\ncredproc_agents = none", "", "", "", "policy.ini", ""},
		{"a sign-in that the user allows", "agents = all", "", "credproc_agent_login = on", "", "", "policy.ini", ""},
		{"a sign-in that the policy allows", "agents = all", corp + "credproc_agent_login = on", "", "", "", "", ""},
		{"a sign-in that the user does not allow", "agents = all", corp + "credproc_agent_login = on", "credproc_agent_login = off", "", "", "config", ""},
		{"no rule of the user but that", "", "", "credproc_agent_login = off", "", "", "config", ""},
		{"no rule of the policy but that", "", corp + "credproc_agent_login = off", "", "", "", "policy.ini", ""},
		{"none but that, of a session elsewhere", "", "[sso-session x]\nsso_start_url = https://x.example\ncredproc_agent_login = off", "", "", "", "", ""},
		{"a sign-in that the policy does not allow", "", corp + "credproc_agent_login = off", "credproc_agents = all\ncredproc_agent_login = on", "", "", "policy.ini", ""},
	} {
		config := corp + "sso_start_url = https://mine.example/start\nsso_region = eu-west-1\n" + tt.session +
			"\n[profile dev]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin\n" + tt.profile + "\n"
		rules := "[policy]\nversion = 1\n" + tt.rules + "\n" + tt.sessions + "\n"
		for who, env := range map[string]map[string]string{"agent": {"CLAUDECODE": "1"}, "person": nil} {
			c := governed(t, rules, config, env)
			if err := c.Open(); err != nil {
				t.Fatal(tt.what, err)
			}
			// Who runs the tests may be below an agent.
			if who == "person" {
				c.starter = new(agent.Asker)
			}
			s, err := c.Session("corp")
			if err != nil {
				t.Fatal(tt.what, err)
			}
			_, byProfile := c.Provider("dev")
			_, byRole := c.Role(s, "111111111111", "Admin")
			for what, got := range map[string]struct {
				err error
				by  string
			}{"the profile": {byProfile, tt.role}, "the role": {byRole, tt.role}, "a sign-in": {(&insideConfig{c}).AgentLogin(s), tt.login}, "the token": {c.agentToken(s), tt.token}} {
				allowed := who == "person" || got.by == ""
				if (got.err == nil) != allowed {
					t.Errorf("%s: %s: %s gets error %v", tt.what, what, who, got.err)
				}
				if !allowed && (!errors.Is(got.err, ErrPolicy) || KindOf(got.err) != NoAccess || !strings.Contains(got.err.Error(), got.by+":")) {
					t.Errorf("%s: %s: error %v, want one of %s", tt.what, what, got.err, got.by)
				}
			}
		}
	}
}

func TestThePolicyAddsProgramsThatAreAgents(t *testing.T) {
	c := governed(t, "[policy]\nversion = 1\nagents = none\n[sso-session corp]\ncredproc_agent_programs = robot\n", "[sso-session corp]\ncredproc_agent_programs = droid\n", nil)
	if err := c.Open(); err != nil {
		t.Fatal(err)
	}
	if names := strings.Join(c.agentPrograms(), " "); names != "robot droid" {
		t.Errorf("the programs are %q", names)
	}
}

func TestWhatAnAgentWouldGetCanBeAskedForByAPerson(t *testing.T) {
	c := governed(t, "[policy]\nversion = 1\nagents = none\n", profiles, nil)
	if err := c.Open(); err != nil {
		t.Fatal(err)
	}
	in := &insideConfig{c}
	in.AskAsAgent()
	_, err := c.Provider("native")
	if e, ok := errors.AsType[*policy.AgentRefusal](err); !ok || e.Asker.Why != "--agent" {
		t.Errorf("error %v", err)
	}
	if values := in.AgentValues(); values != nil {
		t.Errorf("the config file has the rules %v", values)
	}
}
