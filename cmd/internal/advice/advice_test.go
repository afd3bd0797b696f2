package advice

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/credproc/credproc/cmd/internal/report"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

func TestOnlyMacOSIsToldOfItsOwnCommand(t *testing.T) {
	for goos, want := range map[string]bool{"darwin": true, "linux": false, "windows": false} {
		if more, hint := howToUnlock(goos); strings.Contains(hint, "security unlock-keychain") != want {
			t.Errorf("%s: %s, %s", goos, more, hint)
		}
	}
}

// What stands in the way of a config file, a token, or a program is not moved by
// another directory for credproc's own files.
func TestAnotherDirectoryIsOfferedForCredprocsOwnFilesAlone(t *testing.T) {
	dir := t.TempDir()
	own := []string{filepath.Join(dir, "own", "state"), filepath.Join(dir, "own", "cache")}
	p := &Program{Dirs: func() []string { return own }}
	path := func(path string, err error) error { return &fs.PathError{Op: "open", Path: path, Err: err} }
	for _, tt := range []struct {
		err    error
		status int
		own    bool
		more   string
	}{
		{path(filepath.Join(dir, "own", "state", "a"), syscall.EACCES), Failed, true, "Set CREDPROC_DIR"},
		{path(dir, syscall.EROFS), Failed, true, "Set CREDPROC_DIR"},
		{path(filepath.Join(dir, "own", "cache"), syscall.ELOOP), Failed, true, "Set CREDPROC_DIR"},
		{path(filepath.Join(dir, "own", "state", "a"), syscall.ENOENT), Failed, false, ""},
		{&fs.PathError{Op: "mkdir", Path: filepath.Join(dir, "own"), Err: syscall.ENOENT}, Failed, true, "Set CREDPROC_DIR"},
		{path("sessions/a", syscall.EACCES), Failed, true, "Set CREDPROC_DIR"},
		{path(filepath.Join(dir, "config"), syscall.EACCES), Failed, false, ""},
		{path(filepath.Join(dir, "ownother"), syscall.EROFS), Failed, false, ""},
		{&os.LinkError{Op: "rename", Old: filepath.Join(dir, "a"), New: filepath.Join(dir, "config"), Err: syscall.EPERM}, Failed, false, ""},
		{&awsconfig.ReplaceError{Path: filepath.Join(dir, "config"), Err: syscall.EPERM}, Misconfigured, false, string(whyNotReplaced(runtime.GOOS))},
		{&awsconfig.ReplaceError{Path: filepath.Join(dir, "config"), Err: syscall.EBUSY}, Misconfigured, false, "mounted by itself"},
		{&awsconfig.ReplaceError{Path: filepath.Join(dir, "config"), Err: syscall.EXDEV}, Misconfigured, false, "mounted by itself"},
		{&awsconfig.ReplaceError{Path: filepath.Join(dir, "config"), Err: syscall.EIO}, Failed, false, "Nothing was changed"},
	} {
		say := p.About(tt.err)
		more := string(say.More)
		if say.Status != tt.status || strings.Contains(more, "CREDPROC_DIR") != tt.own || !strings.Contains(more, tt.more) {
			t.Errorf("%v: status %d, %q", tt.err, say.Status, more)
		}
	}
}

func TestASessionWithoutAPasswordIsExplained(t *testing.T) {
	say := new(Program).About(&keyring.Error{Keyring: "os", Op: "read", Kind: keyring.ErrUnavailable, Reason: "no logon session"})
	for _, want := range []string{"OpenSSH with a key", "PubkeyAuthentication=no", "CREDPROC_KEYRING=file"} {
		if say.Status != KeyringShut || !strings.Contains(string(say.More), want) {
			t.Errorf("status %d, without %q:\n%s", say.Status, want, say.More)
		}
	}
}

func TestWhatTheSystemHasRunOutOfIsNamed(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		open := &os.PathError{Op: "open", Path: "/x", Err: errno}
		for _, err := range []error{
			open, &credproc.ConfigError{Err: open},
			&keyring.Error{Keyring: "plaintext", Op: "read", Kind: keyring.ErrUnavailable, Err: open},
			&tokencache.RecordError{What: "client registration", Session: "corp", Err: open},
			&tokencache.ServiceError{Op: "renew", Err: fmt.Errorf("dial: %w", open)},
		} {
			say := new(Program).About(err)
			if say.Status != 1 || !strings.Contains(string(say.More), "raise the limit") || say.Hint != "" {
				t.Errorf("%T: %+v", err, say)
			}
		}
	}
}

func TestAFullDiskIsNamedWhereverItIsNoticed(t *testing.T) {
	full := &os.PathError{Op: "write", Path: "/x/state/journal.tmp", Err: syscall.ENOSPC}
	for _, err := range []error{full, &keyring.Error{Keyring: "plaintext", Op: "store", Kind: keyring.ErrUnavailable, Err: full}} {
		if say := new(Program).About(err); say.Status != Failed || say.Kind != report.DiskFull || say.More != "The disk is full. Nothing is lost." {
			t.Errorf("%T: %+v", err, say)
		}
	}
}

// What a program can tell of an error, the exit status says, too.
func TestTheExitStatusIsThatOfTheKind(t *testing.T) {
	p := &Program{Login: func(...string) string { return "" }}
	for status, err := range map[int]error{
		Failed:         errors.New("odd"),
		Misconfigured:  &credproc.UnsupportedProfileError{Profile: "dev", Reason: "has static keys"},
		Unavailable:    &tokencache.ServiceError{Op: "renew", Reason: "503"},
		SignInRequired: &tokencache.SignInError{Session: "corp", Reason: "not signed in"},
		NoAccess:       &credproc.NoAccessError{RoleName: "Admin", AccountID: "111111111111", Session: "corp"},
		KeyringShut:    &keyring.Error{Keyring: "os", Op: "read", Kind: keyring.ErrLocked},
	} {
		if say := p.About(err); say.Status != status || StatusOf(err) != status {
			t.Errorf("%v: status %d, and %d by its kind, want %d", err, say.Status, StatusOf(err), status)
		}
	}
}

func TestAtMostFiveNamesAreListedTheNearestFirst(t *testing.T) {
	var names []string
	for i := range 400 {
		names = append(names, fmt.Sprintf("account-%03d", i))
	}
	roles, _ := held("acount-123", names)
	for name, got := range map[string]terminal.Prose{
		"profiles": known("profiles", "acount-123", names),
		"roles":    roles,
	} {
		if strings.Count(string(got), ", ") != 4 || !strings.Contains(string(got), ": account-123, ") || !strings.Contains(string(got), "400 "+name) {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := known("profiles", "x", nil); got != "There are no profiles in it." {
		t.Errorf("%s", got)
	}
}

func TestARoleThatIsMisspelledIsToldFromOneThatIsNew(t *testing.T) {
	for role, want := range map[string]bool{"Admni": true, "Administrator": false, "ReadOlny": true, "Ops": false, "Dev": false} {
		if more, typo := held(role, []string{"Admin", "ReadOnly", "Dba"}); typo != want || typo != strings.HasPrefix(string(more), "Did you mean ") {
			t.Errorf("%s: %t, %s", role, typo, more)
		}
	}
}
