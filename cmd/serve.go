package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/cmd/internal/authority"
	"github.com/credproc/credproc/cmd/internal/endpoint"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/tokencache"
)

type serveCommand struct {
	sessionFlags
	Listen    string   `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Address to listen on: of the loopback interface, or any with --tls. Port 0, the default, is any free port."`
	TokenFile string   `placeholder:"FILE" help:"File with the token that clients must send, created if missing. Default: the environment variable that ends in _SERVE_TOKEN."`
	Allow     []string `placeholder:"PATTERN" sep:"none" help:"Serve only these: none, all, a profile's NAME, profile:GLOB, or role:ACCOUNT/ROLE, with the wildcards * and ?. May be repeated. Default: all."`
	Clients   string   `placeholder:"FILE" help:"File with a section for each client: its token_file, what it may get (allow), and until when. In place of --token-file and --allow."`
	TLS       bool     `name:"tls" help:"Use TLS, with a certificate from a CA made for this machine."`
	Host      []string `placeholder:"NAME" sep:"none" help:"Another name or address that clients use, for the certificate of --tls. May be repeated."`
	Cert      string   `placeholder:"FILE" help:"Use TLS, with this certificate. The file is read again every minute."`
	Key       string   `placeholder:"FILE" help:"The key of --cert."`
	Print     string   `enum:"exports,compose,devcontainer," default:"" placeholder:"FORMAT" help:"Also print what clients need, as exports for a shell, for compose, or for a devcontainer."`
}

// Run implements the command, for kong.
func (c *serveCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, false, c.run)
}

func (c *serveCommand) run(ctx context.Context, r *run) error {
	clients, err := c.clients(r)
	if err != nil {
		return err
	}
	session, err := c.session(r)
	if err != nil {
		return err
	}
	who, err := r.inside.ClientAsker()
	if err != nil {
		return err
	}
	e := &endpoint.Endpoint{Explain: faultOf(r.App), Clients: clients, Who: who, Log: r.JSONLog()}
	e.Find = func(client *endpoint.Client, path string) (*endpoint.Source, error) {
		return c.find(r, session, client, path)
	}
	r.inside.JustLook() // the endpoint leaves the lines, which name the client
	e.Refused = func(ctx context.Context, line audit.Line, err error) {
		if line.Profile == "" && session != nil {
			line.Session = session.session.Label()
		}
		r.inside.Refused(ctx, line, err)
	}
	ca, err := c.secure(ctx, r, session, e)
	if err != nil {
		return err
	}
	return c.listen(ctx, r, e, ca)
}

func (c *serveCommand) listen(ctx context.Context, r *run, e *endpoint.Endpoint, ca string) error {
	listener, err := endpoint.Listen(c.Listen, e.TLS != nil)
	if err != nil {
		return err
	}
	at := e.URL(listener, c.Listen, c.Host)
	if err := r.Print("%s\n%s", at, c.setups(r, at, ca)); err != nil {
		listener.Close()
		return err
	}
	e.Log.Info("serving", "url", at, "allow", c.Allow, "ca", ca)
	err = e.Serve(ctx, listener)
	e.Log.Info("stopped")
	return err
}

// clients returns those that may ask.
func (c *serveCommand) clients(r *run) (endpoint.Clients, error) {
	if (c.Print == "compose" || c.Print == "devcontainer") && !c.TLS && c.Cert == "" {
		return nil, r.usage("--print %s is for containers, which reach this machine only in TLS: add --tls", c.Print)
	}
	if c.Clients != "" {
		if c.TokenFile != "" || len(c.Allow) > 0 {
			return nil, r.usage("--clients says which tokens there are and what they are for: leave out --token-file and --allow")
		}
		clients := endpoint.ClientsIn(r.path(c.Clients), awsconfig.Home(r.getenv))
		_, err := clients()
		return clients, fileError("--clients", c.Clients, err)
	}
	token, err := c.token(r)
	if err != nil {
		return nil, err
	}
	allow, err := agent.ParseAllow(c.Allow)
	if allow.All = allow.All || len(c.Allow) == 0; err != nil {
		return nil, r.usage("--allow: %v", err)
	}
	if c.Print != "" && c.TokenFile == "" {
		return nil, r.usage("--print names the file with the token: add --token-file or --clients")
	}
	return endpoint.OneClient(token, r.path(c.TokenFile), allow), nil
}

// secure makes e speak TLS, if it is to. ca is the file that clients need.
func (c *serveCommand) secure(ctx context.Context, r *run, session *target, e *endpoint.Endpoint) (ca string, err error) {
	switch {
	case (c.Cert == "") != (c.Key == "") || c.TLS && c.Cert != "":
		return "", r.usage("--cert and --key need each other, and cannot be used with --tls")
	case c.Cert != "":
		files, err := authority.FilesAt(r.path(c.Cert), r.path(c.Key))
		e.Secure(files)
		return "", fileError("--cert", c.Cert, err)
	case !c.TLS && len(c.Host) > 0:
		return "", r.usage("--host is for the certificate of --tls")
	case !c.TLS:
		return "", nil
	case session == nil:
		return "", r.usage("which session? Its keyring guards the CA of --tls: name one")
	}
	return c.issue(ctx, r, session, e)
}

