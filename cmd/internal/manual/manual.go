// Package manual writes manual pages from the grammar of the commands.
package manual

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Pages returns the pages of a program and of each of its commands, by the
// name of the file. statuses are "0 Done." and so on.
func Pages(model *kong.Application, program, version string, statuses []string) map[string]string {
	visible := model.Leaves(true)
	pages := map[string]string{fileName(program, nil) + ".1": newPage(program, version).overview(model.Node, visible, statuses)}
	for _, node := range visible {
		pages[fileName(program, node)+".1"] = newPage(program, version).command(node)
	}
	return pages
}

// fileName is the name of the page of a command, or of the program.
func fileName(program string, node *kong.Node) string {
	return strings.Join(strings.Fields(commandLine(program, node)), "-")
}

// commandLine is what a person types to run a command, without arguments.
func commandLine(program string, node *kong.Node) string {
	line := ""
	for ; node != nil && node.Type == kong.CommandNode; node = node.Parent {
		line = " " + node.Name + line
	}
	return program + line
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

// page writes pages in the man macros, which every system's man knows.
//
// https://man.openbsd.org/man.7
type page struct {
	program, version string
	date             string
	strings.Builder
}

func newPage(program, version string) *page {
	return &page{program: program, version: version, date: committed()}
}

func (m *page) overview(root *kong.Node, commands []*kong.Node, statuses []string) string {
	m.head(fileName(m.program, nil), "AWS credentials from IAM Identity Center for every process")
	m.section("SYNOPSIS")
	m.line(".B %s", m.program)
	m.line(".I command")
	m.line("[\\fIflags\\fR]")
	m.section("COMMANDS")
	for _, node := range commands {
		m.line(".TP")
		m.line("\\fB%s\\fR(1)", roff(fileName(m.program, node)))
		m.text(node.Help)
	}
	m.flags("FLAGS", root.Flags)
	m.section("EXIT STATUS")
	for _, s := range statuses {
		number, meaning, _ := strings.Cut(s, " ")
		m.line(".TP")
		m.line("%s", number)
		m.text(meaning)
	}
	m.section("FILES")
	m.line(".TP\n.I ~/.aws/config")
	m.text("Sessions and profiles, as the AWS CLI writes them. AWS_CONFIG_FILE names another file.")
	return m.String()
}

func (m *page) command(node *kong.Node) string {
	m.head(fileName(m.program, node), strings.TrimSuffix(node.Help, "."))
	m.section("SYNOPSIS")
	m.line(".B %s", roff(commandLine(m.program, node)))
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
	m.line(".BR %s (1)", roff(fileName(m.program, nil)))
	return m.String()
}

func (m *page) head(name, summary string) {
	m.line(".TH %q 1 %q %q", strings.ToUpper(name), m.date, m.program+" "+m.version)
	m.section("NAME")
	m.line("%s \\-", roff(name))
	m.text(summary)
}

func (m *page) flags(title string, flags []*kong.Flag) {
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

func (m *page) section(title string) { m.line(".SH %s", title) }

// text writes a paragraph, in lines of a length that roff's checkers like. A line
// may begin with what roff takes for a request.
func (m *page) text(s string) {
	line := ""
	for word := range strings.FieldsSeq(roff(s)) {
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

func (m *page) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

// roff keeps text from being read as requests, and its hyphens and quotes as
// they are: they get copied into shells.
func roff(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "~", `\(ti`, "^", `\(ha`).Replace(s)
}
