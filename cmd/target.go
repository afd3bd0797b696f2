package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/report"
	"github.com/credproc/credproc/cmd/internal/roles"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

// target is what a command is about, and how its user called it.
type target struct {
	session  *tokencache.Session
	provider *credproc.Provider // nil where a session alone is meant
	words    []string           // arguments that mean the same session to any command
	profile  string             // "": none was named
}

// wrap keeps the words with an error, for the hint.
func (t *target) wrap(err error) error {
	if err == nil {
		return nil
	}
	words := t.words
	if e, ok := errors.AsType[*tokencache.SignInError](err); ok && e.Session != t.session.Label() {
		words = []string{e.Session} // of the profile that an agent gets
	}
	return &targetError{words: words, session: t.session, profile: t.profile, err: err}
}

type targetError struct {
	words   []string
	session *tokencache.Session // nil: not known
	profile string              // "": not known
	err     error
}

func (e *targetError) Error() string { return e.err.Error() }
func (e *targetError) Unwrap() error { return e.err }

// sessionFlags say which session, for the commands that take one as argument.
type sessionFlags struct {
	Session     string `arg:"" optional:"" group:"session" name:"session" help:"An sso-session, or a profile that uses one. Default: the session of the profile in AWS_PROFILE, or the only one."`
	SSOSession  string `group:"session" name:"sso-session" placeholder:"NAME" help:"The sso-session of this name, never a profile."`
	Profile     string `group:"session" short:"p" placeholder:"NAME" help:"The session that this profile uses."`
	SSOStartURL string `group:"session" name:"sso-start-url" placeholder:"URL" help:"Start URL, to do without a config file."`
	SSORegion   string `group:"session" name:"sso-region" placeholder:"REGION" help:"Region of the Identity Center instance."`
}

// named reports whether they name one.
func (f *sessionFlags) named() bool { return *f != sessionFlags{} }

func (f *sessionFlags) target(r *run) (*target, error) {
	names := 0
	for _, name := range []string{f.Session, f.SSOSession, f.Profile} {
		if name != "" {
			names++
		}
	}
	switch {
	case f.SSOStartURL != "" || f.SSORegion != "":
		if names > 0 {
			return nil, r.usage("--sso-start-url and --sso-region say which session: name no other")
		}
		return r.sessionAt(f.SSOStartURL, f.SSORegion)
	case names > 1:
		return nil, r.usage("name one session: an argument, --sso-session or --profile")
	case f.SSOSession != "":
		return r.configured(f.SSOSession)
	case f.Profile != "":
		return r.profileSession(f.Profile)
	case f.Session != "":
		return r.named(f.Session)
	}
	return r.implied()
}

// line is what the trail says of a session before it is known to exist.
func (f *sessionFlags) line(r *run, event string) audit.Line {
	line := audit.Line{Event: event, Session: f.SSOSession, Profile: f.Profile}
	switch {
	case r.files.HasSession(f.Session):
		line.Session = f.Session
	case r.files.HasProfile(f.Session):
		line.Profile = f.Session
	}
	return line
}

// refused leaves the line of a session that the policy does not allow, and returns err.
// A session that there is not, or that is described wrongly, leaves none.
func (f *sessionFlags) refused(ctx context.Context, r *run, event string, err error) error {
	if errors.Is(err, credproc.ErrPolicy) {
		return r.inside.Refused(ctx, f.line(r, event), err)
	}
	return err
}

func (r *run) usage(format string, args ...any) error {
	return &usageError{problem: fmt.Sprintf(format, args...)}
}

func (r *run) sessionAt(startURL, region string) (*target, error) {
	if startURL == "" {
		return nil, r.usage("--sso-region needs --sso-start-url")
	}
	if region = cmp.Or(region, r.knownRegion(startURL)); region == "" {
		return nil, r.usage("%s", regionWanted)
	}
	if err := awsapi.CheckRegion(region); err != nil {
		return nil, err
	}
	s, err := r.config.SessionAt(startURL, region)
	if err != nil {
		return nil, err
	}
	words := []string{"--sso-start-url", startURL, "--sso-region", region}
	if named, err := r.labelled(s.Label()); err == nil && named != nil && s.Name == "" && named.session == s {
		words = named.words
	}
	return &target{session: s, words: words}, nil
}