// issue makes e speak TLS with certificates of a CA that the session's keyring guards.
func (c *serveCommand) issue(ctx context.Context, r *run, session *target, e *endpoint.Endpoint) (ca string, err error) {
	hosts, err := authority.HostsFor(c.Listen, c.Host)
	if err != nil {
		return "", r.usage("%v", err)
	}
	in, err := inside.Of[inside.Session](session.session)
	if err != nil {
		return "", err
	}
	text, err := in.Kept(ctx, hosts.File(), authority.Lasts, hosts.NewCA)
	if err != nil {
		return "", session.wrap(err)
	}
	issuer, err := authority.Open(text, hosts)
	if err != nil {
		return "", err
	}
	e.Secure(issuer)
	ca, another, err := issuer.Publish(safedir.Dir(r.config.StateDir).Sub("ca"))
	if another {
		e.Log.Warn("this is another CA than before: clients need its certificate", "ca", ca)
	}
	return ca, err
}

// setups is what the clients need, in the format asked for.
func (c *serveCommand) setups(r *run, at, ca string) terminal.Prose {
	if c.Print == "" {
		return ""
	}
	clients, _ := c.clients(r)
	all, _ := clients()
	var setups []*endpoint.Setup
	profiles := slices.DeleteFunc(slices.Concat([]string{r.files.DefaultProfile()}, r.files.ProfileNames()), func(name string) bool { return r.files.Profiles[name] == nil })
	for _, client := range all {
		path, profile := client.Example(profiles, r.inside.AllowsProfile), r.files.DefaultProfile()
		if named, ok := strings.CutPrefix(path, "/profile/"); ok {
			profile = named
		}
		setups = append(setups, &endpoint.Setup{Client: client.Name, Program: r.name(), ID: r.ID, URL: at + (&url.URL{Path: path}).EscapedPath(), CAFile: ca, TokenFile: client.TokenFile, Region: r.files.Region(profile)})
	}
	return terminal.Lines(endpoint.Setups(c.Print, setups))
}

// session returns the one for paths with a role, or nil if none is clear: paths
// with a profile need none.
func (c *serveCommand) session(r *run) (*target, error) {
	if c.named() {
		return c.target(r)
	}
	if names := r.files.SessionNames(); len(names) == 1 {
		return r.named(names[0])
	}
	t, err := r.profileSession(r.files.DefaultProfile())
	if err != nil {
		return nil, nil
	}
	return t, nil
}

// find returns what a path stands for, for a client: /profile/NAME or
// /role/ACCOUNT/ROLE.
func (c *serveCommand) find(r *run, session *target, client *endpoint.Client, path string) (*endpoint.Source, error) {
	var login *tokencache.Session
	if session != nil {
		login = session.session
	}
	kind, name, err := client.RoleOf(path, func(rule agent.Rule, kind, name string) bool {
		if kind == "profile" {
			return r.inside.AllowsProfile(rule, name)
		}
		return r.inside.AllowsRole(rule, login, name)
	})
	if err != nil {
		return nil, err
	}
	if kind == "profile" {
		t, err := (&roleFlags{Profile: name}).target(r)
		return t.source(path), err
	}
	account, role, _ := strings.Cut(name, "/")
	if session == nil {
		return nil, &endpoint.Fault{Status: http.StatusBadRequest, Code: "WrongConfiguration", Message: "which session? Name one when the endpoint is started"}
	}
	provider, err := r.config.Role(session.session, account, role)
	if err != nil {
		return nil, err
	}
	return (&target{session: session.session, words: session.words, provider: provider}).source(path), nil
}

// token returns what clients must show, by the file or the environment.
func (c *serveCommand) token(r *run) (string, error) {
	name, token := r.variable("SERVE_TOKEN"), takeSecret(r.App, "SERVE_TOKEN")
	if c.TokenFile != "" {
		var err error
		name = c.TokenFile
		if token, err = endpoint.ReadToken(r.path(c.TokenFile)); err != nil {
			return "", fileError("--token-file", c.TokenFile, err)
		}
	}
	if token == "" && c.TokenFile == "" {
		return "", &usageError{problem: "no token to ask clients for", more: terminal.Prosef("Name a file with --token-file, which is made if it is missing, or set %s.", name)}
	}
	if err := endpoint.CheckToken(name, token); err != nil {
		return "", err
	}
	return token, nil
}

// path is a file that a flag names, with ~ as the home directory.
func (r *run) path(file string) string {
	path, _ := awsconfig.Expand(file, awsconfig.Home(r.getenv))
	return path
}

// fileError makes a setting that cannot be used of a file that cannot be read
// or made. What is unsafe, or a disk that is full, has words of its own.
func fileError(flag, file string, err error) error {
	_, unsafe := errors.AsType[*safedir.UnsafeError](err)
	_, refused := errors.AsType[*endpoint.RefusedError](err)
	if err == nil || unsafe || refused || safedir.IsFull(err) || safedir.IsShort(err) {
		return err
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok && (flag == "--token-file" || e.Path == file) { // the others name more than one
		err = e.Err
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		err = e.Err
	}
	return &usageError{problem: fmt.Sprintf("%s: %v", strings.TrimSpace(flag+" "+file), err)}
}

// source gives the credentials to an endpoint, whose log calls them name.
func (t *target) source(name string) *endpoint.Source {
	if t == nil {
		return nil
	}
	return &endpoint.Source{Name: name, Retrieve: func(ctx context.Context) (aws.Credentials, error) {
		c, err := t.provider.Retrieve(ctx)
		return c, t.wrap(err)
	}}
}

// faultOf explains to the client of an endpoint why it gets no credentials, as the
// commands do.
func faultOf(a *App) func(error) *endpoint.Fault {
	return func(err error) *endpoint.Fault { say := advise(a, err); return say.Fault() }
}
