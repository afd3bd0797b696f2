package cmd

import (
	"context"
	"os"

	"github.com/alecthomas/kong"
	"github.com/credproc/credproc/credproc"
)

// acme is a tool of somebody else with our commands in it, in both ways.
func acme(args []string) int {
	app := &App{Identity: credproc.Identity{Name: "acme aws", Command: "acme aws", ID: "acme"}, Version: "v7.0.0", place: policies()}
	if len(args) > 0 && args[0] == "aws" && os.Getenv("ACME_KONG") == "" {
		return app.Run(context.Background(), args[1:])
	}
	var grammar struct {
		Debug   bool
		Profile string
		AWS     Mount `cmd:"" passthrough:"" name:"aws" help:"AWS credentials."`
	}
	parser := kong.Must(&grammar, kong.Name("acme"), kong.Bind(app), kong.BindTo(context.Background(), (*context.Context)(nil)))
	parsed, err := parser.Parse(args)
	if err != nil {
		parser.Errorf("%v", err)
		return 2
	}
	return app.Report(parsed.Run())
}
