package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/sdk"
)

type listCommand struct {
	sessionFlags
	Accounts bool `help:"Accounts only."`
	JSON     bool `name:"json" help:"Print JSON."`
}

// Run implements the command, for kong.
func (c *listCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, a.onTerminal(), func(ctx context.Context, r *run) error {
		t, err := c.target(r)
		if err != nil {
			return err
		}
		accounts, err := credproc.Accounts(ctx, t.session, !c.Accounts)
		if err != nil {
			return t.wrap(err)
		}
		if len(accounts) == 0 {
			return t.wrap(&nothingAssignedError{session: sessionLabel(t.session)})
		}
		return r.printAccounts(accounts, c.JSON, c.Accounts)
	})
}

// nothingAssignedError is a person who can sign in, and then do nothing.
type nothingAssignedError struct{ session string }

func (e *nothingAssignedError) Error() string { return "no account in session " + e.session }

func (r *run) printAccounts(accounts []credproc.Account, asJSON, accountsOnly bool) error {
	if asJSON {
		return r.printJSON(accounts)
	}
	table := tabwriter.NewWriter(r.stdout(), 0, 0, 2, ' ', 0)
	if accountsOnly {
		fmt.Fprintln(table, "ACCOUNT ID\tACCOUNT NAME\tEMAIL")
		for _, account := range accounts {
			fmt.Fprintf(table, "%s\t%s\t%s\n", account.ID, sdk.Printable(account.Name), sdk.Printable(account.Email))
		}
		return table.Flush()
	}
	fmt.Fprintln(table, "ACCOUNT ID\tACCOUNT NAME\tROLE NAME")
	for _, account := range accounts {
		for _, role := range account.Roles {
			fmt.Fprintf(table, "%s\t%s\t%s\n", account.ID, sdk.Printable(account.Name), sdk.Printable(role))
		}
	}
	return table.Flush()
}

func (a *App) printJSON(value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err == nil {
		_, err = a.stdout().Write(append(text, '\n'))
	}
	return err
}
