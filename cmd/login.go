package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

type loginCommand struct {
	sessionFlags
	Flow          string `enum:",auto,pkce,device" default:"" placeholder:"FLOW" help:"How to sign in: pkce (a browser on this machine), device (a code that is confirmed in any browser), or auto, which looks where it is."`
	UseDeviceCode bool   `help:"The same as --flow device."`
	NoBrowser     bool   `help:"Open no browser: what it would show is printed."`
	QR            bool   `name:"qr" help:"Show the page of a device code as a QR code."`
	Force         bool   `help:"Sign in anew although the session works: ends it at the service first, and signs the browser out too."`
	FromAWSCLI    bool   `name:"from-aws-cli" help:"Take over the login of the AWS CLI, and renew it from here on."`
}

// Run implements the command, for kong.
func (c *loginCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, true, func(ctx context.Context, r *run) error {
		if c.UseDeviceCode {
			if c.Flow == flowPKCE {
				return r.usage("--use-device-code and --flow pkce say different things")
			}
			c.Flow = flowDevice
		}
		if c.SSOStartURL != "" && c.SSORegion == "" && c.Session+c.SSOSession+c.Profile == "" {
			region, err := r.findRegion(ctx, c.SSOStartURL)
			if err != nil {
				return err
			}
			c.SSORegion = region
		}
		t, err := c.target(r)
		if err != nil {
			return err
		}
		if c.FromAWSCLI {
			return t.wrap(r.takeOver(ctx, t.session, c.Force))
		}
		return t.wrap(r.loginBy(ctx, t, &loginOptions{flow: c.Flow, noBrowser: c.NoBrowser, qr: c.QR, force: c.Force}))
	})
}

// loginOptions say how to sign in. The zero value leaves all of it to what there
// is.
type loginOptions struct {
	flow      string // "": by the settings
	noBrowser bool
	qr, force bool

	ended bool // the old session has been
}

// login signs in as whoever asks for nothing special does.
func (r *run) login(ctx context.Context, t *target, browser, force bool) error {
	return r.loginBy(ctx, t, &loginOptions{noBrowser: !browser, force: force})
}

func (r *run) loginBy(ctx context.Context, t *target, o *loginOptions) error {
	s := t.session
	if forbidsLogin(r.App) {
		return &forbiddenError{session: sessionLabel(s), variable: r.variable("NO_LOGIN")}
	}
	way, strict, err := r.choose(ctx, s, o)
	if err != nil {
		return err
	}
	if !o.force {
		works, err := r.stillWorks(ctx, s)
		if works || err != nil {
			return err
		}
	}
	first := r.sayWhoIsFirst(s)
	defer first()
	joined := true
	err = s.SignIn(ctx, func(ctx context.Context, config *oidc.Config) (*oidc.Token, error) {
		first()
		joined = false
		token, err := r.signIn(ctx, s, config, way, strict, o)
		if err != nil {
			return nil, &loginError{session: s, err: err, insists: strict && way.flow == flowPKCE}
		}
		return token, nil
	})
	switch {
	case err != nil:
		return err
	case joined:
		r.Say("Signed in to %s, by another process.", sessionLabel(s))
	default:
		r.Say("Signed in to %s.", sessionLabel(s))
	}
	return r.keyringNote(s)
}

// sayWhoIsFirst says that another process is signing in, whose outcome counts,
// and, until done is called, when it is stopped: it keeps its lock then.
func (r *run) sayWhoIsFirst(s *tokencache.Session) (done func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	said := r.sayWhoIs(s, "")
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
	for _, h := range s.Holders() {
		if !strings.HasPrefix(h.Op, "sign in to ") || h.PID == os.Getpid() {
			continue
		}
		say := fmt.Sprintf("Process %d is signing in to %s already: waiting for it. If it gives up, this one goes on.", h.PID, sessionLabel(s))
		if h.Stopped() {
			say = fmt.Sprintf("Process %d, which is signing in to %s, is stopped. Continue it with \"fg\" in its shell, or end it with \"kill -9 %d\": this one waits for it.",
				h.PID, sessionLabel(s), h.PID)
		}
		if say != said {
			r.Say("%s", say)
		}
		return say
	}
	return said
}

// stillWorks reports whether the session was renewed just now: nothing less
// shows that it needs no sign-in. What a newer release wrote is no ruin to build
// on: that release can read it.
func (r *run) stillWorks(ctx context.Context, s *tokencache.Session) (bool, error) {
	err := s.Renew(ctx)
	unreadable, _ := errors.AsType[*tokencache.RecordError](err)
	switch {
	case err == nil:
		r.Say("Already signed in to %s: the session was renewed just now.", sessionLabel(s))
		return true, nil
	case errors.Is(err, oidc.ErrSignInRequired):
		return false, nil
	case errors.Is(err, sealed.ErrNewer):
		return false, err
	case unreadable != nil && unreadable.What != "sealing key": // which no sign-in replaces
		r.Say("%v. Signing in anew.", err)
		return false, nil
	}
	return false, err
}

