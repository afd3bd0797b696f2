// Command cobra mounts the commands in a tool that parses its arguments with
// cobra: all of them as "acme aws", and login alone as "acme login".
package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/credproc/credproc/cmd"
	"github.com/credproc/credproc/credproc"
)

// mount returns a command whose words are handed on. words come before them.
func mount(app *cmd.App, use, short string, status *int, words ...string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short,
		DisableFlagParsing: true, // --help is for the commands, too
		Run: func(c *cobra.Command, args []string) {
			*status = app.Run(c.Context(), slices.Concat(words, args))
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, current string) ([]string, cobra.ShellCompDirective) {
			found, files := app.Complete(slices.Concat(words, args, []string{current}))
			if files {
				return nil, cobra.ShellCompDirectiveDefault
			}
			var offered []string
			for _, f := range found {
				offered = append(offered, f.Word+"\t"+f.Help)
			}
			return offered, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func main() {
	status := 0
	root := &cobra.Command{
		Use:              "acme",
		TraverseChildren: true, // or flags of acme before "aws" would be handed on
		SilenceUsage:     true,
		Args:             cobra.NoArgs,
		RunE:             func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	flags := root.PersistentFlags()
	flags.Bool("debug", false, "Say more.")
	flags.Bool("json", false, "Print JSON.")
	flags.String("profile", "", "A profile of acme.")
	region := flags.String("region", "", "Where to deploy.")
	root.AddCommand(
		&cobra.Command{
			Use: "deploy STAGE", Short: "Deploy.", Args: cobra.ExactArgs(1), ValidArgs: []string{"staging"},
			Run: func(_ *cobra.Command, args []string) { fmt.Println("deployed", args[0], "to", *region) },
		},
		mount(&cmd.App{Identity: credproc.Identity{Name: "acme aws", ID: "acme"}}, "aws", "AWS credentials.", &status),
		mount(&cmd.App{Identity: credproc.Identity{Name: "acme", Command: "acme aws", ID: "acme"}}, "login", "Sign in to AWS.", &status, "login"),
	)
	if err := root.ExecuteContext(context.Background()); err != nil {
		os.Exit(2)
	}
	os.Exit(status)
}
