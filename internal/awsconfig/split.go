package awsconfig

import "strings"

// split cuts a command line into words as botocore does before it starts a
// credential_process: like Python's shlex, or on Windows like C programs, where
// "'" is an ordinary character, and so are backslashes, unless a '"' follows
// them. Nothing is expanded. ok is false if a quote is not closed, or the line
// ends in a backslash that quotes.
//
// https://docs.python.org/3/library/shlex.html#parsing-rules
// https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments
func split(line string, windows bool) (words []string, ok bool) {
	var text strings.Builder // all words: each is a part of it
	text.Grow(len(line))
	start := 0
	var quote byte // the open one, or 0
	inWord := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case windows && c == '\\' && beforeQuote(line[i:]):
			i++ // the other one of a pair, or the '"' itself
			text.WriteByte(line[i])
			inWord = true
		case !windows && c == '\\' && quote != '\'':
			if i++; i == len(line) {
				return nil, false
			}
			if quote == '"' && line[i] != '"' && line[i] != '\\' {
				text.WriteByte('\\')
			}
			text.WriteByte(line[i])
			inWord = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\'' && !windows):
			quote = c
			inWord = true
		case quote == 0 && (isSpace(c) || !windows && (c == '\n' || c == '\r')):
			if inWord {
				words = append(words, text.String()[start:])
				start, inWord = text.Len(), false
			}
		default:
			text.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, text.String()[start:])
	}
	return words, quote == 0
}

// beforeQuote reports whether the backslashes that s starts with stand before a
// '"', where they quote.
func beforeQuote(s string) bool { return strings.HasPrefix(strings.TrimLeft(s, `\`), `"`) }
