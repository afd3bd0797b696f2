package cmd

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/printable"
)

// The script that a shell is given knows nothing but how to ask the program,
// which reads the config file and nothing else. So what is completed is right
// after an upgrade, and after each edit of the file.

type completionCommand struct {
	Shell string `arg:"" optional:"" help:"bash, zsh, fish or powershell."`
}

// Run implements the command, for kong.
func (c *completionCommand) Run(a *App) error {
	script, ok := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion, "powershell": powershellCompletion}[c.Shell]
	if !ok {
		return &usageError{problem: "which shell? There are bash, zsh, fish, powershell", hint: a.name() + " completion bash"}
	}
	command := a.command()
	program, _, _ := strings.Cut(command, " ")
	function := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, command)
	return a.term().Verbatim(strings.NewReplacer("COMMAND", command, "PROGRAM", program, "FUNCTION", function).Replace(script))
}

const bashCompletion = `# One line in ~/.bashrc: eval "$(COMMAND completion bash)"
_FUNCTION_complete() {
	local line
	COMPREPLY=()
	while IFS= read -r line; do
		if [ "$line" = :files ]; then
			compopt -o default 2>/dev/null
			return
		fi
		COMPREPLY+=("$line")
	done < <(COMMAND complete-line bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -F _FUNCTION_complete PROGRAM
`

// A package installs this as _credproc in a directory of $fpath, where compinit
// reads the first line and zsh runs the file as the function.
const zshCompletion = `#compdef PROGRAM
# One line in ~/.zshrc: source <(COMMAND completion zsh)
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_FUNCTION_complete() {
	local line tab=$'\t'
	local -a values shown
	for line in "${(@f)$(COMMAND complete-line zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
		[[ -n $line ]] || continue
		if [[ $line == :files ]]; then
			_files
			return
		fi
		values+=("${line%%$tab*}")
		shown+=("${line/$tab/  -- }")
	done
	(( $#values )) || return 1
	if [[ $shown == *'  -- '* ]]; then
		compadd -l -d shown -a values
	else
		compadd -a values
	fi
}
if [[ ${funcstack[1]} == _PROGRAM ]]; then
	_FUNCTION_complete
else
	compdef _FUNCTION_complete PROGRAM
fi
`

const fishCompletion = `# One line in ~/.config/fish/config.fish: COMMAND completion fish | source
function __FUNCTION_complete
	set -l words (commandline -opc)
	set -e words[1]
	set -l current (commandline -ct)
	set -l lines (COMMAND complete-line fish $words "$current" 2>/dev/null)
	if test "$lines[1]" = :files
		__fish_complete_path "$current"
		return
	end
	printf '%s\n' $lines
end
complete -c PROGRAM -f -a '(__FUNCTION_complete)'
`

// The last word has a letter before it, as old versions of PowerShell drop
// arguments that are empty.
const powershellCompletion = `# One line in $PROFILE: COMMAND completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName PROGRAM -ScriptBlock {
	param($wordToComplete, $commandAst, $cursorPosition)
	$words = @($commandAst.CommandElements | Select-Object -Skip 1 |
		Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { if ($_.Value -is [string]) { $_.Value } else { $_.Extent.Text } })
	COMMAND complete-line powershell @words "+$wordToComplete" 2>$null | Where-Object { $_ -ne ':files' } | ForEach-Object {
		$text, $value, $help = $_ -split [char]9, 3
		if (-not $help) { $help = $value }
		[System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $help)
	}
}
`

// completeLineCommand answers a shell: a line for each candidate, with what it
// is behind a tab, or ":files" for the shell's own completion.
type completeLineCommand struct {
	Words []string `arg:"" optional:"" passthrough:"" help:"The shell, and the words so far, of which the last one is to be completed."`
}

// Run implements the command, for kong. It does not fail: a person who types
// wants no message.
func (c *completeLineCommand) Run(a *App, parsed *kong.Context) error {
	if len(c.Words) < 2 {
		return nil
	}
	shell, words, breaks := c.Words[0], c.Words[1:], ""
	if shell == "bash" {
		breaks = words[0]
		words = splitLine(strings.Join(words[1:], " "))[1:]
	}
	if len(words) == 0 {
		return nil
	}
	last := len(words) - 1
	if shell == "powershell" {
		words[last] = unfinishedPowerShell(strings.TrimPrefix(words[last], "+"))
	}
	words = a.withoutCommand(words)
	if len(words) == 0 {
		return nil
	}
	last = len(words) - 1
	completer := &completer{&credproc.Config{Getenv: a.getenv, Command: strings.Fields(a.command())}}
	for _, found := range completer.complete(parsed.Selected().Parent, words) {
		if printable.Clean(found.value, len(found.value)) != found.value {
			continue // a name that nobody could type, and a terminal might obey
		}
		text := found.value
		switch help := printable.Line(found.help); {
		case shell == "bash" && text != files:
			text = escapeWord(text[afterBreak(words[last], breaks):])
		case shell == "powershell" && text != files:
			text = quotePowerShellWord(text) + "\t" + text + "\t" + help
		case shell != "bash" && help != "":
			text += "\t" + help
		}
		if err := a.term().Verbatim(text + "\n"); err != nil {
			return err
		}
	}
	return nil
}

