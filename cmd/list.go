package cmd

import (
	"context"
	"errors"
	"time"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/cmd/internal/match"
	"github.com/credproc/credproc/cmd/internal/roles"
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
	if age := time.Since(at); age > time.Minute && r.Interactive() {
		r.Say("Listed %s ago; --refresh asks the service again.", terminal.Roughly(age))
	}
	return c.print(r, t.session.Label(), accounts)
}

func (c *listCommand) print(r *run, session string, accounts []credproc.Account) error {
	configured, err := r.roles()
	if err != nil {
		return err
	}
	rows := roles.Filter(roles.Rows(session, accounts, configured), match.Words(c.Filter...))
	if c.JSON {
		return r.PrintJSON(rows)
	}
	return roles.Print(r.Table(), rows, c.Accounts)
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

// list makes a list, and shows how far it has come.
func (r *run) list(ctx context.Context, l *credproc.Listing) ([]credproc.Account, time.Time, error) {
	if terminal.Is(r.ErrWriter()) {
		defer roles.ShowProgress(r.Terminal, l)()
	}
	accounts, at, err := l.Accounts(ctx)
	if err == nil && len(accounts) == 0 {
		err = &advice.NothingAssignedError{Session: l.Session.Label()}
	}
	return accounts, at, err
}
