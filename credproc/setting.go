package credproc

import (
	"cmp"
	"fmt"
	"path/filepath"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/clicache"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// Setting returns one of our own settings for an sso-session: the environment
// variable CREDPROC_SOME_NAME, or else credproc_some_name in its section, or
// "". from says which, for messages. Where Service is not credproc, both names
// begin with that. session may be "", and unknown.
func (c *Config) Setting(session, name string) (value, from string) {
	key, variable := layout.Key(c.Service, name), layout.Variable(c.Service, name)
	if value := c.getenv(variable); value != "" {
		return value, variable
	}
	files, err := c.load()
	if err != nil || files.Sessions[session] == nil {
		return "", variable
	}
	section := files.Sessions[session]
	value, ok := section.Get(key)
	if !ok {
		return "", variable
	}
	return value, section.Where(key).String() + ": " + section.Header + ": " + key
}

// unlock returns c.Unlock, with the key file that the settings of a session name
// where c names none.
func (c *Config) unlock(session string) (keyring.Unlock, error) {
	unlock := c.Unlock
	if unlock.KeyFile != "" {
		return unlock, nil
	}
	value, from := c.Setting(session, "key_file")
	path, ok := awsconfig.Expand(value, c.home())
	if !ok || path != "" && !filepath.IsAbs(path) {
		return unlock, &awsapi.SettingError{Setting: from, Value: value, Problem: "must be an absolute path, or start with ~/"}
	}
	unlock.KeyFile = path
	return unlock, nil
}

// share makes a session hand its access tokens to the AWS CLI's cache, where
// the user asks for that: credproc_cli_cache = export.
func (c *Config) share(s *tokencache.Session) error {
	value, from := c.Setting(s.Name, "cli_cache")
	switch value {
	case "", "off":
		return nil
	case "export":
	default:
		return &awsapi.SettingError{Setting: from, Value: value, Problem: "must be export or off"}
	}
	if custom := customEndpoint(s); custom != "" { // a program that reads the file would send the token to AWS
		s.Export = func(tok *oidc.Token) error {
			if tok == nil {
				return nil // the file is not of this login
			}
			return fmt.Errorf("the endpoint %s is custom", custom)
		}
		return nil
	}
	dir, name := clicache.Dir(c.home()), clicache.Name(cmp.Or(s.Name, s.Config.StartURL))
	s.Export = func(tok *oidc.Token) error {
		if tok == nil {
			return clicache.Remove(dir, name)
		}
		return clicache.Write(dir, name, tok.Client.ID, &clicache.Login{
			StartURL: s.Config.StartURL, Region: s.Config.Region, AccessToken: tok.AccessToken, Expiry: tok.Expiry,
		})
	}
	return nil
}

// CLILogin returns the login that the AWS CLI has for a session, as far as one
// can be renewed: what [tokencache.Session.SignIn] makes ours. The error is a
// [*CLILoginError]; it wraps fs.ErrNotExist where there is none. With a custom
// endpoint every login is refused: the AWS CLI does not record which endpoint
// issued it.
func (c *Config) CLILogin(s *tokencache.Session) (*oidc.Token, error) {
	return cliLogin(clicache.Dir(c.home()), s)
}
