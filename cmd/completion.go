package cmd

import (
	"context"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/settings"
)

// The script that a shell is given knows nothing but how to ask the program,
// which reads the config file and nothing else. So what is completed is right
// after an upgrade, and after each edit of the file.

type completionCommand struct {
	Shell string `arg:"" optional:"" help:"bash, zsh, fish or powershell."`
}

// Run implements the command, for kong.
func (c *completionCommand) Run(a *App) error {
	script, ok := shell.CompletionScript(c.Shell, a.command())
	if !ok {
		return &usageError{problem: "which shell? There are bash, zsh, fish, powershell", hint: a.name() + " completion bash"}
	}
	return a.term().Verbatim(script)
}

// Completion is a word that [App.Complete] offers.
type Completion struct {
	Word string // whole, with what has been typed of it
	Help string // what it is, in a few words; may be ""
}

// Complete returns what the last of args can become: commands, flags, and the
// profiles and sessions of ~/.aws/config. args are as for [App.Run], up to the
// word at the cursor, which is "" where none has been started:
//
//	app.Complete([]string{"login", "co"}) // corp, if there is such a session
//
// files reports that a file name belongs there, or the command line that exec
// runs: the shell can complete those itself.
//
// It reads the config file and nothing else, and does not fail: of a file that
// cannot be read, no name is offered. It is for a tool that answers shells
// itself. A tool that does not lets people install the script that the command
// "completion" prints, which leaves the tool's other words alone.
func (a *App) Complete(args []string) (words []Completion, files bool) {
	parser, err := a.parser(context.Background())
	if err != nil || len(args) == 0 {
		return nil, false
	}
	for _, found := range candidates(a, parser.Model.Node, args) {
		if found.Value == shell.Files {
			files = true
			continue
		}
		words = append(words, Completion{Word: found.Value, Help: found.Help})
	}
	return words, files
}

func candidates(a *App, node *kong.Node, words []string) []shell.Candidate {
	config := &credproc.Config{Getenv: a.getenv, Identity: a.Identity}
	completer := &shell.Completer{Named: func(kind string) []string { // none if the file cannot be read
		in, err := inside.Of[settings.Config](config)
		switch {
		case err != nil:
			return nil
		case kind == "profile":
			return in.Files().ProfileNames()
		}
		return in.Files().SessionNames()
	}}
	return completer.Complete(node, words)
}

// completeLineCommand answers a shell: a line for each candidate, with what it
// is after a tab, or ":files" for the shell's own completion.
type completeLineCommand struct {
	Words []string `arg:"" optional:"" passthrough:"" help:"The shell, and the words so far. The last one is completed."`
}

// Run implements the command, for kong. It says nothing where it fails: a person
// who types wants no message. To the script, a failure means that the words are
// for another command of the tool.
func (c *completeLineCommand) Run(a *App, parsed *kong.Context) error {
	if len(c.Words) < 2 {
		return nil
	}
	asking, words, breaks := c.Words[0], c.Words[1:], ""
	if asking == "bash" {
		breaks = words[0]
		words = shell.SplitLine(strings.Join(words[1:], " "))[1:]
	}
	if len(words) == 0 {
		return nil
	}
	if last := len(words) - 1; asking == "powershell" {
		words[last] = shell.Unfinished(strings.TrimPrefix(words[last], "+"))
	}
	words, ok := shell.After(strings.Fields(a.command())[1:], words)
	if !ok {
		return &child.StatusError{Status: failed}
	}
	for _, found := range candidates(a, parsed.Selected().Parent, words) {
		if err := a.term().Verbatim(found.Line(asking, words[len(words)-1], breaks) + "\n"); err != nil {
			return err
		}
	}
	return nil
}
