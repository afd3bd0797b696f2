package help

import (
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestATypoStandsForTheNearestName(t *testing.T) {
	names := []string{"login", "logout", "list", "env", "exec", "use", "reset", "console", "configure", "ReadOnly"}
	for word, want := range map[string]string{
		"lgin": "login", "logn": "login", "loign": "login", "LOGIN": "login", "ls": "list", "rst": "reset", "readonly": "ReadOnly",
		"conf": "configure", "consol": "console", "exce": "exec",
		"bogus": "", "": "", "x": "", "e": "", "con": "", "zzzzz": "", strings.Repeat("login", 20): "",
	} {
		if got := Nearest(word, names); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if got := Nearest("login", nil); got != "" {
		t.Errorf("of no names, %q", got)
	}
}

func TestTextIsBrokenBetweenWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":                    {""},
		"one two three":       {"one two", "three"},
		"  a\n b ":            {"a b"},
		"a abcdefghijklm b c": {"a", "abcdefghijklm", "b c"},
	} {
		if got := Wrap(text, 8); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// tool is a grammar with one of everything that help shows.
type tool struct {
	Go struct {
		From  string   `arg:"" help:"Where from."`
		To    []string `arg:"" optional:"" help:"Where to."`
		Speed int      `short:"s" placeholder:"N" help:"How fast."`
		Trace string   `hidden:"" help:"Not shown."`
	} `cmd:"" group:"use" aliases:"walk" help:"Go somewhere."`
	Stay struct{} `cmd:"" group:"more" help:"Stay here."`
	Gone struct{} `cmd:"" hidden:"" help:"Not shown."`
	Ring struct {
		Show struct {
			JSON bool `name:"json" help:"Print JSON."`
		} `cmd:"" default:"withargs" help:"Show it."`
		Drop struct{} `cmd:"" help:"Drop it."`
	} `cmd:"" group:"setup" help:"Rings."`
}

func newTool(t *testing.T) *kong.Kong {
	t.Helper()
	parser, err := kong.New(new(tool), kong.Name("tool"), kong.Description("A tool."), kong.NoDefaultHelp(), kong.ExplicitGroups(Groups()))
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

func TestHelpIsWrittenFromTheGrammar(t *testing.T) {
	parser := newTool(t)
	for _, tt := range []struct {
		words []string
		want  string
	}{
		{nil, "Usage: the tool COMMAND [flags]\nA tool.\n\nUse a role\n  go    Go somewhere.\n\nSet up\n  ring  Rings.\n\nMore: stay\n\"the tool help COMMAND\" shows the flags of a command, and examples.\n"},
		{[]string{"walk"}, "Usage: the tool go FROM [TO...] [flags]\nAlias: walk\n\nGo somewhere.\n\nArguments:\n  FROM   Where from.\n  TO...  Where to.\n\nFlags:\n  -s, --speed=N  How fast.\n"},
		{[]string{"ring"}, "Usage: the tool ring [COMMAND] [flags]\n\nRings.\n\nCommands:\n  show  Show it.\n  drop  Drop it.\n\nFlags:\n  --json  Print JSON.\n"},
		{[]string{"ring", "drop"}, "Usage: the tool ring drop [flags]\n\nDrop it.\n"},
	} {
		node, err := Find(parser.Model.Node, tt.words)
		if err != nil {
			t.Fatal(err)
		}
		if got := Page("the tool", node); got != tt.want {
			t.Errorf("%q:\n%s", tt.words, got)
		}
	}
}

func TestAProblemSaysWhatWasMeant(t *testing.T) {
	for line, want := range map[string]string{
		"sty":                `unknown command "sty"; did you mean "stay"?`,
		"wlak":               `unknown command "wlak"; did you mean "walk"?`,
		"gonee":              `unknown command "gonee"`, // "gone" is hidden
		"ring drp":           `unknown command "drp"; did you mean "drop"?`,
		"ring drop x":        `unexpected argument x`,
		"go a --sped 3":      `unknown flag --sped; did you mean "--speed"?`,
		"go a --trce 3":      `unknown flag --trce`,
		"--verion":           `unknown flag --verion; did you mean "--version"?`,
		"go":                 `missing FROM`,
		"":                   `a command is missing`,
		"go a --speed":       `--speed: expected int value`,
		"go a, did you mean": ``,
	} {
		_, err := newTool(t).Parse(strings.Fields(line))
		if want == "" != (err == nil) {
			t.Errorf("%q: %v", line, err)
		} else if err != nil && Problem(err) != want {
			t.Errorf("%q: %q, want %q", line, Problem(err), want)
		}
	}
	_, err := newTool(t).Parse([]string{"ring", "drop", "x"})
	if got := Selected(err); !slices.Equal(got, []string{"ring", "drop"}) {
		t.Errorf("selected %q", got)
	}
	if _, err := Find(newTool(t).Model.Node, []string{"ring", "shwo"}); err == nil || err.Error() != `unknown command "shwo"; did you mean "show"?` {
		t.Errorf("got %v", err)
	}
}

func TestATopicIsTextAndExamples(t *testing.T) {
	node, _ := Find(newTool(t).Model.Node, []string{"go"})
	if about := About("tool", node); about.Text != nil || about.Examples != nil {
		t.Errorf("of nothing known, %v", about)
	}
	node.Name = "exec"
	about := About("acme aws", node)
	if len(about.Text) != 1 || len(about.Examples) != 3 || about.Examples[0].Lines[0] != "$ acme aws exec dev -- aws s3 ls" {
		t.Errorf("got %q", about)
	}
}
