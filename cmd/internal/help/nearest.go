package help

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/cmd/internal/match"
)

// Problem says what is wrong with a command line that the parser refuses, and what
// it may have been meant to be.
func Problem(err error) string {
	text := strings.TrimSuffix(err.Error(), ` but got "EOL" (<EOL>)`) // the parser's word for nothing
	text, _, _ = strings.Cut(text, ", did you mean ")
	node := about(err)
	if node == nil {
		return text
	}
	if word, ok := strings.CutPrefix(text, "unexpected argument "); ok && len(node.Children) > 0 {
		return fmt.Sprintf("unknown command %q%s", word, meant(word, commandWords(node)))
	}
	if word, ok := strings.CutPrefix(text, "unknown flag "); ok {
		return text + meant(word, flagNames(node))
	}
	if strings.HasPrefix(text, "expected one of ") {
		return "a command is missing"
	}
	if name, ok := strings.CutPrefix(text, `expected "<`); ok {
		name, _, _ = strings.Cut(name, ">")
		return "missing " + strings.ToUpper(name)
	}
	return strings.Replace(text, `must be one of "",`, "must be one of ", 1)
}

// Selected returns the names of the command that a command line is about, as far
// as the parser got.
func Selected(err error) []string { return Path(about(err)) }

// about returns the command that an error of the parser is about, or nil. Of a
// command that stands for another one where none is named, it is the first.
func about(err error) *kong.Node {
	parse, ok := errors.AsType[*kong.ParseError](err)
	if !ok || parse.Context == nil {
		return nil
	}
	node := parse.Context.Selected()
	if node == nil {
		return parse.Context.Model.Node
	}
	return Named(node, parse.Context.Args)
}

// Named returns the command that words name: the one above node, where node is
// only what that one does alone.
func Named(node *kong.Node, words []string) *kong.Node {
	if node.Parent != nil && node.Parent.DefaultCmd == node && !slices.Contains(words, node.Name) {
		return node.Parent
	}
	return node
}

// Find returns the command of that name, or an error that names the nearest.
func Find(node *kong.Node, words []string) (*kong.Node, error) {
	for _, word := range words {
		at := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == word || slices.Contains(n.Aliases, word) })
		if at < 0 {
			return nil, fmt.Errorf("unknown command %q%s", word, meant(word, commandWords(node)))
		}
		node = node.Children[at]
	}
	return node, nil
}

// commandWords are the names of the commands that people see.
func commandWords(node *kong.Node) (words []string) {
	for _, child := range node.Children {
		if !child.Hidden {
			words = append(append(words, child.Name), child.Aliases...)
		}
	}
	return words
}

func flagNames(node *kong.Node) (words []string) {
	for _, flag := range Flags(node) {
		words = append(words, "--"+flag.Name)
	}
	if node.Type == kong.ApplicationNode {
		words = append(words, "--version")
	}
	return words
}

// meant asks whether a word was meant to be the nearest of others.
func meant(word string, others []string) string {
	if near := Nearest(word, others); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// Nearest returns the name that a mistyped word stands for: the one that the
// fewest typing errors make of it, if they are few for its length; or else the only
// one that it is the start of. It is "" where there is none. Case does not
// count. Of names as near, one with the same first letter is meant.
func Nearest(word string, names []string) string {
	word = match.Fold(word)
	nearest, least := "", 0
	var begun []string
	for _, name := range names {
		folded := match.Fold(name)
		d, longer := max(match.Words(word).Typos(name), match.Words(name).Typos(word)), max(len(word), len(folded))
		far := 2 * d
		if word != "" && folded != "" && word[0] == folded[0] {
			far--
		}
		if d <= longer/4+1 && d < longer-1 && (nearest == "" || far < least) {
			nearest, least = name, far
		}
		if len(word) > 1 && strings.HasPrefix(folded, word) {
			begun = append(begun, name)
		}
	}
	if nearest == "" && len(begun) == 1 {
		return begun[0]
	}
	return nearest
}
