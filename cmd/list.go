package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/cmd/internal/match"
	"github.com/credproc/credproc/cmd/internal/profiles"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/oidc"
)

// listAge is how long a list of accounts and roles is used again.
const listAge = 12 * time.Hour

type listCommand struct {
	sessionFlags
	listFlags
	Filter   []string `short:"f" placeholder:"TEXT" sep:"none" help:"Show only rows with TEXT in the account's name, ID or email, the role or the profile. May be repeated: all must match."`
	Accounts bool     `help:"List accounts without roles."`
	JSON     bool     `name:"json" help:"Print JSON."`
}

// listFlags say how to list, for the commands that do.
type listFlags struct {
	Refresh bool    `help:"Ask the service even if a list from the last 12 hours is cached."`
	Rate    float64 `placeholder:"N" help:"Send at most N requests a second. Default: 19.5, just under the service's quota."`
}

func (f *listFlags) listing(t *target) *credproc.Listing {
	l := &credproc.Listing{Session: t.session, MaxAge: listAge, Rate: f.Rate}
	if f.Refresh {
		l.MaxAge = 0
	}
	return l
}

// Run implements the command, for kong.
func (c *listCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, a.term().Interactive(), c.run)
}

func (c *listCommand) run(ctx context.Context, r *run) error {
	if !(c.Rate >= 0) { // or no number
		return r.usage("--rate is %v: it must be more than 0", c.Rate)
	}
	t, err := c.target(r)
	if err != nil {
		return err
	}
	l := c.listing(t)
	l.AccountsOnly = c.Accounts
	accounts, at, err := r.listOrSignIn(ctx, t, l)
	if err != nil {
		return t.wrap(err)
	}
	rows, err := r.rows(sessionLabel(t.session), accounts)
	if err != nil {
		return err
	}
	rows = filtered(rows, match.Words(c.Filter...))
	if age := time.Since(at); age > time.Minute && r.Interactive() {
		r.Say("Listed %s ago; --refresh asks the service again.", terminal.Roughly(age))
	}
	return r.printAccounts(rows, c.JSON, c.Accounts)
}

// listOrSignIn offers to sign in, on a terminal, where that is needed.
func (r *run) listOrSignIn(ctx context.Context, t *target, l *credproc.Listing) ([]credproc.Account, time.Time, error) {
	accounts, at, err := r.list(ctx, l)
	if !errors.Is(err, oidc.ErrSignInRequired) {
		return accounts, at, err
	}
	if err := r.offerLogin(ctx, t, true, err); err != nil {
		return nil, at, err
	}
	return r.list(ctx, l)
}

// showProgress shows how far a list has come, until end is called.
func (r *run) showProgress(l *credproc.Listing) (end func()) {
	var shown time.Time
	var pace terminal.Pace
	l.Progress = func(p credproc.Progress) {
		if time.Since(shown) < 100*time.Millisecond && p.Done < p.Total {
			return
		}
		shown = time.Now()
		line := progressLine(p, pace.Left(p.Done, p.Total, p.Rate, shown))
		if width, _ := r.Size(); width > 0 && len(line) >= width {
			line = line[:width-1]
		}
		r.SayPart("\r%s"+terminal.EraseLine, line)
	}
	return func() {
		if !shown.IsZero() {
			r.SayPart("\r" + terminal.EraseLine)
		}
	}
}

// list makes a list, and shows how far it has come.
func (r *run) list(ctx context.Context, l *credproc.Listing) ([]credproc.Account, time.Time, error) {
	if terminal.Is(r.ErrWriter()) {
		defer r.showProgress(l)()
	}
	accounts, at, err := l.Accounts(ctx)
	if err == nil && len(accounts) == 0 {
		err = &advice.NothingAssignedError{Session: sessionLabel(l.Session)}
	}
	return accounts, at, err
}

func progressLine(p credproc.Progress, left time.Duration) string {
	text := fmt.Sprintf("%d of %d accounts, %d roles", p.Done, p.Total, p.Roles)
	if left := terminal.Remaining(left); left != "" {
		text = left + ": " + text
	}
	if p.Refused > 0 {
		text += fmt.Sprintf(" (the service wants it slower: %.1f requests a second)", p.Rate)
	}
	return text
}

// row is an account, with the profiles that use each of its roles.
type row struct {
	credproc.Account
	Profiles map[string][]string `json:"profiles,omitempty"` // by role
}

func (r *run) rows(session string, accounts []credproc.Account) ([]row, error) {
	configured, err := r.roles()
	if err != nil {
		return nil, err
	}
	by := map[profiles.Key][]string{}
	for _, p := range configured {
		if p.RoleARN == "" {
			by[keyOf(p)] = append(by[keyOf(p)], p.Profile)
		}
	}
	rows := []row{}
	for _, a := range accounts {
		one := row{Account: a, Profiles: map[string][]string{}} // an empty one is left out of JSON
		for _, role := range a.Roles {
			if names := by[profiles.Key{Session: session, Account: a.ID, Role: role}]; names != nil {
				one.Profiles[role] = names
			}
		}
		rows = append(rows, one)
	}
	return rows, nil
}

// filtered returns what the query finds: accounts with the roles that it finds, or
// those without roles.
func filtered(rows []row, query match.Query) []row {
	found := []row{}
	for _, one := range rows {
		account := one.Name + "\n" + one.ID + "\n" + one.Email
		if len(one.Roles) == 0 {
			if query.In(account) {
				found = append(found, one)
			}
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
func (one row) without() row {
	one.Profiles = maps.Clone(one.Profiles)
	maps.DeleteFunc(one.Profiles, func(role string, _ []string) bool { return !slices.Contains(one.Roles, role) })
	return one
}

func (r *run) printAccounts(rows []row, asJSON, accountsOnly bool) error {
	if asJSON {
		return r.PrintJSON(rows)
	}
	table := r.Table()
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
