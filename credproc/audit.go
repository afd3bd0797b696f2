package credproc

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/fetch"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

// answerLine is the line of one answer of a provider.
type answerLine struct{ audit.Line }

// line is the line of a trail about p: the program that asks, and the role it asks
// for.
func (p *Provider) line(role tokencache.CachedRole) answerLine {
	return answerLine{audit.Line{
		Event: audit.Answer, Agent: p.asker.Name, AgentSeen: p.asker.Why, AgentProfile: p.agentProfile,
		Profile: p.profile, Session: label(p.Session), AccountID: role.AccountID, RoleName: role.RoleName, RoleARN: role.RoleARN,
	}}
}

// came notes how an answer came, and AWS's ID of the call that it took.
func (l *answerLine) came(how fetch.Origin, id *string, err error) {
	l.Outcome = string(how)
	if id != nil && (err != nil || how == fetch.Fetched) {
		l.RequestID = *id
	}
	if err != nil {
		l.RequestID = cmp.Or(l.RequestID, requestID(err))
	}
}

func (l *answerLine) gave(c aws.Credentials) {
	if l.AccessKeyID = c.AccessKeyID; c.CanExpire {
		l.Until(c.Expires)
	}
}

// requestID is AWS's of the call that an error comes from.
func requestID(err error) string {
	if e, ok := errors.AsType[*oidc.Error](err); ok {
		return e.RequestID
	}
	return awsapi.RequestID(err)
}

// reason is what the trail says of an error: its kind.
func reason(err error) string { return cmp.Or(string(KindOf(err)), "error") }

// trail returns where the trail of a provider is left, or nil. A program cannot leave
// out one that the policy asks for.
func (p *Provider) trail() (*audit.Trail, error) {
	if p.Session == nil {
		return newTrail(p.AuditDir, "", nil, nil), nil
	}
	dir, rules := p.AuditDir, rulesOf(p.Session)
	if dir == "" && rules.Audit() != "" {
		var err error
		if dir, err = stateDir(p.Session.StateDir, p.Session.Service); err != nil {
			return nil, err
		}
	}
	trail := newTrail(dir, p.Session.Service, rules, p.Session.Logger)
	if trail == nil {
		return nil, nil
	}
	// A program may have made the provider by itself, and the session too.
	if of := inside.Trail[inside.Session](p.Session); of != nil {
		trail.Agent = of.Agent
	}
	return trail, nil
}

// newTrail returns a trail in a directory, by the rules; nil: there is none.
func newTrail(dir, id string, rules *policy.Policy, log *slog.Logger) *audit.Trail {
	if dir == "" {
		return nil
	}
	trail := audit.New(rules, dir, id, reason)
	trail.Log = log
	return trail
}

// trails reports whether the answers of any session may leave a trail.
func (c *Config) trails() bool {
	return slices.ContainsFunc(append(c.files.SessionNames(), ""), func(name string) bool {
		dir, err := c.auditOf(name)
		return dir != "" || err != nil
	})
}

func stateDir(dir, service string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	dir, _, err := layout.DefaultDirs(service)
	return dir, err
}

// auditOf returns where the trail is that the environment or the sso-session asks for:
// "on" or "off" (""), by CREDPROC_AUDIT or credproc_audit. A policy that asks for it
// counts before both.
func (c *Config) auditOf(session string) (dir string, err error) {
	value, name := c.files.Setting(session, "audit")
	if c.audits.Audit() != "" {
		value = "on"
	}
	switch strings.ToLower(value) {
	case "", "off":
		return "", nil
	case "on":
	default:
		return "", &awsapi.SettingError{Setting: name, Value: value, Problem: "must be on or off"}
	}
	return stateDir(c.StateDir, c.Identity.ID)
}

// trailOf returns where the trail of a session is left, or nil. A setting that cannot
// be read keeps no one from signing out; it fails where credentials are asked for.
func (c *Config) trailOf(session string) *audit.Trail {
	dir, err := c.auditOf(session)
	if err != nil {
		return nil
	}
	trail := newTrail(dir, c.Identity.ID, c.audits, c.Logger)
	if trail != nil {
		trail.Agent = func() (name, seen string) {
			who, _ := c.asker(c.agentRules()) // what cannot be told keeps no line from being left
			return who.Name, who.Why
		}
	}
	return trail
}

// refused leaves the line of a provider that a rule refuses. What is wrong with a
// setting is no refusal.
func (c *Config) refused(err error, session string, line audit.Line) error {
	err = own(err)
	if errors.Is(err, ErrPolicy) && !c.looks.Load() {
		line.Event = audit.Answer
		c.trailOf(session).Leave(context.Background(), line, err)
	}
	return err
}

// refusedProfile is refused for a profile.
func (c *Config) refusedProfile(err error, p *awsconfig.Profile) error {
	line := audit.Line{Profile: p.Name, Session: sessionNameOf(p)}
	fillRole(&line, p)
	return c.refused(err, line.Session, line)
}

// fillRole says which role a profile leads to.
func fillRole(line *audit.Line, p *awsconfig.Profile) {
	switch {
	case p.Chain != nil:
		role, _ := awsconfig.ParseRoleARN(p.Chain.RoleARN)
		line.RoleARN, line.AccountID = p.Chain.RoleARN, role.AccountID
	case p.Role != nil:
		line.RoleName, line.AccountID = p.Role.RoleName, p.Role.AccountID
	}
}

// sessionNameOf returns the name of the session that a profile's credentials come
// from in the end, or "".
func sessionNameOf(p *awsconfig.Profile) string {
	for p.Chain != nil && p.Chain.Source != nil {
		p = p.Chain.Source
	}
	if p.Role == nil {
		return ""
	}
	return p.Role.Session.Name
}
