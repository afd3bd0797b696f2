package cmd

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/cmd/internal/browser"
	"github.com/credproc/credproc/cmd/internal/signin"
	"github.com/credproc/credproc/cmd/internal/status"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/clicache"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

type loginCommand struct {
	sessionFlags
	Flow          signin.Flow `enum:",auto,pkce,device" default:"" placeholder:"FLOW" help:"How to sign in: pkce (a browser on this machine), device (a code that any browser confirms) or auto (whichever fits this machine)."`
	UseDeviceCode bool        `help:"Same as --flow device."`
	NoBrowser     bool        `help:"Print the URL instead of opening a browser."`
	QR            bool        `name:"qr" help:"Show the page of a device code as a QR code."`
	Force         bool        `help:"Sign in again even if the session is valid. Ends the current session first and may sign your browser out."`
	FromAWSCLI    bool        `name:"from-aws-cli" help:"Take over the AWS CLI's login, and renew it from now on."`
	stepFlags
}

// Run implements the command, for kong.
func (c *loginCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, true, c.run)
}

func (c *loginCommand) run(ctx context.Context, r *run) error {
	if err := cmp.Or(c.checkSteps(r), c.checkFlow(r)); err != nil {
		return err
	}
	t, err := c.session(ctx, r)
	if err != nil {
		return c.refused(ctx, r, audit.SignIn, err)
	}
	if err := r.inside.Refused(ctx, audit.Line{Event: audit.SignIn, Session: t.session.Label()}, r.mayLogin(t.session)); err != nil {
		return err
	}
	switch {
	case c.Start:
		return t.wrap(c.start(ctx, r, t))
	case c.Resume:
		return t.wrap(c.resume(ctx, r, t.session))
	case c.FromAWSCLI:
		return t.wrap(r.takeOver(ctx, t.session, c.Force))
	}
	return t.wrap(r.login(ctx, t, &loginOptions{flow: c.Flow, noBrowser: c.NoBrowser, qr: c.QR, force: c.Force}))
}

func (c *loginCommand) checkFlow(r *run) error {
	switch {
	case c.UseDeviceCode && c.Flow == signin.PKCE:
		return r.usage("--use-device-code and --flow pkce say different things")
	case c.UseDeviceCode:
		c.Flow = signin.Device
	}
	return nil
}

// session is the one to sign in to. Of an instance that is named by its start URL
// alone, the region is found.
func (c *loginCommand) session(ctx context.Context, r *run) (*target, error) {
	if c.SSOStartURL != "" && c.SSORegion == "" && c.Session+c.SSOSession+c.Profile == "" {
		region, err := r.findRegion(ctx, c.SSOStartURL, true)
		if err != nil {
			return nil, err
		}
		c.SSORegion = region
	}
	return c.target(r)
}

// loginOptions say how to sign in. The zero value leaves all of it to what there
// is.
type loginOptions struct {
	flow      signin.Flow // "": by the settings
	noBrowser bool
	qr, force bool
}

func (r *run) login(ctx context.Context, t *target, o *loginOptions) error {
	s := t.session
	if err := r.mayLogin(s); err != nil {
		return err
	}
	if s.Application != nil {
		return r.loginByApplication(ctx, s, o.force)
	}
	d, err := r.dialog(ctx, s, o)
	if err != nil {
		return err
	}
	if !o.force {
		if err := r.takeUnnamed(ctx, s); err != nil {
			return err
		}
		if works, err := r.stillWorks(ctx, s); works || err != nil {
			return err
		}
	}
	if err := r.signIn(ctx, s, d); err != nil {
		return err
	}
	r.keyringNote(s)
	return nil
}

