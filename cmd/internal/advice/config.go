package advice

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"syscall"

	"github.com/credproc/credproc/cmd/internal/browser"
	"github.com/credproc/credproc/cmd/internal/console"
	"github.com/credproc/credproc/cmd/internal/endpoint"
	"github.com/credproc/credproc/cmd/internal/profiles"
	"github.com/credproc/credproc/cmd/internal/report"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/oidc"
)

// aboutPolicy is about what the administrator, or a rule about agents, does not
// allow, and about a policy that cannot be read.
func (p *Program) aboutPolicy(err error) (Advice, bool) {
	if e, ok := errors.AsType[*policy.Refusal](err); ok {
		return Advice{Status: NoAccess, Kind: report.Policy, Text: terminal.ErrorText(e), Hint: p.Name + " policy"}, true
	}
	if e, ok := errors.AsType[*policy.AgentRefusal](err); ok {
		return Advice{Status: NoAccess, Kind: report.Policy, Text: terminal.ErrorText(e)}, true
	}
	if e, ok := errors.AsType[*policy.FileError](err); ok {
		return Advice{Status: Misconfigured, Text: terminal.ErrorText(e), More: "Ask the administrator of this machine to fix it."}, true
	}
	return Advice{}, false
}

// aboutConsole is about pages and browsers.
func aboutConsole(err error) (Advice, bool) {
	if e, ok := errors.AsType[*browser.NotOpenedError](err); ok {
		return Advice{Status: Failed, Kind: report.NoBrowser, Text: terminal.ErrorText(e),
			More: "Set BROWSER to a program that opens pages, or print the URL with --print."}, true
	}
	if e, ok := errors.AsType[*endpoint.HandOverError](err); ok {
		say := Advice{Status: Failed, Text: terminal.ErrorText(e), More: "With --print the URL is printed instead."}
		if e.Twice {
			say.More = "If the console did not open for you, another user may have the session: ask an administrator to revoke the active sessions of the role."
		}
		return say, true
	}
	e, ok := errors.AsType[*console.FederationError](err)
	if !ok {
		return Advice{}, false
	}
	say := Advice{Status: Failed, Text: terminal.ErrorText(e)}
	if e.RequestID != "" {
		say.Text += terminal.Prosef(", request ID %s", e.RequestID)
	}
	if e.Temporary() {
		say.Status = Unavailable
	}
	if t := awsapi.TroubleOf(e); t != nil {
		t.Host = strings.TrimPrefix(e.Base, "https://")
		say.Kind, say.Text, say.More = unreachable(t)
	}
	return say, true
}

// ErrNoHome is an environment that does not say where the user's files are.
var ErrNoHome = errors.New("cannot determine the home directory")

// NearestError is a role that was named by something that is no profile.
type NearestError struct {
	Lines terminal.Prose // about the roles most like it
	Err   error
}

// Error says that there is no such profile.
func (e *NearestError) Error() string { return e.Err.Error() }

// Unwrap returns the error of that profile.
func (e *NearestError) Unwrap() error { return e.Err }

func (p *Program) aboutConfig(err error) (Advice, bool) {
	say := Advice{Status: Misconfigured, Text: terminal.ErrorText(err)}
	if errors.Is(err, ErrNoHome) {
		say.More = terminal.Prosef("Set HOME, or AWS_CONFIG_FILE and %s.", p.variable("DIR"))
	}
	if e, ok := errors.AsType[*awsconfig.ReservedRoleError](err); ok {
		say.Text = terminal.Prosef("%v: that is the IAM role which Identity Center made from a permission set", e.Setting)
		say.More = terminal.Prosef("Use the permission set's name, %s.", e.PermissionSet)
		return say, true
	}
	if p.aboutNames(err, &say) {
		return say, true
	}
	if e, ok := errors.AsType[*oidc.ConfigError](err); ok {
		key := map[string]string{"StartURL": "sso_start_url", "Region": "sso_region", "Endpoint": "the endpoint"}[e.Field]
		say.Text = terminal.Prosef("%s %q %s", key, e.Value, e.Problem)
		if e.Value == "" { // it cannot be shown
			say.Text = terminal.Prosef("%s: %s", key, e.Problem)
		}
		return say, true
	}
	if e, ok := errors.AsType[*awsapi.SettingError](err); ok {
		say.Text = terminal.ErrorText(e)
		return say, true
	}
	if e, ok := errors.AsType[*credproc.UnsupportedProfileError](err); ok {
		say.Text, say.More = terminal.ErrorText(e), p.aboutProfile(e)
		return say, true
	}
	if e, ok := errors.AsType[*awsconfig.MissingError](err); ok {
		say.Text = terminal.Prosef("%s: %s lacks %s", e.Location, e.Section, strings.Join(e.Keys, " and "))
		return say, true
	}
	_, setting := errors.AsType[*credproc.ConfigError](err)
	_, edit := errors.AsType[*awsconfig.EditError](err)
	_, syntax := errors.AsType[*awsconfig.SyntaxError](err)
	return say, edit || syntax || setting || errors.Is(err, ErrNoHome)
}

