package cmd

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/credproc/credproc/cmd/internal/doctor"
	"github.com/credproc/credproc/cmd/internal/help"
	"github.com/credproc/credproc/cmd/internal/status"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/kernelring"
	"github.com/credproc/credproc/internal/settings"
	"github.com/credproc/credproc/tokencache"
)

type doctorCommand struct {
	JSON    bool `name:"json" help:"Print JSON."`
	Offline bool `help:"Send nothing to the network."`
	Fix     bool `help:"Fix this program's own files, after asking."`
	Yes     bool `short:"y" help:"Do not ask before --fix changes something."`
}

// Run implements the command, for kong.
func (c *doctorCommand) Run(ctx context.Context, a *App) error {
	if c.Fix && c.JSON {
		return &usageError{problem: "--fix asks questions, and --json is for programs: choose one"}
	}
	found := examine(ctx, a, c.Offline)
	if c.Fix {
		fixed, err := fix(a, found, c.Yes)
		if err != nil {
			return err
		}
		if fixed {
			found = examine(ctx, a, c.Offline)
		}
	}
	if err := c.print(a, found); err != nil {
		return err
	}
	for _, f := range found {
		if f.Bad() {
			return errFindings
		}
	}
	return nil
}

func (c *doctorCommand) print(a *App, found []doctor.Finding) error {
	if c.JSON {
		return a.term().PrintJSON(found)
	}
	return a.term().Print("%s", doctor.Text(found, a.term().Paint(), a.name()))
}

// examine makes all checks. It changes nothing, and asks the service for
// nothing but whether it is there.
func examine(ctx context.Context, a *App, offline bool) []doctor.Finding {
	unruled := *a // whose sessions are shown whatever the policy has become
	unruled.place.Ignored = true
	d, config := newChecks(ctx, &unruled)
	d.Policy(a.place.Load(a.ID))
	d.Environment()
	d.Syntax()
	if config != nil {
		if in, err := inside.Of[settings.Config](config); err == nil {
			d.Void(in.Void())
		}
	}
	d.Profiles()
	d.Lines()
	if config != nil {
		d.Written(func(name string) (*tokencache.Session, error) { return written(config, name) })
		checkLogins(ctx, a, d, config)
		checkKeychain(ctx, a, d, config)
	}
	d.Directories()
	if config != nil {
		if in, err := inside.Of[settings.Config](config); err == nil {
			d.Trail(in.Trail())
		}
	}
	d.Locks()
	d.Opens()
	if !offline {
		d.Network(ctx)
	}
	d.Instance(ctx, offline)
	d.Leftovers()
	d.Tools()
	return d.Found
}

// newChecks checks the settings, which say where everything else is. config is nil
// if they are wrong.
func newChecks(ctx context.Context, a *App) (d *doctor.Checks, config *credproc.Config) {
	const check = "settings"
	d = &doctor.Checks{Machine: machineOf(ctx, a)}
	logger, err := newLogger(a)
	if err != nil {
		d.Failed(check, err)
	}
	if config, err = newConfig(a, false, logger); err != nil {
		config = nil
		d.Failed(check, err)
	}
	locate(a, d, check)
	if !d.Bad(check) {
		d.OK(check, "%s %s at %s", a.name(), a.version(), d.Short(d.Self))
	}
	return d, config
}

// machineOf is what the checks need of this program and its environment.
func machineOf(ctx context.Context, a *App) doctor.Machine {
	m := doctor.Machine{
		Getenv: a.getenv, Program: a.name(), Command: strings.Fields(a.command()), ID: a.ID, Client: a.HTTPClient,
		Takes: func(words []string) error { return takes(ctx, a, words) },
		Explain: func(err error) (seen, more, hint string) {
			say := advise(a, err)
			return string(say.Text), string(say.More), say.Hint
		},
	}
	m.Self, _ = os.Executable()
	if active, ok := roleHere(a); ok {
		m.Active = &active
	}
	if a.Browser == nil {
		m.Browser = opener(a)
	}
	return m
}

