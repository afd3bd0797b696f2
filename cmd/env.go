package cmd

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/terminal"
)

type envCommand struct {
	grantFlags
	lifeFlags
	Query  []string `arg:"" optional:"" name:"profile" help:"A profile or, on a terminal, words that find a role."`
	Shell  string   `enum:",sh,fish,powershell,cmd" default:"" placeholder:"SHELL" help:"Print commands that make this shell use the role, and unset variables that conflict: sh (the default), fish, powershell or cmd."`
	Format string   `enum:",env,env-no-export,fish,powershell,windows-cmd,dotenv,process,json" default:"" placeholder:"FORMAT" help:"Print only the credentials: env, env-no-export, fish, powershell, windows-cmd and process as the AWS CLI prints them, or dotenv, json."`
	Unset  bool     `help:"Print commands that undo what env has set."`
	Force  bool     `help:"Print secrets even to a terminal."`
}

// Run implements the command, for kong.
func (c *envCommand) Run(ctx context.Context, a *App) error {
	if c.Shell != "" && c.Format != "" {
		return &usageError{problem: "--shell prints a change of the shell, and --format the credentials alone: choose one"}
	}
	if c.Format != "" && (c.Region != "" || c.Metadata) {
		return &usageError{problem: "--format prints the credentials alone: --region and --metadata are for a shell"}
	}
	c.Shell = cmp.Or(c.Shell, "sh")
	switch {
	case c.Unset && c.Format != "":
		return printUnset(a, c.Format)
	case c.Unset:
		return printSteps(a, c.Shell, own(a).StepsBack(inherited(a)))
	}
	if use := c.use(); use != "" && terminal.Is(a.term().OutWriter()) && !c.Force {
		return &usageError{problem: "the secrets would be shown on this terminal",
			more: "Run: " + terminal.Prosef(use, a.name()) + "\nOr add --force."}
	}
	return a.do(ctx, a.term().Interactive(), c.run)
}

// use is how a shell reads what is printed; "" if no shell does.
func (c *envCommand) use() terminal.Prose {
	if c.Format != "" {
		return shell.Formats[c.Format].Use
	}
	return shell.Shells[c.Shell].Use
}

func (c *envCommand) run(ctx context.Context, r *run) error {
	if err := c.check(r); err != nil {
		return err
	}
	if err := r.inside.Refused(ctx, c.line(r, c.Query), r.files.Policy.CheckOutput("env")); err != nil {
		return err
	}
	if err := c.find(ctx, r, c.Query); err != nil {
		return err
	}
	credentials, err := c.retrieve(ctx, r, &c.roleFlags, false)
	if err != nil {
		return err
	}
	before, after, g := c.change(r, credentials)
	if c.Format == "" {
		return printSteps(r.App, c.Shell, own(r.App).Steps(before, after))
	}
	text, err := shell.Formats[c.Format].Text(credentials)
	if err != nil {
		return err
	}
	if names := child.Conflicts(before, after, g.Role.Profile); names != nil && c.use() != "" {
		r.Say("%s: warning: these variables are set and override or conflict with the credentials: %s. Without --format, env changes them too.",
			r.name(), strings.Join(names, ", "))
	}
	return r.Verbatim(text)
}

// printUnset prints what removes the variables of a format.
func printUnset(a *App, format string) error {
	text, ok := shell.Formats[format].Removal()
	if !ok {
		return &usageError{problem: "--unset is for the formats that a shell reads, which " + format + " is not"}
	}
	return a.term().Verbatim(text)
}

// printSteps prints what a shell has to do.
func printSteps(a *App, name string, change child.Change) error {
	text, left, err := shell.Steps(name, change)
	for _, l := range left {
		a.term().Say("%s: warning: %s is not set, since its value cannot be printed for %s: %v", a.name(), l.Name, name, l.Err)
	}
	if err != nil {
		return err
	}
	return a.term().Verbatim(text)
}

// lifeFlags are for commands that hand out what they cannot renew.
type lifeFlags struct {
	MinValidity *time.Duration `placeholder:"30m" help:"Fetch new credentials if the cached ones expire sooner than this. Default: half the lifetime of new ones."`
}
