package credproc

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/environ"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/internal/settings"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

// agentRule is a rule about agents, in an sso-session or a profile.
type agentRule struct {
	awsconfig.Setting
	name     string // of the setting: "agents", "agent_profile"
	profile  string // "": of a session
	startURL string // of that session
	always   bool   // of every session
}

// of reports whether it is a rule of a session, or of all, and holds at a start URL.
func (r agentRule) of(startURL string) bool {
	return r.profile == "" && (r.always || r.startURL == startURL)
}

// agentRules returns what the policy and the config file say about agents. What the
// policy says of a session holds also where the file says something else.
func (c *Config) agentRules() (rules []agentRule) {
	for _, held := range c.files.Policy.AgentRules() {
		rule := agentRule{Setting: held.Setting, name: "agents", always: held.Session == "", startURL: normal(held.StartURL)}
		rules = append(rules, rule)
		if s := c.files.Sessions[held.Session]; s != nil {
			start, _ := s.Get("sso_start_url")
			rule.startURL = normal(start)
			rules = append(rules, rule)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.files.Sessions)) {
		s := c.files.Sessions[name]
		start, _ := s.Get("sso_start_url")
		rules = append(rules, c.rulesIn(s, agentRule{startURL: normal(start)})...)
	}
	for _, name := range c.files.ProfileNames() {
		rules = append(rules, c.rulesIn(c.files.Profiles[name], agentRule{profile: name})...)
	}
	return rules
}

func (c *Config) rulesIn(s *awsconfig.Section, rule agentRule) (rules []agentRule) {
	for _, name := range []string{"agents", "agent_profile"} {
		if setting, ok := c.sectionSetting(s, name); ok {
			rule.Setting, rule.name = setting, name
			rules = append(rules, rule)
		}
	}
	return rules
}

// matters reports whether the rules depend on which process asks.
func (c *Config) matters(rules []agentRule) bool { return len(rules) > 0 || c.misspelled() != nil }

// asker says whether an agent asks, which the parents of this process tell. It fails
// if there are rules and the parents cannot be looked at now.
func (c *Config) asker(rules []agentRule) (agent.Asker, error) {
	if c.asAgent {
		return agent.Asker{Name: "an agent", Why: "--agent"}, nil
	}
	who := agent.ByVariables(c.getenv, layout.Variable(c.Identity.ID, "agent"))
	if who.IsAgent() || !c.matters(rules) {
		return who, nil
	}
	programs := c.agentPrograms()
	if agent.IsProgram(c.command, programs) {
		return agent.Asker{Name: c.command, Why: "the credentials are for " + c.command}, nil
	}
	c.above.Lock()
	defer c.above.Unlock()
	if c.starter == nil { // those above may end while this process goes on
		starter, err := agent.ByProcess(os.Getppid(), programs)
		if err != nil {
			return starter, err
		}
		c.starter = &starter
	}
	return *c.starter, nil
}

// ClientAsker returns what says who a process is that asks an endpoint of this one, or
// nil: no rule and no trail makes a difference.
func (i *insideConfig) ClientAsker() (func(pid int) (agent.Asker, error), error) {
	c := i.c
	rules := c.agentRules()
	// Now: those above this process may end while it serves.
	if _, err := c.asker(rules); err != nil {
		return nil, err
	}
	if !c.matters(rules) && !c.trails() {
		return nil, nil
	}
	own, programs := layout.Variable(c.Identity.ID, "agent"), c.agentPrograms()
	return func(pid int) (agent.Asker, error) {
		env, err := environ.Of(pid)
		if err != nil {
			return agent.Asker{}, err
		}
		who := agent.ByVariables(environ.Lookup(env), own)
		if who.IsAgent() || !c.matters(rules) {
			return who, nil
		}
		return agent.ByProcess(pid, programs)
	}, nil
}

// agentPrograms are what the policy and the config file add to the agents that are
// known.
func (c *Config) agentPrograms() (names []string) {
	names = c.files.Policy.AgentPrograms()
	for _, sections := range []map[string]*awsconfig.Section{c.files.Sessions, c.files.Profiles} {
		for _, s := range sections {
			if setting, ok := c.sectionSetting(s, "agent_programs"); ok {
				names = append(names, agent.Words(setting.Value)...)
			}
		}
	}
	return names
}

// wanted is a role that is asked for.
type wanted struct {
	identity, startURL  string
	account, name, text string
	profiles            []string // all that lead to it
}

// judged applies the rules to a provider: it returns the same one, one of another
// profile, or an error.
func (c *Config) judged(p *Provider, profile *awsconfig.Profile) (*Provider, error) {
	rules := c.agentRules()
	who, err := c.asker(rules)
	if err != nil {
		return nil, err
	}
	if !who.IsAgent() {
		p.forAgent = func(p *Provider, who agent.Asker) (*Provider, error) { return c.judgedFor(who, rules, p, profile) }
	}
	return c.judgedFor(who, rules, p, profile)
}

