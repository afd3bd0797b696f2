package policy

import (
	"cmp"
	"os"
	"slices"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/starturl"
)

// AgentRefusal is what a rule about coding agents does not allow one: a rule of the
// policy, or of the config file.
type AgentRefusal struct {
	Where string // the place of the rule, with its key
	What  string // "the role Admin in account 111111111111"
	Asker agent.Asker
}

func (e *AgentRefusal) Error() string {
	return e.Where + ": does not allow " + e.What + " to an agent (" + e.Asker.Why + ")"
}

// Is makes an AgentRefusal an [ErrRefused], as a [Refusal] is.
func (e *AgentRefusal) Is(target error) bool { return target == ErrRefused }

// AgentRule is a rule of the policy about what agents may have. It holds beside
// those of the config file, so that of two the stricter one counts.
type AgentRule struct {
	awsconfig.Setting
	Session  string // "": of every session
	StartURL string // of that session; "": the policy does not say
}

// AgentRules returns the rules of all files: those of [policy], and those of the
// sessions.
func (p *Policy) AgentRules() (rules []AgentRule) {
	for _, f := range p.files() {
		rules = append(rules, f.agentRules()...)
	}
	return rules
}

func (f *File) agentRules() (rules []AgentRule) {
	if setting, ok := f.rules.Setting("agents"); ok {
		rules = append(rules, AgentRule{Setting: setting})
	}
	for _, s := range f.Sessions {
		if setting, ok := s.Setting(f.prefix + "agents"); ok {
			start, _ := s.Get("sso_start_url")
			rules = append(rules, AgentRule{Setting: setting, Session: s.Name, StartURL: start})
		}
	}
	return rules
}

// AgentPrograms returns the names of more programs that are agents.
func (p *Policy) AgentPrograms() (names []string) {
	for _, f := range p.files() {
		for _, s := range f.Sessions {
			more, _ := s.Get(f.prefix + "agent_programs")
			names = append(names, agent.Words(more)...)
		}
	}
	return names
}

// AgentLogin returns what does not let an agent sign in to a session. A file with
// rules about agents must say that they may, and a file without them may say that
// they may not.
func (p *Policy) AgentLogin(session, startURL string) (by awsconfig.Setting, refused bool) {
	for _, f := range p.files() {
		rules := f.agentRules()
		i := slices.IndexFunc(f.Sessions, func(s *awsconfig.Section) bool { return isSession(s, session, startURL) })
		var login awsconfig.Setting
		if i >= 0 {
			login, _ = f.Sessions[i].Setting(f.prefix + "agent_login")
		}
		switch {
		case login.Value == "on", login.Value == "" && len(rules) == 0:
		case login.Value != "":
			return login, true
		default:
			return rules[0].Setting, true
		}
	}
	return by, false
}

// CheckAct refuses what this process does with a whole session if it is an agent's, by
// the rules of the policy alone: to sign in, or to be given the access token of one of
// which it may not have every role. own is the variable that adds suspicion.
func (p *Policy) CheckAct(act Act, session, startURL, own string) error {
	if p == nil {
		return nil
	}
	by, refused := p.AgentLogin(session, startURL)
	what := "a sign-in"
	if act == AccessToken {
		what = "the access token of session " + cmp.Or(session, startURL)
		rules := slices.DeleteFunc(p.AgentRules(), func(r AgentRule) bool { return r.Value == "all" || !r.holds(session, startURL) })
		if refused = len(rules) > 0; refused {
			by = rules[0].Setting
		}
	}
	if !refused {
		return nil
	}
	who, err := p.asker(own, true)
	if err != nil || !who.IsAgent() {
		return err
	}
	return &AgentRefusal{Where: by.String(), What: what, Asker: who}
}

// Asker says which agent this process asks for, and what was seen of it. The
// processes above are looked at where there are rules. "" if that fails: it is for a
// trail, and keeps no one from anything.
func (p *Policy) Asker(own string) (name, seen string) {
	who, _ := p.asker(own, len(p.AgentRules()) > 0)
	return who.Name, who.Why
}

func (p *Policy) asker(own string, above bool) (agent.Asker, error) {
	who := agent.ByVariables(os.Getenv, own)
	if who.IsAgent() || !above {
		return who, nil
	}
	return agent.ByProcess(os.Getppid(), p.AgentPrograms())
}

// holds reports whether the rule is about a session.
func (r AgentRule) holds(session, startURL string) bool {
	return r.Session == "" || r.Session == session || r.StartURL != "" && starturl.Same(r.StartURL, startURL)
}

// isSession reports whether a section describes the session of that name. One at
// another start URL is another.
func isSession(s *awsconfig.Section, name, startURL string) bool {
	start, ok := s.Get("sso_start_url")
	return name != "" && s.Name == name && (!ok || starturl.Same(start, startURL))
}

// agents checks a rule about agents.
func agents(value string) (problem string) {
	if _, err := agent.ParseRule(value); err != nil {
		return err.Error()
	}
	return ""
}
