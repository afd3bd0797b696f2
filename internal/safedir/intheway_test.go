package safedir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAFileInPlaceOfADirectoryIsNotTakenForNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// What Windows says of both.
	missing := &fs.PathError{Op: "open", Path: file, Err: fs.ErrNotExist}
	if err := Dir(file).inTheWay(missing); !errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file in the way: %v", err)
	}
	if err := Dir(file + ".gone").inTheWay(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing in the way: %v", err)
	}
	if err := Dir(file).inTheWay(nil); err != nil {
		t.Errorf("no error: %v", err)
	}
}

func TestAFullDiskIsKnown(t *testing.T) {
	if IsFull(nil) || IsFull(fs.ErrNotExist) {
		t.Error("something else is taken for a full disk")
	}
	if _, err := os.Stat("/dev/full"); err == nil {
		if err := os.WriteFile("/dev/full", []byte("x"), 0o600); !IsFull(err) {
			t.Errorf("a full disk: %v", err)
		}
	}
}
