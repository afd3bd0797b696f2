package warm

import (
	"strings"

	"github.com/credproc/credproc/internal/awsconfig"
)

// flags are those of a process command.
type flags struct {
	profile, session, accountID, roleName, startURL, region, wait, autoLogin string
}

// parse understands the documented ways to write a process command, and no
// others.
func parse(args []string) (f *flags, ok bool) {
	if len(args) == 0 || args[0] != "process" && args[0] != "credential-process" {
		return nil, false
	}
	f = new(flags)
	for args = args[1:]; len(args) > 0; {
		name, value, hasValue := strings.Cut(args[0], "=")
		args = args[1:]
		into := f.flag(name)
		switch {
		case into == nil:
			return nil, false
		case hasValue && (name == "-p" || name == "--auto-login"): // to some parsers "=" is part of the name
			return nil, false
		case name == "--auto-login":
			value = "yes"
		case !hasValue && len(args) == 0:
			return nil, false
		case !hasValue:
			value, args = args[0], args[1:]
		}
		if *into != "" || value == "" || value[0] == '-' { // twice, or not meant as a value
			return nil, false
		}
		*into = value
	}
	return f, isWait(f.wait) && (f.profile == "" || !f.byRole())
}

// flag returns where the value of a flag goes, or nil.
func (f *flags) flag(name string) *string {
	switch name {
	case "--profile", "-p":
		return &f.profile
	case "--sso-session":
		return &f.session
	case "--account-id":
		return &f.accountID
	case "--role-name":
		return &f.roleName
	case "--sso-start-url":
		return &f.startURL
	case "--sso-region":
		return &f.region
	case "--wait":
		return &f.wait
	case "--auto-login":
		return &f.autoLogin
	}
	return nil
}

// isWait reports whether value is a whole number of seconds or minutes, or "":
// a time that any parser understands.
func isWait(value string) bool {
	if value == "" {
		return true
	}
	digits, unit := value[:len(value)-1], value[len(value)-1]
	return digits != "" && len(digits) < 6 && strings.Trim(digits, "0123456789") == "" && (unit == 's' || unit == 'm')
}

func (f *flags) byRole() bool {
	return f.session != "" || f.accountID != "" || f.roleName != "" || f.startURL != "" || f.region != ""
}

// role returns what flags without a profile mean.
func (f *flags) role(files *awsconfig.Config) (*awsconfig.Role, bool) {
	if awsconfig.CheckRole(f.accountID, f.roleName) != nil {
		return nil, false
	}
	role := &awsconfig.Role{AccountID: f.accountID, RoleName: f.roleName}
	if f.session == "" {
		role.Session = awsconfig.Session{StartURL: f.startURL, Region: f.region}
		return role, f.startURL != "" && awsconfig.CheckRegion(f.region) == nil
	}
	var err error
	role.Session, err = files.Session(f.session)
	return role, err == nil && f.startURL == "" && f.region == ""
}
