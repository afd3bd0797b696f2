package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestALogIsForItsOwnerAndDoesNotGrowForEver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("from before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	line := append(bytes.Repeat([]byte("x"), 1<<20), '\n')
	for range 25 {
		if n, err := l.Write(line); n != len(line) || err != nil {
			t.Fatalf("%d, error %v", n, err)
		}
	}
	l.f.Close()
	total := int64(0)
	for _, name := range []string{path, path + ".1"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
		if info.Size() > logMost+int64(len(line)) {
			t.Errorf("%s has %d bytes", name, info.Size())
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	if _, err := os.Stat(path + ".2"); err == nil || total < 10<<20 {
		t.Errorf("%d bytes; a third file: %v", total, err == nil)
	}
}
