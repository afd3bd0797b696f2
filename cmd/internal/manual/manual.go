// Package manual writes manual pages from the grammar of the commands and what
// package help knows of them.
package manual

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/cmd/internal/help"
)

// Pages returns the pages of a program and of each of its commands, by the
// name of the file. day is that of the version, and statuses are "0 Done." and so on.
func Pages(model *kong.Application, program, version, day string, statuses []string) map[string]string {
	newPage := func() *page { return &page{program: program, version: version, day: day} }
	pages := map[string]string{fileName(program, nil) + ".1": newPage().overview(model.Node, statuses)}
	var add func(above *kong.Node)
	add = func(above *kong.Node) {
		for _, group := range help.Commands(above) {
			for _, node := range group.Nodes {
				pages[fileName(program, node)+".1"] = newPage().command(node)
				add(node)
			}
		}
	}
	add(model.Node)
	return pages
}

// fileName is the name of the page of a command, or of the program.
func fileName(program string, node *kong.Node) string {
	return strings.Join(strings.Fields(help.CommandLine(program, node)), "-")
}

// page writes pages in the man macros, which every system's man knows.
//
// https://man.openbsd.org/man.7
type page struct {
	program, version, day string
	strings.Builder
}

func (m *page) overview(root *kong.Node, statuses []string) string {
	m.head(fileName(m.program, nil), "AWS credentials from IAM Identity Center for every process")
	m.synopsis(root)
	m.section("COMMANDS")
	for _, group := range help.Commands(root) {
		m.line(".SS %s", group.Title)
		m.commands(group.Nodes)
	}
	m.flags(root)
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

// synopsis writes how a command is called, its name in bold.
func (m *page) synopsis(node *kong.Node) {
	name := help.CommandLine(m.program, node)
	m.section("SYNOPSIS")
	m.line(".B %s", roff(name))
	m.line("%s", roff(strings.TrimPrefix(help.Usage(m.program, node), name+" ")))
}

func (m *page) commands(nodes []*kong.Node) {
	for _, node := range nodes {
		m.line(".TP")
		m.line("\\fB%s\\fR(1)", roff(fileName(m.program, node)))
		m.text(node.Help)
	}
}

func (m *page) command(node *kong.Node) string {
	m.head(fileName(m.program, node), strings.TrimSuffix(node.Help, "."))
	m.synopsis(node)
	about := help.About(m.program, node)
	m.description(node, about.Text)
	for _, group := range help.Commands(node) {
		m.section("COMMANDS")
		m.commands(group.Nodes)
	}
	if len(node.Positional) > 0 {
		m.section("ARGUMENTS")
		for _, p := range node.Positional {
			m.line(".TP\n.I %s", roff(strings.ToUpper(p.Name)))
			m.text(p.Help)
		}
	}
	m.flags(node)
	m.examples(about.Examples)
	m.section("SEE ALSO")
	m.line(".BR %s (1)", roff(fileName(m.program, nil)))
	return m.String()
}

func (m *page) description(node *kong.Node, text []string) {
	paragraphs := append([]string{node.Help}, text...)
	if len(node.Aliases) > 0 {
		paragraphs = append(paragraphs, "It can also be called "+strings.Join(node.Aliases, ", ")+".")
	}
	m.section("DESCRIPTION")
	for i, paragraph := range paragraphs {
		if i > 0 {
			m.line(".PP")
		}
		m.text(paragraph)
	}
}

func (m *page) examples(examples []help.Example) {
	if len(examples) == 0 {
		return
	}
	m.section("EXAMPLES")
	for i, example := range examples {
		if i > 0 {
			m.line(".PP")
		}
		m.text(example.What + ":")
		m.line(".PP\n.RS 4\n.nf")
		for _, line := range example.Lines {
			m.line(`\&%s`, roff(line))
		}
		m.line(".fi\n.RE")
	}
}

func (m *page) head(name, summary string) {
	m.line(".TH %q 1 %q %q", strings.ToUpper(name), m.day, m.program+" "+m.version)
	m.section("NAME")
	m.line("%s \\-", roff(name))
	m.text(summary)
}

func (m *page) flags(node *kong.Node) {
	for i, f := range help.Flags(node) {
		if i == 0 {
			m.section("FLAGS")
		}
		m.line(".TP\n\\fB%s\\fR", roff(f.String()))
		m.text(f.Help)
	}
}

func (m *page) section(title string) { m.line(".SH %s", title) }

// text writes a paragraph, in lines of a length that roff's checkers like. A line
// may start with what roff takes for a request.
func (m *page) text(s string) {
	for _, line := range help.Wrap(roff(s), 75) {
		m.line(`\&%s`, line)
	}
}

func (m *page) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

// roff keeps text from being read as requests, and its hyphens and quotes as
// they are: they get copied into shells.
func roff(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "~", `\(ti`, "^", `\(ha`).Replace(s)
}