func (r *run) profileSession(profile string) (*target, error) {
	s, err := r.inside.ProfileSession(profile)
	return &target{session: s, words: r.profileWords(profile), profile: profile}, err
}

// profileWords are the profile's name alone, unless a session has it too.
func (r *run) profileWords(profile string) []string {
	if r.files.HasSession(profile) {
		return []string{"--profile", profile}
	}
	return []string{profile}
}

// named finds a session, or else a profile.
func (r *run) named(name string) (*target, error) {
	if !r.files.HasSession(name) && r.files.HasProfile(name) {
		return r.profileSession(name)
	}
	if t, err := r.labelled(name); t != nil || err != nil {
		return t, err
	}
	return r.configured(name)
}

// configured returns a session of the config file.
func (r *run) configured(name string) (*target, error) {
	s, err := r.config.Session(name)
	return &target{session: s, words: []string{name}}, err
}

// labelled finds the login without a session of its own that status shows by
// that name, or nothing.
func (r *run) labelled(name string) (*target, error) {
	if r.files.HasSession(name) || r.files.HasProfile(name) {
		return nil, nil
	}
	logins, err := tokencache.Logins(r.config.StateDir, r.ID)
	if err != nil {
		return nil, nil // nothing that credproc has a name for
	}
	var found *target
	for _, l := range logins {
		if l.Name != "" || l.Label != name {
			continue
		}
		s, err := r.config.SessionAt(l.StartURL, l.Region)
		if err != nil || s.Name != "" || s.Config.Endpoint != l.Endpoint || s.PortalEndpoint != l.PortalEndpoint {
			continue
		}
		if found != nil && found.session != s {
			return nil, r.usage("%s is the name of several logins: give --sso-start-url and --sso-region", name)
		}
		found = &target{session: s, words: []string{name}}
	}
	return found, nil
}

// implied finds the session that is meant where none is named.
func (r *run) implied() (*target, error) {
	if t, _ := r.activeTarget(); t != nil {
		return &target{session: t.session, words: t.words}, nil
	}
	profile := r.files.DefaultProfile()
	explicit := r.getenv("AWS_PROFILE") != "" || r.getenv("AWS_DEFAULT_PROFILE") != ""
	if explicit || r.files.HasProfile(profile) {
		t, err := r.profileSession(profile)
		if _, other := errors.AsType[*credproc.UnsupportedProfileError](err); err == nil || explicit || !other {
			return t, err
		}
	}
	names := r.files.SessionNames()
	switch {
	case len(names) == 0:
		return r.unconfigured()
	case len(names) == 1:
		return r.named(names[0])
	case r.attended && r.Interactive():
		return r.pickSession(names)
	}
	return nil, r.usage("which session? There are %s", terminal.Some(names, mostNamed))
}

// unconfigured finds the session that is meant where the config file has none: that
// of its profiles, or of the only login.
func (r *run) unconfigured() (*target, error) {
	roles, err := r.roles()
	if err != nil {
		return nil, err
	}
	places := map[[2]string]string{} // profiles, by start URL and region
	for _, role := range roles {
		if s, err := r.inside.ProfileSession(role.Profile); err == nil {
			url, _ := oidc.NormalizeStartURL(s.Config.StartURL) // it was read before
			places[[2]string{url, s.Config.Region}] = role.Profile
		}
	}
	for _, profile := range places {
		if len(places) == 1 {
			return r.profileSession(profile)
		}
		return nil, r.usage("which session? Name a profile that comes from it")
	}
	if startURL, region := r.onlyLogin(); startURL != "" {
		return r.sessionAt(startURL, region)
	}
	return nil, noSession(r.App, r.files.Path)
}

// noSession is the error of a config file without an sso-session.
func noSession(a *App, path string) error {
	return &usageError{kind: report.NoConfig, problem: "no sso-session in " + path,
		more: "To do without one, add --sso-start-url URL --sso-region REGION", hint: a.name() + " configure"}
}