// signIn signs in, or joins a process that does.
func (r *run) signIn(ctx context.Context, s *tokencache.Session, d *signin.Dialog) error {
	first := r.sayWhoIsFirst(ctx, s)
	defer first()
	joined := true
	err := s.SignIn(ctx, func(ctx context.Context, config *oidc.Config) (*oidc.Token, error) {
		first()
		joined = false
		token, err := d.SignIn(ctx, config)
		if err != nil {
			return nil, &advice.SignInError{Session: s, Err: err, Insists: d.Strict && d.Flow == signin.PKCE}
		}
		return token, nil
	})
	switch {
	case err != nil:
		return err
	case joined:
		r.Say("Signed in to %s, by another process.", s.Label())
	default:
		r.Say("Signed in to %s.", s.Label())
	}
	return nil
}

// loginByApplication signs in, or renews, a session that needs no person for it.
func (r *run) loginByApplication(ctx context.Context, s *tokencache.Session, force bool) error {
	if force {
		if _, err := s.SignOut(ctx); err != nil {
			return err
		}
	}
	if err := s.Renew(ctx); err != nil {
		return err
	}
	r.Say("Signed in to %s by its application.", s.Label())
	r.keyringNote(s)
	return nil
}

// sayWhoIsFirst says that another process is signing in, whose outcome counts,
// and, until done is called, when it is stopped: it keeps its lock then.
func (r *run) sayWhoIsFirst(ctx context.Context, s *tokencache.Session) (done func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	said := r.sayWhoIs(s, "")
	if said != "" {
		r.inviteTo(ctx, s)
	}
	go func() {
		defer close(ended)
		for {
			select {
			case <-over:
				return
			case <-time.After(time.Second):
				said = r.sayWhoIs(s, said)
			}
		}
	}()
	return sync.OnceFunc(func() { close(over); <-ended })
}

// sayWhoIs says who is signing in unless that was said, and returns what it said
// last.
func (r *run) sayWhoIs(s *tokencache.Session, said string) string {
	say := status.SigningIn(s.Holders(), s.Label())
	if say != "" && say != said {
		r.Say("%s", say)
	}
	return cmp.Or(say, said)
}

// stillWorks reports whether the session was renewed just now: nothing less
// shows that it needs no sign-in. What a newer release wrote is no ruin to build
// on: that release can read it.
func (r *run) stillWorks(ctx context.Context, s *tokencache.Session) (bool, error) {
	err := s.Renew(ctx)
	unreadable, _ := errors.AsType[*tokencache.RecordError](err)
	switch {
	case err == nil:
		r.Say("Already signed in to %s: the session was renewed just now.", s.Label())
		return true, nil
	case errors.Is(err, oidc.ErrSignInRequired):
		return false, nil
	case errors.Is(err, credproc.ErrPolicy): // it may be moved to a keyring that is allowed
		return false, nil
	case errors.Is(err, sealed.ErrNewer):
		return false, err
	case unreadable != nil && unreadable.What != "sealing key": // which no sign-in replaces
		r.Say("%v. Signing in again.", err)
		return false, nil
	}
	return false, err
}

// dialog chooses how to sign in: by the flags, the settings, or the surroundings.
func (r *run) dialog(ctx context.Context, s *tokencache.Session, o *loginOptions) (*signin.Dialog, error) {
	d := &signin.Dialog{Terminal: r.Terminal, Getenv: r.getenv, Label: s.Label(), QR: o.qr,
		Open: func(page string) error { return r.openIn(s, page) }, Ready: r.endOld(s, o.force)}
	command, _ := r.files.Setting(s.Name, "browser")
	d.Choice = signin.Here(ctx, r.getenv, inherited(r.App)).Choose(o.noBrowser, command != "" || r.Browser != nil)
	if err := r.askedFlow(ctx, s, o.flow, d); err != nil {
		return nil, err
	}
	if r.config.Logger != nil {
		r.config.Logger.Debug("how to sign in", "session", s.Label(), "flow", d.Flow, "reason", d.Reason)
	}
	return d, nil
}

