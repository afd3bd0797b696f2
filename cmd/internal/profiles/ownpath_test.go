package profiles

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// installed puts a program into a directory.
func installed(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("program"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func linked(t *testing.T, path, target string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// plainDir is a directory whose path can be part of a line.
func plainDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ownpath")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func searching(dirs ...string) SearchPath {
	return SearchPath(strings.Join(dirs, string(filepath.ListSeparator)))
}

func TestTheLineNamesTheLinkThatStaysAndNotWhatAnUpgradeRemoves(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // has no such links
	}
	dir := plainDir(t)
	cellar := installed(t, filepath.Join(dir, "Cellar/credproc/1.0/bin/credproc"))
	link := linked(t, filepath.Join(dir, "bin/credproc"), cellar)
	for _, called := range []string{"credproc", link} {
		got, err := searching(filepath.Dir(cellar), filepath.Dir(link)).ownPath([]string{"credproc"}, cellar, called, new(Launch))
		if got != link || err != nil {
			t.Errorf("called as %s: %q, %v; want %q", called, got, err, link)
		}
	}
	// An upgrade.
	newer := installed(t, filepath.Join(dir, "Cellar/credproc/1.1/bin/credproc"))
	os.Remove(link)
	linked(t, link, newer)
	os.RemoveAll(filepath.Dir(cellar))
	if !SameFile(link, newer) {
		t.Error("the path that was written no longer leads to the program")
	}
	got, err := searching(filepath.Dir(newer)).ownPath([]string{"credproc"}, newer, newer, new(Launch))
	if _, ok := errors.AsType[*CommandError](err); !ok || !strings.Contains(err.Error(), "one version") {
		t.Errorf("without a link: %q, %v", got, err)
	}
}

func TestALineHasNoPathThatProgramsReadDifferently(t *testing.T) {
	dir := plainDir(t)
	name := "credproc"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	spaced := installed(t, filepath.Join(dir, "my programs", name))
	if got, err := searching(filepath.Dir(spaced)).ownPath([]string{"credproc"}, spaced, "credproc", new(Launch)); got != "credproc" || err != nil {
		t.Errorf("in PATH: %q, %v; want the bare name", got, err)
	}
	if got, err := searching().ownPath([]string{"credproc"}, spaced, spaced, new(Launch)); err == nil {
		t.Errorf("outside of PATH: %q", got)
	}
	plain := installed(t, filepath.Join(dir, "bin", name))
	if got, err := searching().ownPath([]string{"credproc"}, plain, plain, new(Launch)); got != plain || err != nil {
		t.Errorf("called by its path: %q, %v; want that", got, err)
	}
	if got, err := searching().LineCommand(spaced, "credproc", new(Launch)); err == nil {
		t.Errorf("named with --command: %q", got)
	}
	for _, path := range [][]string{{filepath.Dir(plain)}, {filepath.Dir(plain), filepath.Dir(spaced)}} {
		if got, err := searching(path...).ownPath([]string{"credproc"}, spaced, "credproc", new(Launch)); err == nil {
			t.Errorf("where PATH leads to another program of that name: %q", got)
		}
	}
}

func TestALineHasNoTemporaryBuild(t *testing.T) {
	for _, path := range []string{
		"/tmp/go-build1234/b001/exe/credproc",
		"/home/me/.cache/go-build/3f/" + strings.Repeat("3f", 32) + "-d/credproc",
	} {
		if got, err := searching("/tmp/go-build1234/b001/exe").ownPath([]string{"credproc"}, path, path, new(Launch)); err == nil {
			t.Errorf("%s: %q", path, got)
		}
	}
}