// signIn signs in one way, and where that cannot be and nobody insists on it, by
// a code.
func (r *run) signIn(ctx context.Context, s *tokencache.Session, config *oidc.Config, way choice, strict bool, o *loginOptions) (*oidc.Token, error) {
	named := *config
	named.SessionName = sessionLabel(s)
	if way.flow == flowPKCE {
		token, err := r.browse(ctx, s, &named, way, strict, o)
		why, other := insteadOfPKCE(err)
		if strict || !other {
			return token, err
		}
		r.Say("%s Signing in with a code instead.", why)
		way.opens = way.opens && !errors.As(err, new(*noBrowserError))
	}
	return r.device(ctx, s, &named, way, o)
}

// insteadOfPKCE reports whether a code may get further, and why.
func insteadOfPKCE(err error) (why string, other bool) {
	answer, _ := errors.AsType[*oidc.Error](err)
	switch none, unopened := errors.AsType[*noBrowserError](err); {
	case unopened:
		return fmt.Sprintf("No browser was opened: %v.", none.err), true
	case errors.Is(err, oidc.ErrNoCallback):
		return "No browser can reach this process.", true
	case answer != nil && answer.Op == "RegisterClient" && answer.Code != "" && !answer.Temporary():
		return fmt.Sprintf("The service refuses a sign-in by the browser alone (%s).", answer.Code), true
	}
	return "", false
}

// browse signs in with a browser on this machine.
func (r *run) browse(ctx context.Context, s *tokencache.Session, config *oidc.Config, way choice, strict bool, o *loginOptions) (*oidc.Token, error) {
	w := r.Waiting()
	defer w.End()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return config.SignInWithBrowser(ctx, func(page string) error {
		if err := config.CheckPage(page); err != nil {
			return err
		}
		r.endOld(ctx, s, o)
		r.invite(w, s, page, way.opens) // before the browser, which may be done in no time
		if way.opens {
			if err := r.openIn(s, page); err != nil && !strict {
				return &noBrowserError{err: err}
			} else if err != nil {
				w.Say("No browser was opened: %v.", err)
			}
		}
		w.Count("Waiting for the browser", time.Now().Add(10*time.Minute))
		go r.EachLine(ctx, func(line string) {
			if err := deliver(ctx, page, line); err != nil && ctx.Err() == nil {
				w.Say("That cannot be used: %v. Paste the address of the page that the browser could not show.", err)
			}
		})
		return nil
	})
}

// invite shows the page of a sign-in with a browser on this machine.
func (r *run) invite(w *terminal.Waiting, s *tokencache.Session, page string, opens bool) {
	var how terminal.Prose = "To sign in to %s, open this page in a browser on this computer:"
	if opens {
		how = "A browser opens to sign in to %s. If none does, open this page in one here:"
	}
	w.Say(how+"\n\n    %s\n", sessionLabel(s), page)
	tunnel := sshLine(r.getenv, page)
	if tunnel != "" {
		w.Say("If the browser is on another computer, first run this there:\n\n    %s\n", tunnel)
	}
	if terminal.Is(r.InReader()) && (tunnel != "" || !opens) {
		w.Say("If the browser ends at a page that it cannot show, paste its address here.")
	}
}

// pasteTime is more than the service takes to exchange a code.
const pasteTime = 20 * time.Second

// deliver requests the address that the person has pasted, where their browser
// could not reach this process, if it is that of the callback. It is checked where
// a browser's request is.
func deliver(ctx context.Context, page, pasted string) error {
	asked, err := url.Parse(page)
	if err != nil {
		return err
	}
	ours, err := url.Parse(asked.Query().Get("redirect_uri"))
	if err != nil {
		return err
	}
	u, err := url.Parse(pasted)
	if err != nil || u.Scheme != ours.Scheme || u.Host != ours.Host || u.Path != ours.Path || u.RawQuery == "" {
		return errors.New("it does not begin with " + ours.String() + "?")
	}
	ctx, cancel := context.WithTimeout(ctx, pasteTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return errors.New("it is no address")
	}
	// A proxy is no way to ourselves, and must not see the code.
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return errors.New("nobody is waiting for it any more")
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New("it is not the answer to this sign-in")
	}
	return nil
}

// sshLine is what brings a browser on the other end of an SSH connection to us:
// "" where there is none.
func sshLine(getenv func(string) string, page string) string {
	connection := strings.Fields(getenv("SSH_CONNECTION")) // client, port, server, port
	asked, err := url.Parse(page)
	if err != nil || len(connection) != 4 {
		return ""
	}
	back, err := url.Parse(asked.Query().Get("redirect_uri"))
	if err != nil {
		return ""
	}
	to := connection[2]
	if user := cmp.Or(getenv("USER"), getenv("LOGNAME")); user != "" {
		to = user + "@" + to
	}
	line := fmt.Sprintf("ssh -N -L %s:%s %s", back.Port(), net.JoinHostPort("127.0.0.1", back.Port()), shell.Word(to))
	if connection[3] != "22" {
		line += " -p " + shell.Word(connection[3])
	}
	return line
}

