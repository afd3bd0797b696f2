package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/oidc"
)

type tokenCommand struct {
	sessionFlags
	JSON  bool `name:"json" help:"Print JSON, with the token's expiry."`
	Force bool `help:"Print the token even to a terminal."`
}

// bearer is a token for a program.
type bearer struct {
	AccessToken string    `json:"access_token"`
	ExpiresAt   time.Time `json:"expires_at"`
	Session     string    `json:"session"`
	StartURL    string    `json:"sso_start_url"`
	Region      string    `json:"sso_region"`
}

// Run implements the command, for kong.
func (c *tokenCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, false, c.run)
}

func (c *tokenCommand) run(ctx context.Context, r *run) error {
	if err := r.inside.Refused(ctx, c.line(r, audit.Token), r.files.Policy.CheckOutput("token")); err != nil {
		return err
	}
	t, err := c.target(r)
	if err != nil {
		return c.refused(ctx, r, audit.Token, err)
	}
	if terminal.Is(r.OutWriter()) && !c.Force {
		return &usageError{problem: "the access token is a secret, and stdout is a terminal",
			more: terminal.Prosef("Give it to a program: TOKEN=$(%s token). With --force it is printed all the same.", r.name())}
	}
	if err := r.inside.Refused(ctx, audit.Line{Event: audit.Token, Session: t.session.Label()}, r.inside.AgentToken(t.session)); err != nil {
		return err
	}
	token, err := t.session.Token(ctx)
	if err != nil {
		return t.wrap(err)
	}
	return c.print(r, t, token)
}

func (c *tokenCommand) print(r *run, t *target, token *oidc.Token) error {
	if c.JSON {
		return r.PrintJSON(bearer{token.AccessToken, token.Expiry.UTC().Truncate(time.Second), t.session.Name, t.session.Config.StartURL, t.session.Config.Region})
	}
	if err := shell.CheckPrintable(token.AccessToken); err != nil {
		return fmt.Errorf("the access token cannot be printed: %w", err)
	}
	return r.Verbatim(token.AccessToken + "\n")
}
