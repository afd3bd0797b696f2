package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

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