// judged is what the rules make of a provider that a program made by itself: those of
// the configuration that its session is from, or else those of the policy alone.
func (p *Provider) judged() (*Provider, error) {
	if p.isJudged || p.Session == nil {
		return p, nil
	}
	var c *Config
	if from, ok := policy.Owner(&p.Session.Config).(*insideConfig); ok {
		c = from.c
	} else if rules := rulesOf(p.Session); rules == nil {
		return p, nil
	} else {
		files := &settings.Files{Config: new(awsconfig.Config), Getenv: os.Getenv, ID: p.Session.Service, Policy: rules}
		c = &Config{Identity: Identity{ID: p.Session.Service}, files: files}
	}
	asked := *p
	asked.isJudged = true
	return c.judged(&asked, nil)
}

// forClient is what the rules make of p for the client of an endpoint. What this
// process asks for as an agent's has no other answer for clients.
func (p *Provider) forClient(client audit.Client) (*Provider, error) {
	if client.Agent == "" || p.forAgent == nil {
		return p, nil
	}
	asked := *p
	asked.forAgent = nil
	return p.forAgent(&asked, agent.Asker{Name: client.Agent, Why: client.Seen})
}

// misspelled returns an error for the first line that may be meant as a limit and is
// none, or nil: for an agent it must not read as no limit.
func (c *Config) misspelled() error {
	if len(c.limits) == 0 {
		return nil
	}
	return c.limits[0]
}

func (c *Config) judgedFor(who agent.Asker, rules []agentRule, p *Provider, profile *awsconfig.Profile) (*Provider, error) {
	p.asker = who
	if !who.IsAgent() {
		return p, nil
	}
	if err := c.misspelled(); err != nil || len(rules) == 0 {
		return p, err
	}
	if err := c.aimless(rules); err != nil {
		return nil, err
	}
	asked := c.wanted(p, profile)
	if err := allows(rules, asked, who, func(r agentRule) bool { return r.profile != "" }); err != nil {
		return nil, err
	}
	instead, from, err := c.instead(rules, asked)
	if err != nil {
		return nil, err
	}
	if instead != nil {
		if p, err = c.replace(p, instead, from); err != nil {
			return nil, err
		}
		p.asker, asked = who, c.wanted(p, instead)
	}
	return p, allows(rules, asked, who, func(agentRule) bool { return true })
}

// aimless returns an error for a rule in a profile that leads to no role: what it
// should hold for is not known, and must not be open to agents.
func (c *Config) aimless(rules []agentRule) error {
	for _, r := range rules {
		if r.profile == "" {
			continue
		}
		p, err := c.files.Profile(r.profile)
		if err == nil && c.identityOf(p) != "" {
			continue
		}
		problem := "its profile leads to no role of Identity Center"
		if err != nil {
			problem += ": " + err.Error()
		}
		return &awsconfig.ValueError{Setting: r.Setting, Problem: problem}
	}
	return nil
}

func (c *Config) wanted(p *Provider, profile *awsconfig.Profile) wanted {
	role := p.source().role()
	w := wanted{startURL: normal(p.Session.Config.StartURL), account: role.AccountID, name: role.RoleName}
	w.text = fmt.Sprintf("the role %s in account %s", w.name, w.account)
	if role.RoleARN != "" {
		w.name, w.text = role.RoleARN[strings.LastIndexByte(role.RoleARN, '/')+1:], "the role "+role.RoleARN
	}
	if profile == nil {
		w.identity = portalIdentity(w.startURL, w.account, w.name)
	} else {
		w.identity = c.identityOf(profile)
	}
	for _, name := range c.files.ProfileNames() {
		if p, err := c.files.Profile(name); err == nil && c.identityOf(p) == w.identity {
			w.profiles = append(w.profiles, name)
		}
	}
	return w
}

func portalIdentity(startURL, account, role string) string {
	return sealed.Identity("role", startURL, account, role)
}

// identityOf tells the role of a profile from all others, however it is asked for.
// Of an IAM role the policies that narrow it down are a part. By which role it is
// assumed, and with what tags, makes it no weaker.
func (c *Config) identityOf(p *awsconfig.Profile) string {
	switch {
	case p.Role != nil:
		return portalIdentity(normal(p.Role.Session.StartURL), p.Role.AccountID, p.Role.RoleName)
	case p.Chain != nil && p.Chain.Source != nil:
		first := p.First()
		if first.Role == nil {
			return ""
		}
		words := []string{"assumed", normal(first.Role.Session.StartURL), p.Chain.RoleARN}
		for _, name := range []string{"policy_arns", "policy"} {
			setting, _ := c.sectionSetting(p.Settings.Section, name)
			words = append(words, setting.Value)
		}
		return sealed.Identity(words...)
	}
	return ""
}

// holding returns the rules of a kind that hold for a role.
func holding(rules []agentRule, name string, w wanted) (some []agentRule) {
	for _, r := range rules {
		if r.name == name && (r.of(w.startURL) || slices.Contains(w.profiles, r.profile)) {
			some = append(some, r)
		}
	}
	return some
}

