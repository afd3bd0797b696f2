// Package help writes the help of the commands from their grammar, keeps the
// examples of each, and finds the word that a mistyped one stands for.
package help

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// width is how many columns a line has at most: what every terminal shows.
const width = 80

// The groups of commands, and those of flags that many commands have.
const (
	groupMore    = "more" // commands that the overview only names
	groupSession = "session"
	groupRole    = "role"
	groupCommon  = "common"
)

// Groups returns the groups that the tags of the grammar name.
func Groups() []kong.Group {
	return []kong.Group{
		{Key: "signin", Title: "Sign in"},
		{Key: "use", Title: "Use a role"},
		{Key: "setup", Title: "Set up"},
		{Key: groupMore, Title: "More"},
		{Key: groupSession, Title: "Which session",
			Description: "SESSION, --sso-session=NAME, or -p, --profile=NAME for the session of a profile. Without a config file: --sso-start-url=URL --sso-region=REGION. Default: the session of AWS_PROFILE, or the only one."},
		{Key: groupRole, Title: "Which role",
			Description: "-p, --profile=NAME, or --sso-session=NAME --account-id=ID --role-name=NAME. Without a config file: --sso-start-url=URL --sso-region=REGION in place of the session. Default: AWS_PROFILE, AWS_DEFAULT_PROFILE, or the profile default."},
		{Key: groupCommon, Title: "Common flags",
			Description: "-h, --help shows this. --debug logs each step to stderr, without secrets."},
	}
}

// Page returns the help of a command of a program, or of the program itself: its
// usage, flags and examples. It ends with a line feed. No line has more than 80
// columns, unless the program's name makes one of the examples longer.
func Page(program string, node *kong.Node) string {
	var p page
	if node.Type == kong.ApplicationNode {
		p.overview(program, node)
	} else {
		p.command(program, node)
	}
	return p.String()
}

// Usage returns how a command is called.
func Usage(program string, node *kong.Node) string {
	words := []string{CommandLine(program, node)}
	switch {
	case node.DefaultCmd != nil:
		words = append(words, "[COMMAND]")
	case len(node.Children) > 0:
		words = append(words, "COMMAND")
	}
	for _, arg := range node.Positional {
		words = append(words, operand(arg))
	}
	return strings.Join(append(words, "[flags]"), " ")
}

// CommandLine is what a person types to run a command, without arguments.
func CommandLine(program string, node *kong.Node) string {
	return strings.Join(append([]string{program}, Path(node)...), " ")
}

// Path returns the names that lead to a command.
func Path(node *kong.Node) (words []string) {
	for ; node != nil && node.Type == kong.CommandNode; node = node.Parent {
		words = slices.Insert(words, 0, node.Name)
	}
	return words
}

// operand is an argument in a line of usage.
func operand(arg *kong.Positional) string {
	name := strings.ToUpper(arg.Name)
	if arg.IsCumulative() {
		name += "..."
	}
	if !arg.Required {
		name = "[" + name + "]"
	}
	return name
}

// page is a page under way.
type page struct{ strings.Builder }

func (p *page) line(text string) { p.WriteString(text + "\n") }

func (p *page) title(text string) { p.line("\n" + text + ":") }

// text writes a paragraph.
func (p *page) text(indent int, text string) {
	for _, line := range Wrap(text, width-indent) {
		p.line(strings.Repeat(" ", indent) + line)
	}
}

// columns writes rows of two columns, the second of which may have many lines.
func (p *page) columns(rows [][2]string) { p.columnsAt(leftOf(rows), rows) }

// leftOf returns how wide the first column is, but for the rows where it is wider
// than helps the others.
func leftOf(rows [][2]string) (left int) {
	const most = 24
	for _, row := range rows {
		if n := len(row[0]); n <= most {
			left = max(left, n)
		}
	}
	return left
}

func (p *page) columnsAt(left int, rows [][2]string) {
	for _, row := range rows {
		lines := Wrap(row[1], width-left-4)
		if len(row[0]) > left {
			p.line("  " + row[0])
		} else {
			p.line("  " + row[0] + strings.Repeat(" ", left-len(row[0])+2) + lines[0])
			lines = lines[1:]
		}
		for _, line := range lines {
			p.line(strings.Repeat(" ", left+4) + line)
		}
	}
}

