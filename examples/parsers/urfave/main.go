// Command urfave mounts the commands in a tool that parses its arguments with
// urfave/cli: all of them as "acme aws", and login alone as "acme login".
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/credproc/credproc/cmd"
	"github.com/credproc/credproc/credproc"
)

// mount returns a command whose words are handed on. words come before them.
func mount(app *cmd.App, name, usage string, status *int, words ...string) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage,
		SkipFlagParsing: true,
		HideHelp:        true, // --help is for the commands, too
		Action: func(ctx context.Context, c *cli.Command) error {
			*status = app.Run(ctx, slices.Concat(words, c.Args().Slice()))
			return nil
		},
		ShellComplete: func(_ context.Context, c *cli.Command) {
			args := slices.Concat(words, c.Args().Slice())
			if last := c.Args().Slice(); len(last) == 0 || !strings.HasPrefix(last[len(last)-1], "-") {
				args = append(args, "") // the scripts of cli keep the last word to themselves, but for a flag
			}
			found, _ := app.Complete(args)
			for _, f := range found {
				fmt.Fprintln(c.Root().Writer, f.Word)
			}
		},
	}
}

func main() {
	status := 0
	acme := &cli.Command{
		Name: "acme", EnableShellCompletion: true,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "debug", Usage: "Say more."},
			&cli.BoolFlag{Name: "json", Usage: "Print JSON."},
			&cli.StringFlag{Name: "profile", Usage: "A profile of acme."},
			&cli.StringFlag{Name: "region", Usage: "Where to deploy."},
		},
		Commands: []*cli.Command{
			{
				Name: "deploy", Usage: "Deploy.",
				Action: func(_ context.Context, c *cli.Command) error {
					fmt.Println("deployed", c.Args().First(), "to", c.String("region"))
					return nil
				},
			},
			mount(&cmd.App{Identity: credproc.Identity{Name: "acme aws", ID: "acme"}}, "aws", "AWS credentials.", &status),
			mount(&cmd.App{Identity: credproc.Identity{Name: "acme", Command: "acme aws", ID: "acme"}}, "login", "Sign in to AWS.", &status, "login"),
		},
	}
	if err := acme.Run(context.Background(), os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "acme:", err)
		os.Exit(2)
	}
	os.Exit(status)
}
