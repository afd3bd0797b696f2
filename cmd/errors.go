package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/report"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/tokencache"
)

// usageError is a command line or an environment that cannot be obeyed.
type usageError struct {
	problem string
	more    terminal.Prose // what to do, in a sentence
	hint    string         // a command to run
	kind    string         // of report; "" is a usage error
}

func (e *usageError) Error() string { return e.problem }

// Report tells the person what happened and what to do, on stderr, and returns
// the exit status. err may be nil.
func (a *App) Report(err error) int {
	if err == nil {
		return advice.Done
	}
	say, silent := silently(err)
	if !silent {
		say = advise(a, err)
	}
	session, profile := subjectOf(err)
	switch {
	case say.Text == "": // another program's failure
	case a.setting(errorsSetting) == "json":
		a.term().SayJSON(say.Report(err, session, profile))
	case !silent:
		a.term().Say("%s", say.In(a.name()))
	}
	return say.Status
}

// silently is about errors that are a status alone: the command has said
// all of it, or was asked to be quiet. Only a program is told.
func silently(err error) (advice.Advice, bool) {
	if e, ok := errors.AsType[*silentError](err); ok {
		return e.say, true
	}
	return advice.Advice{Status: advice.Unread, Kind: report.Closed, Text: "the program that read the output closed it"}, terminal.IsUnread(err)
}

// silentError ends a command with a status, and no words.
type silentError struct{ say advice.Advice }

func (e *silentError) Error() string { return string(e.say.Text) }

var (
	errSignedOut = &silentError{advice.Advice{Status: advice.SignInRequired, Text: "not signed in"}}
	errShut      = &silentError{advice.Advice{Status: advice.KeyringShut, Text: "the keyring did not say whether there is a login"}}
	errFindings  = &silentError{advice.Advice{Status: advice.Failed, Kind: report.Findings, Text: "the doctor found problems"}}
)

// errorsSetting names the variable that makes errors JSON.
const errorsSetting = "ERRORS"

// checkErrors fails if the setting is none.
func checkErrors(a *App) error {
	switch value := a.setting(errorsSetting); value {
	case "", "text", "json":
		return nil
	default:
		return &usageError{problem: fmt.Sprintf("%s is %q: it must be json or text", a.variable(errorsSetting), value)}
	}
}

// subjectOf returns the session and the profile that an error is about, as far as
// they are known.
func subjectOf(err error) (session, profile string) {
	if t, ok := errors.AsType[*targetError](err); ok {
		profile = t.profile
		if t.session != nil {
			session = t.session.Label()
		}
	}
	if e, ok := errors.AsType[*awsconfig.UnknownProfileError](err); ok {
		profile = e.Name
	}
	if e, ok := errors.AsType[*awsconfig.UnknownSessionError](err); ok {
		session = e.Name
	}
	if e, ok := errors.AsType[*tokencache.SignInError](err); ok {
		session = cmp.Or(session, e.Session)
	}
	return session, profile
}

// advise puts an error in words.
func advise(a *App, err error) advice.Advice {
	if e, ok := errors.AsType[*terminal.InterruptedError](err); ok {
		return advice.Advice{Status: e.Status, Kind: report.Interrupted, Text: terminal.ErrorText(e)}
	}
	if e, ok := errors.AsType[*child.StatusError](err); ok {
		return advice.Advice{Status: e.Status, Kind: report.NotRun, Text: terminal.Line(e.Say)}
	}
	if e, ok := errors.AsType[*ownError](err); ok {
		say := advise(a, e.err)
		say.Kind, say.Status = cmp.Or(say.Kind, report.KindOf(say.Status)), ownFailure
		return say
	}
	if e, ok := errors.AsType[*usageError](err); ok {
		return advice.Advice{Status: advice.Misconfigured, Kind: cmp.Or(e.kind, report.Usage), Text: terminal.Line(e.problem), More: e.more, Hint: e.hint}
	}
	return adviser(a, err).About(err)
}

// adviser knows what this program and its caller have to do with an error.
func adviser(a *App, err error) *advice.Program {
	p := &advice.Program{
		Name: a.name(), ID: a.ID, Version: a.version(), Traces: a.debug || a.setting("LOG") == "debug",
		Dirs:       func() []string { return knownDirs(a) },
		Active:     func() string { return activeWords(a) },
		ConfigFile: func() string { return getenvBefore(a)("AWS_CONFIG_FILE") },
		Elsewhere:  elsewhereOf(a),
		Login:      func(flags ...string) string { return loginHint(a, err, flags...) },
	}
	if t, ok := errors.AsType[*targetError](err); ok {
		p.Session = t.session
	}
	return p
}

// loginHint is the command that signs in to what the caller asked for.
func loginHint(a *App, err error, flags ...string) string {
	words := append([]string{a.name(), "login"}, flags...)
	if _, ok := errors.AsType[*stepError](err); ok {
		words = append(words, "--start")
	}
	if t, ok := errors.AsType[*targetError](err); ok {
		if len(t.words) == 1 && strings.HasPrefix(t.words[0], "-") {
			words = append(words, "--") // a name that is no flag
		}
		words = append(words, t.words...)
	}
	for i, word := range words[1:] {
		words[i+1] = shell.Word(word)
	}
	return strings.Join(words, " ")
}

// knownDirs are those of [ownDirs], as far as they are known.
func knownDirs(a *App) []string {
	state, cache, err := ownDirs(a)
	if err != nil {
		return nil
	}
	return []string{state, cache}
}