func (p *page) overview(program string, app *kong.Node) {
	p.line("Usage: " + Usage(program, app))
	p.text(0, app.Help)
	left, groups := 0, Commands(app)
	for _, group := range groups {
		if group.Key != groupMore {
			left = max(left, leftOf(summaries(group.Nodes)))
		}
	}
	p.line("")
	for _, group := range groups {
		if group.Key == groupMore {
			// The line below says how to use help.
			others := slices.DeleteFunc(names(group.Nodes), func(name string) bool { return name == "help" })
			p.text(0, group.Title+": "+strings.Join(others, ", "))
			continue
		}
		p.line(group.Title)
		p.columnsAt(left, summaries(group.Nodes))
		p.line("")
	}
	p.text(0, `"`+program+` help COMMAND" shows the flags of a command, and examples.`)
	if program == "credproc" { // another tool has pages of its own
		p.line("Pages by task: https://github.com/credproc/credproc/tree/main/docs")
	}
}

// Group is some of the commands of a program.
type Group struct {
	kong.Group
	Nodes []*kong.Node
}

// Commands returns the commands of a node that people see, by their groups.
func Commands(node *kong.Node) (groups []Group) {
	for _, of := range append(Groups(), kong.Group{Title: "Commands"}) {
		group := Group{Group: of}
		for _, child := range node.Children {
			key := ""
			if child.Group != nil {
				key = child.Group.Key
			}
			if key == of.Key && !child.Hidden {
				group.Nodes = append(group.Nodes, child)
			}
		}
		if group.Nodes != nil {
			groups = append(groups, group)
		}
	}
	return groups
}

func names(nodes []*kong.Node) (names []string) {
	for _, node := range nodes {
		names = append(names, node.Name)
	}
	slices.Sort(names)
	return names
}

func summaries(nodes []*kong.Node) (rows [][2]string) {
	for _, node := range nodes {
		if !node.Hidden {
			rows = append(rows, [2]string{node.Name, node.Help})
		}
	}
	return rows
}

func (p *page) command(program string, node *kong.Node) {
	about := About(program, node)
	p.line("Usage: " + Usage(program, node))
	if len(node.Aliases) > 0 {
		p.line("Alias: " + strings.Join(node.Aliases, ", "))
	}
	p.line("")
	p.text(0, node.Help)
	for _, paragraph := range about.Text {
		p.line("")
		p.text(0, paragraph)
	}
	if len(node.Children) > 0 {
		p.title("Commands")
		p.columns(summaries(node.Children))
	}
	p.operands(node)
	p.flags(node)
	if len(about.Examples) > 0 {
		p.title("Examples")
	}
	for _, example := range about.Examples {
		p.line("  # " + example.What)
		for _, line := range example.Lines {
			p.line("  " + line)
		}
	}
}

func (p *page) operands(node *kong.Node) {
	var rows [][2]string
	for _, arg := range node.Positional {
		if arg.Tag.Group != groupSession {
			rows = append(rows, [2]string{strings.Trim(operand(arg), "[]"), arg.Help})
		}
	}
	if rows != nil {
		p.title("Arguments")
		p.columns(rows)
	}
}

// flags writes a command's own flags in full, and of those that many commands have
// what their group says.
func (p *page) flags(node *kong.Node) {
	var rows [][2]string
	var folded []kong.Group
	for _, flag := range Flags(node) {
		if flag.Group != nil && flag.Group.Description != "" {
			if !slices.Contains(folded, *flag.Group) {
				folded = append(folded, *flag.Group)
			}
			continue
		}
		rows = append(rows, [2]string{flagWords(flag), flag.Help})
	}
	if rows != nil {
		p.title("Flags")
		p.columns(rows)
	}
	for _, group := range folded {
		p.title(group.Title)
		p.text(2, group.Description)
	}
}

// Flags returns the flags of a command that people see: its own first, then those
// of the commands above it. A command that has another one for what it does alone
// has that one's, too.
func Flags(node *kong.Node) (flags []*kong.Flag) {
	if node.DefaultCmd != nil {
		flags = append(flags, node.DefaultCmd.Flags...)
	}
	for ; node != nil; node = node.Parent {
		flags = append(flags, node.Flags...)
	}
	return slices.DeleteFunc(flags, func(f *kong.Flag) bool { return f.Hidden })
}

// flagWords are the names of a flag, and what it takes.
func flagWords(flag *kong.Flag) string {
	words := "--" + flag.Name
	if flag.Short != 0 {
		words = "-" + string(flag.Short) + ", " + words
	}
	if !flag.IsBool() {
		words += "=" + flag.FormatPlaceHolder()
	}
	return words
}

// Wrap breaks text into lines between its words. A word that is longer than a line
// has one for itself. There is always a line.
func Wrap(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
