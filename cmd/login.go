package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/credproc/credproc/internal/sdk"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

type loginCommand struct {
	sessionFlags
	Flow      string `enum:"auto,device" default:"auto" help:"How to sign in: device (a code that is confirmed in any browser), or auto, which is device for now."`
	NoBrowser bool   `help:"Open no browser: the URL and the code are printed anyway."`
	Force     bool   `help:"Sign in anew although the session works: ends it at the service first, and signs the browser out too."`
}

// Run implements the command, for kong.
func (c *loginCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, true, func(ctx context.Context, r *run) error {
		t, err := c.target(r)
		if err != nil {
			return err
		}
		return t.wrap(r.login(ctx, t, !c.NoBrowser, c.Force))
	})
}

func (r *run) login(ctx context.Context, t *target, browser, force bool) error {
	s := t.session
	if r.noLogin() {
		return &forbiddenError{session: sessionLabel(s), variable: r.variable("NO_LOGIN")}
	}
	if !force {
		works, err := r.stillWorks(ctx, s)
		if works || err != nil {
			return err
		}
	}
	err := s.SignIn(ctx, func(ctx context.Context, config *oidc.Config) (*oidc.Token, error) {
		token, err := r.device(ctx, s, config, browser, force)
		if err != nil {
			return nil, &loginError{session: s, err: err}
		}
		return token, nil
	})
	if err != nil {
		return err
	}
	r.say("Signed in to %s.", sessionLabel(s))
	return r.keyringNote(s)
}

// stillWorks reports whether the session was renewed just now: nothing less
// shows that it needs no sign-in.
func (r *run) stillWorks(ctx context.Context, s *tokencache.Session) (bool, error) {
	err := s.Renew(ctx)
	unreadable, _ := errors.AsType[*tokencache.RecordError](err)
	switch {
	case err == nil:
		r.say("Already signed in to %s: the session was renewed just now.", sessionLabel(s))
		return true, nil
	case errors.Is(err, oidc.ErrSignInRequired):
		return false, nil
	case unreadable != nil && unreadable.What != "sealing key": // which no sign-in replaces
		r.say("%v. Signing in anew.", err)
		return false, nil
	}
	return false, err
}

// device signs in with a device code. What there is to type is always printed.
func (r *run) device(ctx context.Context, s *tokencache.Session, config *oidc.Config, browser, force bool) (*oidc.Token, error) {
	code, err := config.StartDeviceCode(ctx)
	if err != nil {
		return nil, err
	}
	if force {
		r.endOld(ctx, s)
	}
	page, err := pageOf(code)
	if err != nil {
		return nil, err
	}
	r.say("%s", invitation(s, code, page))
	if browser {
		if err := r.openBrowser(page); err != nil {
			r.say("No browser was opened: %v.", err)
		}
	}
	return config.Redeem(ctx, code)
}

// endOld ends the session at the service: a new sign-in would inherit its end,
// and the assignments it knows.
func (r *run) endOld(ctx context.Context, s *tokencache.Session) {
	switch err := s.Revoke(ctx); {
	case err == nil:
		r.say("The old session is ended at the service; the browser may be signed out too.")
	case !errors.Is(err, tokencache.ErrNotFound):
		r.say("The old session could not be ended at the service: %v.", err)
	}
}

// pageOf returns the page to open, which comes from outside.
func pageOf(code *oidc.DeviceCode) (string, error) {
	page := cmp.Or(code.VerificationURIComplete, code.VerificationURI)
	u, err := url.Parse(page)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && sdk.IsLoopback(u.Hostname())) {
		return "", errors.New("the service names a page that is not https: it is not opened")
	}
	return page, nil
}

// invitation asks a person to confirm a code.
func invitation(s *tokencache.Session, code *oidc.DeviceCode, page string) string {
	return fmt.Sprintf("To sign in to %s, open this page in a browser, on any device:\n\n    %s\n\nand confirm that it shows the code %s. It is good for %s.",
		sessionLabel(s), sdk.Printable(page), sdk.Printable(code.UserCode), roughly(time.Until(code.Expiry)))
}

func (r *run) keyringNote(s *tokencache.Session) error {
	status, err := s.Status()
	if err == nil && status != nil && status.Keyring == "plaintext" {
		r.say("Its tokens are in plaintext files: nothing guards them but the files' mode.")
	}
	return nil
}

// forbiddenError is a sign-in that the environment forbids.
type forbiddenError struct{ session, variable string }

func (e *forbiddenError) Error() string {
	return fmt.Sprintf("no sign-in to %s is begun, since %s is set", e.session, e.variable)
}

// loginError is a sign-in that failed at the service.
type loginError struct {
	session *tokencache.Session
	err     error
}

func (e *loginError) Error() string {
	return "sign in to " + sessionLabel(e.session) + ": " + e.err.Error()
}
func (e *loginError) Unwrap() error { return e.err }

func sessionLabel(s *tokencache.Session) string {
	if s.Name != "" {
		return s.Name
	}
	return s.Config.StartURL
}

type logoutCommand struct {
	sessionFlags
	All bool `help:"Sign out of every session."`
}

// Run implements the command, for kong.
func (c *logoutCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, true, func(ctx context.Context, r *run) error {
		if c.All && c.sessionFlags != (sessionFlags{}) {
			return r.usage("--all is every session: name none")
		}
		if c.All {
			return r.logoutAll(ctx)
		}
		t, err := c.target(r)
		if err != nil {
			return err
		}
		return t.wrap(r.logout(ctx, t.session))
	})
}

func (r *run) logout(ctx context.Context, s *tokencache.Session) error {
	was, err := s.SignOut(ctx)
	revoke, ok := errors.AsType[*tokencache.RevokeError](err)
	switch {
	case ok:
		r.say("Signed out of %s here. The service could not be told: %v.", sessionLabel(s), revoke.Err)
	case err != nil:
		return err
	case was:
		r.say("Signed out of %s.", sessionLabel(s))
	default:
		r.say("Not signed in to %s.", sessionLabel(s))
	}
	return nil
}

// logoutAll signs out of what the index knows, and then of what is configured: a
// login that the index has lost is a login still.
func (r *run) logoutAll(ctx context.Context) error {
	logins, err := tokencache.Logins(r.config.StateDir, r.config.Service)
	if err != nil {
		return err
	}
	if len(logins) == 0 {
		r.say("Not signed in.")
	}
	var failed error
	for _, login := range logins {
		s, err := r.config.LoginSession(login)
		if err == nil {
			err = r.logout(ctx, s)
		}
		failed = errors.Join(failed, err)
	}
	names, _ := r.config.SessionNames() // a broken config file keeps nobody signed in
	for _, name := range names {
		if s, err := r.config.Session(name); err == nil {
			_, err := s.SignOut(ctx)
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// roughly says a time in words that people need not compute with.
func roughly(d time.Duration) string {
	switch {
	case d < 0:
		return "no time"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Round(time.Minute).Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Round(time.Hour).Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
