package terminal

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestALogIsForItsOwnerAndIsRotatedByTheNextProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), logMost), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"one\n", "two\n"} {
		l, err := OpenLog(path)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := l.Write([]byte(line)); n != len(line) || err != nil {
			t.Fatalf("%d, error %v", n, err)
		}
		l.f.Close()
	}
	for name, want := range map[string]int64{path: 8, path + ".1": logMost} {
		info, err := os.Stat(name)
		if err != nil || info.Size() != want {
			t.Fatalf("%s has %d bytes, want %d; error %v", name, info.Size(), want, err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	if _, err := os.Stat(path + ".2"); err == nil {
		t.Error("there is a third file")
	}
}
