package cmd

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/credproc"
)

func TestEveryCommandHasAManualPageThatManCanRead(t *testing.T) {
	for _, name := range []string{"credproc", "acme aws"} {
		dir := t.TempDir()
		var stderr bytes.Buffer
		app := &App{Identity: credproc.Identity{Name: name}, Stderr: &stderr}
		if status := app.Run(t.Context(), []string{"man", dir}); status != advice.Done {
			t.Fatalf("man: status %d, %s", status, &stderr)
		}
		pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
		if err != nil || len(pages) < 15 {
			t.Fatalf("%d pages, %v", len(pages), err)
		}
		out, err := exec.Command("mandoc", append([]string{"-T", "lint", "-W", "style"}, pages...)...).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("mandoc: %v\n%s", err, out)
		}
		first := strings.ReplaceAll(name, " ", "-")
		text, err := os.ReadFile(filepath.Join(dir, first+"-keyring-lock.1"))
		if err != nil || !strings.Contains(string(text), "\n.B "+strings.ReplaceAll(name, "-", `\-`)+" keyring lock\n") {
			t.Errorf("the page of keyring lock: %v\n%s", err, text)
		}
	}
}

func TestTheVersionIsThereForPrograms(t *testing.T) {
	var out bytes.Buffer
	if status := (&App{Version: "v1.2.3", Stdout: &out}).Run(t.Context(), []string{"version", "--json"}); status != advice.Done {
		t.Fatalf("status %d", status)
	}
	var got build
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != "v1.2.3" || got.Go == "" || got.OS == "" || got.Arch == "" || got.Records.Written == 0 || len(got.Records.Read) == 0 {
		t.Errorf("got %s", &out)
	}
}