// askedFlow takes the flow that a flag or a setting asks for, and that the policy
// leaves.
func (r *run) askedFlow(ctx context.Context, s *tokencache.Session, asked signin.Flow, d *signin.Dialog) error {
	from := "--flow"
	if asked == "" {
		set, key := r.files.Setting(s.Name, "flow")
		asked, from = signin.Flow(set), key
	}
	switch asked {
	case "", signin.Auto:
	case signin.PKCE, signin.Device:
		d.Flow, d.Reason, d.Strict = asked, from+" says so", true
	default:
		return r.usage("%s is %q: it must be auto, pkce or device", from, asked)
	}
	return r.inside.Refused(ctx, audit.Line{Event: audit.SignIn, Session: d.Label}, d.Obey(r.files.Policy.CheckFlow, asked))
}

// openIn opens a page of a session: by its own credproc_browser, by BROWSER, or by
// what the system offers. An error means that nothing was opened.
func (r *run) openIn(s *tokencache.Session, page string) error {
	command, _ := r.files.Setting(s.Name, "browser")
	if r.Browser != nil && command == "" {
		return r.Browser(page)
	}
	return opener(r.App).Open(command, page)
}

// opener opens pages. A browser sees no secret: neither one of credproc's own, nor
// the credentials of an exec that started this process.
func opener(a *App) *browser.Opener {
	e := inherited(a)
	e.RemoveCredentials()
	return &browser.Opener{Getenv: a.getenv, Environ: e}
}

// endOld returns what ends the session at the service, once, if a login is forced:
// a new sign-in would inherit its end, and the assignments it knows.
func (r *run) endOld(s *tokencache.Session, force bool) func(context.Context) {
	ended := !force
	return func(ctx context.Context) {
		if ended {
			return
		}
		ended = true
		in, err := inside.Of[inside.Session](s)
		if err == nil {
			err = in.Revoke(ctx)
		}
		switch {
		case err == nil:
			r.Say("The old session is ended at the service; the browser may be signed out too.")
		case !errors.Is(err, keyring.ErrNotFound):
			r.Say("The old session could not be ended at the service: %s.", advise(r.App, err).Text)
		}
	}
}

// takeOver makes the AWS CLI's login ours. What shows that it works is a renewal,
// which comes after it is stored: it may spend the refresh token.
func (r *run) takeOver(ctx context.Context, s *tokencache.Session, force bool) error {
	if err := r.mayLogin(s); err != nil {
		return err
	}
	if !force {
		works, err := r.stillWorks(ctx, s)
		if works || err != nil {
			return err
		}
	}
	token, err := clicache.Import(clicache.Dir(r.files.Home()), s)
	if err != nil {
		return err
	}
	err = s.SignIn(ctx, func(context.Context, *oidc.Config) (*oidc.Token, error) { return token, nil })
	if err == nil {
		err = s.Renew(ctx)
	}
	if err != nil {
		return err
	}
	r.Say("Signed in to %s with the AWS CLI's login, which is renewed here from now on. The AWS CLI may want a sign-in of its own the next time.", s.Label())
	r.keyringNote(s)
	return nil
}

// keyringNote says where the tokens are, unless that is where people expect
// them.
func (r *run) keyringNote(s *tokencache.Session) {
	if login, err := s.Status(); err == nil && login != nil {
		if note := status.KeptIn(login.Keyring); note != "" {
			r.Say("%s", note)
		}
	}
}

// offerLogin asks the person on the terminal whether to sign in, where that is
// what err wants and mayOffer allows it, and does it. It returns err if there is
// no terminal to ask on or the answer is no, else how the sign-in ended.
func (r *run) offerLogin(ctx context.Context, t *target, mayOffer bool, err error) error {
	if !mayOffer || !errors.Is(err, oidc.ErrSignInRequired) || !r.Interactive() || r.mayLogin(t.session) != nil {
		return err
	}
	agreed, askErr := r.Agrees(terminal.Prosef("Not signed in to %s. Sign in now?", t.session.Label()))
	if askErr != nil {
		return askErr
	}
	if !agreed {
		return err
	}
	return r.login(ctx, t, &loginOptions{})
}
