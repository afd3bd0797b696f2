package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/cmd/internal/endpoint"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/safedir"
)

type serveCommand struct {
	sessionFlags
	Listen    string   `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Loopback address to listen on. Port 0, the default, is any free port."`
	TokenFile string   `placeholder:"FILE" help:"File with the token that clients must send, created if missing. Default: the environment variable that ends in _SERVE_TOKEN."`
	Allow     []string `placeholder:"PATTERN" sep:"none" help:"Serve only these: a profile's NAME, or ACCOUNT/ROLE, with the wildcards * and ?. May be repeated. Default: every role of the login."`
}

// Run implements the command, for kong.
func (c *serveCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, false, func(ctx context.Context, r *run) error {
		token, err := c.token(r)
		if err != nil {
			return err
		}
		for _, pattern := range c.Allow {
			if _, err := path.Match(pattern, ""); err != nil {
				return r.usage("--allow %s: it is no pattern", pattern)
			}
		}
		session, err := c.session(r)
		if err != nil {
			return err
		}
		listener, err := endpoint.Listen(c.Listen)
		if err != nil {
			return err
		}
		url := "http://" + listener.Addr().String()
		if err := r.Print("%s\n", url); err != nil {
			return err
		}
		e := &endpoint.Endpoint{Explain: faultOf(a), Token: endpoint.HashOf(token), Log: r.JSONLog()}
		e.Find = func(path string) (*endpoint.Source, error) { return c.find(r, session, path) }
		e.Log.Info("serving", "url", url, "allow", c.Allow)
		err = e.Serve(ctx, listener)
		e.Log.Info("stopped")
		return err
	})
}

// session returns the one for paths with a role, or nil if none is clear: paths
// with a profile need none.
func (c *serveCommand) session(r *run) (*target, error) {
	if c.sessionFlags != (sessionFlags{}) {
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

// find returns what a path stands for: /profile/NAME or /role/ACCOUNT/ROLE.
func (c *serveCommand) find(r *run, session *target, path string) (*endpoint.Source, error) {
	kind, name, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if name == "" || kind != "profile" && kind != "role" {
		return nil, &endpoint.Fault{Status: http.StatusNotFound, Code: "NotFound", Message: "there is nothing here: ask for /profile/NAME or /role/ACCOUNT/ROLE"}
	}
	if !c.allowed(name) {
		return nil, &endpoint.Fault{Status: http.StatusForbidden, Code: "NotAllowed", Message: fmt.Sprintf("%s %s is not among those that this endpoint serves", kind, name)}
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

func (c *serveCommand) allowed(name string) bool {
	for _, pattern := range c.Allow {
		if ok, _ := path.Match(pattern, name); ok {
			return true
		}
	}
	return len(c.Allow) == 0
}

// token returns what clients must show, by the file or the environment.
func (c *serveCommand) token(r *run) (string, error) {
	name, token := r.variable("SERVE_TOKEN"), takeSecret(r.App, "SERVE_TOKEN")
	if c.TokenFile != "" {
		var err error
		name = c.TokenFile
		file, _ := awsconfig.Expand(c.TokenFile, awsconfig.Home(r.getenv))
		if token, err = endpoint.ReadToken(file); err != nil {
			return "", tokenFileError(file, err)
		}
	}
	if token == "" && c.TokenFile == "" {
		return "", &usageError{problem: "no token to ask clients for", more: terminal.Prosef("Name a file with --token-file, which is made if it is not there, or set %s.", name)}
	}
	if err := endpoint.CheckToken(name, token); err != nil {
		return "", err
	}
	return token, nil
}

// tokenFileError makes a setting that cannot be used of a file that cannot be read
// or made. What is unsafe, or a disk that is full, has words of its own.
func tokenFileError(file string, err error) error {
	_, unsafe := errors.AsType[*safedir.UnsafeError](err)
	if unsafe || safedir.IsFull(err) || safedir.IsShort(err) {
		return err
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		err = e.Err
	}
	return &usageError{problem: fmt.Sprintf("--token-file %s: %v", file, err)}
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
	return func(err error) *endpoint.Fault { return faultFrom(advise(a, err)) }
}

func faultFrom(say advice) *endpoint.Fault {
	f := &endpoint.Fault{Status: http.StatusBadRequest, Code: "Failed", Message: strings.TrimSuffix(string(say.text), ".")}
	if say.more != "" {
		f.Message += ". " + string(say.more)
	}
	if say.hint != "" {
		f.Message = strings.TrimSuffix(f.Message, ".") + ". Run: " + say.hint
	}
	switch say.status {
	case misconfigured:
		f.Code = "WrongConfiguration"
	case unavailable:
		f.Status, f.Code = http.StatusFailedDependency, "Unavailable"
	case signInRequired:
		f.Status, f.Code = http.StatusUnauthorized, "SignInRequired"
	case noAccess:
		f.Status, f.Code = http.StatusForbidden, "NoAccess"
	case keyringShut:
		f.Status, f.Code = http.StatusFailedDependency, "KeyringUnavailable"
	}
	return f
}
