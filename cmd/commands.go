package cmd

// Commands is the grammar, for kong. The commands want an [*App] and a
// [context.Context] bound.
type Commands struct {
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
	Doctor  doctorCommand  `cmd:"" help:"Look for what is wrong, and say what mends it."`

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
