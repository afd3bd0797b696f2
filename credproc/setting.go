package credproc

import (
	"cmp"
	"fmt"
	"path/filepath"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/clicache"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// unlock returns c.Unlock, with the key file that the settings of a session name
// where c names none.
func (c *Config) unlock(session string) (keyring.Unlock, error) {
	unlock := c.Unlock
	if unlock.KeyFile != "" {
		return unlock, nil
	}
	value, from := c.files.Setting(session, "key_file")
	path, ok := awsconfig.Expand(value, c.files.Home())
	if !ok || path != "" && !filepath.IsAbs(path) {
		return unlock, &awsapi.SettingError{Setting: from, Value: value, Problem: "must be an absolute path, or start with ~/"}
	}
	unlock.KeyFile = path
	return unlock, nil
}

// mayExport refuses to write an access token to a file that every program reads, where
// the policy does not let it out, or for an agent that may not have it.
func (c *Config) mayExport(s *tokencache.Session) error {
	if err := c.files.Policy.CheckOutput("an exported access token"); err != nil {
		return err
	}
	return c.agentToken(s)
}

// share makes a session hand its access tokens to the AWS CLI's cache, where
// the user asks for that: credproc_cli_cache = export.
func (c *Config) share(s *tokencache.Session) error {
	value, from := c.files.Setting(s.Name, "cli_cache")
	switch value {
	case "", "off":
		return nil
	case "export":
	default:
		return &awsapi.SettingError{Setting: from, Value: value, Problem: "must be export or off"}
	}
	if custom := cmp.Or(s.Config.Endpoint, s.PortalEndpoint); custom != "" { // a program that reads the file would send the token to AWS
		s.Export = func(tok *oidc.Token) error {
			if tok == nil {
				return nil // the file is not of this login
			}
			return fmt.Errorf("the endpoint %s is custom", custom)
		}
		return nil
	}
	dir, name := clicache.Dir(c.files.Home()), clicache.Name(cmp.Or(s.Name, s.Config.StartURL))
	s.Export = func(tok *oidc.Token) error {
		if tok == nil {
			return clicache.Remove(dir, name)
		}
		if err := c.mayExport(s); err != nil {
			return err
		}
		return clicache.Write(dir, name, tok.Client.ID, &clicache.Login{
			StartURL: s.Config.StartURL, Region: s.Config.Region, AccessToken: tok.AccessToken, Expiry: tok.Expiry,
		})
	}
	return nil
}
