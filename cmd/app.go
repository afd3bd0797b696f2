// Package cmd is the credproc command set, for the program credproc and for
// tools that mount the commands under a name of their own:
//
//	app := &cmd.App{Identity: credproc.Identity{Name: "acme aws", ID: "acme"}}
//	os.Exit(app.Run(ctx, os.Args[1:]))
//
// A tool passes on the words after its own, whatever parses them; examples/parsers
// shows it with kong, cobra, urfave/cli and flag. In a kong grammar [Mount] does it.
// [App.Complete] completes the words for a shell.
//
// This is the only package that speaks to people: it turns the typed errors of
// the libraries into words, advice and exit statuses.
package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/help"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/settings"
	"github.com/credproc/credproc/tokencache/keyring"
)

// App is the command set under one name, and the outside world as it sees it.
// The zero App is credproc itself. An App runs one command at a time.
type App struct {
	// Identity is the name of the commands: what people type, in usage, hints and
	// messages, how the credential_process lines start that configure writes, and
	// what directories, keychain items and environment variables are named after.
	credproc.Identity
	// Version is printed by the version command. "" means this module's.
	Version string

	Stdin          io.Reader              // nil: os.Stdin
	Stdout, Stderr io.Writer              // nil: os.Stdout, os.Stderr
	Getenv         func(string) string    // nil: os.Getenv
	Environ        func() []string        // what the processes that it starts inherit; nil: os.Environ
	Browser        func(url string) error // opens a page; nil: BROWSER, or the system's
	HTTPClient     *http.Client           // nil: by the environment's proxy and CA bundle
	Keyring        keyring.Keyring        // nil: by the login, or ID_KEYRING

	place      policy.Place
	debug      bool
	passphrase func() string     // asked for before; nil: not yet
	secrets    map[string]string // of the environment, by their names without a prefix
}

// Run parses args, without the program's name, and runs the command. It
// returns the exit status:
//
//	0    done
//	1    failed
//	2    usage or configuration
//	3    temporarily unavailable
//	4    sign-in required
//	5    no access to that role, or the policy of the machine does not allow it
//	6    keyring locked or unavailable
//	130  interrupted; 128 and the signal's number for others
//
// exec passes on the status of the command that it runs, and has 125 for its
// own failures. On Unix it does not return: the command takes the process.
func (a *App) Run(ctx context.Context, args []string) (status int) {
	defer caught(a, &status)
	harden()
	if err := safedir.Few(); err != nil {
		return a.Report(err)
	}
	if err := checkErrors(a); err != nil {
		return a.Report(err)
	}
	parsed, command, err := parse(ctx, a, args)
	if parsed == nil || err != nil {
		return a.Report(err)
	}
	if err := checkPolicy(a, parsed.Command()); err != nil {
		return a.Report(err)
	}
	return a.Report(parsed.Run(command))
}

// checkPolicy fails if the policy cannot be obeyed, but for the commands that must
// work then: those that give no one credentials, and the ones to find out with.
func checkPolicy(a *App, command string) error {
	command, _, _ = strings.Cut(command, " ")
	switch command {
	case "help", "version", "completion", "complete-line", "logout", "doctor", "policy":
		return nil
	}
	_, err := a.place.Load(a.ID)
	if err != nil && command == "exec" {
		return &ownError{err}
	}
	return err
}

