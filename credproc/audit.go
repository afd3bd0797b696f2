package credproc

import (
	"cmp"
	"errors"
	"strings"

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
	w.AccessKeyID = c.AccessKeyID
	if err != nil {
		w.Outcome, w.Reason = "refused", reason(err)
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

// reason is what the trail says of an error: its kind, if that is of those that it
// has words for.
func reason(err error) string {
	switch kind := KindOf(err); kind {
	case NoAccess, SignInRequired, KeyringFailed, Unavailable:
		return string(kind)
	}
	return "error"
}

// trailDir returns where the trail of a provider is. A program cannot leave out
// one that the policy asks for.
func (p *Provider) trailDir() (dir string, err error) {
	if dir = p.AuditDir; dir != "" || p.Session == nil || policy.Of(&p.Session.Config).Audit() == "" {
		return dir, nil
	}
	return stateDir(p.Session.StateDir, p.Session.Service)
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
