package instant_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// On systems where the program does not run in these tests, what is initialized
// before the answer is what this package imports.
func TestOnEverySystemLittleIsInitializedBeforeTheAnswer(t *testing.T) {
	unwanted := []string{
		"net", "net/netip", "net/url", "net/http", "unique", "regexp", "crypto/tls", "crypto/x509", "math/big", "os/exec", "encoding/json", "log/slog",
		"golang.org/x/sys/windows", "github.com/gofrs/flock", "github.com/zalando/go-keyring", "github.com/danieljoos/wincred", "github.com/alecthomas/kong",
	}
	for system, most := range map[string]int{"windows/amd64": 115, "windows/arm64": 115} {
		goos, goarch, _ := strings.Cut(system, "/")
		list := exec.Command("go", "list", "-deps", ".")
		list.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
		out, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		packages := strings.Fields(string(out))
		if len(packages) < 50 || len(packages) > most {
			t.Errorf("%s: %d packages, want at most %d", system, len(packages), most)
		}
		for _, name := range unwanted {
			if slices.Contains(packages, name) {
				t.Errorf("%s: %s comes before the answer", system, name)
			}
		}
	}
}
