package awsconfig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFileWithoutEndIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	for name, text := range map[string]string{"lines": "# a\n", "a line": "\x00"} {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		for range 65 {
			if _, err := f.WriteString(strings.Repeat(text, 1<<20/len(text))); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadProfile(path, "", "p", Mention{}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
