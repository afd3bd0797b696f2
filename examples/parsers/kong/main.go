// Command kong mounts the commands in a tool that parses its arguments with
// kong: all of them as "acme aws", and login alone as "acme login".
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/cmd"
	"github.com/credproc/credproc/credproc"
)

type grammar struct {
	Debug   bool   `help:"Say more."`
	JSON    bool   `name:"json" help:"Print JSON."`
	Profile string `help:"A profile of acme."`
	Region  string `help:"Where to deploy."`

	Deploy deployCommand `cmd:"" help:"Deploy."`
	AWS    cmd.Mount     `cmd:"" passthrough:"" name:"aws" help:"AWS credentials."`
	Login  login         `cmd:"" passthrough:"" help:"Sign in to AWS."`
}

type deployCommand struct {
	Stage string `arg:""`
}

// Run implements the command, for kong.
func (c *deployCommand) Run(g *grammar) error {
	fmt.Println("deployed", c.Stage, "to", g.Region)
	return nil
}

// login is one command, at a place of its own. Its name differs, so it has an
// App of its own; the ID, and so the logins, are the same.
type login struct{ cmd.Mount }

// Run implements the command, for kong.
func (l *login) Run(ctx context.Context, parsed *kong.Context) error {
	return l.Mount.Run(ctx, &cmd.App{Identity: credproc.Identity{Name: "acme", Command: "acme aws", ID: "acme"}}, parsed)
}

func main() {
	app := &cmd.App{Identity: credproc.Identity{Name: "acme aws", ID: "acme"}}
	var g grammar
	parser := kong.Must(&g, kong.Name("acme"), kong.Bind(app, &g), kong.BindTo(context.Background(), (*context.Context)(nil)))
	parsed, err := parser.Parse(os.Args[1:])
	if err != nil {
		parser.Errorf("%v", err)
		os.Exit(2)
	}
	os.Exit(app.Report(parsed.Run()))
}
