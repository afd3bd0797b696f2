package advice

import (
	"errors"
	"fmt"
	"strings"

	"github.com/credproc/credproc/cmd/internal/report"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/clicache"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

// SignInError is a sign-in that failed at the service.
type SignInError struct {
	Session *tokencache.Session
	Insists bool // on a browser on this machine, so that a code was not tried
	Err     error
}

// Error names the session.
func (e *SignInError) Error() string { return "sign in to " + e.Session.Label() + ": " + e.Err.Error() }

// Unwrap returns what the service said.
func (e *SignInError) Unwrap() error { return e.Err }

// ForbiddenError is a sign-in that the environment forbids.
type ForbiddenError struct{ Session, Variable string }

// Error names the variable.
func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("no sign-in to %s: %s forbids it", e.Session, e.Variable)
}

// UnconfirmedError is a sign-in that waits for a person.
type UnconfirmedError struct{ Session string }

// Error names the session.
func (e *UnconfirmedError) Error() string {
	return "the sign-in to " + e.Session + " has not been confirmed yet"
}

// NothingAssignedError is a person who can sign in, and then do nothing.
type NothingAssignedError struct{ Session string }

// Error names the session.
func (e *NothingAssignedError) Error() string { return "no account in session " + e.Session }

// aboutLogin is about sign-ins under way.
func (p *Program) aboutLogin(err error) (Advice, bool) {
	if e, ok := errors.AsType[*ForbiddenError](err); ok {
		return Advice{Status: SignInRequired, Text: terminal.ErrorText(e)}, true
	}
	if e, ok := errors.AsType[*clicache.LoginError](err); ok {
		return Advice{Status: SignInRequired, Text: terminal.ErrorText(e), Hint: p.Login()}, true
	}
	if e, ok := errors.AsType[*UnconfirmedError](err); ok {
		return Advice{Status: Unavailable, Kind: report.Pending, Text: terminal.ErrorText(e), Hint: p.Login("--resume")}, true
	}
	e, ok := errors.AsType[*SignInError](err)
	if !ok {
		return Advice{}, false
	}
	say := p.aboutSignIn(err, e)
	say.add(p.Elsewhere.Login(e.Session))
	return say, true
}

// aboutSignIn is about one that failed at the service, or on the way there.
func (p *Program) aboutSignIn(err error, e *SignInError) Advice {
	if trouble, offline := p.aboutTrouble(err); offline {
		return trouble
	}
	say := Advice{Status: Failed, Text: terminal.ErrorText(e)}
	answer, _ := errors.AsType[*oidc.Error](err)
	switch {
	case answer != nil && strings.HasPrefix(answer.Reason, "KMS_"):
		say.More = kmsAdvice
	case errors.Is(err, oidc.ErrDenied):
		say.Status, say.Kind, say.Text = SignInRequired, report.Denied, terminal.Prosef("the sign-in to %s was denied in the browser", e.Session.Label())
		if answer != nil && answer.Description != "" {
			say.Text += terminal.Prosef(": %s", answer.Description)
		}
		say.Hint = p.Login()
	case errors.Is(err, oidc.ErrExpired):
		say.Status, say.Kind, say.Text = SignInRequired, report.Expired, terminal.Prosef("the sign-in to %s was not confirmed in time", e.Session.Label())
		say.Hint = p.Login()
	case errors.Is(err, oidc.ErrNoCallback):
		say.Hint = p.Login("--use-device-code")
	case answer != nil:
		p.aboutRefusal(&say, e, answer)
	}
	return say
}

// aboutRefusal is about an answer that ended a sign-in.
func (p *Program) aboutRefusal(say *Advice, e *SignInError, answer *oidc.Error) {
	switch {
	case answer.StatusCode == 0 || answer.Temporary():
		say.Status = Unavailable
	case answer.Code == "":
		say.Status = Unavailable
		say.More = "A proxy or captive portal may be in the way."
	case e.Insists && answer.Op == "RegisterClient" && answer.Code != "invalid_request":
		say.Hint = p.Login("--use-device-code")
	case answer.Code == "invalid_request" || answer.Code == "invalid_grant":
		say.Status, say.Kind = Misconfigured, report.WrongRegion
		say.Text = terminal.Prosef("the service refused the sign-in to %s", e.Session.Label())
		if answer.Op != "CreateToken" {
			say.Text = terminal.Prosef("Identity Center in %s does not accept the start URL of %s", e.Session.Config.Region, e.Session.Label())
		}
		say.More = "Check sso_start_url, and sso_region: it is the region of the instance."
		say.Hint = p.Name + " doctor"
	}
}
