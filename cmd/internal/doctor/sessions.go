package doctor

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/console"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/status"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/startpage"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

// Written checks the sso-sessions as they are written. open returns the session of
// that name, or what is wrong with its section.
func (d *Checks) Written(open func(name string) (*tokencache.Session, error)) {
	const check = "sso-sessions"
	if d.Files == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(d.Files.Sessions)) {
		s, err := open(name)
		if err != nil {
			d.Failed(check, err)
			continue
		}
		d.Sessions = append(d.Sessions, s)
		d.misplaced(check, name)
		d.scopes(check, name, s.Config.Scopes)
		d.place(check, name, &s.Config)
	}
	if !d.Bad(check) && len(d.Sessions) > 0 {
		d.OK(check, "%s", terminal.Count(len(d.Sessions), "session"))
	}
	if len(d.Files.Sessions) == 0 && !d.hasRoles("") && !d.Bad("config syntax") {
		d.unconfigured(check)
	}
}

// unconfigured is about a machine where other programs get nothing from credproc.
func (d *Checks) unconfigured(check string) {
	add := d.warn
	if logins, _ := tokencache.Logins(d.State, d.ID); len(logins) > 0 {
		add = d.Note // everything can be named by flags
	}
	add(check, d.Program+" configure", "no sso-session and no profile of IAM Identity Center in %s", d.Short(d.Config))
}

// isConsole finds start URLs of pages that are not Identity Center's.
const isConsole = `^https://(?:[^/]*\.)?(?:signin\.aws\.amazon\.com|console\.aws\.amazon\.com)(?:/|$)`

// place checks whether the start URL and the region go together.
func (d *Checks) place(check, name string, c *oidc.Config) {
	if regexp.MustCompile(isConsole).MatchString(strings.ToLower(c.StartURL)) {
		d.fault(check, "write the URL of the access portal: in the console it is in the settings of IAM Identity Center",
			"[sso-session %s]: sso_start_url is where IAM users sign in to the console", name)
	}
	if region := startpage.Region(c.StartURL); region != "" && region != c.Region {
		d.fault(check, fmt.Sprintf("write sso_region = %s in [sso-session %s]", region, name),
			"[sso-session %s]: the start URL is of region %s, and sso_region is %s", name, region, c.Region)
	} else if home := startpage.Partition(c.StartURL); home != "" && home != console.PartitionOf(c.Region).Name {
		d.fault(check, fmt.Sprintf("write the region of the instance as sso_region in [sso-session %s]", name),
			"[sso-session %s]: the start URL is in the partition %s, and sso_region, %s, is not", name, home, c.Region)
	}
}

// misplaced are keys of profiles, which no program reads in a session.
func (d *Checks) misplaced(check, name string) {
	s := d.Files.Sessions[name]
	for _, key := range []string{"credential_process", "sso_account_id", "sso_role_name", "role_arn"} {
		if _, ok := s.Get(key); ok {
			d.fault(check, "move it to a [profile …]", "%s: %s in %s, where it is not read", d.at(s, key), key, s.Header)
		}
	}
}

// scopes are those that a login asks for. Some sessions are for other services
// than the accounts, and no profile is of them.
func (d *Checks) scopes(check, name string, scopes []string) {
	if len(scopes) == 0 || slices.Contains(scopes, accountAccess) || !d.hasRoles(name) {
		return
	}
	s := d.Files.Sessions[name]
	d.fault(check, fmt.Sprintf("add %s there, separated by a comma, and sign in again: %s login --force %s", accountAccess, d.Program, shell.Word(name)),
		"%s: sso_registration_scopes without %s: a login with them gives credentials for no role", d.at(s, "sso_registration_scopes"), accountAccess)
}

// hasRoles reports whether a profile is of the session.
func (d *Checks) hasRoles(session string) bool {
	for name := range d.Files.Profiles {
		p, err := d.Files.Profile(name, d.Command)
		if err == nil && p.Role != nil && p.Role.Session.Name == session {
			return true
		}
	}
	return false
}

// endsSoon is when a registration's end is worth a word.
const endsSoon = 3 * 24 * time.Hour

// Logins checks how the sessions stand. login is the command that signs in to one.
func (d *Checks) Logins(all []status.Session, login func(s *status.Session, flags ...string) string) {
	for _, s := range all {
		d.login(&s, login)
		if f := s.LastFailure; f != nil {
			d.warn(logins, "try again: "+d.Program+" list "+shell.Word(s.Label()), "%s: %s has failed, and nothing has worked since: %s", s.Title(), f.Op, f.Reason)
		}
	}
}

// logins is the name of that check.
const logins = "logins"

func (d *Checks) login(s *status.Session, login func(*status.Session, ...string) string) {
	switch {
	case s.State == status.Ended, s.State == status.Lost:
		d.fault(logins, login(s), "%s: %s", s.Title(), s.Why(time.Now()))
	case s.LastLook != nil && s.LastLook.CannotTell:
		d.warn(logins, "", "%s: not known whether it is signed in, since its keyring cannot be asked: %s", s.Title(), s.LastLook.Words())
	case s.State == status.Uncertain:
		d.warn(logins, login(s), "%s: %s", s.Title(), s.Problem)
	case s.State == status.SignedOut:
		d.Note(logins, login(s), "%s: not signed in", s.Title())
	case s.State == status.SignedIn && !s.Renewable:
		d.warn(logins, login(s), "%s: it ends with the access token, since it cannot be renewed%s", s.Title(), status.Because(s.Problem))
	case s.State == status.SignedIn && s.RenewableTill != nil && time.Until(*s.RenewableTill) < endsSoon:
		d.Note(logins, login(s, "--force"), "%s: its registration, and the login with it, ends in %s", s.Title(), terminal.Short(time.Until(*s.RenewableTill)))
	case s.State == status.SignedIn && s.Keyring == "plaintext":
		d.Note(logins, "", "%s: signed in; its tokens are in unencrypted files, protected only by file permissions", s.Title())
	case s.State == status.SignedIn:
		d.OK(logins, "%s: signed in, %s keyring", s.Title(), s.Keyring)
	}
}

// accountAccess is the scope without which a login gives credentials for no role.
const accountAccess = "sso:account:access"
