package credproc

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/fetch"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

// answer is one answer of a provider on its way to the trail.
type answer struct {
	audit.Line
	dir     audit.Dir // "": no trail
	session *tokencache.Session
}

// write leaves the trail, if there is one. It fails only where the policy does not
// allow an answer without one.
func (w *answer) write(c aws.Credentials, err error) error {
	if w.dir == "" {
		return nil
	}
	if w.Event, w.AccessKeyID = audit.Answer, c.AccessKeyID; c.CanExpire {
		expires := c.Expires.UTC().Truncate(time.Second)
		w.Expiration = &expires
	}
	if err != nil {
		w.Refuse(audit.Answer, reason(err), rule(err))
		w.RequestID = cmp.Or(w.RequestID, requestID(err))
	} else if w.Outcome != string(fetch.Fetched) {
		w.RequestID = ""
	}
	unwritten := w.dir.Write(w.Line)
	if unwritten == nil {
		return nil
	}
	if w.session.Logger != nil {
		w.session.Logger.Warn("audit not written", "error", unwritten)
	}
	return policy.Of(&w.session.Config).CheckTrail(unwritten)
}

// requestID is AWS's of the call that an error comes from.
func requestID(err error) string {
	if e, ok := errors.AsType[*oidc.Error](err); ok {
		return e.RequestID
	}
	return awsapi.RequestID(err)
}

// reason is what the trail says of an error: its kind. What a rule does not allow has
// one of its own there.
func reason(err error) string {
	if errors.Is(err, ErrPolicy) {
		return "policy"
	}
	return cmp.Or(string(KindOf(err)), "error")
}

// rule is the place of the rule that does not allow something, or "".
func rule(err error) string {
	if e, ok := errors.AsType[*policy.Refusal](err); ok {
		return e.Location.String() + ": " + e.Key
	}
	if e, ok := errors.AsType[*policy.AgentRefusal](err); ok {
		return e.Where
	}
	return ""
}

// line is what a trail says of who asks p, and for what.
func (p *Provider) line(role tokencache.CachedRole) audit.Line {
	return audit.Line{
		Agent: p.asker.Name, AgentSeen: p.asker.Why, AgentProfile: p.agentProfile,
		Profile: p.profile, Session: label(p.Session), AccountID: role.AccountID, RoleName: role.RoleName, RoleARN: role.RoleARN,
	}
}

// trailDir returns where the trail of a provider is. A program cannot leave out
// one that the policy asks for.
func (p *Provider) trailDir() (dir string, err error) {
	if dir = p.AuditDir; dir != "" || p.Session == nil || policy.Of(&p.Session.Config).Audit() == "" {
		return dir, nil
	}
	return stateDir(p.Session.StateDir, p.Session.Service)
}

// trails reports whether the answers of any session may leave a trail.
func (c *Config) trails() bool {
	return slices.ContainsFunc(append(c.files.SessionNames(), ""), func(name string) bool {
		dir, err := c.auditOf(&tokencache.Session{Name: name})
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
func (c *Config) auditOf(s *tokencache.Session) (dir string, err error) {
	value, name := c.files.Setting(s.Name, "audit")
	if c.files.Policy.Audit() != "" {
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
