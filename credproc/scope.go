package credproc

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/credproc/credproc/internal/assume"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/safedir"
)

// scopeSettings narrow down a role that is assumed, in the section of its
// profile. They have no environment variables: those would count for every role
// of a chain.
var scopeSettings = [...]string{"policy_arns", "policy", "session_tags", "transitive_tags", "source_identity"}

// scope returns what the profile of a role says to narrow it down.
func (c *Config) scope(p *awsconfig.Profile, role awsconfig.RoleARN) (s assume.Scope, err error) {
	for _, read := range []struct {
		setting string
		into    func(text string) error
	}{
		{"policy_arns", func(text string) (err error) {
			s.PolicyARNs, err = assume.ParsePolicyARNs(text, role.Partition, role.AccountID)
			return err
		}},
		{"policy", func(text string) (err error) {
			s.Policy, err = c.sessionPolicy(text)
			return err
		}},
		{"session_tags", func(text string) (err error) {
			s.Tags, err = assume.ParseTags(text)
			return err
		}},
		{"transitive_tags", func(text string) (err error) {
			s.TransitiveTags, err = assume.ParseTransitive(text, s.Tags)
			return err
		}},
		{"source_identity", func(text string) error {
			s.SourceIdentity = text
			return assume.CheckSourceIdentity(text)
		}},
	} {
		setting, ok := c.sectionSetting(p.Settings.Section, read.setting)
		if !ok {
			continue
		}
		err := read.into(setting.Value)
		if strings.Trim(setting.Value, ", \t\n") == "" {
			err = errors.New("must not be empty") // and not read as no limit
		}
		if err != nil {
			if strings.HasPrefix(setting.Value, "{") {
				setting.Value = "" // too long for a sentence
			}
			return assume.Scope{}, &awsconfig.ValueError{Setting: setting, Problem: err.Error()}
		}
	}
	return s, nil
}

// sectionSetting returns one of credproc's own settings in a section, where it has no
// environment variable.
func (c *Config) sectionSetting(s *awsconfig.Section, name string) (awsconfig.Setting, bool) {
	return s.Setting(layout.Key(c.Identity.ID, name))
}

// unscoped returns an error for settings that would narrow down nothing: a
// permission set's role is given as it is, and what leads to another profile takes
// that one's settings. The credentials could do more than the file says.
func (c *Config) unscoped(p *awsconfig.Profile) error {
	sections := append([]*awsconfig.Section{p.Section}, p.Through...)
	if p.Chain != nil {
		sections = sections[:len(sections)-1] // the last one has the role_arn
	}
	for _, limit := range c.limits {
		e, ok := errors.AsType[*awsconfig.ValueError](limit)
		isIts := func(s *awsconfig.Section) bool { return s.Where(e.Key) == e.Location }
		if ok && slices.ContainsFunc(append([]*awsconfig.Section{p.Section}, p.Through...), isIts) {
			return limit
		}
	}
	for _, section := range sections {
		for _, name := range scopeSettings {
			if setting, ok := c.sectionSetting(section, name); ok {
				setting.Value = ""
				return &awsconfig.ValueError{Setting: setting, Problem: "has no effect here: it belongs in a profile with role_arn"}
			}
		}
	}
	return nil
}

// sessionPolicy reads a policy, or the file that it is in.
func (c *Config) sessionPolicy(text string) (string, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") {
		return assume.ParsePolicy(text)
	}
	path, ok := awsconfig.Expand(text, c.files.Home())
	if !ok || !filepath.IsAbs(path) {
		return "", errors.New("must be a policy in JSON, or a file's path that is absolute or starts with ~/")
	}
	data, err := safedir.ReadFile(path)
	if err != nil {
		return "", err
	}
	return assume.ParsePolicy(string(data))
}
