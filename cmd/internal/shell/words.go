// Package shell writes what shells read, words and values with their quotes, and
// completes commands.
package shell

import (
	"cmp"
	"runtime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Split cuts at spaces outside of quotes.
func Split(line string) (words []string) {
	var word strings.Builder
	var quote rune
	open := false
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			if open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(c)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words
}

// SplitLine splits what was typed as a shell does. The last word is what the
// cursor is at, and may be empty; its quotes need not be closed.
func SplitLine(line string) (words []string) {
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

// afterBreak is where the word starts that bash replaces: it also breaks words
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

// Unfinished is what a word stands for that may start with a quote, and
// need not end with one.
func Unfinished(word string) string {
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

// Words quotes each of the words as [Word] does.
func Words(words []string) []string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = Word(word)
	}
	return quoted
}

// Word quotes a word for the shells of this system where it has to be: on Windows so
// that both cmd.exe and PowerShell read it as it is.
func Word(word string) string {
	if runtime.GOOS == "windows" {
		return windowsWord(word)
	}
	return unixWord(word)
}

func unixWord(word string) string {
	special := func(r rune) bool { return !isPlainLetter(r) && !strings.ContainsRune("@,%", r) }
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	return inSingleQuotes(word)
}

// inSingleQuotes writes a word so that sh and its kin read it as it is.
func inSingleQuotes(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// windowsWord uses double quotes, the only ones that both shells know. In these,
// PowerShell still replaces what follows a dollar sign or a backtick: such a word is
// for PowerShell alone, and has no letter left by which cmd.exe would run something.
//
// A program takes a backslash before a quote for one that escapes it. See
// https://learn.microsoft.com/en-us/cpp/c-language/parsing-c-command-line-arguments.
func windowsWord(word string) string {
	switch {
	case word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !isPlainLetter(r) && r != '\\' }):
		return word
	case !strings.ContainsAny(word, "$`"+doubleQuotes):
		end := len(word) - len(strings.TrimRight(word, `\`))
		return `"` + word + strings.Repeat(`\`, end) + `"`
	}
	return quotePowerShellWord(strings.Map(func(r rune) rune {
		if strings.ContainsRune("\"&|<>^%", r) {
			return '?'
		}
		return r
	}, word))
}

// Move is the command that renames a file.
func Move(from, to string) string {
	return cmp.Or(map[string]string{"windows": "move"}[runtime.GOOS], "mv") + " " + Word(from) + " " + Word(to)
}

// Remove is the command that deletes the files with an extension in a directory.
func Remove(dir, extension string) string {
	if runtime.GOOS == "windows" {
		return "del " + Word(dir+`\*`+extension) // which both shells know
	}
	return "rm " + Word(dir) + "/*" + extension
}

// After returns the words after those by which commands are reached in another
// tool, up to the one at the cursor. Flags of the tool may stand before them,
// each with a value. ok is false where the words are for the tool itself.
func After(command, words []string) (rest []string, ok bool) {
	isFlag := func(i int) bool { return i >= 0 && strings.HasPrefix(words[i], "-") }
	for i := 0; len(words)-i > len(command); i++ {
		if slices.Equal(words[i:i+len(command)], command) {
			return words[i+len(command):], true
		}
		if !isFlag(i) && !isFlag(i-1) {
			break
		}
	}
	return nil, false
}