// withoutCommand drops the words by which our commands are reached in another
// tool.
func (a *App) withoutCommand(words []string) []string {
	for _, word := range strings.Fields(a.command())[1:] {
		if len(words) == 0 || words[0] != word {
			return nil
		}
		words = words[1:]
	}
	return words
}

// splitLine splits what was typed as a shell does. The last word is what the
// cursor is at, and may be empty; its quotes need not be closed.
func splitLine(line string) (words []string) {
	var word strings.Builder
	quote, escaped, inside := rune(0), false, false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inside = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, inside = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if inside {
				words = append(words, word.String())
			}
			word.Reset()
			inside = false
		default:
			word.WriteRune(r)
			inside = true
		}
	}
	return append(words, word.String())
}

// afterBreak is where the word begins that bash replaces: it also breaks words
// at "=" and ":".
func afterBreak(word, breaks string) int {
	return strings.LastIndexFunc(word, func(r rune) bool { return (r == '=' || r == ':') && strings.ContainsRune(breaks, r) }) + 1
}

// escapeWord puts a backslash before each letter that bash may take for more
// than a letter.
func escapeWord(word string) string {
	var out strings.Builder
	for _, r := range word {
		if !isPlainLetter(r) && !strings.ContainsRune("@,%", r) && r < utf8.RuneSelf {
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// isPlainLetter is about letters that no shell takes for more.
func isPlainLetter(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("_.+/=:-", r)
}

// singleQuotes and doubleQuotes are those of PowerShell, which takes each for
// every other of its kind.
//
// https://github.com/PowerShell/PowerShell/blob/master/src/System.Management.Automation/engine/parser/CharTraits.cs
const (
	singleQuotes = "'\u2018\u2019\u201a\u201b"
	doubleQuotes = "\"\u201c\u201d\u201e"
)

// quotePowerShellWord writes a word so that PowerShell reads it as it is.
func quotePowerShellWord(word string) string {
	special := func(r rune) bool { return !isPlainLetter(r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	var out strings.Builder
	out.WriteByte('\'')
	for _, r := range word {
		if strings.ContainsRune(singleQuotes, r) {
			out.WriteRune(r)
		}
		out.WriteRune(r)
	}
	out.WriteByte('\'')
	return out.String()
}

// unfinishedPowerShell is what a word stands for that may begin with a quote, and
// need not end with one.
func unfinishedPowerShell(word string) string {
	first, size := utf8.DecodeRuneInString(word)
	quotes := singleQuotes
	if strings.ContainsRune(doubleQuotes, first) {
		quotes = doubleQuotes
	}
	if !strings.ContainsRune(quotes, first) {
		return word
	}
	var out strings.Builder
	doubled := false
	for _, r := range word[size:] {
		if !strings.ContainsRune(quotes, r) || doubled {
			out.WriteRune(r)
			doubled = false
			continue
		}
		doubled = true
	}
	return out.String()
}

// candidate is a word that can stand where the cursor is.
type candidate struct{ value, help string }

const files = ":files"

type completer struct{ config *credproc.Config }

// complete returns what the last word can become, in the grammar below a node.
func (c *completer) complete(node *kong.Node, words []string) []candidate {
	last := len(words) - 1
	current := words[last]
	positional := 0
	for i := 0; i < last; i++ {
		word := words[i]
		switch {
		case word == "--":
			return []candidate{{value: files}}
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
func beginning(word, before string, all []candidate) (some []candidate) {
	for _, found := range all {
		if found.value == files || strings.HasPrefix(found.value, word) {
			if found.value != files {
				found.value = before + found.value
			}
			some = append(some, found)
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

func flagsOf(node *kong.Node) (all []candidate) {
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			all = append(all, candidate{"--" + flag.Name, firstSentence(flag.Help)})
		}
	}
	return all
}

func childrenOf(node *kong.Node) (all []candidate) {
	for _, child := range node.Children {
		if !child.Hidden {
			all = append(all, candidate{child.Name, firstSentence(child.Help)})
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
func (c *completer) operands(node *kong.Node, n int) []candidate {
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
func (c *completer) values(v *kong.Value) (all []candidate) {
	if v.Enum != "" {
		for value := range strings.SplitSeq(v.Enum, ",") {
			all = append(all, candidate{value: strings.TrimSpace(value)})
		}
		return all
	}
	switch v.Name {
	case "profile":
		return c.named("profile")
	case "sso-session":
		return c.named("sso-session")
	case "session", "name":
		return append(c.named("sso-session"), c.named("profile")...)
	case "shell":
		return []candidate{{value: "bash"}, {value: "fish"}, {value: "powershell"}, {value: "zsh"}}
	case "command", "file", "path", "output":
		return []candidate{{value: files}}
	}
	return nil
}

// named returns the names in the config file, of which there are none if it
// cannot be read.
func (c *completer) named(kind string) (all []candidate) {
	names, _ := c.config.SessionNames()
	if kind == "profile" {
		names, _ = c.config.ProfileNames()
	}
	for _, name := range names {
		if !strings.ContainsAny(name, "\t\r\n") {
			all = append(all, candidate{name, kind})
		}
	}
	return all
}
