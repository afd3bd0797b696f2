package credproc

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/internal/settings"
	"github.com/credproc/credproc/tokencache"
)

// insides leads the commands to a [Config] from the inside.
type insides = inside.Door[settings.Config]

// insideConfig is a Config whose files have been read.
type insideConfig struct{ c *Config }

func (i *insideConfig) Files() *settings.Files          { return i.c.files }
func (i *insideConfig) Sessions() []*tokencache.Session { return i.c.made() }

func (i *insideConfig) AgentToken(s *tokencache.Session) error { return i.c.agentToken(s) }

// AskAsAgent makes all that is asked from here on be judged as if an agent asked.
func (i *insideConfig) AskAsAgent() { i.c.asAgent = true }

// Void returns errors about lines of the config files that have no effect.
func (i *insideConfig) Void() (limits, others []error) { return i.c.limits, i.c.void }

func (i *insideConfig) JustLook() { i.c.looks.Store(true) }

// Trail returns the trail of the machine, or else of the first session that has one.
func (i *insideConfig) Trail() *audit.Trail {
	for _, session := range append([]string{""}, i.c.files.SessionNames()...) {
		if trail := i.c.trailOf(session); trail != nil {
			return trail
		}
	}
	return nil
}

func (i *insideConfig) Refused(ctx context.Context, line audit.Line, err error) error {
	if err == nil {
		return nil
	}
	if line.Session == "" && line.Profile != "" {
		if p, err := i.c.files.Profile(line.Profile); err == nil {
			line.Session = sessionNameOf(p)
			if line.Event == audit.Answer {
				fillRole(&line, p)
			}
		}
	}
	return i.Leave(ctx, line, err)
}

func (i *insideConfig) Leave(ctx context.Context, line audit.Line, err error) error {
	if line.Session == "" { // what names no session that is known
		return i.Trail().Leave(ctx, line, err)
	}
	return i.c.trailOf(line.Session).Leave(ctx, line, err)
}

// AskFor makes all that is asked from here on be for a program.
func (i *insideConfig) AskFor(program string) {
	i.c.command = strings.TrimSuffix(strings.ToLower(filepath.Base(program)), ".exe")
}

// AllowsProfile and AllowsRole judge a rule by the role that something leads to.
func (i *insideConfig) AllowsProfile(rule agent.Rule, profile string) bool {
	if rule.All || rule.Profile(profile) {
		return true
	}
	p, err := i.c.files.Profile(profile)
	if err != nil {
		return false
	}
	provider, err := i.c.provider(p)
	return err == nil && i.c.wanted(provider, p).allowedBy(rule)
}

func (i *insideConfig) AllowsRole(rule agent.Rule, s *tokencache.Session, role string) bool {
	account, name, _ := strings.Cut(role, "/")
	if rule.All || rule.Role(account, name) {
		return true
	}
	if s == nil {
		return false
	}
	provider, err := i.c.role(s, account, name)
	return err == nil && i.c.wanted(provider, nil).allowedBy(rule)
}

// AgentProfile returns the profile that a provider is of because an agent asked for
// another one, or "".
func (i *insideConfig) AgentProfile(provider any) string {
	if p, ok := provider.(*Provider); ok {
		return p.agentProfile
	}
	return ""
}

// AgentValues returns what the config file says about agents. What it has from the
// policy is not a part.
func (i *insideConfig) AgentValues() (all []policy.Value) {
	for _, r := range i.c.agentRules() {
		own := func(f *policy.File) bool { return f.Path == r.File }
		if i.c.files.Policy == nil || !slices.ContainsFunc(i.c.files.Policy.Files, own) {
			all = append(all, policy.Value{Location: r.Location, Section: r.Section, Key: r.Key, Value: r.Value})
		}
	}
	return all
}

func (i *insideConfig) NewSession(name, startURL, region string) (*tokencache.Session, error) {
	return owned(i.c.session(awsconfig.Session{Name: name, StartURL: startURL, Region: region}, nil))
}

func (i *insideConfig) ProfileSession(profile string) (*tokencache.Session, error) {
	p, err := i.c.files.Profile(profile)
	if err != nil {
		return nil, own(err)
	}
	if p = p.First(); p.Role == nil {
		return nil, unsupported(p)
	}
	return owned(i.c.session(p.Role.Session, p.Settings))
}

// LoginSession describes a session by the index of its login, and not by an
// sso-session that may have its start URL now.
func (i *insideConfig) LoginSession(l *tokencache.Status) (*tokencache.Session, error) {
	s, err := i.c.describe(awsconfig.Session{Name: l.Name, StartURL: l.StartURL, Region: l.Region}, nil)
	if err != nil {
		return nil, own(err)
	}
	s.Config.Endpoint, s.PortalEndpoint = l.Endpoint, l.PortalEndpoint
	return owned(i.c.register(s))
}
