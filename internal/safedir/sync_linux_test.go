package safedir

import (
	"os"
	"testing"
)

// The proc file system is one of those that cannot sync a directory.
func TestADirectoryThatCannotBeSyncedIsNoError(t *testing.T) {
	plain, err := os.Open("/proc/self")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if err := plain.Sync(); err == nil {
		t.Fatal("it has been synced")
	}
	root, err := os.OpenRoot("/proc/self")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := syncDir(root); err != nil {
		t.Error(err)
	}
}
