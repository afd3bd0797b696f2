// Package settings reads what the commands and package credproc both need: the AWS
// config files, the environment, and credproc's own settings in both.
package settings

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/tokencache"
)

// Config is a credproc.Config from the inside, for the commands.
type Config interface {
	Files() *Files
	// ProfileSession returns the session that a profile's credentials come from
	// in the end.
	ProfileSession(profile string) (*tokencache.Session, error)
	// NewSession returns a session that the config file does not have yet.
	NewSession(name, startURL, region string) (*tokencache.Session, error)
	// LoginSession returns the session of a login, wherever that is described.
	LoginSession(l *tokencache.Status) (*tokencache.Session, error)
	// AgentLogin and AgentToken return the refusal of a sign-in that an agent starts,
	// and of a session's access token that it asks for, or nil.
	AgentLogin(s *tokencache.Session) error
	AgentToken(s *tokencache.Session) error
	// AskAsAgent makes all that is asked from here on be judged as if an agent asked.
	AskAsAgent()
	// JustLook says that no one is given what is asked for from here on: what a rule
	// does not allow then leaves no line in the trail.
	JustLook()
	// Void is [Files.Void], of the files as they were read.
	Void() (limits, others []error)
	// Trail returns the trail of the machine, or of a session; nil: there is none.
	Trail() *audit.Trail
	// Leave leaves a line in the trail of the session or the profile that it names:
	// see [audit.Trail.Leave]. Refused does so if err is not nil.
	Leave(ctx context.Context, line audit.Line, err error) error
	Refused(ctx context.Context, line audit.Line, err error) error
	// AskFor makes all that is asked from here on be for a program, which may be an
	// agent.
	AskFor(program string)
	// ClientAsker returns what says who a process of this machine is that asks an
	// endpoint, or nil if that makes no difference. Of a process that is an agent's all
	// clients are. What is asked for a client is asked with audit.For's context. An error
	// says that it cannot be told now.
	ClientAsker() (func(pid int) (agent.Asker, error), error)
	// AllowsProfile and AllowsRole report whether a rule allows a profile, or a role
	// "ACCOUNT/ROLE" of a session: by its own name, or by that of any profile that leads
	// to the same role, or by that role. What does not exist, or is of no session, has
	// only its own name.
	AllowsProfile(rule agent.Rule, profile string) bool
	AllowsRole(rule agent.Rule, s *tokencache.Session, role string) bool
	// AgentProfile returns the profile that a *credproc.Provider is of because an
	// agent asked for another one, or "".
	AgentProfile(provider any) string
	// AgentValues returns the rules about agents of the config file.
	AgentValues() []policy.Value
	// Sessions returns every session that was made so far.
	Sessions() []*tokencache.Session
}

// Files is what the config files say, and the environment that they are read in.
type Files struct {
	*awsconfig.Config
	Getenv  func(string) string
	Command []string // how credproc's own credential_process lines start
	ID      string   // what settings, keychain items and directories are named after; "": credproc
	Policy  *policy.Policy
}

// DefaultProfile returns the profile that is meant where none is named:
// AWS_PROFILE, AWS_DEFAULT_PROFILE, or "default".
func (f *Files) DefaultProfile() string {
	return cmp.Or(f.Getenv("AWS_PROFILE"), f.Getenv("AWS_DEFAULT_PROFILE"), "default")
}

// SessionNames returns the names of all sso-sessions, sorted.
func (f *Files) SessionNames() []string { return slices.Sorted(maps.Keys(f.Sessions)) }

// ProfileNames returns the names of all profiles, of whatever kind, sorted.
func (f *Files) ProfileNames() []string { return slices.Sorted(maps.Keys(f.Profiles)) }

// HasProfile reports whether there is a profile of that name.
func (f *Files) HasProfile(name string) bool { return f.Profiles[name] != nil }

// HasSession reports whether there is an sso-session of that name.
func (f *Files) HasSession(name string) bool { return f.Sessions[name] != nil }

// Profile returns what a profile means.
func (f *Files) Profile(name string) (*awsconfig.Profile, error) {
	return f.Config.Profile(name, f.Command)
}

// Region returns the region that a profile says, or "".
func (f *Files) Region(profile string) string {
	p, err := f.Profile(profile)
	if err != nil {
		return ""
	}
	return p.Region
}

// Home is the person's home directory, or "".
func (f *Files) Home() string { return awsconfig.Home(f.Getenv) }

// Setting returns one of credproc's own settings for an sso-session: what the policy
// holds, or else the environment variable CREDPROC_SOME_NAME, or credproc_some_name
// in its section, or "". from says which, for messages. Where ID is another, both
// names start with that. session may be "", and unknown.
func (f *Files) Setting(session, name string) (value, from string) {
	key, variable := layout.Key(f.ID, name), layout.Variable(f.ID, name)
	section := f.Sessions[session]
	if value := f.Getenv(variable); (value != "" || section == nil) && !f.Policy.Holds(session, key) {
		return value, variable
	}
	value, ok := section.Get(key)
	if !ok {
		return "", variable
	}
	return value, section.Where(key).String() + ": " + section.Header + ": " + key
}

// SessionDuration returns how long sessions of an sso-session last, as the
// administrator has set it and the user has told credproc: by
// CREDPROC_SESSION_DURATION or credproc_session_duration, such as "12h" or
// "7d". 0 means that it is not known.
func (f *Files) SessionDuration(session string) (time.Duration, error) {
	value, name := f.Setting(session, "session_duration")
	if value == "" {
		return 0, nil
	}
	const problem = "must be a time such as 12h or 7d, at most 90d"
	d, err := time.ParseDuration(value)
	if days, ok := strings.CutSuffix(value, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d <= 0 || d > 90*24*time.Hour {
		return 0, &awsapi.SettingError{Setting: name, Value: value, Problem: problem}
	}
	return d, nil
}
