package cmd

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/cmd/internal/signin"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

const (
	// processTime is ten seconds less than aws-sdk-go-v2 gives a
	// credential_process before it throws the answer away.
	processTime = 50 * time.Second
	// fetchTime is what waiting for a login leaves to get credentials.
	fetchTime = 12 * time.Second
	// hintPeriod is how long one hint on a terminal is enough.
	hintPeriod = time.Minute
)

type processCommand struct {
	roleFlags
	Wait      time.Duration `placeholder:"50s" help:"Wait up to this long for a login made elsewhere. The command answers within 50s in any case."`
	AutoLogin bool          `help:"Sign in if needed. Concurrent processes share one sign-in."`
}

// Run implements the command, for kong.
func (c *processCommand) Run(ctx context.Context, a *App) error {
	// The config file is read within it, too, which may be a pipe.
	ctx, cancel := context.WithTimeout(ctx, processTime)
	defer cancel()
	return a.do(ctx, false, c.run)
}

func (c *processCommand) run(ctx context.Context, r *run) error {
	t, err := c.target(r)
	if err != nil {
		return err
	}
	wait, err := c.wait(r)
	if err != nil {
		return err
	}
	document, err := r.retrieve(ctx, t, wait, c.AutoLogin && r.mayLogin(t.session) == nil)
	if err != nil {
		return r.hintOnTerminal(ctx, t, t.wrap(err))
	}
	return r.Verbatim(string(document))
}

func (c *processCommand) wait(r *run) (time.Duration, error) {
	wait := c.Wait
	if value := r.setting("WAIT"); wait == 0 && value != "" {
		var err error
		if wait, err = time.ParseDuration(value); err != nil || wait < 0 {
			return 0, r.usage("%s is %q: it must be a time such as 50s", r.variable("WAIT"), value)
		}
	}
	return min(wait, processTime-fetchTime), nil
}

// mayLogin fails if the environment forbids to start a sign-in, or a rule where an
// agent does.
func (r *run) mayLogin(s *tokencache.Session) error {
	if value := strings.ToLower(r.setting("NO_LOGIN")); value != "" && value != "0" && value != "false" {
		return &advice.ForbiddenError{Session: s.Label(), Variable: r.variable("NO_LOGIN")}
	}
	return r.inside.AgentLogin(s)
}

// retrieve gets a document, and may sign in, or wait for another process that does.
func (r *run) retrieve(ctx context.Context, t *target, wait time.Duration, autoLogin bool) ([]byte, error) {
	waitUntil := time.Now().Add(wait)
	for {
		_, document, err := t.provider.RetrieveDocument(ctx)
		needed, ok := errors.AsType[*tokencache.SignInError](err)
		switch {
		case !ok:
			return document, err
		case autoLogin:
			if err := r.loginByItself(ctx, t); err != nil {
				return nil, err
			}
			autoLogin = false
		case time.Now().Before(waitUntil):
			r.hintOnTerminal(ctx, t, t.wrap(err))
			if !loginMade(ctx, t.session, needed, waitUntil) {
				return nil, err
			}
		default:
			return nil, err
		}
	}
}

// loginMade waits for a login that another process makes, and reports whether one
// did in time.
func loginMade(ctx context.Context, s *tokencache.Session, needed *tokencache.SignInError, until time.Time) bool {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	return s.AwaitLogin(ctx, needed) == nil
}

// loginByItself signs in on behalf of every process that waits for it.
func (r *run) loginByItself(ctx context.Context, t *target) error {
	err := t.session.SignInByItself(ctx, func(code oidc.DeviceCode, resumed bool) error {
		page, foreign, err := signin.Page(&t.session.Config, &code)
		if err != nil {
			return err
		}
		shown := terminal.WriteToControlling(signin.Invitation(t.session.Label(), &code, page))
		if resumed {
			return nil // the browser shows it already
		}
		err = foreign
		if err == nil {
			err = r.openIn(t.session, page)
		}
		if err != nil && shown != nil {
			return &tokencache.SignInError{Session: t.session.Label(), Reason: "no browser or terminal can show a sign-in here", Err: errors.Join(err, shown)}
		}
		return nil
	})
	if ctx.Err() != nil && err != nil {
		return &tokencache.SignInError{Session: t.session.Label(), Reason: "the sign-in is not confirmed yet; the next call goes on with it"}
	}
	return r.stepFailed(t.session, err)
}

// hintOnTerminal repeats a hint on the controlling terminal where stderr goes
// elsewhere: terraform, for one, tells people the exit status and no more. Of
// hundreds of processes one does. It returns err.
func (r *run) hintOnTerminal(ctx context.Context, t *target, err error) error {
	if !errors.Is(err, oidc.ErrSignInRequired) || terminal.Is(r.ErrWriter()) {
		return err
	}
	if in, openErr := inside.Of[inside.Session](t.session); openErr == nil && in.First(ctx, "hint on terminal "+terminal.ControllingID(), hintPeriod) {
		say := advise(r.App, err)
		terminal.WriteToControlling(say.In(r.name()))
	}
	return err
}
