//go:build unix

package profiles

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A manager is a way to install a program, as it leaves directories behind. In
// its paths, VERSION is the version's.
type manager struct {
	name    string
	program string            // where the program of one version is
	links   map[string]string // made again for each version, beside what is there: from a path to its target
	shims   []string          // launchers, which start the version installed last
	path    []string          // what is in PATH
	called  string            // how the program is started, where that is by no path in PATH
	line    string            // the path that the line has; "" is an error
}

func managers() []manager {
	const mise, asdf, aqua, proto = "share/mise/installs/credproc/VERSION/bin/credproc", "asdf/installs/credproc/VERSION/bin/credproc",
		"aquaproj-aqua/pkgs/github_release/github.com/credproc/credproc/vVERSION/credproc_linux_amd64.tar.gz/credproc", "proto/tools/credproc/VERSION/credproc"
	return []manager{
		{name: "mise, activated", program: mise, links: map[string]string{"share/mise/installs/credproc/latest": "./VERSION"},
			shims: []string{"share/mise/shims/credproc"}, path: []string{filepath.Dir(mise)}, line: "share/mise/installs/credproc/latest/bin/credproc"},
		{name: "mise, activated, without its links", program: mise,
			shims: []string{"share/mise/shims/credproc"}, path: []string{filepath.Dir(mise)}, line: "share/mise/shims/credproc"},
		{name: "mise, by its shims", program: mise,
			shims: []string{"share/mise/shims/credproc"}, path: []string{"share/mise/shims", filepath.Dir(mise)}, line: "share/mise/shims/credproc"},
		{name: "mise, with a backend in the directory's name", program: "mise/installs/github-credproc-credproc/VERSION/credproc",
			shims: []string{"mise/shims/credproc"}, path: []string{"mise/installs/github-credproc-credproc/VERSION"}, line: "mise/shims/credproc"},
		{name: "asdf", program: asdf,
			shims: []string{"asdf/shims/credproc"}, path: []string{"asdf/shims", filepath.Dir(asdf)}, line: "asdf/shims/credproc"},
		{name: "go install, with Go by asdf", program: "asdf/installs/golang/VERSION/packages/bin/credproc",
			shims: []string{"asdf/shims/credproc"}, path: []string{"asdf/shims", "asdf/installs/golang/VERSION/packages/bin"}, line: "asdf/shims/credproc"},
		{name: "aqua", program: aqua,
			shims: []string{"aquaproj-aqua/bin/credproc"}, path: []string{"aquaproj-aqua/bin"}, called: "credproc", line: "aquaproj-aqua/bin/credproc"},
		{name: "aqua, by the program's own path", program: aqua, shims: []string{"aquaproj-aqua/bin/credproc"}, called: aqua, line: "aquaproj-aqua/bin/credproc"},
		{name: "proto, by its links", program: proto, links: map[string]string{"proto/bin/credproc": "../tools/credproc/VERSION/credproc"},
			shims: []string{"proto/shims/credproc"}, path: []string{"proto/bin"}, line: "proto/bin/credproc"},
		{name: "proto, by its shims", program: proto,
			shims: []string{"proto/shims/credproc"}, path: []string{"proto/shims", "proto/bin"}, called: "credproc", line: "proto/shims/credproc"},
		{name: "Homebrew", program: "homebrew/Cellar/credproc/VERSION/bin/credproc", links: map[string]string{"homebrew/bin/credproc": "../Cellar/credproc/VERSION/bin/credproc"},
			path: []string{"homebrew/bin"}, line: "homebrew/bin/credproc"},
		{name: "Homebrew, a cask", program: "homebrew/Caskroom/credproc/VERSION/credproc", links: map[string]string{"homebrew/bin/credproc": "../Caskroom/credproc/VERSION/credproc"},
			path: []string{"homebrew/bin"}, line: "homebrew/bin/credproc"},
		{name: "scoop", program: "scoop/apps/credproc/VERSION/credproc", links: map[string]string{"scoop/apps/credproc/current": "VERSION"},
			shims: []string{"scoop/shims/credproc"}, path: []string{"scoop/shims"}, called: "scoop/apps/credproc/current/credproc", line: "scoop/apps/credproc/current/credproc"},
		{name: "scoop, where the program knows itself by its version", program: "scoop/apps/credproc/VERSION/credproc", links: map[string]string{"scoop/apps/credproc/current": "VERSION"},
			shims: []string{"scoop/shims/credproc"}, path: []string{"scoop/shims"}, called: "credproc", line: "scoop/apps/credproc/current/credproc"},
		{name: "nix profile", program: "nix/store/0123456789abcdfghijklmnpqrsvwxyz-credproc-VERSION/bin/credproc",
			links: map[string]string{"profile/bin/credproc": "../../nix/store/0123456789abcdfghijklmnpqrsvwxyz-credproc-VERSION/bin/credproc"},
			path:  []string{"profile/bin"}, line: "profile/bin/credproc"},
		{name: "nix shell", program: "nix/store/0123456789abcdfghijklmnpqrsvwxyz-credproc-VERSION/bin/credproc",
			path: []string{"nix/store/0123456789abcdfghijklmnpqrsvwxyz-credproc-VERSION/bin"}},
		{name: "go install", program: "go/bin/credproc", path: []string{"go/bin"}, line: "go/bin/credproc"},
		{name: "an archive in a directory of its own", program: "opt/credproc-VERSION/credproc", path: []string{"opt/credproc-VERSION"}, line: "opt/credproc-VERSION/credproc"},
		{name: "mise exec, where nothing leads to the program elsewhere", program: mise, path: []string{filepath.Dir(mise)}},
	}
}

