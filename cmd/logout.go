package cmd

import (
	"context"
	"errors"

	"github.com/credproc/credproc/cmd/internal/status"
	"github.com/credproc/credproc/tokencache"
)

type logoutCommand struct {
	sessionFlags
	All bool `help:"Sign out of every session."`
}

// Run implements the command, for kong.
func (c *logoutCommand) Run(ctx context.Context, a *App) error {
	unruled := *a // a login can be ended whatever the policy has become
	unruled.place.Ignored = true
	return unruled.do(ctx, true, c.run)
}

func (c *logoutCommand) run(ctx context.Context, r *run) error {
	if c.All && c.named() {
		return r.usage("--all is every session: name none")
	}
	if c.All {
		return r.logoutAll(ctx)
	}
	t, err := c.target(r)
	if err != nil {
		return err
	}
	return t.wrap(r.logout(ctx, t.session, t.session.Label()))
}

func (r *run) logout(ctx context.Context, s *tokencache.Session, title string) error {
	was, err := s.SignOut(ctx)
	revoke, ok := errors.AsType[*tokencache.RevokeError](err)
	switch {
	case ok:
		r.Say("Signed out of %s here. The service could not be told: %s.", title, advise(r.App, revoke.Err).Text)
	case err != nil:
		return err
	case was:
		r.Say("Signed out of %s.", title)
	default:
		r.Say("Not signed in to %s.", title)
	}
	return nil
}

// logoutAll signs out of what the index knows, and then of what is configured: a
// login that the index has lost is a login still.
func (r *run) logoutAll(ctx context.Context) error {
	logins, err := tokencache.Logins(r.config.StateDir, r.ID)
	if err != nil {
		return err
	}
	if len(logins) == 0 {
		r.Say("Not signed in.")
	}
	failed := r.logoutOf(ctx, logins)
	for _, name := range r.files.SessionNames() { // a broken config file does not prevent a sign-out
		if s, err := r.config.Session(name); err == nil {
			_, err := s.SignOut(ctx)
			failed = errors.Join(failed, err)
		}
	}
	return errors.Join(failed, r.lockKeyrings())
}

func (r *run) logoutOf(ctx context.Context, logins []*tokencache.Status) (failed error) {
	var sessions []*tokencache.Session
	for _, login := range logins {
		s, err := r.inside.LoginSession(login)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		sessions = append(sessions, s)
	}
	for i, title := range status.TitlesOf(sessions) {
		failed = errors.Join(failed, r.logout(ctx, sessions[i], title))
	}
	return failed
}
