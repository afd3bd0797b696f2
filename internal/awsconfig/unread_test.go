package awsconfig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestALineThatIsNotInForceIsFound(t *testing.T) {
	for text, line := range map[string]int{
		"[profile a]\nx_rule = 1\n":                                  0,
		"[profile a]\nX_Rules = 1\n[sso-session b]\nx_rule = 2\n":    0,
		"[profile a]\nregion = x_rule\n# x_rule\n":                   0,
		"[profile a]\nx_rule 1\n":                                    2,
		"[profile a]\nx_rule: 1\n":                                   2,
		"[profile a]\nregion = b\n  x_rule = 1\n":                    3,
		"[profile a]\nx_rule = 1\nx_rule = 2\n":                      2,
		"[DEFAULT]\nx rule = 1\n":                                    2,
		"[profile a]\nx_other = 1\nx_other = 2\n":                    0,
		"[plugins]\nx_rule = 1\n":                                    2,
		"[profile a]\nx_rule = 1\n[profile a]\nregion = b\nx_rule=2": 2,
		"[default]\nx_rule = 1\n[profile default]\nregion = b\n":     2,
	} {
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path, "")
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if at, ok := c.Unread("x", func(rest string) bool { return strings.HasPrefix(rest, "_rule") || rest == " rule" }); at.Line != line || ok != (line != 0) {
			t.Errorf("%q: line %d, %v, want %d", text, at.Line, ok, line)
		}
	}
}
