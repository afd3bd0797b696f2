package cmd

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/credproc/credproc/cmd/internal/status"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/tokencache"
)

type statusCommand struct {
	sessionFlags
	JSON   bool   `name:"json" xor:"how" help:"Print JSON."`
	Quiet  bool   `short:"q" xor:"how" help:"Print nothing. The exit status is 0 if the session is usable, 4 if a sign-in is required."`
	Check  bool   `help:"Ask the keyring, for at most a second and without a dialog. The exit status is 6 if it cannot be asked."`
	Format string `xor:"how" placeholder:"TEXT" help:"Print a line for a prompt, with {session}, {state}, {left}, {end}, {token_left}, {profile}, {account}, {role} and {role_left} replaced."`
}

// Run implements the command, for kong. It does not ask the service, asks the
// keyring only with --check, and never waits.
func (c *statusCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, false, c.run)
}

func (c *statusCommand) run(ctx context.Context, r *run) error {
	if name := status.Unknown(c.Format); name != "" {
		return r.usage("--format: there is no %s", name)
	}
	r.inside.JustLook()
	sessions, err := r.statusOf(ctx, c)
	if err != nil {
		return err
	}
	if err := c.print(r, sessions); err != nil {
		return err
	}
	silent := c.Quiet || c.Format != ""
	if !c.named() && !silent && !c.Check {
		return nil
	}
	return c.verdict(r, sessions, silent)
}

func (c *statusCommand) print(r *run, sessions []status.Session) error {
	switch {
	case c.Quiet:
		return nil
	case c.Format != "":
		return r.Verbatim(status.Formatted(c.Format, c.profileFor(r), sessions))
	case c.JSON:
		for i := range sessions {
			sessions[i].Policy, sessions[i].AuditProblem = r.files.Policy.Hash(), r.inside.Trail().Trouble()
		}
		return r.PrintJSON(sessions)
	}
	err := r.printStatus(sessions)
	if trouble := r.inside.Trail().Trouble(); trouble != "" {
		r.Say("%s: warning: audit trail: %s", r.name(), trouble)
	}
	return err
}

// verdict is the error that gives the command its exit status.
func (c *statusCommand) verdict(r *run, sessions []status.Session, silent bool) error {
	var shut error
	for _, s := range sessions {
		switch look := s.LastLook; {
		case c.Check && look != nil && look.CannotTell:
			shut = cmp.Or(shut, s.KeyringError())
		case s.SignedIn:
		case silent:
			return errSignedOut
		default:
			t, _ := c.target(r)
			return &targetError{words: c.words(r, &s), session: cmp.Or(t, new(target)).session, err: s.SignInError()}
		}
	}
	if shut != nil && silent {
		return errShut
	}
	return shut
}

// words are how the caller named a session, or else what names it to login.
func (c *statusCommand) words(r *run, s *status.Session) []string {
	if c.named() {
		if t, err := c.target(r); err == nil {
			return t.words
		}
	}
	return s.LoginWords()
}

// session returns the one session that is meant, or nil.
func (c *statusCommand) session(r *run) (*tokencache.Session, error) {
	if c.named() {
		t, err := c.target(r)
		return cmp.Or(t, new(target)).session, err
	}
	if c.Quiet || c.Format != "" {
		if t, _ := r.activeTarget(); t != nil {
			return t.session, nil
		}
		if s, err := r.inside.ProfileSession(r.files.DefaultProfile()); err == nil {
			return s, nil
		}
	}
	return nil, nil
}

// statusOf returns one session, or all that are configured or signed in. A
// prompt wants the one of the profile in force, if there is one.
func (r *run) statusOf(ctx context.Context, c *statusCommand) ([]status.Session, error) {
	one, err := c.session(r)
	if err != nil {
		return nil, err
	}
	if one != nil {
		return status.OfAll(ctx, []*tokencache.Session{one}, r.files.SessionDuration, c.Check)
	}
	sessions, wrong, err := r.everySession()
	if err != nil {
		return nil, err
	}
	all, err := status.OfAll(ctx, sessions, r.files.SessionDuration, c.Check)
	if err != nil {
		return nil, err
	}
	for _, w := range wrong {
		all = slices.Insert(all, w.at, status.Session{Session: w.name, State: status.Unusable, Problem: w.err.Error(), Roles: []status.Role{}, InProgress: []status.Progress{}})
	}
	status.TellApart(all)
	if c.Quiet && len(all) == 0 {
		return nil, noSession(r.App, r.files.Path)
	}
	return all, nil
}

// unusable is an sso-session with a mistake in it, and where it belongs among the
// others.
type unusable struct {
	at   int
	name string
	err  error
}

// everySession returns the sessions that are configured, and those that are signed
// in.
func (r *run) everySession() (all []*tokencache.Session, wrong []unusable, err error) {
	names := r.files.SessionNames()
	logins, err := tokencache.Logins(r.config.StateDir, r.ID)
	if err != nil {
		return nil, nil, err
	}
	for i, name := range names {
		s, err := r.config.Session(name)
		if err != nil {
			wrong = append(wrong, unusable{i, name, err})
			continue
		}
		all, logins = append(all, s), slices.DeleteFunc(logins, status.PlaceOf(s).At)
	}
	for _, login := range logins {
		s, err := r.inside.LoginSession(login)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, s)
	}
	return all, wrong, nil
}

func (r *run) printStatus(sessions []status.Session) error {
	if len(sessions) == 0 {
		r.Say("No sso-session in %s, and nothing signed in.\nhint: run \"%s configure\"", r.files.Path, r.name())
	}
	login := func(s *status.Session) string {
		return loginHint(r.App, &targetError{words: s.LoginWords(), err: errSignedOut})
	}
	return r.Print("%s", status.Text(sessions, time.Now(), r.Paint(), r.name(), login))
}

// profileFor returns the role in force, or nil: that of the flag, of the shell,
// or of the profile that is meant where none is named.
func (c *statusCommand) profileFor(r *run) *status.Profile {
	if t, found := r.activeTarget(); t != nil && !c.named() {
		p := profileOf((*roleFlags)(&found.Role).label(r), t.provider)
		if found.Key != "" { // these keys, and not any that are stored
			p.End, _ = time.Parse(time.RFC3339, r.getenv("AWS_CREDENTIAL_EXPIRATION"))
		}
		return p
	}
	name := cmp.Or(c.Profile, r.files.DefaultProfile())
	provider, err := r.config.Provider(name)
	if err != nil {
		return nil
	}
	return profileOf(name, provider)
}

// profileOf names the role, unless it is at the end of a chain.
func profileOf(name string, p *credproc.Provider) *status.Profile {
	if p == nil || isChain(p) {
		return &status.Profile{Name: name}
	}
	return &status.Profile{Name: name, Account: p.AccountID, Role: p.RoleName}
}
