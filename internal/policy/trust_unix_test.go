//go:build unix

package policy_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/internal/safedir"
)

// What could be another user's is an error that says so, and never no policy.
func TestAPolicyThatIsNotRootsAloneIsAnErrorAndNotNone(t *testing.T) {
	big := "[policy]\nversion = 1\n#" + strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct {
		spoil func(dir, path string) error
		want  string
	}{
		"a link": {func(dir, path string) error {
			return errors.Join(os.Rename(path, path+"2"), os.Symlink(path+"2", path))
		}, "it is a symbolic link"},
		"a link to nothing":  {func(dir, path string) error { return errors.Join(os.Remove(path), os.Symlink("/nowhere", path)) }, "it is a symbolic link"},
		"a directory":        {func(dir, path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) }, "it is not a regular file"},
		"a pipe":             {func(dir, path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o644)) }, "it is not a regular file"},
		"writable for all":   {func(dir, path string) error { return os.Chmod(path, 0o646) }, "it can be written by users other than root (mode 0646)"},
		"for a group":        {func(dir, path string) error { return os.Chmod(path, 0o664) }, "it can be written by users other than root (mode 0664)"},
		"too large":          {func(dir, path string) error { return os.WriteFile(path, []byte(big), 0o644) }, "it is larger than 1 MB"},
		"its directory":      {func(dir, path string) error { return os.Chmod(dir, 0o777) }, "its directory can be written by users other than root (mode 0777)"},
		"sticky directory":   {func(dir, path string) error { return os.Chmod(dir, os.ModeSticky|0o777) }, "its directory can be written by users other than root (mode 0777)"},
		"a linked directory": {func(dir, path string) error { return errors.Join(os.Rename(dir, dir+"2"), os.Symlink(dir+"2", dir)) }, "its directory is a symbolic link"},
		"directory nowhere":  {func(dir, path string) error { return errors.Join(os.RemoveAll(dir), os.Symlink("/nowhere", dir)) }, "its directory is a symbolic link"},
		"file for directory": {func(dir, path string) error { return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o644)) }, "its directory is not a directory"},
	} {
		at := place(t, map[string]string{"credproc": "[policy]\nversion = 1\n"})
		dir := filepath.Join(at.Root, "credproc")
		path := filepath.Join(dir, "policy.ini")
		if p, err := at.Load(""); p == nil || err != nil {
			t.Fatalf("before: %v, %v", p, err)
		}
		if err := c.spoil(dir, path); err != nil {
			t.Fatal(err)
		}
		p, err := at.Load("")
		if want := "policy file " + path + ": " + c.want; p != nil || err == nil || err.Error() != want {
			t.Errorf("%s: %v, %v, want %s", name, p, err, want)
		}
	}
}

func TestThePolicyOfAnotherUserIsAnError(t *testing.T) {
	at := place(t, map[string]string{"credproc": "[policy]\nversion = 1\n"})
	at.Owner++
	if p, err := at.Load(""); p != nil || err == nil || !strings.Contains(err.Error(), "its directory belongs to user ID ") {
		t.Errorf("%v, %v, want an error that names the owner", p, err)
	}
	if _, err := (policy.Place{Root: "/dev/null"}).Load(""); err == nil {
		t.Error("a directory that cannot be looked for counts as none")
	}
}

func TestAPolicyThatNoFileIsLeftForIsAnErrorAboutThat(t *testing.T) {
	at := place(t, map[string]string{"credproc": "[policy]\nversion = 1\n"})
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	p, err := at.Load("")
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if p != nil || !safedir.IsShort(err) {
		t.Errorf("%v, %v", p, err)
	}
}
