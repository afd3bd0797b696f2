package policy

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/starturl"
)

// ErrRefused is what a policy does not allow: errors.Is finds it in a [*Refusal].
var ErrRefused = errors.New("the policy does not allow it")

// Refusal is something that a rule does not allow.
type Refusal struct {
	awsconfig.Location        // of the rule
	Key                string // "accounts"
	Problem            string // "does not allow account 111111111111"
}

func (e *Refusal) Error() string {
	return "the policy " + e.Problem + ": " + e.Location.String() + ": " + e.Key
}

// Is makes a Refusal an [ErrRefused].
func (e *Refusal) Is(target error) bool { return target == ErrRefused }

// RuleOf returns the place of the rule that does not allow something, or "".
func RuleOf(err error) string {
	if e, ok := errors.AsType[*Refusal](err); ok {
		return e.Location.String() + ": " + e.Key
	}
	if e, ok := errors.AsType[*AgentRefusal](err); ok {
		return e.Where
	}
	return ""
}

// Refuse returns the refusal by a rule of the file.
func (f *File) Refuse(key, problem string) error {
	return &Refusal{Location: f.Where(key), Key: key, Problem: problem}
}

func (p *Policy) files() []*File {
	if p == nil {
		return nil
	}
	return p.Files
}

// each returns the first refusal of a file.
func (p *Policy) each(check func(f *File) error) error {
	for _, f := range p.files() {
		if err := check(f); err != nil {
			return err
		}
	}
	return nil
}

// CheckStartURL refuses a start URL that is not one of start_urls.
func (p *Policy) CheckStartURL(start string) error {
	return p.each(func(f *File) error {
		normal, _, problem := starturl.Normalize(start)
		if f.StartURLs == nil || problem == "" && slices.Contains(f.StartURLs, normal) {
			return nil
		}
		return f.Refuse("start_urls", fmt.Sprintf("does not allow the start URL %q", start))
	})
}

// CheckAccount refuses an account that no pattern of accounts matches.
func (p *Policy) CheckAccount(id string) error {
	return p.each(func(f *File) error {
		matches := func(pattern string) bool { ok, _ := path.Match(pattern, id); return ok }
		if f.Accounts == nil || slices.ContainsFunc(f.Accounts, matches) {
			return nil
		}
		return f.Refuse("accounts", "does not allow account "+id)
	})
}

// CheckKeyring refuses a keyring that is not one of keyrings.
func (p *Policy) CheckKeyring(name string) error {
	return p.each(func(f *File) error {
		if f.Keyrings == nil || slices.Contains(f.Keyrings, name) {
			return nil
		}
		return f.Refuse("keyrings", fmt.Sprintf("does not allow the keyring %s, but %s", name, strings.Join(f.Keyrings, ", ")))
	})
}

// DefaultKeyring returns the first keyring that every file allows, or "".
func (p *Policy) DefaultKeyring() string {
	for _, f := range p.files() {
		for _, k := range f.Keyrings {
			if p.CheckKeyring(k) == nil {
				return k
			}
		}
	}
	return ""
}

// CheckFlow refuses a way to sign in that is not one of flows.
func (p *Policy) CheckFlow(name string) error {
	return p.each(func(f *File) error {
		if f.Flows == nil || slices.Contains(f.Flows, name) {
			return nil
		}
		return f.Refuse("flows", fmt.Sprintf("does not allow sign-in with the flow %s, but %s", name, strings.Join(f.Flows, ", ")))
	})
}

// CheckOutput refuses to hand a secret to what is not known: what names it.
func (p *Policy) CheckOutput(what string) error {
	return p.each(func(f *File) error {
		if !f.EnvOutputOff {
			return nil
		}
		return f.Refuse("env_output", "does not allow "+what)
	})
}

// required is the value of audit that refuses what leaves no trail.
const required = "required"

// Audit returns what the policy says of the trail: "required", "on", or "".
func (p *Policy) Audit() (value string) {
	for _, f := range p.files() {
		if value != required && f.Audit != "" {
			value = f.Audit
		}
	}
	return value
}

// AuditSinks returns where the trail goes, if there is one: where each file wants it.
// nil means a file.
func (p *Policy) AuditSinks() (names []string) {
	for _, f := range p.files() {
		if f.AuditSink != "" && !slices.Contains(names, f.AuditSink) {
			names = append(names, f.AuditSink)
		}
	}
	return names
}

// CheckTrail refuses an answer of which the trail could not be written, where it is
// required.
func (p *Policy) CheckTrail(unwritten error) error {
	return p.each(func(f *File) error {
		if f.Audit != required {
			return nil
		}
		return f.Refuse("audit", "requires a trail, which cannot be written: "+unwritten.Error())
	})
}

// HowToRequest returns what to do for access to a role, or "".
func (p *Policy) HowToRequest(account, role string) string {
	text := ""
	for _, f := range p.files() {
		text = cmp.Or(text, f.RequestAccess)
	}
	return strings.NewReplacer("{account}", account, "{role}", role).Replace(text)
}

// Holds reports whether the policy locks a key of an sso-session.
func (p *Policy) Holds(session, key string) bool {
	for _, f := range p.files() {
		for _, s := range f.Sessions {
			if _, ok := s.Get(key); ok && s.Name == session && f.LockSessions {
				return true
			}
		}
	}
	return false
}

// CheckSession refuses a session that is not what a locked section of its name says.
func (p *Policy) CheckSession(name, startURL, region, keyring string) error {
	return p.each(func(f *File) error {
		for _, s := range f.Sessions {
			if !f.LockSessions || s.Name != name {
				continue
			}
			for _, held := range [][2]string{{startURLKey, startURL}, {"sso_region", region}, {f.prefix + "keyring", keyring}} {
				value, ok := s.Get(held[0])
				same := value == held[1]
				switch held[0] {
				case startURLKey:
					same = starturl.Same(value, held[1])
				case f.prefix + "keyring":
					same = same || value == "auto" // names none: keyrings decides
				}
				if ok && !same {
					return &Refusal{Location: s.Where(held[0]), Key: held[0], Problem: fmt.Sprintf("allows only %q for the session %s, not %q", value, name, held[1])}
				}
			}
		}
		return nil
	})
}

// SessionKeyring returns the keyring that the policy has for a new login of a
// session which names none, or "".
func (p *Policy) SessionKeyring(name string) string {
	for _, f := range p.files() {
		for _, s := range f.Sessions {
			if value, _ := s.Get(f.prefix + "keyring"); s.Name == name && value != "" && value != "auto" {
				return value
			}
		}
	}
	return p.DefaultKeyring()
}

// Rule adds the sessions of the policy to what the config file says: as defaults,
// or above it where they are locked.
func (p *Policy) Rule(c *awsconfig.Config) {
	// The program's own file is the first, and its word counts before the other's
	// where both hold a key, and where both have a default for it.
	for _, f := range slices.Backward(p.files()) {
		for _, s := range f.Sessions {
			if f.LockSessions {
				c.Rule(s, true)
			}
		}
	}
	for _, f := range p.files() {
		for _, s := range f.Sessions {
			c.Rule(s, false)
		}
	}
}
