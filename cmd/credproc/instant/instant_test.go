package instant_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// systems are those that there are releases for, and macOS with the build tag by
// which it is asked whether the keychain is locked.
var systems = []string{
	"linux/amd64", "linux/arm64", "windows/amd64", "windows/arm64",
	"darwin/amd64", "darwin/arm64", "darwin/amd64 keychainstatus", "darwin/arm64 keychainstatus",
}

// late are packages whose initialization takes longer than an answer, or loads
// what an answer does not need.
var late = []string{
	"net", "net/netip", "net/url", "net/http", "crypto/tls", "crypto/x509", "math/big", "os/exec", "log/slog", "text/template", "golang.org/x/sys/windows",
	"github.com/zalando/go-keyring", "github.com/godbus/dbus/v5", "github.com/danieljoos/wincred", "github.com/alecthomas/kong",
	"github.com/aws/aws-sdk-go-v2/service/sso", "github.com/aws/aws-sdk-go-v2/service/ssooidc", "github.com/credproc/credproc/cmd",
}

// dependencies returns what each package that a program is linked from imports,
// on a system.
func dependencies(t *testing.T, system, program string) map[string][]string {
	t.Helper()
	system, tag, _ := strings.Cut(system, " ")
	goos, goarch, _ := strings.Cut(system, "/")
	list := exec.Command("go", "list", "-deps", "-tags="+tag, "-json=ImportPath,Imports", program)
	list.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	imports := make(map[string][]string)
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return imports
		} else if err != nil {
			t.Fatal(err)
		}
		imports[p.ImportPath] = p.Imports
	}
}

// before returns the packages that Go initializes before the one named: of those
// whose imports are initialized it takes the one whose path is first.
//
// See https://go.dev/ref/spec#Program_initialization.
func before(imports map[string][]string, name string) (first []string) {
	done := map[string]bool{"C": true, "unsafe": true}
	for {
		var ready string
		for path, needs := range imports {
			if !done[path] && (ready == "" || path < ready) && !slices.ContainsFunc(needs, func(n string) bool { return !done[n] }) {
				ready = path
			}
		}
		if ready == name || ready == "" {
			return first
		}
		done[ready] = true
		first = append(first, ready)
	}
}

// Most systems do not run in these tests: what comes before the answer there is
// known from what is imported. Some have nothing to initialize.
func TestOnEverySystemLittleIsInitializedBeforeTheAnswer(t *testing.T) {
	const instant = "github.com/credproc/credproc/cmd/credproc/instant"
	for _, system := range systems {
		imports := dependencies(t, system, "github.com/credproc/credproc/cmd/credproc")
		first := before(imports, instant)
		t.Logf("%s: %d of %d packages", system, len(first), len(imports))
		if len(first) < 150 || len(first) > 215 {
			t.Errorf("%s: %d packages before the answer, want at most 215:\n%s", system, len(first), strings.Join(first, "\n"))
		}
		for _, name := range late {
			if slices.Contains(first, name) {
				t.Errorf("%s: %s comes before the answer", system, name)
			}
		}
		if needed := dependencies(t, system, instant); len(needed) < 50 || len(needed) > 120 {
			t.Errorf("%s: the answer needs %d packages, want at most 120", system, len(needed))
		}
	}
}

func TestWhatIsReadyComesInTheOrderOfItsPath(t *testing.T) {
	imports := map[string][]string{"z": nil, "b": {"unsafe"}, "a": {"z"}, "c/x": {"b"}, "d": {"late"}, "late": {"y"}, "y": {"z"}}
	if first := before(imports, "y"); strings.Join(first, " ") != "b c/x z a" {
		t.Errorf("before y come %q", first)
	}
}
