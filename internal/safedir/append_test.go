package safedir_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func TestLinesOfManyAreWholeAndNoneIsLost(t *testing.T) {
	dir := missing(t)
	const writers, lines = 20, 20
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := range lines {
				if err := dir.Append("trail", fmt.Appendf(nil, "%d %d %s\n", w, n, strings.Repeat("x", 100)), 8<<10, 20); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	seen := make(map[string]bool)
	files := 0
	for _, name := range listing(t, dir) {
		if strings.HasSuffix(name, ".lock") {
			continue
		}
		files++
		text, err := dir.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var w, n int
			if _, err := fmt.Sscanf(line, "%d %d", &w, &n); err != nil || !strings.HasSuffix(line, "xxxx\n") || len(line) < 100 {
				t.Fatalf("%s has the line %q", name, line)
			}
			seen[fmt.Sprint(w, " ", n)] = true
		}
	}
	if len(seen) != writers*lines || files < 2 {
		t.Errorf("%d lines in %d files, want %d in several", len(seen), files, writers*lines)
	}
}

func TestSoManyFilesAreKeptAndNoMore(t *testing.T) {
	dir := missing(t)
	for n := range 10 {
		if err := dir.Append("trail", fmt.Appendf(nil, "%d", n), 1, 2); err != nil {
			t.Fatal(err)
		}
	}
	contains(t, dir, "trail", "trail.1", "trail.2", "trail.lock")
	holds(t, dir, "trail", "9\n")
	holds(t, dir, "trail.2", "7\n")
}

func TestAHalfWrittenLineIsNotContinued(t *testing.T) {
	dir := holding(t, "trail", `{"time":"20`)
	if err := dir.Append("trail", []byte(`{}`), 1<<20, 2); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, "trail", "{\"time\":\"20\n{}\n")
}

func TestWhatIsAppendedIsForOneReader(t *testing.T) {
	dir := missing(t)
	for range 2 {
		if err := dir.Append("trail", []byte("a"), 1, 2); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"trail", "trail.1", "trail.lock"} {
		if info, err := os.Stat(dir.Path(name)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, error %v", name, info, err)
		}
	}
}
