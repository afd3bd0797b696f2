package shell

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/internal/printable"
)

// Candidate is a word that can stand where the cursor is. [Files] is the word
// for the shell's own completion of file names and commands.
type Candidate struct{ Value, Help string }

// Files is no word, but says that files are to be completed.
const Files = ":files"

// Line is the candidate as a shell is told of it. word is what it completes, and
// breaks is where bash breaks words.
func (c Candidate) Line(shell, word, breaks string) string {
	switch help := printable.Line(c.Help); {
	case c.Value == Files:
	case shell == "bash":
		return escapeWord(c.Value[afterBreak(word, breaks):])
	case shell == "powershell":
		return quotePowerShellWord(c.Value) + "\t" + c.Value + "\t" + help
	case help != "":
		return c.Value + "\t" + help
	}
	return c.Value
}

// A Completer completes words by the grammar. named returns the names of a kind,
// "profile" or "sso-session".
type Completer struct{ Named func(kind string) []string }

// Complete returns what the last word can become, in the grammar below a node.
func (c *Completer) Complete(node *kong.Node, words []string) []Candidate {
	last := len(words) - 1
	current := words[last]
	positional := 0
	for i := 0; i < last; i++ {
		word := words[i]
		switch {
		case word == "--":
			return []Candidate{{Value: Files}}
		case strings.HasPrefix(word, "-"):
			flag := flagOf(node, word)
			if flag == nil || flag.IsBool() || strings.Contains(word, "=") || len(word) > 2 && word[1] != '-' {
				continue
			}
			if i++; i == last {
				return beginning(current, "", c.values(flag.Value))
			}
		default:
			if child := childOf(node, word); child != nil {
				node, positional = child, 0
				continue
			}
			positional++
		}
	}
	name, value, assigned := strings.Cut(current, "=")
	switch {
	case strings.HasPrefix(current, "-") && assigned:
		if flag := flagOf(node, name); flag != nil {
			return beginning(value, name+"=", c.values(flag.Value))
		}
		return nil
	case strings.HasPrefix(current, "-"):
		return beginning(current, "", flagsOf(node))
	case len(node.Children) > 0:
		return beginning(current, "", childrenOf(node))
	}
	return beginning(current, "", c.operands(node, positional))
}

// beginning returns the candidates that begin as the word does.
func beginning(word, before string, all []Candidate) (some []Candidate) {
	for _, one := range all {
		if one.Value == Files || strings.HasPrefix(one.Value, word) {
			if one.Value != Files {
				one.Value = before + one.Value
			}
			some = append(some, one)
		}
	}
	return some
}

func flagOf(node *kong.Node, word string) *kong.Flag {
	name, _, _ := strings.Cut(word, "=")
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			if name == "--"+flag.Name || flag.Short != 0 && strings.HasPrefix(word, "-"+string(flag.Short)) && !strings.HasPrefix(word, "--") {
				return flag
			}
		}
	}
	return nil
}

func childOf(node *kong.Node, word string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == word || slices.Contains(child.Aliases, word) {
			return child
		}
	}
	return nil
}

func flagsOf(node *kong.Node) (all []Candidate) {
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			all = append(all, Candidate{"--" + flag.Name, firstSentence(flag.Help)})
		}
	}
	return all
}

func childrenOf(node *kong.Node) (all []Candidate) {
	for _, child := range node.Children {
		if !child.Hidden {
			all = append(all, Candidate{child.Name, firstSentence(child.Help)})
		}
	}
	return all
}

// firstSentence makes of a help text what fits behind a candidate.
func firstSentence(help string) string {
	first, _, _ := strings.Cut(help, ". ")
	return strings.TrimSuffix(first, ".")
}

// operands returns what can stand as the n-th argument of a command.
func (c *Completer) operands(node *kong.Node, n int) []Candidate {
	if node.Name == "help" && node.Parent != nil {
		return childrenOf(node.Parent)
	}
	if len(node.Positional) == 0 {
		return nil
	}
	if n >= len(node.Positional) { // a list of them, or one too many
		n = len(node.Positional) - 1
		if !node.Positional[n].IsSlice() {
			return nil
		}
	}
	return c.values(node.Positional[n])
}

// values returns what a flag or an argument can be, as far as that is known.
func (c *Completer) values(v *kong.Value) (all []Candidate) {
	if v.Enum != "" {
		for value := range strings.SplitSeq(v.Enum, ",") {
			all = append(all, Candidate{Value: strings.TrimSpace(value)})
		}
		return all
	}
	switch v.Name {
	case "profile":
		return c.names("profile")
	case "sso-session":
		return c.names("sso-session")
	case "session", "name":
		return append(c.names("sso-session"), c.names("profile")...)
	case "shell":
		return []Candidate{{Value: "bash"}, {Value: "fish"}, {Value: "powershell"}, {Value: "zsh"}}
	case "command", "file", "path", "output":
		return []Candidate{{Value: Files}}
	}
	return nil
}

// names leaves out a name that cannot be typed: a terminal might obey it.
func (c *Completer) names(kind string) (all []Candidate) {
	for _, name := range c.Named(kind) {
		if printable.Clean(name, len(name)) == name {
			all = append(all, Candidate{name, kind})
		}
	}
	return all
}
