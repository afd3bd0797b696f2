package settings

import (
	"strings"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/policy"
)

// Void returns an error for each line of the config files that looks like a setting of
// the program, and has no effect: it is misspelled, or in the wrong place. limits are
// those that may be meant as a rule about agents or to narrow down a role, and so must
// not read as none.
func (f *Files) Void() (limits, others []error) {
	word := strings.TrimSuffix(layout.Key(f.ID, ""), "_")
	if at, ok := f.Unread(word, agent.MayBeRule); ok {
		limits = append(limits, &awsconfig.SyntaxError{Location: at, Problem: "looks like a rule about agents, but has no effect here"})
	}
	look := func(s *awsconfig.Section, isKnown func(rest string) bool) {
		for _, key := range s.Keys(word) {
			rest := key[len(word):]
			err := &awsconfig.ValueError{Setting: awsconfig.Setting{Location: s.Where(key), Section: s.Header, Key: key}}
			switch {
			case isKnown(rest):
			case agent.MayBeLimit(rest):
				err.Problem = "is not a setting here, though it looks like a limit"
				limits = append(limits, err)
			case f.ID == "" && (strings.HasPrefix(rest, "_") || strings.HasPrefix(rest, "-")): // what starts with another ID can be that program's
				err.Problem = "is not a setting here, and has no effect"
				others = append(others, err)
			}
		}
	}
	for _, name := range f.SessionNames() {
		look(f.Sessions[name], isOfSession)
	}
	for _, name := range f.ProfileNames() {
		look(f.Profiles[name], agent.IsLimitOfProfile)
	}
	return limits, others
}

// isOfSession reports whether a key is a setting of an sso-session.
func isOfSession(rest string) bool {
	name, _ := strings.CutPrefix(rest, "_")
	return agent.IsLimitOfSession(rest) || name != rest && policy.IsSessionKey(name)
}