// allows returns the refusal of the first of the rules that holds and does not
// allow a role.
func allows(rules []agentRule, w wanted, who agent.Asker, counts func(agentRule) bool) error {
	for _, r := range holding(rules, "agents", w) {
		rule, err := agent.ParseRule(r.Value)
		if err != nil {
			return &awsconfig.ValueError{Setting: r.Setting, Problem: err.Error()}
		}
		if counts(r) && !w.allowedBy(rule) {
			return &policy.AgentRefusal{Where: r.Setting.String(), What: w.text, Asker: who}
		}
	}
	return nil
}

// allowedBy reports whether a rule allows a role: by its name, or by that of any profile
// that leads there.
func (w wanted) allowedBy(rule agent.Rule) bool {
	return rule.All || rule.Role(w.account, w.name) || slices.ContainsFunc(w.profiles, rule.Profile)
}

// instead returns the profile that agents get in place of the one that they ask
// for, or nil.
func (c *Config) instead(rules []agentRule, w wanted) (*awsconfig.Profile, agentRule, error) {
	held := holding(rules, "agent_profile", w)
	if len(held) == 0 {
		return nil, agentRule{}, nil
	}
	for _, r := range held {
		if r.Value != held[0].Value {
			return nil, r, &awsconfig.ValueError{Setting: r.Setting, Problem: "must be the same as in " + held[0].Section + ", which has the same role"}
		}
	}
	p, err := c.files.Profile(held[0].Value)
	if err != nil {
		return nil, held[0], err
	}
	return p, held[0], nil
}

// replace returns the provider that an agent gets, with the options of the one that it
// asked for.
func (c *Config) replace(asked *Provider, p *awsconfig.Profile, rule agentRule) (*Provider, error) {
	got, err := c.provider(p)
	if err != nil {
		return nil, err
	}
	from, to := asked.source().role(), got.source().role()
	if from.AccountID != to.AccountID || awsconfig.Partition(asked.Session.Config.Region) != awsconfig.Partition(got.Session.Config.Region) {
		return nil, &awsconfig.ValueError{Setting: rule.Setting, Problem: fmt.Sprintf("must be a profile of the account %s: %s is one of %s", from.AccountID, p.Name, to.AccountID)}
	}
	got.profile, got.agentProfile = asked.profile, p.Name
	got.MinValidity, got.HandedOn, got.Short, got.AuditDir = asked.MinValidity, asked.HandedOn, asked.Short, cmp.Or(asked.AuditDir, got.AuditDir)
	if log := got.Session.Logger; log != nil {
		log.Info("an agent gets another profile", "profile", cmp.Or(rule.profile, "-"), "agent_profile", p.Name)
	}
	return got, nil
}

// AgentLogin returns the refusal of a sign-in that an agent starts: where there are
// rules, people sign in, unless credproc_agent_login is on.
func (i *insideConfig) AgentLogin(s *tokencache.Session) error {
	c := i.c
	rules := c.agentRules()
	by, refused := c.files.Policy.AgentLogin(s.Name, s.Config.StartURL)
	if !refused {
		by, refused = c.noAgentLogin(s, rules)
	}
	if !refused && c.misspelled() == nil {
		return nil
	}
	who, err := c.asker(append(rules, agentRule{Setting: by}))
	if err != nil || !who.IsAgent() {
		return err
	}
	if !refused {
		return c.misspelled()
	}
	return &policy.AgentRefusal{Where: by.String(), What: "a sign-in", Asker: who}
}

// noAgentLogin returns what of the config file lets no agent sign in to a session. Off
// is a rule by itself.
func (c *Config) noAgentLogin(s *tokencache.Session, rules []agentRule) (by awsconfig.Setting, refused bool) {
	own, ok := c.sectionSetting(c.files.Sessions[s.Name], "agent_login")
	switch {
	case ok:
		return own, own.Value != "on"
	case len(rules) > 0:
		return rules[0].Setting, true
	}
	return awsconfig.Setting{}, false
}

// agentToken returns the refusal of the access token of a session of which an agent
// may not have every role: it opens them all.
func (c *Config) agentToken(s *tokencache.Session) error {
	rules := c.agentRules()
	who, err := c.asker(rules)
	if err != nil || !who.IsAgent() {
		return err
	}
	if err := c.misspelled(); err != nil {
		return err
	}
	for _, r := range rules {
		if all := r.name == "agents" && r.Value == "all"; !all && (r.profile != "" || r.of(normal(s.Config.StartURL))) {
			return &policy.AgentRefusal{Where: r.Setting.String(), What: "the access token of session " + label(s), Asker: who}
		}
	}
	return nil
}

func normal(startURL string) string {
	url, err := oidc.NormalizeStartURL(startURL)
	if err != nil {
		return startURL
	}
	return url
}
