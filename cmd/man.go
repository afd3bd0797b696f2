package cmd

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// manCommand writes the manual pages that packages install. They come from the
// grammar, so that they say what --help says.
type manCommand struct {
	Dir string `arg:"" help:"The directory to write to. It must exist."`
}

// Run implements the command, for kong.
func (c *manCommand) Run(ctx context.Context, a *App) error {
	parser, err := a.parser(ctx)
	if err != nil {
		return err
	}
	visible := parser.Model.Leaves(true)
	err = c.write(a, fileName(a, nil), newManual(a).overview(parser.Model.Node, visible))
	for _, node := range visible {
		err = cmp.Or(err, c.write(a, fileName(a, node), newManual(a).command(node)))
	}
	return err
}

func (c *manCommand) write(a *App, name, text string) error {
	return os.WriteFile(filepath.Join(c.Dir, name+".1"), []byte(text), 0o644)
}

// fileName is the name of the page of a command, or of the program.
func fileName(a *App, node *kong.Node) string {
	return strings.Join(strings.Fields(commandLine(a, node)), "-")
}

// commandLine is what a person types to run a command, without arguments.
func commandLine(a *App, node *kong.Node) string {
	line := ""
	for ; node != nil && node.Type == kong.CommandNode; node = node.Parent {
		line = " " + node.Name + line
	}
	return a.name() + line
}

// committed returns the day of the commit that the program was built from: the
// same source gives the same pages on any day. Where the build does not say, it
// is today.
func committed() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.time" {
				day, _, _ := strings.Cut(s.Value, "T")
				return day
			}
		}
	}
	return time.Now().UTC().Format(time.DateOnly)
}

// manual writes pages in the man macros, which every system's man knows.
//
// https://man.openbsd.org/man.7
type manual struct {
	app  *App
	date string
	strings.Builder
}

func newManual(a *App) *manual { return &manual{app: a, date: committed()} }

func (m *manual) overview(root *kong.Node, commands []*kong.Node) string {
	m.head(fileName(m.app, nil), "AWS credentials from IAM Identity Center for every process")
	m.section("SYNOPSIS")
	m.line(".B %s", m.app.name())
	m.line(".I command")
	m.line("[\\fIflags\\fR]")
	m.section("COMMANDS")
	for _, node := range commands {
		m.line(".TP")
		m.line("\\fB%s\\fR(1)", roff(fileName(m.app, node)))
		m.text(node.Help)
	}
	m.flags("FLAGS", root.Flags)
	m.section("EXIT STATUS")
	for _, s := range exitStatuses {
		m.line(".TP")
		m.line("%d", s.status)
		m.text(s.meaning)
	}
	m.section("FILES")
	m.line(".TP\n.I ~/.aws/config")
	m.text("Sessions and profiles, as the AWS CLI writes them. AWS_CONFIG_FILE names another file.")
	return m.String()
}

func (m *manual) command(node *kong.Node) string {
	m.head(fileName(m.app, node), strings.TrimSuffix(node.Help, "."))
	m.section("SYNOPSIS")
	m.line(".B %s", roff(commandLine(m.app, node)))
	for _, p := range node.Positional {
		m.line("%s", roff(p.Summary()))
	}
	m.line("[\\fIflags\\fR]")
	if node.Detail != "" {
		m.section("DESCRIPTION")
		m.text(node.Detail)
	}
	if len(node.Positional) > 0 {
		m.section("ARGUMENTS")
		for _, p := range node.Positional {
			m.line(".TP\n.I %s", roff(p.Name))
			m.text(p.Help)
		}
	}
	var flags []*kong.Flag
	for at := node; at != nil && at.Type != kong.ApplicationNode; at = at.Parent {
		flags = append(flags, at.Flags...)
	}
	m.flags("FLAGS", flags)
	m.section("SEE ALSO")
	m.line(".BR %s (1)", roff(fileName(m.app, nil)))
	return m.String()
}

func (m *manual) head(name, summary string) {
	m.line(".TH %q 1 %q %q", strings.ToUpper(name), m.date, m.app.name()+" "+m.app.version())
	m.section("NAME")
	m.line("%s \\-", roff(name))
	m.text(summary)
}

func (m *manual) flags(title string, flags []*kong.Flag) {
	titled := false
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		if !titled {
			m.section(title)
			titled = true
		}
		m.line(".TP\n\\fB%s\\fR", roff(f.String()))
		m.text(f.Help)
	}
}

func (m *manual) section(title string) { m.line(".SH %s", title) }

// text writes a paragraph, in lines of a length that roff's checkers like. A line
// may begin with what roff takes for a request.
func (m *manual) text(s string) {
	line := ""
	for _, word := range strings.Fields(roff(s)) {
		if line != "" && len(line)+1+len(word) > 75 {
			m.line(`\&%s`, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	if line != "" {
		m.line(`\&%s`, line)
	}
}

func (m *manual) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

// roff keeps text from being read as requests, and its hyphens and quotes as
// they are: they get copied into shells.
func roff(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "~", `\(ti`, "^", `\(ha`).Replace(s)
}

// exitStatuses is the table of [App.Run].
var exitStatuses = []struct {
	status  int
	meaning string
}{
	{done, "Done."},
	{failed, "Failed."},
	{misconfigured, "Wrong usage or configuration."},
	{unavailable, "Temporarily unavailable."},
	{signInRequired, "Sign-in required."},
	{noAccess, "No access to that role."},
	{keyringShut, "The keyring is locked or unavailable."},
	{interrupted, "Interrupted; 128 and the number of the signal for others."},
}
