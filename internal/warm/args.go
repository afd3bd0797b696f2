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
		var into *string
		switch name {
		case "--profile":
			into = &f.profile
		case "-p":
			if hasValue { // to some parsers "=" is part of the name
				return nil, false
			}
			into = &f.profile
		case "--sso-session":
			into = &f.session
		case "--account-id":
			into = &f.accountID
		case "--role-name":
			into = &f.roleName
		case "--sso-start-url":
			into = &f.startURL
		case "--sso-region":
			into = &f.region
		case "--wait":
			into = &f.wait
		case "--auto-login":
			if hasValue {
				return nil, false
			}
			into, value, hasValue = &f.autoLogin, "yes", true
		default:
			return nil, false
		}
		if !hasValue {
			if len(args) == 0 {
				return nil, false
			}
			value, args = args[0], args[1:]
		}
		if *into != "" || value == "" || value[0] == '-' { // twice, or not meant as a value
			return nil, false
		}
		*into = value
	}
	return f, isWait(f.wait) && (f.profile == "" || !f.byRole())
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