// parser returns one that knows all commands, and writes help to a.
func (a *App) parser(ctx context.Context) (*kong.Kong, error) {
	var grammar struct {
		Help helpFlag `short:"h" group:"common" help:"Show help."`
		commands
	}
	return kong.New(&grammar,
		kong.Name(a.name()),
		kong.Description("AWS credentials from IAM Identity Center for every process on this machine."),
		kong.NoDefaultHelp(),
		kong.ExplicitGroups(help.Groups()),
		kong.Bind(a),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
}

func (a *App) name() string             { return cmp.Or(a.Name, "credproc") }
func (a *App) command() string          { return cmp.Or(a.Command, a.name()) }
func (a *App) version() string          { return cmp.Or(a.Version, awsapi.Version()) }
func (a *App) variable(n string) string { return layout.Variable(a.ID, n) }
func fileKey(a *App, n string) string   { return layout.Key(a.ID, n) }

// term returns the terminal that the command is on.
func (a *App) term() *terminal.Terminal {
	return terminal.New(a.Stdin, a.Stdout, a.Stderr, a.Getenv)
}

func (a *App) getenv(name string) string {
	if a.Getenv != nil {
		return a.Getenv(name)
	}
	return os.Getenv(name)
}

// setting returns one of our own environment variables.
func (a *App) setting(name string) string { return a.getenv(a.variable(name)) }

// run is one command under way.
type run struct {
	*App
	*terminal.Terminal
	config *credproc.Config
	inside settings.Config // of config, as its files are
	files  *settings.Files
	roles  func() ([]credproc.ProfileRole, error) // of config: found once, as there may be thousands
	// A person has called it, and may be asked which session is meant.
	attended bool

	signals *child.Signals
}

func newRun(a *App, config *credproc.Config, attended bool) *run {
	r := &run{App: a, Terminal: a.term(), config: config, roles: sync.OnceValues(config.Roles), attended: attended}
	if in, err := inside.Of[settings.Config](config); err == nil {
		r.inside, r.files = in, in.Files()
	}
	return r
}

// do runs a command. When it returns, nothing is under way that must not be
// cut off.
func (a *App) do(ctx context.Context, attended bool, command func(context.Context, *run) error) error {
	logger, err := newLogger(a)
	if err != nil {
		return err
	}
	r, err := open(a, attended, logger)
	if err != nil {
		return err
	}
	r.signals = &child.Signals{Pause: r.pause}
	ctx, stop := r.signals.Defer(ctx)
	defer stop()
	r.Cause = func() error { return context.Cause(ctx) }
	err = command(ctx, r)
	r.settle()
	if err != nil && logger != nil {
		logger.Debug("failed", "error", err) // in the protocol's own words
	}
	if signal, ok := errors.AsType[*terminal.InterruptedError](context.Cause(ctx)); ok && err != nil {
		return signal
	}
	return err
}

// open reads the configuration, and fails where it cannot be used.
func open(a *App, attended bool, logger *slog.Logger) (*run, error) {
	config, err := newConfig(a, attended, logger)
	if err != nil {
		return nil, err
	}
	if err := config.Open(); err != nil {
		return nil, err
	}
	return newRun(a, config, attended), checkDirs(config)
}

func newConfig(a *App, attended bool, logger *slog.Logger) (*credproc.Config, error) {
	config := &credproc.Config{
		Identity: a.Identity, Getenv: getenvBefore(a), HTTPClient: a.HTTPClient,
		Keyring: a.Keyring, MayPrompt: attended, Logger: logger,
		Unlock:          unlockBy(a, attended),
		NewLoginKeyring: a.setting("KEYRING"),
		RunCommand: func(ctx context.Context, line string) (string, error) {
			return firstLineOf(ctx, a, line, "web_identity_token_command")
		},
	}
	inside.Put[settings.Config](config, a.place)
	if names := append([]string{"auto"}, keyring.Names()...); config.NewLoginKeyring != "" && !slices.Contains(names, config.NewLoginKeyring) {
		return nil, &usageError{problem: fmt.Sprintf("%s is %q: it must be %s", a.variable("KEYRING"), config.NewLoginKeyring, oneOf(names))}
	}
	var err error
	if config.Unlock.KeyFile, err = pathSetting(a, "KEY_FILE"); err != nil {
		return nil, err
	}
	if config.LaxModes, err = isOff(a, "STRICT_MODES"); err != nil {
		return nil, err
	}
	if config.NoKeyCache, err = isOff(a, "KEY_CACHE"); err != nil {
		return nil, err
	}
	if config.StateDir, config.CacheDir, err = ownDirs(a); err != nil {
		return nil, err
	}
	if isHomeless(a) && !filepath.IsAbs(a.getenv("AWS_CONFIG_FILE")) {
		return nil, advice.ErrNoHome
	}
	return config, nil
}

// ownDirs returns the directories of the state and of the cache, by the settings.
func ownDirs(a *App) (state, cache string, err error) {
	dir, err := pathSetting(a, "DIR")
	if err != nil {
		return "", "", err
	}
	if dir != "" {
		state, cache = layout.DirsIn(dir)
		return state, cache, nil
	}
	state, cache, err = layout.DefaultDirs(a.ID)
	switch {
	case err == nil:
		return state, cache, nil
	case isHomeless(a):
		return "", "", advice.ErrNoHome
	}
	return "", "", &credproc.ConfigError{Err: err} // XDG_CACHE_HOME or HOME is relative
}

// pathSetting returns one of our own settings that names a file or a directory.
// Which directory a process was started in says nothing, so it must be absolute.
func pathSetting(a *App, name string) (string, error) {
	value := a.setting(name)
	path, ok := awsconfig.Expand(value, awsconfig.Home(a.getenv))
	switch {
	case !ok:
		return "", &usageError{problem: fmt.Sprintf("%s is %q, and there is no home directory", a.variable(name), value)}
	case path != "" && !filepath.IsAbs(path):
		return "", &usageError{problem: fmt.Sprintf("%s is %q: it must be an absolute path, or start with ~/", a.variable(name), value)}
	}
	return path, nil
}

// isOff reports whether a setting that is on by default is off. Anything but these
// two words is an error: a typo must not leave a check or a cache as it was.
func isOff(a *App, name string) (bool, error) {
	switch value := a.setting(name); strings.ToLower(value) {
	case "", "on":
		return false, nil
	case "off":
		return true, nil
	default:
		return false, &usageError{problem: fmt.Sprintf("%s is %q: it must be on or off", a.variable(name), value)}
	}
}

// checkDirs fails where another user could replace our directories.
func checkDirs(config *credproc.Config) error {
	if config.LaxModes {
		return nil
	}
	return cmp.Or(safedir.Dir(config.StateDir).Secure(), safedir.Dir(config.CacheDir).Secure())
}

// isHomeless reports whether nothing says where the home directory is.
func isHomeless(a *App) bool { return awsconfig.Home(a.getenv) == "" }

// settleTime is longer than a request to the service and the keychain's answer
// take together.
const settleTime = 30 * time.Second

// settle waits for what must not be cut off by the end of the process, and lets
// none of it start again.
func (r *run) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	r.config.Close(ctx) // or the time is over
}

// pause waits until the process holds no lock, and takes none until resume.
func (r *run) pause() (resume func()) {
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	var resumes []func()
	for _, s := range r.inside.Sessions() {
		in, err := inside.Of[inside.Session](s)
		if err != nil {
			continue // it holds nothing
		}
		if resume, err := in.Pause(ctx); err == nil {
			resumes = append(resumes, resume)
		}
	}
	return func() {
		for _, resume := range resumes {
			resume()
		}
	}
}
