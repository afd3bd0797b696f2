package cmd

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/endpoint"
	"github.com/credproc/credproc/cmd/internal/help"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/safedir"
)

// ownFailure is the status of exec where it fails itself, as of env, nice and docker.
const ownFailure = 125

type execCommand struct {
	grantFlags
	lifeFlags
	Server bool     `help:"Give the command credentials that renew automatically, from a local endpoint."`
	Name   string   `arg:"" optional:"" name:"profile" help:"A profile or, on a terminal, words that find a role."`
	Words  []string `arg:"" optional:"" name:"-- command" help:"The command and its arguments. Default: your shell."`
}

// Run implements the command, for kong.
func (c *execCommand) Run(ctx context.Context, a *App, command commandLine) error {
	return asOwnFailure(c.start(ctx, a, command))
}

// asOwnFailure marks what is not the end of the command.
func asOwnFailure(err error) error {
	_, ended := errors.AsType[*child.StatusError](err)
	_, signalled := errors.AsType[*terminal.InterruptedError](err)
	if err == nil || ended || signalled {
		return err
	}
	return &ownError{err}
}

// ownError is a failure of exec, and not of the command.
type ownError struct{ err error }

func (e *ownError) Error() string { return e.err.Error() }
func (e *ownError) Unwrap() error { return e.err }

// runsCommand reports whether a command runs another one, after --.
func runsCommand(name string) bool { return name == "exec" || name == "forward" }

// asOwn makes a usage error of exec's one with its status. What looks like an
// unknown flag is often the command's.
func asOwn(parse error, usage *usageError) error {
	if command := help.Selected(parse); len(command) != 1 || !runsCommand(command[0]) {
		return usage
	}
	usage.more = "Put the command and its own flags after --."
	return &ownError{usage}
}

// grantFlags are for commands that give credentials to a command or a shell.
type grantFlags struct {
	roleFlags
	placeFlags
}

// placeFlags say where a command is to work, and as what it may not.
type placeFlags struct {
	Region   string `placeholder:"REGION" help:"Region to set. Default: the profile's, or the one already set."`
	Metadata bool   `help:"Allow the EC2 instance metadata service, and with it the instance's own role."`
}

// grant is what is given beside the credentials. The region of an earlier role
// is not the user's: base does not have it.
func (c *grantFlags) grant(r *run, base child.Environment) *child.Grant {
	role := c.roleFlags
	region := c.Region
	if !c.isRole() {
		role.Profile = cmp.Or(c.Profile, r.files.DefaultProfile())
		if done, ok := roleHere(r.App); ok && c.Profile == "" && done.Profile() == role.Profile {
			region = cmp.Or(region, done.Given["AWS_REGION"]) // as use has set it
		}
		region = cmp.Or(region, r.files.Region(role.Profile))
	}
	return &child.Grant{Role: child.Role(role), Label: c.label(r), Settings: c.settings(region, base)}
}

// settings are the variables beside the credentials.
func (c *placeFlags) settings(region string, base child.Environment) []child.Setting {
	region = cmp.Or(region, base.Get("AWS_REGION"), base.Get("AWS_DEFAULT_REGION"))
	metadata := cmp.Or(base.Get(child.NoMetadata), "true") // see docs/exec.md
	if c.Metadata {
		metadata = ""
	}
	return []child.Setting{
		{Name: "AWS_REGION", Value: region}, {Name: "AWS_DEFAULT_REGION", Value: region}, {Name: child.NoMetadata, Value: metadata}, // boto3 reads the second region
	}
}

// change returns the environment of this process, and the same with credentials.
func (c *grantFlags) change(r *run, credentials aws.Credentials) (before, after child.Environment, g *child.Grant) {
	before = inherited(r.App)
	g = c.grant(r, own(r.App).Without(before))
	g.Keys(credentials)
	return before, own(r.App).With(before, g), g
}