// roleFlags say which role.
type roleFlags struct {
	Profile     string `group:"role" short:"p" placeholder:"NAME" help:"A profile of ~/.aws/config. Default: AWS_PROFILE, AWS_DEFAULT_PROFILE, or default."`
	SSOSession  string `group:"role" name:"sso-session" placeholder:"NAME" help:"sso-session, with --account-id and --role-name instead of a profile."`
	AccountID   string `group:"role" name:"account-id" placeholder:"ID" help:"Account ID, 12 digits."`
	RoleName    string `group:"role" name:"role-name" placeholder:"NAME" help:"Name of the permission set."`
	SSOStartURL string `group:"role" name:"sso-start-url" placeholder:"URL" help:"Start URL, to do without a config file."`
	SSORegion   string `group:"role" name:"sso-region" placeholder:"REGION" help:"Region of the Identity Center instance."`
}

// byRole reports whether they say it otherwise than by a profile.
func (f *roleFlags) byRole() bool {
	return f.SSOSession != "" || f.AccountID != "" || f.RoleName != "" || f.SSOStartURL != "" || f.SSORegion != ""
}

func (f *roleFlags) target(r *run) (*target, error) {
	switch {
	case f.byRole() && f.Profile != "":
		return nil, r.usage("--profile says which role: name no other")
	case f.byRole():
		return f.role(r)
	}
	profile := cmp.Or(f.Profile, r.files.DefaultProfile())
	provider, err := r.config.Provider(profile)
	if err != nil {
		return nil, err
	}
	if instead := r.inside.AgentProfile(provider); instead != "" {
		profile = instead // a sign-in must be to its session
	}
	session, err := r.inside.ProfileSession(profile)
	return &target{session: session, provider: provider, words: r.profileWords(profile), profile: profile}, err
}

func (f *roleFlags) role(r *run) (*target, error) {
	var missing []string
	for _, flag := range []struct{ name, value string }{
		{"--sso-session", f.SSOSession + f.SSOStartURL + f.SSORegion}, {"--account-id", f.AccountID}, {"--role-name", f.RoleName},
	} {
		if flag.value == "" {
			missing = append(missing, flag.name)
		}
	}
	if missing != nil {
		return nil, r.usage("missing %s", strings.Join(missing, ", "))
	}
	session := sessionFlags{SSOSession: f.SSOSession, SSOStartURL: f.SSOStartURL, SSORegion: f.SSORegion}
	t, err := session.target(r)
	if err != nil {
		return nil, err
	}
	t.provider, err = r.config.Role(t.session, f.AccountID, f.RoleName)
	return t, err
}

// line is what the trail says of the role before it is known to exist.
func (f *roleFlags) line(r *run, words []string) audit.Line {
	line := audit.Line{Event: audit.Answer, Profile: f.Profile, Session: f.SSOSession, AccountID: f.AccountID, RoleName: f.RoleName}
	if name := strings.Join(words, " "); !f.byRole() && line.Profile == "" && (name == "" || r.files.HasProfile(name)) {
		line.Profile = cmp.Or(name, r.files.DefaultProfile())
	}
	return line
}

// isChain reports whether a provider assumes an IAM role.
func isChain(p *credproc.Provider) bool { return p.RoleName == "" }

// roleHere returns the role that this process's environment has credentials
// of, if credproc gave them. A profile that the user has set since counts more.
func roleHere(a *App) (done child.Active, ok bool) {
	done = own(a).ActiveIn(a.getenv)
	return done, done.Ours(a.getenv)
}

// activeWords are the flags that name the role of this shell, or "".
func activeWords(a *App) string {
	if done, ok := roleHere(a); ok {
		return roles.Flags(done.Role)
	}
	return ""
}

// activeTarget is that role, or nil: its profile may be gone.
func (r *run) activeTarget() (*target, child.Active) {
	if done, ok := roleHere(r.App); ok {
		if t, err := (*roleFlags)(&done.Role).target(r); err == nil {
			return t, done
		}
	}
	return nil, child.Active{}
}

// own names the variables of the program's own.
func own(a *App) child.Names { return child.Names(a.variable("")) }

func getenvBefore(a *App) func(string) string { return own(a).Before(a.getenv) }
