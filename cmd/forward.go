package cmd

import (
	"context"

	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/endpoint"
)

type forwardCommand struct {
	placeFlags
	To        string   `placeholder:"URL" help:"The role's URL at the endpoint of serve --tls, such as https://HOST:PORT/profile/NAME."`
	CA        string   `name:"ca" placeholder:"FILE" help:"Certificate of the CA that issued the endpoint's. Default: the CAs of the system."`
	TokenFile string   `placeholder:"FILE" help:"File with the token to send."`
	Words     []string `arg:"" optional:"" name:"-- command" help:"The command and its arguments. Default: your shell."`
}

// Run implements the command, for kong.
func (c *forwardCommand) Run(ctx context.Context, a *App, argv commandLine) error {
	return asOwnFailure(c.start(ctx, a, argv))
}

func (c *forwardCommand) start(ctx context.Context, a *App, argv commandLine) error {
	switch {
	case len(c.Words) > 0:
		return &usageError{problem: "put the command after --"}
	case c.To == "" || c.TokenFile == "":
		return &usageError{problem: "forward needs --to URL and --token-file FILE", more: "serve --tls --print exports prints both."}
	}
	command, err := program(a, argv)
	if err != nil {
		return err
	}
	return a.do(ctx, false, func(ctx context.Context, r *run) error { return c.run(ctx, r, command) })
}

func (c *forwardCommand) run(ctx context.Context, r *run, command *child.Command) error {
	relay, err := endpoint.RelayTo(c.To, r.path(c.CA), r.path(c.TokenFile))
	if err != nil {
		return fileError("--ca or --token-file", "", err)
	}
	if _, err := relay.Retrieve(ctx); err != nil {
		return err
	}
	grant := func(_ *run, base child.Environment) *child.Grant {
		return &child.Grant{Label: relay.Name(), Settings: c.settings(c.Region, base)}
	}
	e := &endpoint.Endpoint{Find: endpoint.Only(relay.Source(r.inside.Leave))}
	return r.beside(ctx, command, e, grant)
}
