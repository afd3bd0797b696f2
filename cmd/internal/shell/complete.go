package shell

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/cmd/internal/match"
	"github.com/credproc/credproc/internal/printable"
)

// Candidate is a word that can stand where the cursor is. [Files] is the word
// for the shell's own completion of file names and commands.
type Candidate struct {
	Value, Help string

	inside bool // it does not start as the word does
}

// Files is no word, but says that files are to be completed.
const Files = ":files"

// Lines are the candidates as a shell is told of them, one a line. word is what they
// complete, and breaks is where bash breaks words.
//
// Of several that do not start as the word does, bash would put what they have in
// common in its place. With one more that has nothing in common, it leaves the word.
func Lines(all []Candidate, shell, word, breaks string) string {
	var text strings.Builder
	for _, c := range all {
		if line := c.line(shell, word, breaks); line != "" {
			text.WriteString(line + "\n")
		}
	}
	if shell == "bash" && len(all) > 1 && all[0].inside {
		text.WriteString(" \n")
	}
	return text.String()
}

func (c Candidate) line(shell, word, breaks string) string {
	switch help := printable.Line(c.Help); {
	case c.Value == Files:
	case shell == "bash" && !strings.HasPrefix(c.Value, word[:afterBreak(word, breaks)]):
		return "" // bash keeps what is before the break
	case shell == "bash":
		return escapeWord(c.Value[afterBreak(word, breaks):])
	case shell == "powershell":
		return quotePowerShellWord(c.Value) + "\t" + c.Value + "\t" + help
	case help != "":
		return c.Value + "\t" + help
	}
	return c.Value
}

// A Completer completes words by the grammar. Known returns what is known of a kind
// of values: "profile", "sso-session", "account-id", "role-name", "region" or
// "service". With "role of profile" it returns the profiles with words on their roles.
// account is the one that was named before, or "".
type Completer struct {
	Known func(kind, account string) []Candidate

	account string
}

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
			_, value, assigned := strings.Cut(word, "=")
			if flag != nil && assigned {
				c.note(flag, value)
			}
			if flag == nil || flag.IsBool() || assigned || len(word) > 2 && word[1] != '-' {
				continue
			}
			if i++; i == last {
				return c.matching(current, "", flag.Value)
			}
			c.note(flag, words[i])
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
			return c.matching(value, name+"=", flag.Value)
		}
		return nil
	case strings.HasPrefix(current, "-"):
		return beginning(current, "", flagsOf(node))
	case len(node.Children) > 0:
		return beginning(current, "", childrenOf(node))
	case node.Name == "help" && node.Parent != nil:
		return beginning(current, "", childrenOf(node.Parent))
	}
	if v := operand(node, positional); v != nil {
		return c.matching(current, "", v)
	}
	return nil
}

// note keeps the account that was named.
func (c *Completer) note(flag *kong.Flag, value string) {
	if flag.Name == "account-id" {
		c.account = value
	}
}

// matching returns the values that start as the word does, or else those that have
// it, or the words it consists of, in them; of profiles, or else in their roles.
func (c *Completer) matching(word, before string, v *kong.Value) []Candidate {
	all := c.values(v)
	if some := beginning(word, before, all); len(some) > 0 {
		return some
	}
	query := match.Words(word)
	some := within(query, before, all, func(one Candidate) string { return one.Value })
	if len(some) == 0 && kindOf(v) == "profile" {
		some = within(query, before, c.clean("role of profile"), func(one Candidate) string { return one.Value + " " + one.Help })
	}
	return some
}

// starting returns the candidates that start as the word does.
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

// within returns the candidates with all words of the query in their texts.
func within(query match.Query, before string, all []Candidate, text func(Candidate) string) (some []Candidate) {
	for _, one := range all {
		if query.In(text(one)) {
			one.Value, one.inside = before+one.Value, true
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
			all = append(all, Candidate{Value: "--" + flag.Name, Help: firstSentence(flag.Help)})
		}
	}
	return all
}

func childrenOf(node *kong.Node) (all []Candidate) {
	for _, child := range node.Children {
		if !child.Hidden {
			all = append(all, Candidate{Value: child.Name, Help: firstSentence(child.Help)})
		}
	}
	return all
}

// firstSentence makes of a help text what fits after a candidate.
func firstSentence(help string) string {
	first, _, _ := strings.Cut(help, ". ")
	return strings.TrimSuffix(first, ".")
}

// operand returns the n-th argument of a command, or nil.
func operand(node *kong.Node, n int) *kong.Value {
	if len(node.Positional) == 0 {
		return nil
	}
	if n >= len(node.Positional) { // a list of them, or one too many
		n = len(node.Positional) - 1
		if !node.Positional[n].IsSlice() {
			return nil
		}
	}
	return node.Positional[n]
}

// kindOf returns what is wanted as a value, as far as that is known.
func kindOf(v *kong.Value) string {
	switch v.Name {
	case "query":
		return "profile"
	case "sso-region":
		return "region"
	case "match-account":
		return "account-id"
	case "match-role":
		return "role-name"
	}
	return v.Name
}

// values returns what a flag or an argument can be, as far as that is known.
func (c *Completer) values(v *kong.Value) (all []Candidate) {
	if v.Enum != "" {
		for value := range strings.SplitSeq(v.Enum, ",") {
			all = append(all, Candidate{Value: strings.TrimSpace(value)})
		}
		return all
	}
	switch kind := kindOf(v); kind {
	case "profile", "sso-session", "account-id", "role-name", "region", "service":
		return c.clean(kind)
	case "session", "name":
		return append(c.clean("sso-session"), c.clean("profile")...)
	case "shell":
		return []Candidate{{Value: "bash"}, {Value: "fish"}, {Value: "powershell"}, {Value: "zsh"}}
	case "command", "file", "path", "output":
		return []Candidate{{Value: Files}}
	}
	return nil
}

// clean leaves out a value that cannot be typed: a terminal might obey it.
func (c *Completer) clean(kind string) (all []Candidate) {
	for _, one := range c.Known(kind, c.account) {
		if printable.Clean(one.Value, len(one.Value)) == one.Value {
			all = append(all, one)
		}
	}
	return all
}