// aboutProfile says what else there is for a profile that is not of Identity Center.
func (p *Program) aboutProfile(e *credproc.UnsupportedProfileError) terminal.Prose {
	switch {
	case e.MFA:
		return terminal.Prosef("%s cannot ask for a code. Assume a role that needs none, or use the AWS CLI.", p.Name)
	case e.Direct:
		return terminal.Prosef("The AWS CLI and the SDKs get these by themselves: use the profile without %s.", p.Name)
	}
	return "Only profiles whose credentials come from IAM Identity Center are supported."
}

// aboutEdit is about a change of the config file that is not made.
func aboutEdit(err error) (Advice, bool) {
	say := Advice{Status: Misconfigured, Text: terminal.ErrorText(err)}
	if e, ok := errors.AsType[*profiles.CommandError](err); ok {
		say.Kind, say.Text = report.NotOnPath, terminal.Line(e.Problem)
		say.More = "Install it in a directory of PATH, or set the start of the lines with --command."
		return say, true
	}
	if e, ok := errors.AsType[*awsconfig.ForeignError](err); ok {
		say.More = "Perhaps you ran a command with sudo that made it."
		say.Hint = "sudo chown $(id -u) " + shell.Word(e.Path)
		return say, true
	}
	if e, ok := errors.AsType[*awsconfig.ReadOnlyError](err); ok {
		say.Text = terminal.ErrorText(e) + ": it is not changed"
		return say, true
	}
	if e, ok := errors.AsType[*awsconfig.ReplaceError](err); ok && !safedir.IsFull(err) {
		return aboutReplace(e, runtime.GOOS), true
	}
	return say, false
}

// aboutReplace is about a config file that its directory lets us write, and that
// cannot be replaced all the same.
func aboutReplace(e *awsconfig.ReplaceError, goos string) Advice {
	say := Advice{Status: Misconfigured, Text: terminal.ErrorText(e), More: "Nothing was changed."}
	switch {
	case errors.Is(e, syscall.EBUSY), errors.Is(e, syscall.EXDEV):
		say.More += terminal.Prosef(" The file may be mounted by itself, as in a container: mount its directory instead, or edit %s where it comes from.", e.Path)
	case errors.Is(e, fs.ErrPermission):
		say.More += " " + whyNotReplaced(goos)
	default:
		say.Status = Failed
	}
	return say
}

func whyNotReplaced(goos string) terminal.Prose {
	switch goos {
	case "windows":
		return "Another program may have the file open: close it, and try again."
	case "darwin":
		return "The file may be locked or immutable: \"ls -lO\" shows its flags, and \"chflags nouchg\" removes one."
	}
	return "The file may be immutable: \"lsattr\" shows that, and \"sudo chattr -i\" makes it writable."
}

// aboutNames is about profiles and sessions that the config file does not have.
func (p *Program) aboutNames(err error, say *Advice) bool {
	if e, ok := errors.AsType[*awsconfig.UnknownProfileError](err); ok {
		names := known("profiles", e.Name, e.Known)
		if near, ok := errors.AsType[*NearestError](err); ok {
			names = "The nearest roles are\n" + near.Lines
		}
		say.Kind, say.More = report.UnknownProfile, p.inPlaceOf(e.Name)
		p.aboutUnknown(say, e.Path, len(e.Known) == 0, names, func(c *awsconfig.Config) bool { return c.Profiles[e.Name] != nil })
		return true
	}
	if e, ok := errors.AsType[*awsconfig.UnknownSessionError](err); ok {
		say.Kind = report.UnknownSession
		p.aboutUnknown(say, e.Path, len(e.Known) == 0, known("sso-sessions", e.Name, e.Known), func(c *awsconfig.Config) bool { return c.Sessions[e.Name] != nil })
		return true
	}
	return false
}

// aboutUnknown says which names there are instead, and which other file has the one
// that is not there.
func (p *Program) aboutUnknown(say *Advice, path string, empty bool, names terminal.Prose, has func(*awsconfig.Config) bool) {
	if empty {
		say.Hint = p.Name + " configure"
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		say.Kind, say.Text, say.Hint = report.NoConfig, terminal.Prosef("no config file %s", path), p.Name+" configure"
		names = ""
	}
	say.More += names + p.Elsewhere.Config(p.ConfigFile(), has)
}

// inPlaceOf says how to name the role of this shell where the default profile is
// missing. It is not used unasked: a line that names no profile means the default
// one, in every shell.
func (p *Program) inPlaceOf(profile string) terminal.Prose {
	if profile == "default" {
		if words := p.Active(); words != "" {
			return terminal.Prosef("For the role of this shell, add %s\n", words)
		}
	}
	return ""
}
