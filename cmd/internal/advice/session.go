package advice

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/report"
	"github.com/credproc/credproc/cmd/internal/status"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

const kmsAdvice = "The key that encrypts the Identity Center instance cannot be used. Tell your administrator the reason."

// aboutSession is about what the service says to an existing session.
func (p *Program) aboutSession(err error) (Advice, bool) {
	if e, ok := errors.AsType[*credproc.NoAccessError](err); ok {
		return p.aboutAccess(err, e), true
	}
	if e, ok := errors.AsType[*NothingAssignedError](err); ok {
		return Advice{Status: NoAccess, Text: terminal.ErrorText(e),
			More: "No role is assigned to you yet, or this is an account instance, which has none.",
			Hint: p.Login("--force")}, true
	}
	if e, ok := errors.AsType[*tokencache.DeniedError](err); ok {
		return Advice{Status: StatusOf(err), Text: terminal.Prosef("sign-in required for session %s: the last one was denied at %s", e.Session, e.At.Format(time.TimeOnly)), Kind: report.Denied, Hint: p.Login()}, true
	}
	if e, ok := errors.AsType[*tokencache.SignInError](err); ok {
		say := Advice{Status: StatusOf(err), Text: terminal.Prosef("sign-in required for session %s: %s", e.Session, e.Reason), Hint: p.Login()}
		if e.Ended {
			say.Kind, say.Text = report.Ended, status.HasEnded(e.Session, e.SignedIn)
		}
		if p.Session != nil {
			say.More = p.Elsewhere.Login(p.Session)
		}
		return say, true
	}
	if say, ok := p.aboutTrouble(err); ok {
		return say, true
	}
	if e, ok := errors.AsType[*tokencache.ApplicationError](err); ok {
		return Advice{Status: SignInRequired, Text: terminal.Prosef("session %s cannot sign in by its application: %s", e.Session, e.Reason), More: whyNoApplication(e.Err)}, true
	}
	return aboutService(err)
}

// whyNoApplication is what to do where an application cannot sign in, by the cause of a
// [tokencache.ApplicationError].
func whyNoApplication(cause error) terminal.Prose {
	switch cause {
	case oidc.ErrAssertion:
		return "Fix credproc_web_identity_token_file or credproc_web_identity_token_command in the sso-session. It must give a JWT."
	case oidc.ErrAssertionExpired:
		return "It works again as soon as there is a new token: the next call reads it."
	case oidc.ErrUntrusted:
		return "The application must trust the issuer of the token (iss), and accept its audience (aud). A token with a jti claim is accepted once."
	case oidc.ErrNotAssigned:
		return "The user of the token must be assigned to the application, and the signing role needs sso-oauth:CreateTokenWithIAM."
	}
	return "Check the application and credproc_application_arn in the sso-session."
}

// aboutService is about a call that failed and may work later.
func aboutService(err error) (Advice, bool) {
	if e, ok := errors.AsType[*tokencache.ServiceError](err); ok {
		say := Advice{Status: StatusOf(err), Text: terminal.ErrorText(e)}
		if shared, ok := errors.AsType[*flight.SharedError](err); ok {
			say.Text = terminal.Prosef("%s: %s", e.Op, shared.Reason)
			say.More = earlier(shared)
		}
		if strings.Contains(e.Reason, "KMS_") {
			say.More = kmsAdvice
		}
		return say, true
	}
	_, busy := errors.AsType[*flight.BusyError](err)
	return Advice{Status: Unavailable, Text: terminal.ErrorText(err)}, busy || errors.Is(err, context.DeadlineExceeded)
}

func earlier(shared *flight.SharedError) terminal.Prose {
	return terminal.Prosef("This error is from an earlier call; the next attempt is allowed at %s.", shared.Until.Format(time.TimeOnly))
}

// aboutTrouble is about services that cannot be reached.
func (p *Program) aboutTrouble(err error) (Advice, bool) {
	t := report.TroubleIn(err)
	if t == nil {
		return Advice{}, false
	}
	say := Advice{Status: Unavailable, Hint: p.Name + " doctor"}
	say.Kind, say.Text, say.More = unreachable(t)
	if shared, ok := errors.AsType[*flight.SharedError](err); ok {
		say.add(earlier(shared))
		say.Hint = ""
	}
	return say, true
}

// aboutAccess ends with what the administrator says about requests.
func (p *Program) aboutAccess(err error, e *credproc.NoAccessError) Advice {
	say := p.aboutRole(err, e)
	say.add(terminal.Line(e.Request))
	return say
}

func (p *Program) aboutRole(err error, e *credproc.NoAccessError) Advice {
	say := Advice{Status: StatusOf(err), Text: terminal.ErrorText(e)}
	if e.RoleARN != "" {
		say.More = "Check the role's trust policy, and the permissions of the role that it is assumed with."
		return say
	}
	if slices.Contains(e.Held, e.RoleName) {
		say.Text = terminal.Prosef("the service refuses role %s in account %s through session %s, though it is assigned to you", e.RoleName, e.AccountID, e.Session)
		if answer, ok := errors.AsType[*awsapi.Error](e.Err); ok {
			say.Text += ": " + terminal.ErrorText(answer)
		}
		say.More = "Signing in again does not help. The permission set may not be provisioned in the account yet, the account may be suspended, or a policy may deny it: ask your administrator."
		return say
	}
	if i := slices.IndexFunc(e.Held, func(role string) bool { return strings.EqualFold(role, e.RoleName) }); i >= 0 {
		say.More = terminal.Prosef("Role names are case-sensitive: use %s.", e.Held[i])
		return say
	}
	if terminal.Width(say.In(p.Name)) > terminal.Columns {
		say.Text = terminal.Prosef("no access to role %s in account %s", e.RoleName, e.AccountID)
	}
	var typo bool
	if say.More, typo = held(e.RoleName, e.Held); !typo {
		say.Hint = p.Login("--force")
	}
	return say
}
