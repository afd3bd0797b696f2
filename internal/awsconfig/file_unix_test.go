//go:build unix

package awsconfig

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A pipe stands for /dev/null, which a test that fails as root would destroy.
func TestWhatIsNoFileIsNotReplaced(t *testing.T) {
	f := File{Path: filepath.Join(t.TempDir(), "config"), Name: "credproc"}
	if err := syscall.Mkfifo(f.Path, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := f.Edit(t.Context(), appending("a"))
		done <- err
	}()
	select {
	case err := <-done:
		if e, ok := errors.AsType[*fs.PathError](err); !ok || e.Path != f.Path || !errors.Is(err, errNoFile) {
			t.Errorf("error %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it reads on and on")
	}
	if left, _ := filepath.Glob(f.Path + ".*"); left != nil {
		t.Errorf("beside it: %v", left)
	}
}

func TestADirectoryThatCannotBeWrittenIsNamed(t *testing.T) {
	if os.Geteuid() == 0 { // whom modes do not stop
		return
	}
	top := t.TempDir()
	f := File{Path: filepath.Join(top, "config"), Name: "credproc"}
	below := File{Path: filepath.Join(top, ".aws", "config"), Name: "credproc"}
	linked := File{Path: filepath.Join(t.TempDir(), "config"), Name: "credproc"}
	if err := errors.Join(os.WriteFile(f.Path, []byte("a"), 0o600), os.Symlink(f.Path, linked.Path), os.Chmod(top, 0o500)); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(top, 0o700)
	for _, file := range []File{f, below, linked} {
		_, err := file.Edit(t.Context(), appending("b"))
		if e, ok := errors.AsType[*ReadOnlyError](err); !ok || e.Path != top {
			t.Errorf("%s: error %v", file.Path, err)
		}
	}
	f.holds(t, f.Path, "a")
}

func TestAFileThatCannotBeReplacedIsNamedAndAllIsAsItWas(t *testing.T) {
	f := File{Path: filepath.Join(t.TempDir(), "config"), Name: "credproc"}
	if err := errors.Join(os.WriteFile(f.Path, []byte("a"), 0o600), os.MkdirAll(filepath.Join(f.Backup(), "full"), 0o700)); err != nil {
		t.Fatal(err)
	}
	_, err := f.Edit(t.Context(), appending("b"))
	if e, ok := errors.AsType[*ReplaceError](err); !ok || e.Path != f.Backup() || strings.Contains(err.Error(), ".tmp") {
		t.Errorf("error %v", err)
	}
	f.holds(t, f.Path, "a")
	if left := f.left(); left != nil {
		t.Errorf("beside it: %v", left)
	}
}