func (c *execCommand) start(ctx context.Context, a *App, argv commandLine) error {
	child, err := program(a, argv)
	if err == nil {
		err = a.do(ctx, a.term().Interactive(), func(ctx context.Context, r *run) error { return c.run(ctx, r, child, argv) })
	}
	if err != nil || c.Server {
		return err
	}
	return child.Become()
}

func (c *execCommand) run(ctx context.Context, r *run, child *child.Command, argv commandLine) error {
	if err := c.check(r); err != nil {
		return err
	}
	if !c.Server {
		if err := r.inside.Refused(ctx, c.line(r, append([]string{c.Name}, c.Words...)), r.files.Policy.CheckOutput("exec without --server")); err != nil {
			return err
		}
	}
	r.inside.AskFor(child.Path)
	query, err := c.query(r, argv)
	if err != nil {
		return err
	}
	if err := c.find(ctx, r, query); err != nil {
		return err
	}
	if c.Server {
		return c.serve(ctx, r, child, argv == nil)
	}
	return c.give(ctx, r, child, argv == nil)
}

// program finds the command, or the shell if there is none.
func program(a *App, argv commandLine) (*child.Command, error) {
	switch {
	case argv == nil:
		argv = commandLine{userShell(a)}
	case len(argv) == 0:
		return nil, &usageError{problem: "there is no command after --", more: "Leave -- out to start a shell."}
	}
	path, err := child.Find(argv[0])
	return &child.Command{Path: path, Args: argv, Stdin: a.term().InReader(), Stdout: a.term().OutWriter(), Stderr: a.term().ErrWriter()}, err
}

// give gives the command credentials in its environment.
func (c *execCommand) give(ctx context.Context, r *run, child *child.Command, shell bool) error {
	credentials, err := c.retrieve(ctx, r, &c.roleFlags, true)
	if err != nil {
		return err
	}
	_, child.Env, _ = c.change(r, credentials)
	if shell {
		r.Say("Starting %s with credentials of %s, valid for %s. Leave it with exit.", child.Path, c.label(r), terminal.Roughly(time.Until(credentials.Expires)))
	}
	return ctx.Err()
}

// A commandLine is what comes after -- for exec; nil where there is no --.
type commandLine []string

// cutCommand cuts the command line off the arguments of exec, since kong takes no
// list from both sides of --.
func cutCommand(args []string) ([]string, commandLine) {
	isFlag := func(arg string) bool { return strings.HasPrefix(arg, "-") }
	first := slices.IndexFunc(args, func(arg string) bool { return !isFlag(arg) })
	dashes := slices.Index(args, "--")
	if first < 0 || !runsCommand(args[first]) || dashes < first {
		return args, nil
	}
	return args[:dashes], append(commandLine{}, args[dashes+1:]...)
}

// query returns the words that name the role.
func (c *execCommand) query(r *run, command commandLine) ([]string, error) {
	var words []string
	if c.Name != "" || len(c.Words) > 0 {
		words = append([]string{c.Name}, c.Words...)
	}
	if command == nil && len(words) > 1 && (!r.Interactive() || r.files.HasProfile(words[0])) {
		return nil, &usageError{problem: "put the command after --", hint: r.name() + " exec " + strings.Join(shell.Words(append([]string{words[0], "--"}, words[1:]...)), " ")}
	}
	return words, nil
}

// label names the profile or the role, for people and for prompts.
func (f *roleFlags) label(r *run) string {
	if f.isRole() {
		return f.AccountID + "/" + f.RoleName
	}
	return cmp.Or(f.Profile, r.files.DefaultProfile())
}

func (f *roleFlags) isRole() bool { return f.AccountID != "" || f.RoleName != "" }

func (c *lifeFlags) check(r *run) error {
	if c.MinValidity != nil && *c.MinValidity < 0 {
		return r.usage("--min-validity must not be negative")
	}
	return nil
}

// retrieve gets credentials for a command that cannot renew them.
func (c *lifeFlags) retrieve(ctx context.Context, r *run, f *roleFlags, mayOffer bool) (aws.Credentials, error) {
	t, err := f.target(r)
	if err != nil {
		return aws.Credentials{}, err
	}
	t.provider.HandedOn, t.provider.Short = c.MinValidity == nil, r.warnShort
	if c.MinValidity != nil {
		t.provider.MinValidity = *c.MinValidity
	}
	return r.offering(ctx, t, mayOffer, t.provider.Retrieve)
}