// A tree is the directories of a manager.
type tree struct {
	*testing.T
	manager
	dir     string
	version string // installed last
}

func (tr *tree) at(path string) string {
	return filepath.Join(tr.dir, strings.ReplaceAll(path, "VERSION", tr.version))
}

// install makes a version the one that is installed, and removes the one before.
func (tr *tree) install(version string) {
	tr.Helper()
	before := tr.at(tr.program)
	tr.version = version
	if before != tr.at(tr.program) {
		os.Remove(before)
	}
	tr.write(tr.at(tr.program), "echo credproc "+version)
	for link, target := range tr.links {
		os.Remove(tr.at(link))
		linked(tr.T, tr.at(link), strings.ReplaceAll(target, "VERSION", version))
	}
	for _, shim := range tr.shims {
		tr.write(tr.at(shim), fmt.Sprintf("[ \"$PWD\" = / ] || exit 126\nexec %s \"$@\"", tr.at(tr.program)))
	}
}

func (tr *tree) write(path, script string) {
	tr.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700)); err != nil {
		tr.Fatal(err)
	}
}

// line returns the path that a line has for the program.
func (tr *tree) line() (string, error) {
	var dirs []string
	for _, dir := range tr.path {
		dirs = append(dirs, tr.at(dir))
	}
	called := tr.at(tr.program)
	if tr.called == "credproc" {
		called = "credproc"
	} else if tr.called != "" {
		called = tr.at(tr.called)
	}
	return searching(dirs...).ownPath([]string{"credproc"}, tr.at(tr.program), called, &Launch{Version: "credproc " + tr.version})
}

func TestALineOutlivesTheUpgradeByEachManager(t *testing.T) {
	for _, m := range managers() {
		t.Run(m.name, func(t *testing.T) {
			tr := &tree{T: t, manager: m, dir: plainDir(t)}
			tr.install("0.9.0")
			line, err := tr.line()
			if m.line == "" {
				if _, ok := errors.AsType[*CommandError](err); !ok || !strings.Contains(err.Error(), "one version") {
					t.Errorf("the line has %q, %v; want an error", line, err)
				}
				return
			}
			if err != nil || line != tr.at(m.line) {
				t.Fatalf("the line has %q, %v; want %q", line, err, tr.at(m.line))
			}
			if strings.Contains(m.line, "VERSION") {
				return // where nothing removes it
			}
			tr.install("0.10.0-rc.1")
			run := exec.Command(line)
			run.Dir = "/"
			if out, err := run.Output(); string(out) != "credproc 0.10.0-rc.1\n" || err != nil {
				t.Errorf("after the upgrade the line prints %q, %v", out, err)
			}
		})
	}
}

func TestALauncherThatStartsAnotherVersionOrNoneIsNotChosen(t *testing.T) {
	for what, script := range map[string]string{
		"another version":        "echo credproc 0.8.0",
		"one more line":          "echo credproc 0.9.0; echo more",
		"an error":               "echo credproc 0.9.0; exit 126",
		"nothing":                ":",
		"no end of output":       "exec yes",
		"another program's name": "echo acme 0.9.0",
	} {
		t.Run(what, func(t *testing.T) {
			tr := &tree{T: t, manager: manager{program: "mise/installs/credproc/VERSION/credproc", path: []string{"mise/installs/credproc/VERSION", "mise/shims"}}, dir: plainDir(t)}
			tr.install("0.9.0")
			tr.write(tr.at("mise/shims/credproc"), script)
			if line, err := tr.line(); err == nil {
				t.Errorf("the line has %q", line)
			}
		})
	}
}

func TestALauncherGetsTheWordsOfAMountedCommand(t *testing.T) {
	tr := &tree{T: t, manager: manager{program: "mise/installs/acme/VERSION/acme"}, dir: plainDir(t)}
	tr.install("2.0")
	tr.write(tr.at("mise/shims/acme"), `[ "$*" = "aws version" ] && echo "acme aws 2.0"`)
	self := tr.at(tr.program)
	got, err := searching(filepath.Dir(self)).ownPath([]string{"acme", "aws"}, self, "acme", &Launch{Version: "acme aws 2.0"})
	if got != tr.at("mise/shims/acme") || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAVersionIsToldFromOtherDirectories(t *testing.T) {
	for path, want := range map[string]bool{
		"/home/me/.local/share/mise/installs/credproc/0.1.0/credproc":  true,
		"/home/me/.local/share/mise/installs/credproc/0.1/credproc":    true,
		"/home/me/.local/share/mise/installs/credproc/latest/credproc": false,
		"/home/me/.goenv/versions/1.26.0/bin/credproc":                 true,
		"/home/me/.sdkman/candidates/credproc/current/bin/credproc":    false,
		"/home/me/scoop/apps/credproc/1.0.0-beta.2/credproc.exe":       true,
		"/home/me/scoop/apps/credproc/current/credproc.exe":            false,
		"/home/me/tools/credproc":                                      false,
		"/home/me/tools/7zip/credproc":                                 false,
		"/usr/local/bin/credproc":                                      false,
		"/home/me/go/bin/credproc":                                     false,
		"/opt/homebrew/opt/credproc/bin/credproc":                      false,
		"/gnu/store/abc-credproc-1.0/bin/credproc":                     true,
	} {
		if isVersioned(path) != want {
			t.Errorf("%s: versioned is %v", path, !want)
		}
	}
}
