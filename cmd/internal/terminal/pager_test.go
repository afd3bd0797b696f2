package terminal

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func TestThePagerIsTheOneThatGitWouldRun(t *testing.T) {
	for _, test := range []struct {
		environ []string
		goos    string
		want    []string
	}{
		{nil, "linux", []string{"less"}},
		{[]string{"PAGER="}, "linux", nil},
		{[]string{"PAGER=cat"}, "linux", nil},
		{[]string{"PAGER=more"}, "linux", []string{"more"}},
		{[]string{"PAGER=less -R; x"}, "linux", []string{"sh", "-c", "less -R; x"}},
		{[]string{"PAGER=$HOME/p"}, "darwin", []string{"sh", "-c", "$HOME/p"}},
		{[]string{"GIT_PAGER=x", "PAGER=more", "PAGER=/a/b"}, "linux", []string{"/a/b"}},
		{[]string{"PAGER=more /e"}, "windows", []string{"more", "/e"}},
	} {
		if got := pager(test.environ, test.goos); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.environ, got, test.want)
		}
	}
}

func TestAPagerGetsSettingsThatTheUserHasNot(t *testing.T) {
	if got, want := pagerSettings([]string{"A=1"}), []string{"A=1", "LESS=FRX", "LV=-c"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := pagerSettings([]string{"LESS=", "LESSOPEN=x"}), []string{"LESS=", "LESSOPEN=x", "LV=-c"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWhatNoPagerShowsIsPrinted(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // there is no sh
	}
	path := filepath.Join(t.TempDir(), "out")
	for command, want := range map[string]bool{
		"sed s/a/b/": true, "true": true, "exit 3": true, "head -1; exit 1": true,
		"cat": false, "": false, "/nonexistent/pager": false, "/nonexistent/pager -R": false, "./pager_test.go -R": false,
	} {
		out, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := runPager(out, "a\n", []string{"PAGER=" + command, "PATH=" + os.Getenv("PATH")}); got != want {
			t.Errorf("%q: %v", command, got)
		}
		out.Close()
		if text, err := os.ReadFile(path); command == "sed s/a/b/" && (string(text) != "b\n" || err != nil) {
			t.Errorf("shown is %q, %v", text, err)
		}
	}
}

func TestADifferenceIsColoredByItsLines(t *testing.T) {
	const diff = "diff a b\n--- a\n+++ b\n@@ -1 +1 @@\n same\n-old\n+new\n"
	want := Prose("\x1b[1mdiff a b\x1b[0m\n\x1b[1m--- a\x1b[0m\n\x1b[1m+++ b\x1b[0m\n\x1b[36m@@ -1 +1 @@\x1b[0m\n same\n\x1b[31m-old\x1b[0m\n\x1b[32m+new\x1b[0m\n")
	if got := (Paint{on: true}).Diff(diff); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := (Paint{}).Diff(diff); got != diff {
		t.Errorf("without colors %q", got)
	}
}
