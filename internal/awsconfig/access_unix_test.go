//go:build unix

package awsconfig

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

const stranger = 4242

// With sudo, configure is run in a home that is not root's.
func TestWhatRootMakesInAHomeBelongsToTheHomesOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		return // who cannot make anything for others
	}
	home := t.TempDir()
	if err := os.Chown(home, stranger, stranger); err != nil {
		t.Fatal(err)
	}
	f := File{Path: filepath.Join(home, ".config", "aws", "config"), Name: "credproc"}
	for _, text := range []string{"a", "b"} {
		if _, err := f.Edit(t.Context(), appending(text)); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	err := filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != stranger {
			t.Errorf("%s is root's", path)
		}
		seen++
		return err
	})
	if err != nil || seen < 6 {
		t.Errorf("%d files, error %v", seen, err)
	}
}

// As root leaves one that the directory's owner may read.
func TestALockThatCanBeReadCanBeLocked(t *testing.T) {
	f := File{Path: filepath.Join(t.TempDir(), "config"), Name: "credproc"}
	if err := os.WriteFile(f.lock(), nil, 0o400); err != nil {
		t.Fatal(err)
	}
	if changed, err := f.Edit(t.Context(), appending("a")); !changed || err != nil {
		t.Errorf("changed %v, error %v", changed, err)
	}
}

func TestAFileOfAnotherUserIsNamedWithItsOwner(t *testing.T) {
	path, owner := "/", 0
	if os.Geteuid() == 0 {
		path, owner = t.TempDir(), stranger
		if err := os.Chown(path, stranger, -1); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{path, filepath.Join(path, "none", "config")} {
		err := orReadOnly(&fs.PathError{Op: "open", Path: name, Err: syscall.EACCES})
		e, ok := errors.AsType[*ForeignError](err)
		if !ok || e.Path != path || e.Owner != owner || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := orForeign(&fs.PathError{Op: "open", Path: path, Err: syscall.ENOSPC}); !errors.Is(err, syscall.ENOSPC) || errors.As(err, new(*ForeignError)) {
		t.Errorf("a full disk: %v", err)
	}
	mine := t.TempDir()
	if err := orForeign(&fs.PathError{Op: "open", Path: mine, Err: syscall.EACCES}); errors.As(err, new(*ForeignError)) {
		t.Errorf("my own: %v", err)
	}
}

func TestAPipeIsLeftToThoseWhoReadAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadProfile(path, "", "p", Mention{}); err == nil {
		t.Error("read by pieces")
	}
	if c, err := LoadProfile(os.DevNull, os.DevNull, "p", Mention{}); err != nil || c.Profiles != nil {
		t.Errorf("nothing: %v", err)
	}
}

func TestALeadingTildeIsTheHomeDirectory(t *testing.T) {
	for _, tt := range []struct {
		path, home, want string
		ok               bool
	}{
		{"~/a", "/h", "/h/a", true}, {"~", "/h", "/h", true}, {"~ann/a", "/h", "~ann/a", true}, {"/a/~/b", "/h", "/a/~/b", true},
		{"", "/h", "", true}, {"~/a", "", "", false}, {"/a", "", "/a", true},
	} {
		if got, ok := Expand(tt.path, tt.home); ok != tt.ok || ok && got != tt.want {
			t.Errorf("%q in %q: %q, %v", tt.path, tt.home, got, ok)
		}
	}
}
