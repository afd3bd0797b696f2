package policy_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/policy"
)

func TestEveryFileHasRulesAboutAgents(t *testing.T) {
	p := load(t, "acme", map[string]string{
		"credproc": "[policy]\nversion = 1\nagents = all\n[sso-session corp]\nsso_start_url = https://corp.example\ncredproc_agents = none\ncredproc_agent_programs = one, two\n",
		"acme":     "[policy]\nversion = 1\n[sso-session lab]\nacme_agents = role:*/Read\nacme_agent_programs = three\n",
	})
	var got []string
	for _, r := range p.AgentRules() {
		got = append(got, r.Session+" "+r.StartURL+" "+r.Section+" "+r.Key+" "+r.Value)
	}
	want := []string{
		"lab  [sso-session lab] acme_agents role:*/Read", "  [policy] agents all",
		"corp https://corp.example [sso-session corp] acme_agents none",
	}
	if !slices.Equal(got, want) || !slices.Equal(p.AgentPrograms(), []string{"three", "one", "two"}) {
		t.Errorf("%q, %q", got, p.AgentPrograms())
	}
}

func TestASignInIsForAgentsOnlyWhereEveryFileSaysSo(t *testing.T) {
	const session, url = "[sso-session corp]\nsso_start_url = https://corp.example\n", "https://corp.example/"
	for _, tt := range []struct{ rules, sessions, name, at, by string }{
		{"", "", "corp", url, ""},
		{"agents = all\n", "", "corp", url, "agents"},
		{"", session + "credproc_agents = none\n", "other", url, "credproc_agents"},
		{"", session + "credproc_agent_login = off\n", "corp", url, "credproc_agent_login"},
		{"", session + "credproc_agent_login = off\n", "other", "https://other.example", ""},
		{"agents = all\n", session + "credproc_agent_login = on\n", "corp", url, ""},
		{"agents = all\n", session + "credproc_agent_login = on\n", "corp", "https://other.example", "agents"}, // of the same name
		{"agents = all\n", session + "credproc_agent_login = on\n", "", url, "agents"},
		{"agents = all\n", "[sso-session corp]\ncredproc_agent_login = on\n", "corp", url, ""},
	} {
		p := one(t, tt.rules+tt.sessions)
		if by, refused := p.AgentLogin(tt.name, tt.at); by.Key != tt.by || refused != (tt.by != "") {
			t.Errorf("%+v: %v, %v", tt, by, refused)
		}
	}
	two := load(t, "acme", map[string]string{
		"credproc": "[policy]\nversion = 1\nagents = all\n",
		"acme":     "[policy]\nversion = 1\n[sso-session corp]\nacme_agent_login = on\n",
	})
	if by, refused := two.AgentLogin("corp", url); !refused || by.Key != "agents" {
		t.Errorf("one of two files says that agents may sign in: %v, %v", by, refused)
	}
}

func TestARefusalOfAnAgentIsOneOfThePolicy(t *testing.T) {
	err := error(&policy.AgentRefusal{Where: "policy.ini:3: agents", What: "a sign-in", Asker: agent.Asker{Name: "x", Why: "X is set"}})
	if !errors.Is(err, policy.ErrRefused) || err.Error() != "policy.ini:3: agents: does not allow a sign-in to an agent (X is set)" {
		t.Error(err)
	}
}