// device signs in with a device code. What there is to type is always printed.
func (r *run) device(ctx context.Context, s *tokencache.Session, config *oidc.Config, way choice, o *loginOptions) (*oidc.Token, error) {
	code, err := config.StartDeviceCode(ctx)
	if err != nil {
		return nil, err
	}
	r.endOld(ctx, s, o)
	page, foreign, err := pageOf(config, code)
	if err != nil {
		return nil, err
	}
	r.Say("%s", invitation(s, code, page))
	r.ShowQR(page, o.qr, !way.opens)
	switch {
	case foreign != nil:
		r.Say("It is not opened from here, since it is at a host that is not known to be the service's.")
	case way.opens:
		if err := r.openIn(s, page); err != nil {
			r.Say("No browser was opened: %v.", err)
		}
	}
	w := r.Waiting()
	defer w.End()
	w.Count("Waiting for the code to be confirmed", code.Expiry)
	return config.Redeem(ctx, code)
}

// endOld ends the session at the service where a login is forced: a new sign-in
// would inherit its end, and the assignments it knows.
func (r *run) endOld(ctx context.Context, s *tokencache.Session, o *loginOptions) {
	if !o.force || o.ended {
		return
	}
	o.ended = true
	switch err := s.Revoke(ctx); {
	case err == nil:
		r.Say("The old session is ended at the service; the browser may be signed out too.")
	case !errors.Is(err, keyring.ErrNotFound):
		r.Say("The old session could not be ended at the service: %v.", err)
	}
}

// takeOver makes the AWS CLI's login ours. What shows that it works is a renewal,
// which comes after it is stored: it may spend the refresh token.
func (r *run) takeOver(ctx context.Context, s *tokencache.Session, force bool) error {
	if forbidsLogin(r.App) {
		return &forbiddenError{session: sessionLabel(s), variable: r.variable("NO_LOGIN")}
	}
	if !force {
		works, err := r.stillWorks(ctx, s)
		if works || err != nil {
			return err
		}
	}
	token, err := r.config.CLILogin(s)
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
	r.Say("Signed in to %s with the AWS CLI's login, which is renewed here from now on. The AWS CLI may want a sign-in of its own the next time.", sessionLabel(s))
	return r.keyringNote(s)
}

// pageOf returns the page of a code, which comes from outside. foreign says why
// it must not be opened.
func pageOf(config *oidc.Config, code *oidc.DeviceCode) (page string, foreign, err error) {
	page = cmp.Or(code.VerificationURIComplete, code.VerificationURI)
	foreign = config.CheckPage(page)
	u, err := url.Parse(page)
	if err != nil || u.Host == "" || u.Scheme != "https" && foreign != nil {
		return "", foreign, errors.New("the service names a page that is not https: it is not opened")
	}
	return page, foreign, nil
}

// invitation asks a person to confirm a code.
func invitation(s *tokencache.Session, code *oidc.DeviceCode, page string) terminal.Prose {
	return terminal.Prosef("To sign in to %s, open this page in a browser, on any device:\n\n    %s\n\nand confirm that it shows the code %s. It is good for %s.",
		sessionLabel(s), page, code.UserCode, terminal.Roughly(time.Until(code.Expiry)))
}

// keyringNote says where the tokens are, unless that is where people expect
// them.
func (r *run) keyringNote(s *tokencache.Session) error {
	status, err := s.Status()
	if err != nil || status == nil {
		return nil
	}
	switch status.Keyring {
	case "kernel":
		if new(keyring.Kernel).Persistent() {
			r.Say("Its tokens are in the kernel's keyring, until a reboot or three days without use.")
		} else {
			r.Say("Its tokens are in the kernel's keyring, until your last process ends: %s.", openToSandboxes)
		}
	case "file":
		r.Say("Its tokens are in files that are encrypted with a key of your own.")
	case "plaintext":
		r.Say("Its tokens are in plaintext files: nothing guards them but the files' mode.")
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
	insists bool // on a browser on this machine, so that a code was not tried
}

func (e *loginError) Error() string {
	return "sign in to " + sessionLabel(e.session) + ": " + e.err.Error()
}
func (e *loginError) Unwrap() error { return e.err }

func sessionLabel(s *tokencache.Session) string { return s.Label() }

// offerLogin asks the person on the terminal whether to sign in, where that is
// what err wants and mayOffer allows it, and does it. It returns err if there is
// nobody to ask or the answer is no, else how the sign-in ended.
func (r *run) offerLogin(ctx context.Context, t *target, mayOffer bool, err error) error {
	if !mayOffer || !errors.Is(err, oidc.ErrSignInRequired) || !r.Interactive() || forbidsLogin(r.App) {
		return err
	}
	agreed, askErr := r.Agrees(terminal.Prosef("Not signed in to %s. Sign in now?", sessionLabel(t.session)))
	if askErr != nil {
		return askErr
	}
	if !agreed {
		return err
	}
	return r.login(ctx, t, true, false)
}
