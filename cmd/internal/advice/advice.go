// Package advice puts errors in words for people: what happened, what else to
// know or do, and the command to run. It knows the errors of the libraries and of
// the rooms beside it.
package advice

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"github.com/credproc/credproc/cmd/internal/console"
	"github.com/credproc/credproc/cmd/internal/elsewhere"
	"github.com/credproc/credproc/cmd/internal/endpoint"
	"github.com/credproc/credproc/cmd/internal/profiles"
	"github.com/credproc/credproc/cmd/internal/report"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/tokencache"
)

// Advice is an error in words for people.
type Advice struct {
	Status int
	Kind   string         // one of package report's; "" is that of the status
	Text   terminal.Prose // what happened
	More   terminal.Prose // what else to know or do; may be ""
	Hint   string         // a command to run; may be ""
}

// Program is the one that speaks, and what it knows of its caller.
type Program struct {
	Name, ID, Version string
	Traces            bool            // a crash is shown with its stack
	Dirs              func() []string // of its own, as far as they are known: finding them opens a file
	Active            func() string   // the flags that name the role of this shell, or ""
	ConfigFile        func() string   // the setting of the file that was read, or ""

	Elsewhere *elsewhere.Settings
	Session   *tokencache.Session // that was asked for; nil: not known
	// Login is the command that signs in to what the caller asked for.
	Login func(flags ...string) string
}

func (p *Program) variable(name string) string { return layout.Variable(p.ID, name) }
func (p *Program) key(name string) string      { return layout.Key(p.ID, name) }

// About knows every error that the libraries return. The order matters: an error
// may wrap the one it comes from.
func (p *Program) About(err error) Advice {
	for _, look := range []func(error) (Advice, bool){
		aboutRooms, p.aboutPolicy, aboutShortage, p.aboutCrash, aboutConsole, p.aboutUnsafe, aboutEdit, p.aboutConfig, p.aboutKeyring, p.aboutRecords, p.aboutLogin, p.aboutSession, p.aboutFiles,
	} {
		if say, ok := look(err); ok {
			return say
		}
	}
	say := Advice{Status: StatusOf(err), Text: terminal.ErrorText(err)}
	if p.Name == "credproc" { // the page that explains messages says that name
		say.More = "See https://github.com/credproc/credproc/blob/main/docs/troubleshooting.md"
	}
	return say
}

// aboutRooms is about errors of commands that say all there is to say.
func aboutRooms(err error) (Advice, bool) {
	if e, ok := errors.AsType[*console.DestinationError](err); ok {
		return Advice{Status: Misconfigured, Text: terminal.Line(e.Problem)}, true
	}
	if e, ok := errors.AsType[*endpoint.Fault](err); ok {
		return Advice{Status: Failed, Text: terminal.Prosef("the other endpoint refused: %s", e.Message)}, true
	}
	if e, ok := errors.AsType[*endpoint.UnreachableError](err); ok {
		return aboutEndpoint(e), true
	}
	if e, ok := errors.AsType[*endpoint.RefusedError](err); ok {
		return Advice{Status: Misconfigured, Text: terminal.Line(e.Problem)}, true
	}
	e, ok := errors.AsType[*profiles.Error](err)
	if !ok {
		return Advice{}, false
	}
	return Advice{Status: Misconfigured, Text: terminal.Line(e.Problem), More: terminal.Line(e.More)}, true
}

// add adds a line to what else there is to know.
func (say *Advice) add(line terminal.Prose) {
	if say.More != "" && line != "" {
		say.More += "\n"
	}
	say.More += line
}

// In returns the advice as the program of that name says it.
func (say *Advice) In(name string) terminal.Prose {
	text := terminal.Prosef("%s: %s", name, terminal.TrimSuffix(say.Text, "."))
	if say.More != "" {
		text += "\n" + say.More
	}
	if say.Hint != "" {
		text += terminal.Prosef("\nhint: run %s", inQuotes(say.Hint)) // as it is: people copy it
	}
	return text
}

// inQuotes sets a command off from the sentence around it, unless its own quotes do.
func inQuotes(command string) string {
	if strings.Contains(command, `"`) {
		return command
	}
	return `"` + command + `"`
}

// Report is the advice for a program. The error is about a session and a profile,
// as far as they are known.
func (say *Advice) Report(err error, session, profile string) *report.Error {
	return &report.Error{
		Kind: cmp.Or(say.Kind, report.KindOf(say.Status)), Message: string(terminal.TrimSuffix(say.Text, ".")), Advice: string(say.More), Command: say.Hint,
		ExitStatus: say.Status, Session: session, Profile: profile, RetryAt: report.RetryAt(err), Details: report.DetailsOf(err),
	}
}

// Fault explains to the client of an endpoint why it gets no credentials.
func (say *Advice) Fault() *endpoint.Fault {
	f := &endpoint.Fault{Status: http.StatusBadRequest, Code: "Failed", Message: strings.TrimSuffix(string(say.Text), ".")}
	if say.More != "" {
		f.Message += ". " + string(say.More)
	}
	if say.Hint != "" {
		f.Message = strings.TrimSuffix(f.Message, ".") + ". Run: " + say.Hint
	}
	switch say.Status {
	case Misconfigured:
		f.Code = "WrongConfiguration"
	case Unavailable:
		f.Status, f.Code = http.StatusFailedDependency, "Unavailable"
	case SignInRequired:
		f.Status, f.Code = http.StatusUnauthorized, "SignInRequired"
	case NoAccess:
		f.Status, f.Code = http.StatusForbidden, "NoAccess"
	case KeyringShut:
		f.Status, f.Code = http.StatusFailedDependency, "KeyringUnavailable"
	}
	return f
}
