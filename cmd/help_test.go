package cmd

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/cmd/internal/help"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/credproc"
)

// everyCommand returns the grammar, and the commands that people see.
func everyCommand(t *testing.T, a *App) (*kong.Kong, []*kong.Node) {
	t.Helper()
	parser, err := a.parser(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []*kong.Node
	var add func(*kong.Node)
	add = func(above *kong.Node) {
		for _, group := range help.Commands(above) {
			for _, node := range group.Nodes {
				all = append(all, node)
				add(node)
			}
		}
	}
	add(parser.Model.Node)
	return parser, all
}

func TestHelpFitsATerminal(t *testing.T) {
	parser, all := everyCommand(t, new(App))
	overview := help.Page("credproc", parser.Model.Node)
	if n := strings.Count(overview, "\n"); n > 23 { // and the prompt
		t.Errorf("the overview has %d lines", n)
	}
	for _, node := range append(all, parser.Model.Node) {
		for line := range strings.Lines(help.Page("credproc", node)) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s: %d columns: %s", node.Path(), n, line)
			}
		}
	}
	for _, group := range help.Commands(parser.Model.Node) {
		for _, node := range group.Nodes {
			if !strings.Contains(overview, node.Name) {
				t.Errorf("the overview lacks %s", node.Name)
			}
			if group.Key == "" {
				t.Errorf("%s is in no group", node.Name)
			}
		}
	}
}

func TestEveryExampleIsACommandThatExists(t *testing.T) {
	_, all := everyCommand(t, new(App))
	command := regexp.MustCompile(`credproc ([^|&>)]*)`)
	for _, node := range all {
		about := help.About("credproc", node)
		if n := len(about.Examples); n < 2 || n > 3 {
			t.Errorf("%s has %d examples, and needs two or three: see cmd/internal/help/examples.go", node.Path(), n)
		}
		for _, example := range about.Examples {
			line := strings.Join(example.Lines, "\n")
			found := command.FindAllStringSubmatch(line, -1)
			if found == nil || len(example.Lines) != 1 || !strings.HasPrefix(line, "$ ") {
				t.Errorf("%s: %q runs nothing", node.Path(), line)
			}
			for _, words := range found {
				parser, _ := everyCommand(t, new(App)) // one remembers what it was given
				if _, err := parser.Parse(shell.Split(words[1])); err != nil {
					t.Errorf("%s: %s: %v", node.Path(), line, err)
				}
			}
		}
	}
}

func TestAFoldedGroupNamesEveryFlagOfIt(t *testing.T) {
	_, all := everyCommand(t, new(App))
	folded := 0
	for _, node := range all {
		page := strings.Join(strings.Fields(help.Page("credproc", node)), " ")
		for _, flag := range help.Flags(node) {
			words := "--" + flag.Name
			if flag.Short != 0 {
				words = "-" + string(flag.Short) + ", " + words
			}
			if !flag.IsBool() {
				words += "=" + flag.FormatPlaceHolder()
			}
			if !strings.Contains(page, words) {
				t.Errorf("%s: the help lacks %s", node.Path(), words)
			}
			if flag.Group != nil && flag.Group.Description != "" {
				folded++
			}
		}
	}
	if folded < 50 {
		t.Errorf("%d flags are folded", folded)
	}
}

func TestHelpSaysTheNameOfTheToolAroundIt(t *testing.T) {
	app := &App{Identity: credproc.Identity{Name: "acme aws"}}
	parser, all := everyCommand(t, app)
	for _, node := range append(all, parser.Model.Node) {
		if page := help.Page(app.name(), node); strings.Contains(page, "credproc") || !strings.Contains(page, "acme aws ") {
			t.Errorf("%s", page)
		}
	}
	var stdout, stderr bytes.Buffer
	app.Stdout, app.Stderr = &stdout, &stderr
	if status := app.Run(t.Context(), []string{"lgin"}); status != advice.Misconfigured ||
		stderr.String() != "acme aws: unknown command \"lgin\"; did you mean \"login\"?\nhint: run \"acme aws --help\"\n" {
		t.Errorf("%d: %s", status, &stderr)
	}
	if status := app.Run(t.Context(), []string{"--version"}); status != advice.Done || !strings.HasPrefix(stdout.String(), "acme aws ") {
		t.Errorf("%d: %s", status, &stdout)
	}
}
