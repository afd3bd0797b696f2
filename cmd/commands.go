package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/help"
)

// Mount is the place of the commands in the kong grammar of another tool: of all
// of them, or of the one that its field names.
//
//	AWS cmd.Mount `cmd:"" passthrough:"" name:"aws" help:"AWS credentials."`
//
// The words after it go to [App.Run], flags included, so the tool may have flags of
// the same names. [App.Name] says which words lead to the commands: under "acme aws"
// a field Login in a command aws is the command login. An [*App] and a
// [context.Context] must be bound. The error of a failed command has been printed
// already; [App.Report] returns its exit status.
type Mount struct {
	Args []string `arg:"" optional:"" help:"What to do."`
}

// Run implements the command, for kong.
func (m *Mount) Run(ctx context.Context, a *App, parsed *kong.Context) error {
	words := help.Path(parsed.Selected())
	name := strings.Fields(a.name())[1:]
	if len(words) < len(name) || !slices.Equal(words[:len(name)], name) {
		return fmt.Errorf("cmd: App.Name is %q, and the commands are mounted at %q", a.name(), strings.Join(words, " "))
	}
	if status := a.Run(ctx, append(words[len(name):], m.Args...)); status != advice.Done {
		return &child.StatusError{Status: status}
	}
	return nil
}

// commands is the grammar, for kong. The commands want an [*App] and a
// [context.Context] bound.
type commands struct {
	Debug debugFlag `group:"common" help:"Log each step to stderr, without secrets."`

	Login  loginCommand  `cmd:"" group:"signin" help:"Sign in to an IAM Identity Center session."`
	Logout logoutCommand `cmd:"" group:"signin" help:"Sign out, and delete the session's tokens and credentials."`
	Status statusCommand `cmd:"" group:"signin" help:"Show what is signed in, and until when."`

	Process processCommand `cmd:"" group:"use" aliases:"credential-process" help:"Print a role's credentials, for a credential_process line."`
	Exec    execCommand    `cmd:"" group:"use" help:"Run a command with a role's credentials in its environment."`
	Env     envCommand     `cmd:"" group:"use" help:"Print a role's credentials for a shell, or as JSON."`
	Use     useCommand     `cmd:"" group:"use" help:"Switch this shell to a role."`
	Console consoleCommand `cmd:"" group:"use" help:"Open the AWS console in a browser."`

	Configure configureCommand `cmd:"" group:"setup" help:"Write sessions and profiles to ~/.aws/config."`
	List      listCommand      `cmd:"" group:"setup" help:"List your accounts and roles."`
	Doctor    doctorCommand    `cmd:"" group:"setup" help:"Check the setup and suggest fixes."`

	Policy     policyCommand     `cmd:"" group:"more" help:"Show what the administrator of this machine allows."`
	Serve      serveCommand      `cmd:"" group:"more" help:"Serve the credentials of many roles to programs on this machine, or on others with TLS."`
	Forward    forwardCommand    `cmd:"" group:"more" help:"Run a command with credentials from the endpoint of another machine."`
	Keyring    keyringCommand    `cmd:"" group:"more" help:"Show where logins are kept, lock a keyring, or empty it."`
	Token      tokenCommand      `cmd:"" group:"more" help:"Print a session's access token, for tools that need a bearer token."`
	ShellInit  shellInitCommand  `cmd:"" group:"more" name:"shell-init" help:"Print the shell function that the command use needs."`
	Completion completionCommand `cmd:"" group:"more" help:"Print a shell completion script."`
	Version    versionCommand    `cmd:"" group:"more" help:"Print the version."`
	Help       helpCommand       `cmd:"" group:"more" help:"Show the flags of a command, and examples."`

	CompleteLine completeLineCommand `cmd:"" hidden:"" passthrough:"" help:"Answer a shell."`
	OnWindows    onWindows           `embed:""`
	Man          manCommand          `cmd:"" hidden:"" help:"Write the manual pages to a directory."`
}

type debugFlag bool

// AfterApply is called by kong when the flag is met.
func (d debugFlag) AfterApply(a *App) error {
	a.debug = bool(d)
	return nil
}
