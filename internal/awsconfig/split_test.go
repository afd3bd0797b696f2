package awsconfig

import (
	"slices"
	"strings"
	"testing"
)

// What is wanted on POSIX is what Python's shlex.split returns.
func TestSplitLikeShlex(t *testing.T) {
	tests := []struct {
		line string
		want string // the words, joined by "|", or "error"
	}{
		{"", ""},
		{"  ", ""},
		{"a b", "a|b"},
		{" a \t b\nc\r\nd ", "a|b|c|d"},
		{`"/opt/my tool/x" "y z"`, "/opt/my tool/x|y z"},
		{`'a "b' c`, `a "b|c`},
		{`"a 'b" c`, `a 'b|c`},
		{`a'b c'"d e"f`, "ab cd ef"},
		{`a "" ''`, "a||"},
		{`a\ b\"c\'d\\e\n`, `a b"c'd\en`},
		{`"a\"b\\c\$d\e"`, `a"b\c\$d\e`},
		{`'a\' b`, `a\|b`},
		{`~/x $HOME/y *.z # c`, "~/x|$HOME/y|*.z|#|c"},
		{"ü é", "ü|é"},
		{`a "b`, "error"},
		{`a 'b`, "error"},
		{`a\`, "error"},
		{`"a\`, "error"},
		{`"a\"`, "error"},
	}
	for _, tt := range tests {
		if got := joined(split(tt.line, false)); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.line, got, tt.want)
		}
	}
}

// What is wanted on Windows is what botocore's compat_shell_split returns.
func TestSplitLikeWindowsPrograms(t *testing.T) {
	tests := []struct{ line, want string }{
		{"", ""},
		{`C:\x\y.exe a\b\ c`, `C:\x\y.exe|a\b\|c`},
		{`"C:\my tools\x.exe" a`, `C:\my tools\x.exe|a`},
		{`it's 'a b'`, `it's|'a|b'`},
		{`a\"b c`, `a"b|c`},
		{`"a\" b" c`, `a" b|c`},
		{`a\\"b c" d`, `a\b c|d`},
		{`a\\\"b c`, `a\"b|c`},
		{`"C:\my tools\\" c`, `C:\my tools\|c`},
		{`a\\b\\`, `a\\b\\`},
		{`"a""b" ""`, "ab|"},
		{"a\tb\nc\rd", "a|b\nc\rd"},
		{`a\`, `a\`},
		{`a "b`, "error"},
		{`a \\"b`, "error"},
		{`"a\"`, "error"},
	}
	for _, tt := range tests {
		if got := joined(split(tt.line, true)); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.line, got, tt.want)
		}
	}
}

func joined(words []string, ok bool) string {
	if !ok {
		return "error"
	}
	return strings.Join(words, "|")
}

// FuzzSplit quotes words that are words already, and so must get them back; of
// anything else it asks that no byte is made up.
func FuzzSplit(f *testing.F) {
	for _, line := range []string{
		"", "a b", `"/opt/my tool/x" "y z"`, `'a\' b`, `a\ b`, `"a\"b\\c\$d"`, `C:\x\\"y z"`, `a "b`, `a\`, "a\nb\r\tc", `'' "" \`, "ü\xff\x00",
	} {
		f.Add(line, false)
		f.Add(line, true)
	}
	f.Fuzz(func(t *testing.T, line string, windows bool) {
		words, ok := split(line, windows)
		if !ok {
			return
		}
		size := 0
		for _, word := range words {
			size += len(word)
		}
		if size+max(len(words)-1, 0) > len(line) {
			t.Errorf("%q: more than there is: %q", line, words)
		}
		again, ok := split(quoted(words, windows), windows)
		if !ok || !slices.Equal(again, words) {
			t.Errorf("%q: %q, then %q, %t", line, words, again, ok)
		}
	})
}

// quoted is the inverse of split.
func quoted(words []string, windows bool) string {
	var b strings.Builder
	for _, word := range words {
		if !windows {
			b.WriteString("'" + strings.ReplaceAll(word, "'", `'"'"'`) + "' ")
			continue
		}
		b.WriteByte('"')
		backslashes := 0
		for _, c := range []byte(word) {
			switch c {
			case '\\':
				backslashes++
			case '"':
				b.WriteString(strings.Repeat(`\`, backslashes+1))
				backslashes = 0
			default:
				backslashes = 0
			}
			b.WriteByte(c)
		}
		b.WriteString(strings.Repeat(`\`, backslashes) + `" `)
	}
	return b.String()
}
