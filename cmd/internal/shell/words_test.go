package shell

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

// readPowerShell is a word as PowerShell reads it: in single quotes two of them,
// of whatever kind, are one.
func readPowerShell(word string) (string, error) {
	first, size := utf8.DecodeRuneInString(word)
	if !strings.ContainsRune("'‘’‚‛", first) {
		if strings.ContainsAny(word, " \t,;|&$`(){}<>@#'\"‘’‚‛“”„") {
			return "", fmt.Errorf("more than a word: %s", word)
		}
		return word, nil
	}
	var out strings.Builder
	rest := []rune(word[size:])
	for i := 0; i < len(rest); i++ {
		if !strings.ContainsRune("'‘’‚‛", rest[i]) {
			out.WriteRune(rest[i])
			continue
		}
		i++
		if i == len(rest) {
			return out.String(), nil
		}
		if !strings.ContainsRune("'‘’‚‛", rest[i]) {
			return "", fmt.Errorf("%s after the end of %s", string(rest[i:]), word)
		}
		out.WriteRune(rest[i])
	}
	return "", fmt.Errorf("no end: %s", word)
}

func TestPowerShellReadsACompletedNameAsItIs(t *testing.T) {
	for _, name := range []string{
		"plain", "dev/Admin", "--profile", "it's", "'", "''", "x'; calc; 'y", "x\u2019; calc; \u2018y", "\u201a\u201b", "\u201cq\u201d", "a,b", "@splat", "a b", "$(calc)", "本番", "größe", "", "#",
	} {
		word := quotePowerShellWord(name)
		if got, err := readPowerShell(word); err != nil || got != name {
			t.Errorf("%q is written %s and read as %q, %v", name, word, got, err)
		}
		if got := Unfinished(word); got != name {
			t.Errorf("typed as %s it is %q", word, got)
		}
		if got := Unfinished(strings.TrimSuffix(word, "'")); !strings.HasPrefix(word, "'") || got != name {
			if strings.HasPrefix(word, "'") {
				t.Errorf("%s without its end is %q", word, got)
			}
		}
	}
	if got := Unfinished(`"it's`); got != "it's" {
		t.Errorf("in double quotes it is %q", got)
	}
}

// A shell reads back what was quoted for it.
func TestShellWord(t *testing.T) {
	for word, want := range map[string]string{
		"corp": "corp", "https://x.example/start": "https://x.example/start", "a@b+c,d%e=f": "a@b+c,d%e=f",
		"": "''", "my sso": "'my sso'", "a;b": "'a;b'", "x#y": "'x#y'", "~": "'~'", "$HOME": "'$HOME'",
		"O'Brien": `'O'\''Brien'`, "größe": "'größe'",
	} {
		quoted := unixWord(word)
		if quoted != want {
			t.Errorf("%q: %s, want %s", word, quoted, want)
		}
		if runtime.GOOS == "windows" {
			continue
		}
		read, err := exec.Command("sh", "-c", "printf %s "+quoted).Output()
		if err != nil || string(read) != word {
			t.Errorf("%q: a shell reads %q, %v", word, read, err)
		}
	}
}

// readByBoth is a word as cmd.exe and then a program read it, and as PowerShell does.
func readByBoth(word string) (cmd, powerShell string) {
	inside, ok := strings.CutPrefix(word, `"`)
	if !ok {
		if strings.ContainsAny(word, " \t&|<>^%(),;=!") {
			return "more than a word", ""
		}
		powerShell, _ = readPowerShell(word)
		return word, powerShell
	}
	inside, ok = strings.CutSuffix(inside, `"`)
	trimmed := strings.TrimRight(inside, `\`)
	slashes := len(inside) - len(trimmed)
	if !ok || slashes%2 > 0 || strings.ContainsAny(inside, "\"%") {
		return "no end", ""
	}
	if strings.ContainsAny(inside, "$`“”„") {
		return trimmed, "replaced"
	}
	read := trimmed + strings.Repeat(`\`, slashes/2)
	return read, read // a release before 7.3 adds quotes of its own, and later ones all slashes
}

func TestBothShellsOfWindowsReadAWordAsItIs(t *testing.T) {
	for word, want := range map[string]string{
		"corp": "corp", "https://x.example/start": "https://x.example/start", `C:\Users\ann\.aws\config`: `C:\Users\ann\.aws\config`,
		"": `""`, "my sso": `"my sso"`, "R&D's": `"R&D's"`, "a;b,c": `"a;b,c"`, "~": `"~"`, "@x": `"@x"`, "größe": `"größe"`, "(x)|y>z": `"(x)|y>z"`,
		`C:\my files\`: `"C:\my files\\"`, `x\ y`: `"x\ y"`, "a=b": "a=b",
	} {
		quoted := windowsWord(word)
		if quoted != want {
			t.Errorf("%q: %s, want %s", word, quoted, want)
		}
		if cmd, powerShell := readByBoth(quoted); word != "a=b" && (cmd != word || powerShell != word) {
			t.Errorf("%q: cmd.exe reads %q, PowerShell %q", word, cmd, powerShell)
		}
	}
}

// No quotes are for both then: neither may run what is in it.
func TestAWordThatWindowsCannotQuoteRunsNothing(t *testing.T) {
	for _, word := range []string{"$(calc)", "`calc`", `x" & calc & "`, "$x & calc", "“ & calc & ”", `$x" | calc`, "$x^&calc", "$x%PATH%", "'$(calc)'"} {
		quoted := windowsWord(word)
		if strings.ContainsAny(quoted, `"&|<>^%`) {
			t.Errorf("%q: cmd.exe may run something of %s", word, quoted)
		}
		if read, err := readPowerShell(quoted); err != nil || !strings.ContainsAny(word, `"&|<>^%`) && read != word {
			t.Errorf("%q: PowerShell reads %q of %s, %v", word, read, quoted, err)
		}
	}
}

func TestFilesAreMovedAndRemovedByCommandsOfTheSystem(t *testing.T) {
	move, remove := "mv 'a b' c", "rm 'a b'/*.json"
	if runtime.GOOS == "windows" {
		move, remove = `move "a b" c`, `del "a b\*.json"`
	}
	if got := Move("a b", "c"); got != move {
		t.Errorf("%s, want %s", got, move)
	}
	if got := Remove("a b", ".json"); got != remove {
		t.Errorf("%s, want %s", got, remove)
	}
}

func TestWordsAreForTheCommandsAfterFlagsOfTheTool(t *testing.T) {
	for _, tt := range []struct {
		command, words, rest string
		ok                   bool
	}{
		{"", "login c", "login c", true},
		{"aws", "aws login c", "login c", true},
		{"aws", "--debug aws login", "login", true},
		{"aws", "--region eu -v aws login", "login", true},
		{"cloud aws", "-v cloud aws login", "login", true},
		{"aws", "aws", "", false}, // still being typed
		{"aws", "deploy aws x", "", false},
		{"aws", "--region eu deploy aws x", "", false},
	} {
		rest, ok := After(strings.Fields(tt.command), strings.Fields(tt.words))
		if got := strings.Join(rest, " "); got != tt.rest || ok != tt.ok {
			t.Errorf("%q after %q: %q, %v", tt.words, tt.command, got, ok)
		}
	}
}
