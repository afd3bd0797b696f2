package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/cmd/internal/child"
)

// Mount is the place of the commands in the kong grammar of another tool: of all
// of them, or of the one that its field names.
//
//	AWS cmd.Mount `cmd:"" passthrough:"" name:"aws" help:"AWS credentials."`
//
// What follows is handed on to [App.Run], with flags and all, so the tool may
// have flags of the same names. [App.Name] says which words lead to the
// commands: under "acme aws" a field Login in a command aws is the command
// login. An [*App] and a [context.Context] must be bound. The error of a command
// that has failed has been told already; [App.Report] makes the exit status of it.
type Mount struct {
	Args []string `arg:"" optional:"" help:"What to do."`
}

// Run implements the command, for kong.
func (m *Mount) Run(ctx context.Context, a *App, parsed *kong.Context) error {
	var words []string
	for node := parsed.Selected(); node != nil && node.Type == kong.CommandNode; node = node.Parent {
		words = slices.Insert(words, 0, node.Name)
	}
	name := strings.Fields(a.name())[1:]
	if len(words) < len(name) || !slices.Equal(words[:len(name)], name) {
		return fmt.Errorf("cmd: App.Name is %q, and the commands are mounted at %q", a.name(), strings.Join(words, " "))
	}
	if status := a.Run(ctx, append(words[len(name):], m.Args...)); status != done {
		return &child.StatusError{Status: status}
	}
	return nil
}

// commands is the grammar, for kong. The commands want an [*App] and a
// [context.Context] bound.
type commands struct {
	Debug debugFlag `help:"Log each step to stderr, without secrets."`

	Login   loginCommand   `cmd:"" help:"Sign in to an IAM Identity Center session."`
	Logout  logoutCommand  `cmd:"" help:"Sign out, and forget the session's tokens and credentials."`
	Process processCommand `cmd:"" aliases:"credential-process" help:"Print credentials of a role, for credential_process in ~/.aws/config."`
	Exec    execCommand    `cmd:"" help:"Run a command with credentials of a role in its environment."`
	Env     envCommand     `cmd:"" help:"Print credentials as variables for a shell, or as JSON."`
	Serve   serveCommand   `cmd:"" help:"Serve credentials of many roles to programs on this machine."`
	List    listCommand    `cmd:"" help:"List accounts and roles."`

	Configure configureCommand `cmd:"" help:"Write sessions and profiles into ~/.aws/config."`

	Status statusCommand `cmd:"" help:"Show what is signed in, and until when."`

	Console consoleCommand `cmd:"" help:"Open the AWS console in a browser."`
	Keyring keyringCommand `cmd:"" help:"Show where the logins are kept, lock it, or empty it."`
	Token   tokenCommand   `cmd:"" help:"Print the access token, for tools that need a bearer."`
	Doctor  doctorCommand  `cmd:"" help:"Check the setup and suggest fixes."`

	Completion   completionCommand   `cmd:"" help:"Print what makes a shell complete our commands, profiles and sessions."`
	CompleteLine completeLineCommand `cmd:"" hidden:"" passthrough:"" help:"Answer a shell."`

	Man     manCommand     `cmd:"" hidden:"" help:"Write the manual pages to a directory."`
	Version versionCommand `cmd:"" help:"Show the version."`
}

type debugFlag bool

// AfterApply is called by kong when the flag is met.
func (d debugFlag) AfterApply(a *App) error {
	a.debug = bool(d)
	return nil
}
