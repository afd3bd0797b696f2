package cmd

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/cmd/internal/help"
)

// helpFlag prints the help of the command it comes after.
type helpFlag bool

// helpShown ends the parser's work where help was printed.
type helpShown struct{ err error } // of stdout

func (*helpShown) Error() string { return "help was printed" }

// BeforeReset is called by kong when the flag is met.
func (helpFlag) BeforeReset(ctx *kong.Context, a *App) error {
	node := ctx.Selected()
	if node == nil {
		node = ctx.Model.Node
	}
	return &helpShown{printHelp(a, help.Named(node, ctx.Args))}
}

func printHelp(a *App, node *kong.Node) error {
	return a.term().Verbatim(help.Page(a.name(), node)) // from the grammar alone
}

type helpCommand struct {
	Words []string `arg:"" optional:"" name:"command" help:"The command. Default: list all commands."`
}

// Run implements the command, for kong.
func (c *helpCommand) Run(a *App, parsed *kong.Context) error {
	node, err := help.Find(parsed.Model.Node, c.Words)
	if err != nil {
		return &usageError{problem: err.Error(), hint: a.name() + " help"}
	}
	return printHelp(a, node)
}

// parse finds the command of a command line, and what exec is to run. Where it
// returns none, there is nothing left to do.
func parse(ctx context.Context, a *App, args []string) (*kong.Context, commandLine, error) {
	parser, err := a.parser(ctx)
	if err != nil {
		return nil, nil, err
	}
	if len(args) == 0 {
		args = []string{"help"}
	} else if args[0] == "--version" {
		args = append([]string{"version"}, args[1:]...)
	}
	args, command := cutCommand(args)
	parsed, err := parser.Parse(args)
	if shown, ok := errors.AsType[*helpShown](err); ok {
		return nil, nil, shown.err
	}
	if err != nil {
		words := slices.Concat([]string{a.name()}, help.Selected(err), []string{"--help"})
		return nil, nil, asOwn(err, &usageError{problem: help.Problem(err), hint: strings.Join(words, " ")})
	}
	return parsed, command, nil
}
