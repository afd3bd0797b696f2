package cmd

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

type useCommand struct {
	grantFlags
	Query []string `arg:"" optional:"" name:"query" help:"A profile, words that find a role, or - for the previous role. Default: you are asked."`
	Unset bool     `help:"Restore the environment as it was before."`
	Shell string   `enum:",sh,fish,powershell,cmd" default:"" placeholder:"SHELL" help:"Print the change for sh, fish, powershell or cmd, as the function of shell-init asks for it."`
}

// Run implements the command, for kong.
func (c *useCommand) Run(ctx context.Context, a *App) error {
	switch {
	case c.Shell == "":
		return noFunction(a)
	case c.Unset && (len(c.Query) > 0 || c.grantFlags != grantFlags{}):
		return &usageError{problem: "--unset takes no role"}
	case c.Unset:
		return printChange(a, c.Shell, own(a).StepsBack(inherited(a)))
	}
	child.NeverStop()
	return a.do(ctx, a.term().Interactive(), c.run)
}

func (c *useCommand) run(ctx context.Context, r *run) error {
	if err := c.findRole(ctx, r); err != nil {
		return err
	}
	if err := c.findProfile(ctx, r); err != nil {
		return err
	}
	t, err := c.target(r)
	if err != nil {
		return err
	}
	if err := r.offerSignIn(ctx, t); err != nil {
		return err
	}
	before := inherited(r.App)
	base := own(r.App).Without(before)
	g := c.grant(r, base)
	g.Profile(c.Profile)
	return printChange(r.App, c.Shell, own(r.App).Steps(before, own(r.App).With(before, g)))
}

// printChange prints what the function evaluates.
func printChange(a *App, name string, change child.Change) error {
	if name != "cmd" { // which has no comments on a line of its own, and no function
		if err := a.term().Verbatim(shell.Mark(a.command())); err != nil {
			return err
		}
	}
	return printSteps(a, name, change)
}

// noFunction says how a shell gets the function, without which nothing can change
// the shell's environment.
func noFunction(a *App) error {
	command, function := a.command(), strings.ReplaceAll(a.command(), " ", "-")
	var lines []terminal.Prose
	for _, name := range likelyShells(a) {
		file, line := shell.InitLine(name, command, function)
		lines = append(lines, terminal.Prosef("Add this line to %s, and start a new shell:\n    %s", file, line))
	}
	return &usageError{problem: "a program cannot change the environment of your shell: a function does that", more: terminal.Join(lines, "\n")}
}

// likelyShells are those that the user may have: one, if that is known.
func likelyShells(a *App) []string {
	all := []string{"bash", "zsh", "fish", "powershell"}
	mine := strings.TrimSuffix(filepath.Base(a.getenv("SHELL")), ".exe")
	switch {
	case slices.Contains(all, mine):
		return []string{mine}
	case runtime.GOOS == "windows":
		return []string{"powershell"}
	}
	return all
}

// findRole finds the role that the words name.
func (c *useCommand) findRole(ctx context.Context, r *run) error {
	switch {
	case len(c.Query) == 1 && c.Query[0] == "-":
		return c.previousRole(r)
	case len(c.Query) > 0 || c.roleFlags != roleFlags{}:
		return c.find(ctx, r, c.Query)
	case !r.Interactive():
		return r.usage("which role?")
	}
	picked, err := r.pickRole(ctx, "")
	c.roleFlags = picked
	return err
}

func (c *useCommand) previousRole(r *run) error {
	done := own(r.App).ActiveIn(r.getenv)
	switch {
	case done.Last == child.Role{}:
		return r.usage("no other role was used in this shell before")
	case c.roleFlags != roleFlags{}:
		return r.usage("- is the previous role: name no other")
	}
	c.roleFlags = roleFlags(done.Last)
	return nil
}

// findProfile finds a profile of the role from which other programs get
// credentials through our line, or offers to write one.
func (c *useCommand) findProfile(ctx context.Context, r *run) error {
	t, err := c.target(r)
	if err != nil {
		return err
	}
	if found, err := c.profileWithLine(r, t); err != nil || found {
		return err
	}
	configure, refusal := c.wayToLine(r, t)
	if !r.Interactive() || isChain(t.provider) || c.Profile == "" && t.session.Name == "" {
		return refusal
	}
	if err := configure.change(ctx, r); err != nil {
		return err
	}
	if err := r.reload(); err != nil {
		return err
	}
	if t, err = c.target(r); err != nil {
		return err
	}
	if found, err := c.profileWithLine(r, t); err != nil || found {
		return err
	}
	return refusal
}

