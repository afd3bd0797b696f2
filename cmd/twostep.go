package cmd

import (
	"context"
	"errors"
	"time"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/cmd/internal/signin"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

// stepFlags sign in without a terminal: one command starts a sign-in, a person
// confirms it somewhere, and another command finishes it.
type stepFlags struct {
	Start   bool           `help:"Start a sign-in with a device code, print its URL and code as JSON, and do not wait."`
	Resume  bool           `help:"Wait until the sign-in of --start is confirmed."`
	Timeout *time.Duration `placeholder:"5m" help:"How long --resume waits. Default: until the code expires."`
}

// checkSteps fails for flags that make no sense together.
func (c *loginCommand) checkSteps(r *run) error {
	switch {
	case c.Timeout != nil && !c.Resume:
		return r.usage("--timeout is for --resume")
	case c.Timeout != nil && *c.Timeout < 0:
		return r.usage("--timeout is %v: it must not be negative", *c.Timeout)
	case c.Start && c.Resume:
		return r.usage("--start and --resume are two steps: run one after the other")
	case (c.Start || c.Resume) && (c.Force || c.FromAWSCLI || c.QR):
		return r.usage("--start and --resume go with none of --force, --from-aws-cli and --qr")
	}
	return nil
}

// start starts a sign-in, and tells the program where a person confirms it.
func (c *loginCommand) start(ctx context.Context, r *run, t *target) error {
	s := t.session
	if err := r.inside.Refused(ctx, audit.Line{Event: audit.SignIn, Session: s.Label()}, r.files.Policy.CheckFlow(string(signin.Device))); err != nil {
		return err
	}
	d, err := r.dialog(ctx, s, &loginOptions{flow: c.Flow, noBrowser: true})
	if err != nil {
		return err
	}
	if d.Flow == signin.PKCE {
		return r.usage("--start signs in with a device code, and not by flow pkce: %s. Add --use-device-code.", d.Reason)
	}
	code, err := r.startCode(ctx, s)
	if err != nil {
		return err
	}
	started, err := signin.NewStarted(s.Label(), &s.Config, code, loginHint(r.App, t.wrap(errSignedOut), "--resume"))
	if err != nil {
		return r.stepFailed(s, err)
	}
	return r.PrintJSON(started)
}

// startCode gets a code to confirm, or nil if the session works.
func (r *run) startCode(ctx context.Context, s *tokencache.Session) (*oidc.DeviceCode, error) {
	if works, err := r.stillWorks(ctx, s); works || err != nil {
		return nil, err
	}
	in, err := inside.Of[inside.Session](s)
	if err != nil {
		return nil, err
	}
	code, err := in.StartSignIn(ctx)
	return code, r.stepFailed(s, err)
}

// resume waits for the person, and stores the login.
func (c *loginCommand) resume(ctx context.Context, r *run, s *tokencache.Session) error {
	wait := 24 * time.Hour // more than a code lasts
	if c.Timeout != nil {
		wait = *c.Timeout
	}
	if terminal.Is(r.ErrWriter()) {
		r.Say("Waiting until the sign-in to %s is confirmed.", s.Label())
	}
	in, err := inside.Of[inside.Session](s)
	if err != nil {
		return err
	}
	done, err := in.ResumeSignIn(ctx, wait)
	switch {
	case err != nil:
		return &stepError{r.stepFailed(s, err)}
	case !done:
		return &advice.UnconfirmedError{Session: s.Label()}
	}
	r.Say("Signed in to %s.", s.Label())
	r.keyringNote(s)
	return nil
}

// inviteTo shows the code that another process waits for, if it is one that is
// shared: the person can confirm it.
func (r *run) inviteTo(ctx context.Context, s *tokencache.Session) {
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond) // it is there, or is not
	defer cancel()
	in, err := inside.Of[inside.Session](s)
	if err != nil {
		return
	}
	code, err := in.StartSignIn(ctx)
	if err != nil || code == nil {
		return
	}
	if page, _, err := signin.Page(&s.Config, code); err == nil {
		r.Say("%s", signin.Invitation(s.Label(), code, page))
	}
}

// stepFailed makes one of the errors of a sign-in of what the service said.
func (r *run) stepFailed(s *tokencache.Session, err error) error {
	_, earlier := errors.AsType[*tokencache.DeniedError](err)
	_, answered := errors.AsType[*oidc.Error](err)
	if answered && !earlier || errors.Is(err, oidc.ErrExpired) {
		return &advice.SignInError{Session: s, Err: err}
	}
	return err
}

// stepError is one after which a sign-in is started again as this one was.
type stepError struct{ err error }

func (e *stepError) Error() string { return e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }
