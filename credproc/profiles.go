package credproc

import (
	"github.com/credproc/credproc/internal/awsconfig"
)

// ProfileRole is a profile, and the role that its credentials are of.
type ProfileRole struct {
	Profile   string
	Session   string // the sso-session, or, where there is none, the start URL
	AccountID string
	RoleName  string
	RoleARN   string // of the IAM role that is assumed in the end; "" if none is
	// Native says that the AWS CLI and the SDKs get the credentials by
	// themselves, and not from the line of the Identity: by sso_ keys, of the profile or of
	// the one that it assumes its role with.
	Native bool
}

// Roles returns the profiles that [Config.Provider] serves, sorted by name. What
// it does not serve is left out, broken profiles too.
func (c *Config) Roles() ([]ProfileRole, error) {
	if err := c.Open(); err != nil {
		return nil, err
	}
	var roles []ProfileRole
	for _, name := range c.files.ProfileNames() {
		p, err := c.files.Profile(name)
		if err != nil {
			continue
		}
		if role, ok := c.roleOf(p); ok {
			roles = append(roles, role)
		}
	}
	return roles, nil
}

func (c *Config) roleOf(p *awsconfig.Profile) (ProfileRole, bool) {
	role := ProfileRole{Profile: p.Name, Native: isNative(p)}
	for p.Chain != nil {
		if p.Chain.Source == nil || p.Chain.MFASerial != "" {
			return role, false
		}
		if role.RoleARN == "" {
			role.RoleARN = p.Chain.RoleARN
		}
		p = p.Chain.Source
	}
	if p.Role == nil || p.Kind == awsconfig.SessionOnly {
		return role, false
	}
	s := c.files.Named(p.Role.Session)
	role.Session, role.AccountID, role.RoleName = s.Name, p.Role.AccountID, p.Role.RoleName
	if role.Session == "" {
		role.Session = s.StartURL
	}
	return role, true
}

// isNative looks at the sso_ keys also where our line stands beside them: most SDKs
// use the keys.
func isNative(p *awsconfig.Profile) bool {
	for p.Kind == awsconfig.Chain && p.Chain.Source != nil {
		p = p.Chain.Source
	}
	account, _ := p.Section.Get("sso_account_id")
	role, _ := p.Section.Get("sso_role_name")
	return p.Kind != awsconfig.Ours || account != "" || role != ""
}
