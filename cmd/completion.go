package cmd

import (
	"context"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/known"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/credproc"
)

// The script that a shell is given knows nothing but how to ask the program,
// which reads the config file and the lists that are stored. So what is completed is
// right after an upgrade, and after each edit of the file.

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
	Word string // whole: to stand in the place of what has been typed
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
// It reads the config file and stored lists of accounts, asks no service and no person,
// and does not fail: of a file that cannot be read, no name is offered. Where no value
// starts as the word does, those that have it in them are offered.
//
// It is for a tool that answers shells itself. A tool that does not lets people
// install the script that the command "completion" prints, which leaves the tool's
// other words alone.
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

// completionTime is how long the stored lists may take to be read: a keychain may be
// slow, and a person is typing.
const completionTime = 150 * time.Millisecond

func candidates(a *App, node *kong.Node, words []string) []shell.Candidate {
	config, err := newConfig(a, false, nil)
	mayList := err == nil && checkDirs(config) == nil
	if !mayList { // the names in the config file are known all the same
		config = &credproc.Config{Getenv: a.getenv, Identity: a.Identity}
	}
	r := newRun(a, config, false)
	if r.files == nil {
		return (&shell.Completer{Known: func(string, string) []shell.Candidate { return nil }}).Complete(node, words)
	}
	stored := &known.Names{Files: r.files.Config, Profiles: r.files.ProfileNames(), Sessions: r.files.SessionNames(), Roles: func() *known.Roles {
		all := new(known.Roles)
		all.Profiles, _ = config.Roles()
		if mayList {
			all.Accounts = r.storedQuietly()
		}
		return all
	}}
	return (&shell.Completer{Known: stored.Of}).Complete(node, words)
}

// storedQuietly returns the accounts of the lists that can be read without a word, a
// passphrase or a wait.
func (r *run) storedQuietly() (all []credproc.Account) {
	ctx, cancel := context.WithTimeout(context.Background(), completionTime)
	defer cancel()
	for _, l := range r.lists(ctx, true) {
		all = append(all, l.Accounts...)
	}
	return all
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
		return &child.StatusError{Status: advice.Failed}
	}
	return a.term().Verbatim(shell.Lines(candidates(a, parsed.Selected().Parent, words), asking, words[len(words)-1], breaks))
}