func (r *run) warnShort(left, wanted time.Duration) {
	r.Say("%s: warning: credentials expire in %s, less than the requested %s; no longer-lived ones are available yet.",
		r.name(), terminal.Roughly(left), terminal.Roughly(wanted))
}

// offering retrieves credentials, and where that needs a sign-in offers one to
// a person on a terminal.
func (r *run) offering(ctx context.Context, t *target, mayOffer bool, retrieve func(context.Context) (aws.Credentials, error)) (aws.Credentials, error) {
	credentials, err := retrieve(ctx)
	if err == nil {
		return credentials, nil
	}
	if err = r.offerLogin(ctx, t, mayOffer, err); err == nil {
		credentials, err = retrieve(ctx)
	}
	return credentials, t.wrap(err)
}

// userShell is the user's.
func userShell(a *App) string {
	if runtime.GOOS == "windows" {
		return cmp.Or(a.getenv("COMSPEC"), "cmd.exe")
	}
	return cmp.Or(a.getenv("SHELL"), "/bin/sh")
}

// serve runs the command beside an endpoint that has renewed credentials for
// it, and for no other program.
func (c *execCommand) serve(ctx context.Context, r *run, child *child.Command, shell bool) error {
	t, err := c.target(r)
	if err != nil {
		return err
	}
	credentials, err := r.offering(ctx, t, true, t.provider.Retrieve)
	if err != nil {
		return err
	}
	if shell {
		r.Say("Starting %s with credentials of %s, renewed as long as it runs (these end in %s). Leave it with exit.", child.Path, c.label(r), terminal.Roughly(time.Until(credentials.Expires)))
	}
	e := &endpoint.Endpoint{Find: endpoint.Only(t.source(c.label(r)))}
	return r.beside(ctx, child, e, c.grant)
}

// beside runs a command beside an endpoint that is for it, and for no other program.
func (r *run) beside(ctx context.Context, command *child.Command, e *endpoint.Endpoint, grant func(*run, child.Environment) *child.Grant) error {
	var err error
	if e.Who, err = r.inside.ClientAsker(); err != nil {
		return err
	}
	listener, err := endpoint.Listen("127.0.0.1:0", false)
	if err != nil {
		return err
	}
	token := rand.Text() // 130 bits
	e.Explain, e.Clients, e.Failed = faultOf(r.App), endpoint.OneClient(token, "", agent.Rule{All: true}), newNotice(r.App).Tell
	defer e.Background(ctx, listener)() // as long as the command runs
	before := inherited(r.App)
	base := own(r.App).Without(before)
	g := grant(r, base)
	g.Endpoint(e.URL(listener, "", nil)+"/", token)
	hidden, err := r.hideDefault(base)
	if err != nil {
		return err
	}
	g.Settings = append(g.Settings, hidden...)
	command.Env = own(r.App).With(before, g)
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.signals.Run(command)
}

func newNotice(a *App) *advice.Notice {
	return advice.NewNotice(a.term(), a.name(), func(err error) advice.Advice { return advise(a, err) })
}

// hideDefault keeps the profile "default" from winning over an endpoint.
func (r *run) hideDefault(e child.Environment) ([]child.Setting, error) {
	hidden, err := child.HideDefault(e, safedir.Dir(r.config.CacheDir).Sub("config"))
	if err != nil {
		return nil, err
	}
	const because = "has credentials, which SDKs prefer to those of an endpoint"
	if hidden.Config != "" {
		r.Say("%s: profile default in %s "+because+": the command sees a copy of the file without them.", r.name(), hidden.ConfigPath)
	}
	if hidden.Credentials {
		r.Say("%s: profile default in %s "+because+": the command does not see that file.", r.name(), hidden.CredentialsPath)
	}
	return hidden.Settings(), nil
}
