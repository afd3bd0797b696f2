// Package signin guides a person through a sign-in: it chooses between a browser on
// this machine and a code, says what to do, and waits.
package signin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/credproc/credproc/cmd/internal/browser"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/startpage"
	"github.com/credproc/credproc/oidc"
)

// A Dialog is one sign-in, with the person at a terminal.
type Dialog struct {
	*terminal.Terminal
	Getenv func(string) string
	Label  string                  // what people call the session
	Open   func(page string) error // opens a page in a browser
	// Ready is called once the service has agreed to a sign-in, before the person
	// is asked for anything. It may be called again for another flow.
	Ready func(context.Context)

	Choice
	Strict bool // the flow was asked for: no other is tried
	QR     bool // draw the page of a code
}

// SignIn signs in by the chosen flow, or by a code if that flow cannot work here
// and the person did not ask for it.
func (d *Dialog) SignIn(ctx context.Context, config *oidc.Config) (*oidc.Token, error) {
	named := *config
	named.SessionName = d.Label
	opens := d.Opens
	if d.Flow == PKCE {
		token, err := d.browse(ctx, &named)
		why, other := insteadOfPKCE(err)
		if d.Strict || !other {
			return token, err
		}
		d.Say("%s Signing in with a code instead.", why)
		opens = opens && !errors.As(err, new(*browser.NotOpenedError))
	}
	return d.device(ctx, &named, opens)
}

// insteadOfPKCE reports whether a code may get further, and why.
func insteadOfPKCE(err error) (why string, other bool) {
	answer, _ := errors.AsType[*oidc.Error](err)
	switch none, unopened := errors.AsType[*browser.NotOpenedError](err); {
	case unopened:
		return fmt.Sprintf("No browser was opened: %v.", none.Err), true
	case errors.Is(err, oidc.ErrNoCallback):
		return "No browser can reach this process.", true
	case answer != nil && answer.Op == "RegisterClient" && answer.Code != "" && !answer.Temporary():
		return fmt.Sprintf("The service refuses a sign-in by the browser alone (%s).", answer.Code), true
	}
	return "", false
}

// browse signs in with a browser on this machine.
func (d *Dialog) browse(ctx context.Context, config *oidc.Config) (*oidc.Token, error) {
	w := d.Waiting()
	defer w.End()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return config.SignInWithBrowser(ctx, func(page string) error {
		if err := checkPage(config, page); err != nil {
			return err
		}
		d.Ready(ctx)
		d.invite(w, page) // before the browser, which may be done in no time
		if d.Opens {
			if err := d.Open(page); err != nil && !d.Strict {
				return &browser.NotOpenedError{Err: err}
			} else if err != nil {
				w.Say("No browser was opened: %v.", err)
			}
		}
		w.Count("Waiting for the browser", time.Now().Add(10*time.Minute))
		go d.EachLine(ctx, func(line string) {
			if err := deliver(ctx, page, line); err != nil && ctx.Err() == nil {
				w.Say("That cannot be used: %v. Paste the address of the page that the browser could not show.", err)
			}
		})
		return nil
	})
}

// invite shows the page of a sign-in with a browser on this machine.
func (d *Dialog) invite(w *terminal.Waiting, page string) {
	var how terminal.Prose = "To sign in to %s, open this page in a browser on this computer:"
	if d.Opens {
		how = "A browser opens to sign in to %s. If none does, open this page in one here:"
	}
	w.Say(how+"\n\n    %s\n", d.Label, page)
	tunnel := tunnel(d.Getenv, page)
	if tunnel != "" {
		w.Say("If the browser is on another computer, first run this there:\n\n    %s\n", tunnel)
	}
	if terminal.Is(d.InReader()) && (tunnel != "" || !d.Opens) {
		w.Say("If the browser ends at a page that it cannot show, paste its address here.")
	}
}

// device signs in with a device code. What the person has to type is always
// printed.
func (d *Dialog) device(ctx context.Context, config *oidc.Config, opens bool) (*oidc.Token, error) {
	code, err := config.StartDeviceCode(ctx)
	if err != nil {
		return nil, err
	}
	d.Ready(ctx)
	page, foreign, err := Page(config, code)
	if err != nil {
		return nil, err
	}
	d.Say("%s", Invitation(d.Label, code, page))
	d.ShowQR(page, d.QR, !opens)
	switch {
	case foreign != nil:
		d.Say("It was not opened, since its host is not known to be the service's.")
	case opens:
		if err := d.Open(page); err != nil {
			d.Say("No browser was opened: %v.", err)
		}
	}
	w := d.Waiting()
	defer w.End()
	w.Count("Waiting for the code to be confirmed", code.Expiry)
	return config.Redeem(ctx, code)
}

// Page returns the page of a code, which comes from outside. foreign says why it
// must not be opened.
func Page(config *oidc.Config, code *oidc.DeviceCode) (page string, foreign, err error) {
	page = cmp.Or(code.VerificationURIComplete, code.VerificationURI)
	foreign = checkPage(config, page)
	u, err := url.Parse(page)
	if err != nil || u.Host == "" || u.Scheme != "https" && foreign != nil {
		return "", foreign, errors.New("the service names a page that is not https: it is not opened")
	}
	return page, foreign, nil
}

// Invitation asks a person to confirm a code.
func Invitation(label string, code *oidc.DeviceCode, page string) terminal.Prose {
	return terminal.Prosef("To sign in to %s, open this page in a browser, on any device:\n\n    %s\n\nand confirm that it shows the code %s. It expires in %s.",
		label, page, code.UserCode, terminal.Roughly(time.Until(code.Expiry)))
}

// checkPage returns an error unless page may be given to a browser.
func checkPage(c *oidc.Config, page string) error {
	return (&startpage.Service{StartURL: c.StartURL, Region: c.Region, Endpoint: c.Endpoint, UseFIPS: c.UseFIPS, UseDualStack: c.UseDualStack}).Check(page)
}