// wayToLine is the command that gives the role a profile with our line, and the error
// for where it is not run.
func (c *useCommand) wayToLine(r *run, t *target) (*configureCommand, error) {
	role := t.provider
	if c.Profile == "" {
		words := shell.Words([]string{t.session.Name, "--match-account", role.AccountID, "--match-role", role.RoleName})
		return &configureCommand{SSOSession: t.session.Name, MatchAccount: []string{role.AccountID}, MatchRole: []string{role.RoleName}},
			&usageError{problem: "no profile has role " + role.RoleName + " in account " + role.AccountID, hint: r.name() + " configure " + strings.Join(words, " ")}
	}
	refusal := &usageError{problem: "other programs do not get the credentials of profile " + c.Profile + " from " + r.name(),
		hint: r.name() + " configure --convert " + shell.Word(c.Profile)}
	if isChain(role) {
		refusal.hint, refusal.more = "", "Convert the profile that it assumes its role with, by configure --convert."
	}
	return &configureCommand{Convert: true, Names: []string{c.Profile}}, refusal
}

// reload reads the configuration again, after a change of it.
func (r *run) reload() error {
	r.settle() // what the old one has started
	now, err := open(r.App, true, r.config.Logger)
	if err != nil {
		return err
	}
	r.config, r.inside, r.files, r.roles = now.config, now.inside, now.files, now.roles
	return nil
}

// profileWithLine looks for a profile with our line: the one that was named, or one
// that has the role.
func (c *useCommand) profileWithLine(r *run, t *target) (found bool, err error) {
	all, err := r.roles()
	if err != nil {
		return false, err
	}
	role := t.provider
	i := slices.IndexFunc(all, func(p credproc.ProfileRole) bool {
		if c.Profile != "" {
			return p.Profile == c.Profile && !p.Native
		}
		return !isChain(role) && !p.Native && p.RoleARN == "" && p.Session == cmp.Or(t.session.Name, t.session.Config.StartURL) && p.AccountID == role.AccountID && p.RoleName == role.RoleName
	})
	if i < 0 {
		return false, nil
	}
	c.roleFlags = roleFlags{Profile: all[i].Profile}
	return true, nil
}

// offerSignIn offers to sign in on a terminal, where programs would have to fail. A
// person who does not want to may use the role all the same.
func (r *run) offerSignIn(ctx context.Context, t *target) error {
	login, err := t.session.Status()
	if err != nil || mayWork(login) || !r.Interactive() {
		return err
	}
	needed := &tokencache.SignInError{Session: t.session.Label()}
	if err := r.offerLogin(ctx, t, true, needed); err != nil && !errors.Is(err, oidc.ErrSignInRequired) {
		return err
	}
	return nil
}

func mayWork(login *tokencache.Status) bool {
	return login != nil && (login.Ended == "" || login.Uncertain)
}

type shellInitCommand struct {
	Shell    string `arg:"" optional:"" help:"bash, zsh, fish or powershell."`
	Function string `placeholder:"NAME" help:"What the function is called. Default: the name of the program, if that is one word."`
}

// Run implements the command, for kong.
func (c *shellInitCommand) Run(a *App) error {
	words := strings.Fields(a.command())
	function := cmp.Or(c.Function, a.command())
	script, ok := shell.InitScript(c.Shell, a.command(), function)
	switch {
	case !ok:
		return &usageError{problem: "which shell? There are bash, zsh, fish, powershell", hint: a.name() + " shell-init bash"}
	case len(words) > 1 && (c.Function == "" || c.Function == words[0]):
		return &usageError{problem: "a function called " + words[0] + " would hide the other commands of " + words[0] + ": choose another name",
			hint: a.name() + " shell-init " + c.Shell + " --function " + strings.Join(words, "-")}
	case !shell.IsFunctionName(function):
		return &usageError{problem: "--function is " + c.Function + ": use only letters, digits, - and _, and no word of the shell's own"}
	}
	return a.term().Verbatim(script)
}
