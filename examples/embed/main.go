// Command acme is another author's tool with the commands of credproc in it,
// under its own name. It shows both ways:
//
//	acme aws login corp   the commands are part of a kong grammar
//	acme sso login corp   the arguments are handed on, as any other parser can do it
//
// Nothing that people see says credproc: not the usage, the hints and errors,
// the client that they approve at sign-in, nor the names of environment
// variables (ACME_KEYRING), directories and keychain items.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/cmd"
	"github.com/credproc/credproc/credproc"
)

func main() {
	ctx := context.Background() // the commands deal with signals themselves
	if len(os.Args) > 1 && os.Args[1] == "sso" {
		os.Exit(handOn(ctx, os.Args[2:]))
	}
	os.Exit(mount(ctx, os.Args[1:]))
}

// handOn gives arguments to the commands, and returns the exit status.
func handOn(ctx context.Context, args []string) int {
	app := &cmd.App{Identity: credproc.Identity{
		Name:    "acme sso",
		Command: "acme aws", // credential_process lines are the same in both ways
		ID:      "acme",     // and so are the logins
	}}
	return app.Run(ctx, args)
}

// grammar is the command line of acme.
type grammar struct {
	Hello helloCommand `cmd:"" help:"Print a greeting."`
	AWS   cmd.Mount    `cmd:"" passthrough:"" name:"aws" help:"AWS credentials from IAM Identity Center."`
	SSO   struct{}     `cmd:"" name:"sso" help:"The same, in another way."` // see main
}

type helloCommand struct {
	Name string `arg:"" default:"world" help:"Whom to greet."`
}

// Run implements the command, for kong.
func (c *helloCommand) Run(out io.Writer) error {
	_, err := fmt.Fprintf(out, "Hello, %s!\n", c.Name)
	return err
}

// mount parses arguments with the commands as a part of the grammar, runs what
// they say, and returns the exit status.
func mount(ctx context.Context, args []string) int {
	app := &cmd.App{Identity: credproc.Identity{Name: "acme aws", Command: "acme aws", ID: "acme"}}
	parser := kong.Must(new(grammar),
		kong.Name("acme"),
		kong.BindTo(os.Stdout, (*io.Writer)(nil)),
		kong.Bind(app),                            // what the mounted commands
		kong.BindTo(ctx, (*context.Context)(nil)), // want to have bound
	)
	parsed, err := parser.Parse(args)
	if err != nil {
		parser.Errorf("%v", err)
		return 2
	}
	return app.Report(parsed.Run())
}