// locate finds the files.
func locate(a *App, d *doctor.Checks, check string) {
	var err error
	if d.Config, d.Credentials, err = awsconfig.Paths(getenvBefore(a), awsconfig.Home(a.getenv)); err != nil && !d.Bad(check) {
		d.Failed(check, &credproc.ConfigError{Err: err})
	}
	if d.Config != "" && !isPipe(d.Config) && !isPipe(d.Credentials) { // which the commands read, and only once
		d.Files, _ = awsconfig.Load(d.Config, d.Credentials) // what is wrong with them, another check says
	}
	d.Lax, _ = isOff(a, "STRICT_MODES")
	d.KeyFile, _ = pathSetting(a, "KEY_FILE")
	d.State, d.Cache, _ = ownDirs(a)
}

func isPipe(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&fs.ModeNamedPipe != 0
}

// takes returns what the grammar says of the arguments of a line.
func takes(ctx context.Context, a *App, words []string) error {
	parser, err := (&App{Identity: a.Identity, Stdout: io.Discard, Stderr: io.Discard}).parser(ctx)
	if err != nil {
		return nil
	}
	if _, err := parser.Parse(words); err != nil {
		return errors.New(help.Problem(err))
	}
	return nil
}

// written returns a session, or what is wrong in its section.
func written(config *credproc.Config, name string) (*tokencache.Session, error) {
	s, err := config.Session(name)
	if err == nil {
		var in settings.Config
		if in, err = inside.Of[settings.Config](config); err == nil {
			in.JustLook()
			_, err = in.Files().SessionDuration(name)
		}
	}
	if err == nil {
		_, err = config.Role(s, "000000000000", "x") // what else the section says
	}
	return s, err
}

func checkLogins(ctx context.Context, a *App, d *doctor.Checks, config *credproc.Config) {
	const check = "logins"
	if d.Files == nil {
		return
	}
	all, err := newRun(a, config, false).statusOf(ctx, &statusCommand{Check: true})
	if err != nil {
		d.Failed(check, err)
		return
	}
	d.Logins(all, func(s *status.Session, flags ...string) string {
		return loginHint(a, &targetError{words: s.LoginWords(), err: errSignedOut}, flags...)
	})
	for _, s := range d.Sessions {
		if text := elsewhereOf(a).Login(s); text != "" {
			d.Note(check, "", "%s", text)
		}
	}
}

func checkKeychain(ctx context.Context, a *App, d *doctor.Checks, config *credproc.Config) {
	if a.Keyring != nil {
		return
	}
	kernel := doctor.Kernel{Works: status.KernelWorks()}
	if !kernelring.Persistent() {
		kernel.Open = status.OpenToSandboxes
	}
	d.Keychain(ctx, keyringsInUse(a, config), kernel)
}

func keyringsInUse(a *App, config *credproc.Config) map[string]bool {
	inUse := map[string]bool{config.NewLoginKeyring: true}
	logins, _ := tokencache.Logins(config.StateDir, a.ID)
	for _, login := range logins {
		inUse[login.Keyring] = true
	}
	return inUse
}

// fix repairs what the doctor can, and reports whether there was anything. It is
// little, but the modes of files are what a copy or a backup most often breaks,
// and no other command makes every one of them right.
func fix(a *App, found []doctor.Finding, yes bool) (done bool, err error) {
	todo := slices.DeleteFunc(slices.Clone(found), func(f doctor.Finding) bool { return f.Repair == nil })
	if len(todo) == 0 {
		a.term().Say("Nothing here can be fixed automatically.")
		return false, nil
	}
	for _, f := range todo {
		a.term().Say("%s", f.Fix)
	}
	if !yes && !a.term().Interactive() {
		return false, &usageError{problem: "without a terminal, --fix needs --yes"}
	}
	if !yes {
		if agreed, err := a.term().Confirms("Do that?"); !agreed {
			return false, err
		}
	}
	for _, f := range todo {
		err = errors.Join(err, f.Repair())
	}
	return true, err
}
