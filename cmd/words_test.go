package cmd

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/tokencache"
)

func TestHintsCanBeCopied(t *testing.T) {
	var stderr bytes.Buffer
	app := &App{Stderr: &stderr}
	err := &targetError{words: []string{"--profile", "O'Brien"}, err: &tokencache.SignInError{Session: "corp", Reason: "not signed in"}}
	if got := app.Report(err); got != 4 {
		t.Errorf("exit status %d", got)
	}
	want := "credproc: sign-in required for session corp: not signed in\nhint: run \"credproc login --profile 'O'\\''Brien'\"\n"
	if runtime.GOOS == "windows" {
		want = "credproc: sign-in required for session corp: not signed in\nhint: run credproc login --profile \"O'Brien\"\n"
	}
	if stderr.String() != want {
		t.Errorf("%s, want %s", &stderr, want)
	}
}

func TestARecordOfANewerReleaseIsNotReplaced(t *testing.T) {
	var stderr bytes.Buffer
	app := &App{Stderr: &stderr, Version: "v1.0.0"}
	status := app.Report(&tokencache.RecordError{What: "login", Session: "corp", Err: sealed.ErrNewer})
	if status != 1 || !strings.Contains(stderr.String(), "\nThis is credproc v1.0.0. Use the newer release, which wrote it.\n") || strings.Contains(stderr.String(), "hint") {
		t.Errorf("%d: %s", status, &stderr)
	}
}

func TestAnErrorThatNobodyKnowsIsAFailure(t *testing.T) {
	var stderr bytes.Buffer
	if status := (&App{Stderr: &stderr}).Report(errors.New("odd.")); status != 1 ||
		stderr.String() != "credproc: odd\nSee https://github.com/credproc/credproc/blob/main/docs/troubleshooting.md\n" {
		t.Errorf("%d: %s", status, &stderr)
	}
	if status := (&App{Stderr: &stderr}).Report(nil); status != 0 {
		t.Errorf("no error: %d", status)
	}
}

func TestTheGrammarIsValidForEveryCommand(t *testing.T) {
	parser, err := kong.New(new(struct{ commands }), kong.Bind(new(App)))
	if err != nil {
		t.Fatal(err)
	}
	commands := parser.Model.Leaves(true)
	if len(commands) < 6 {
		t.Errorf("%d commands", len(commands))
	}
	for _, command := range commands {
		if command.Help == "" {
			t.Errorf("%s has no help", command.Path())
		}
		for _, flag := range command.Flags {
			if flag.Help == "" {
				t.Errorf("%s --%s has no help", command.Path(), flag.Name)
			}
		}
		var words []string
		for node := command; node.Type == kong.CommandNode; node = node.Parent {
			words = slices.Insert(words, 0, node.Name)
		}
		for _, argument := range command.Positional {
			if argument.Required {
				words = append(words, "x")
			}
		}
		if _, err := parser.Parse(words); err != nil {
			t.Errorf("%q: %v", words, err)
		}
	}
}
