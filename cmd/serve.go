package cmd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/safedir"
)

type serveCommand struct {
	sessionFlags
	Listen    string   `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Address to listen on, of the loopback interface. Port 0, the default, is any that is free."`
	TokenFile string   `placeholder:"FILE" help:"File with the token that clients must show. It is made if it is not there. Default: the environment variable that ends in _SERVE_TOKEN."`
	Allow     []string `placeholder:"PATTERN" sep:"none" help:"Serve only these: NAME of a profile, or ACCOUNT/ROLE. * and ? stand for others. May be repeated. Default: all that the login may have."`
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
		listener, err := listen(c.Listen)
		if err != nil {
			return err
		}
		url := "http://" + listener.Addr().String()
		if err := r.Print("%s\n", url); err != nil {
			return err
		}
		e := &endpoint{app: a, token: hashOf(token), log: r.JSONLog()}
		e.find = func(path string) (*source, error) { return c.find(r, session, path) }
		e.log.Info("serving", "url", url, "allow", c.Allow)
		err = e.serve(ctx, listener)
		e.log.Info("stopped")
		return err
	})
}

// session returns the one for paths with a role, or nil if none is clear: paths
// with a profile need none.
func (c *serveCommand) session(r *run) (*target, error) {
	if c.Session != "" || c.Profile != "" || c.SSOStartURL != "" || c.SSORegion != "" {
		return c.target(r)
	}
	if names, err := r.config.SessionNames(); err == nil && len(names) == 1 {
		return r.named(names[0])
	}
	t, err := r.profileSession(r.config.DefaultProfile())
	if err != nil {
		return nil, nil
	}
	return t, nil
}

// find returns what a path stands for: /profile/NAME or /role/ACCOUNT/ROLE.
func (c *serveCommand) find(r *run, session *target, path string) (*source, error) {
	kind, name, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if name == "" || kind != "profile" && kind != "role" {
		return nil, &fault{http.StatusNotFound, "NotFound", "there is nothing here: ask for /profile/NAME or /role/ACCOUNT/ROLE"}
	}
	if !c.allowed(name) {
		return nil, &fault{http.StatusForbidden, "NotAllowed", fmt.Sprintf("%s %s is not among those that this endpoint serves", kind, name)}
	}
	if kind == "profile" {
		t, err := (&roleFlags{Profile: name}).target(r)
		return &source{target: t, name: path}, err
	}
	account, role, _ := strings.Cut(name, "/")
	if session == nil {
		return nil, &fault{http.StatusBadRequest, "WrongConfiguration", "which session? Name one when the endpoint is started"}
	}
	provider, err := r.config.Role(session.session, account, role)
	if err != nil {
		return nil, err
	}
	return &source{target: &target{session: session.session, words: session.words, provider: provider}, name: path}, nil
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
	name, token := r.variable("SERVE_TOKEN"), r.takeSecret("SERVE_TOKEN")
	if c.TokenFile != "" {
		var err error
		name = c.TokenFile
		file, _ := awsconfig.Expand(c.TokenFile, awsconfig.Home(r.getenv))
		if token, err = readToken(file); err != nil {
			return "", err
		}
	}
	switch {
	case token == "" && c.TokenFile != "":
		return "", r.usage("%s is empty: where there is no such file, one with a token is made", name)
	case token == "":
		return "", &usageError{problem: "no token to ask clients for", more: terminal.Prosef("Name a file with --token-file, which is made if it is not there, or set %s.", name)}
	case strings.ContainsAny(token, "\r\n"):
		return "", r.usage("%s ends in a newline or has one in it: the SDKs do not take such a token", name)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", r.usage("%s has a character in it that a header cannot have", name)
	case len(token) > longestToken:
		return "", r.usage("%s holds more than the %d characters that a token may have", name, longestToken)
	case len(token) < shortestToken:
		return "", r.usage("%s holds a token of %d characters: it must have %d", name, len(token), shortestToken)
	}
	return token, nil
}

// longestToken is more than any header is to have.
const longestToken = 4096

// readToken reads the token, and makes one first if there is no file. Nobody
// sees the file without the token in it, and of those who make it at once all
// read the same.
func readToken(file string) (string, error) {
	text, err := safedir.ReadSecret(file, longestToken+1)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeToken(file); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		text, err = safedir.ReadSecret(file, longestToken+1)
	}
	return string(text), err
}

// makeToken makes a file that is there as a whole, or not at all: another
// process may read it at any moment, and must not find it empty.
func makeToken(file string) error {
	temp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.WriteString(rand.Text())
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return os.Link(temp.Name(), file) // unlike a rename it replaces nothing
}
