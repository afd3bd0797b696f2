package cmd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
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
		if got := unfinishedPowerShell(word); got != name {
			t.Errorf("typed as %s it is %q", word, got)
		}
		if got := unfinishedPowerShell(strings.TrimSuffix(word, "'")); !strings.HasPrefix(word, "'") || got != name {
			if strings.HasPrefix(word, "'") {
				t.Errorf("%s without its end is %q", word, got)
			}
		}
	}
	if got := unfinishedPowerShell(`"it's`); got != "it's" {
		t.Errorf("in double quotes it is %q", got)
	}
}

// completes returns what is offered for the last of the words, by lines.
func completes(t *testing.T, config string, words ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	app := &App{Stdout: &stdout, Stderr: &stderr, Getenv: func(name string) string {
		return map[string]string{"AWS_CONFIG_FILE": path, "HOME": "/nowhere"}[name]
	}}
	if status := app.Run(t.Context(), append([]string{"complete-line"}, words...)); status != 0 || stderr.Len() > 0 {
		t.Fatalf("status %d, %s", status, &stderr)
	}
	return stdout.String()
}

func TestNoShellIsOfferedWhatATerminalObeys(t *testing.T) {
	config := "[profile a\x1b[2J]\n[profile b\u009b]\n[profile c\u202e]\n[profile d\u2066x\u2069]\n[profile \"e'e\"]\n[profile fine]\n"
	for shell, want := range map[string]string{
		"zsh":        "e'e\tprofile\nfine\tprofile\n",
		"fish":       "e'e\tprofile\nfine\tprofile\n",
		"powershell": "'e''e'\te'e\tprofile\nfine\tfine\tprofile\n",
	} {
		if got := completes(t, config, shell, "login", ""); got != want {
			t.Errorf("%s is offered %q", shell, got)
		}
	}
	if got := completes(t, config, "bash", "=:", "credproc login "); got != "e\\'e\nfine\n" {
		t.Errorf("bash is offered %q", got)
	}
}
