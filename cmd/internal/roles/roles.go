// Package roles shows people their accounts and roles, as the table of list and as
// the choices of the picker.
package roles

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/match"
	"github.com/credproc/credproc/cmd/internal/profiles"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
)

// Row is an account, with the profiles that use each of its roles.
type Row struct {
	credproc.Account
	Profiles map[string][]string `json:"profiles,omitempty"` // by role
}

// Rows joins the accounts of a session with the profiles of the config file.
func Rows(session string, accounts []credproc.Account, configured []credproc.ProfileRole) []Row {
	by := map[profiles.Key][]string{}
	for _, p := range configured {
		if p.RoleARN == "" {
			by[keyOf(p)] = append(by[keyOf(p)], p.Profile)
		}
	}
	rows := []Row{}
	for _, a := range accounts {
		one := Row{Account: a, Profiles: map[string][]string{}} // an empty one is left out of JSON
		for _, role := range a.Roles {
			if names := by[profiles.Key{Session: session, Account: a.ID, Role: role}]; names != nil {
				one.Profiles[role] = names
			}
		}
		rows = append(rows, one)
	}
	return rows
}

func keyOf(p credproc.ProfileRole) profiles.Key {
	return profiles.Key{Session: p.Session, Account: p.AccountID, Role: p.RoleName}
}

// Filter returns what the query finds: accounts with the roles that it finds, or
// those without roles.
func Filter(rows []Row, query match.Query) []Row {
	found := []Row{}
	for _, one := range rows {
		account := one.Name + "\n" + one.ID + "\n" + one.Email
		if len(one.Roles) == 0 && query.In(account) {
			found = append(found, one)
			continue
		}
		one.Roles = slices.DeleteFunc(slices.Clone(one.Roles), func(role string) bool {
			return !query.In(account + "\n" + role + "\n" + strings.Join(one.Profiles[role], "\n"))
		})
		if len(one.Roles) > 0 {
			found = append(found, one.without())
		}
	}
	return found
}

// without forgets the profiles of roles that are gone.
func (one Row) without() Row {
	one.Profiles = maps.Clone(one.Profiles)
	maps.DeleteFunc(one.Profiles, func(role string, _ []string) bool { return !slices.Contains(one.Roles, role) })
	return one
}

// Print prints a line for each role, or for each account.
func Print(table terminal.Table, rows []Row, accountsOnly bool) error {
	if accountsOnly {
		table.Row("ACCOUNT ID", "ACCOUNT NAME", "EMAIL")
		for _, one := range rows {
			table.Row(one.ID, one.Name, one.Email)
		}
		return table.Flush()
	}
	table.Row("ACCOUNT ID", "ACCOUNT NAME", "EMAIL", "ROLE NAME", "PROFILE")
	for _, one := range rows {
		for _, role := range one.Roles {
			table.Row(one.ID, one.Name, one.Email, role, cmp.Or(strings.Join(one.Profiles[role], ", "), "-"))
		}
	}
	return table.Flush()
}

// progress says how far a list has come, and how long the rest takes.
func progress(p credproc.Progress, left time.Duration) string {
	text := fmt.Sprintf("%d of %d accounts, %d roles", p.Done, p.Total, p.Roles)
	if left := terminal.Remaining(left); left != "" {
		text = left + ": " + text
	}
	if p.Refused > 0 {
		text += fmt.Sprintf(" (slowed down by the service: %.1f requests a second)", p.Rate)
	}
	return text
}

// Words are the arguments that name the role to a command, quoted for a shell.
func Words(role child.Role) string {
	if role.Profile != "" {
		return shell.Word(role.Profile)
	}
	var words []string
	for _, flag := range [][2]string{
		{"--account-id", role.AccountID}, {"--role-name", role.RoleName},
		{"--sso-session", role.SSOSession}, {"--sso-start-url", role.SSOStartURL}, {"--sso-region", role.SSORegion},
	} {
		if flag[1] != "" {
			words = append(words, flag[0], shell.Word(flag[1]))
		}
	}
	return strings.Join(words, " ")
}

// Flags are the same as flags alone.
func Flags(role child.Role) string {
	if role.Profile != "" {
		return "--profile " + Words(role)
	}
	return Words(role)
}

// ShowProgress shows on a terminal how far a list has come, until end is called.
func ShowProgress(t *terminal.Terminal, l *credproc.Listing) (end func()) {
	var shown time.Time
	var pace terminal.Pace
	l.Progress = func(p credproc.Progress) {
		if time.Since(shown) < 100*time.Millisecond && p.Done < p.Total {
			return
		}
		shown = time.Now()
		line := progress(p, pace.Left(p.Done, p.Total, p.Rate, shown))
		if width, _ := t.Size(); width > 0 && len(line) >= width {
			line = line[:width-1]
		}
		t.SayPart("\r%s"+terminal.EraseLine, line)
	}
	return func() {
		if !shown.IsZero() {
			t.SayPart("\r" + terminal.EraseLine)
		}
	}
}
