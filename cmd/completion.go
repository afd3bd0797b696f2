package cmd

import (
	"strings"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/credproc"
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

// completeLineCommand answers a shell: a line for each candidate, with what it
// is behind a tab, or ":files" for the shell's own completion.
type completeLineCommand struct {
	Words []string `arg:"" optional:"" passthrough:"" help:"The shell, and the words so far, of which the last one is to be completed."`
}

// Run implements the command, for kong. It does not fail: a person who types
// wants no message.
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
	last := len(words) - 1
	if asking == "powershell" {
		words[last] = shell.Unfinished(strings.TrimPrefix(words[last], "+"))
	}
	words = withoutCommand(a, words)
	if len(words) == 0 {
		return nil
	}
	last = len(words) - 1
	config := &credproc.Config{Getenv: a.getenv, Command: strings.Fields(a.command())}
	completer := &shell.Completer{Named: func(kind string) []string { // none if the file cannot be read
		names, _ := config.SessionNames()
		if kind == "profile" {
			names, _ = config.ProfileNames()
		}
		return names
	}}
	for _, word := range completer.Complete(parsed.Selected().Parent, words) {
		if line, ok := word.Line(asking, words[last], breaks); ok {
			if err := a.term().Verbatim(line + "\n"); err != nil {
				return err
			}
		}
	}
	return nil
}

// withoutCommand drops the words by which our commands are reached in another
// tool.
func withoutCommand(a *App, words []string) []string {
	for _, word := range strings.Fields(a.command())[1:] {
		if len(words) == 0 || words[0] != word {
			return nil
		}
		words = words[1:]
	}
	return words
}
