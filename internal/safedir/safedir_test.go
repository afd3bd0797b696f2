package safedir_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credproc/credproc/internal/safedir"
)

// missing returns a directory that does not exist, nor does its parent.
func missing(t *testing.T) safedir.Dir {
	t.Helper()
	return safedir.Dir(filepath.Join(t.TempDir(), "state", "ours"))
}

// holding returns a directory with one file.
func holding(t *testing.T, name, content string) safedir.Dir {
	t.Helper()
	dir := missing(t)
	if err := dir.Write(name, []byte(content)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func holds(t *testing.T, dir safedir.Dir, name, want string) {
	t.Helper()
	got, err := dir.Read(name)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q, error %v, want %q", name, got, err, want)
	}
}

// listing returns what is in a directory, temporary files included.
func listing(t *testing.T, dir safedir.Dir) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(string(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func contains(t *testing.T, dir safedir.Dir, want ...string) {
	t.Helper()
	if got := listing(t, dir); !slices.Equal(got, want) {
		t.Errorf("%s contains %q, want %q", dir, got, want)
	}
}

func TestWhatIsWrittenIsReadAndReplaced(t *testing.T) {
	for how, write := range map[string]func(safedir.Dir, string, []byte) error{"Write": safedir.Dir.Write, "WriteUnsynced": safedir.Dir.WriteUnsynced} {
		dir := missing(t)
		for _, content := range []string{"old", "", strings.Repeat("long", 10_000), "new"} {
			if err := write(dir, "file", []byte(content)); err != nil {
				t.Fatalf("%s: %v", how, err)
			}
			holds(t, dir, "file", content)
			contains(t, dir, "file")
		}
	}
}

func TestWhatIsMissingReadsAsNotThere(t *testing.T) {
	dir := missing(t)
	if _, err := dir.Read("file"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in no directory: %v", err)
	}
	if names, err := dir.Names(); names != nil || err != nil {
		t.Errorf("names %q, error %v", names, err)
	}
	if err := dir.Overwrite("file", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("overwritten: %v", err)
	}
	if err := errors.Join(dir.Remove("file"), dir.RemoveAll("file")); err != nil {
		t.Error(err)
	}
	dir.Sweep()
	if _, err := os.Stat(string(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading has made the directory: %v", err)
	}

	if err := dir.Make(); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Read("file"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a directory: %v", err)
	}
	if err := dir.Overwrite("file", []byte("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("overwritten: %v", err)
	}
	if err := errors.Join(dir.Remove("file"), dir.RemoveAll("file")); err != nil {
		t.Error(err)
	}
	contains(t, dir)
}

func TestAReaderSeesTheOldOrTheNewContent(t *testing.T) {
	dir := holding(t, "file", content(0))
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		defer close(done)
		for i := range 100 {
			if err := dir.Write("file", []byte(content(i))); err != nil {
				t.Error(err)
			}
		}
	})
	for range 3 {
		all.Go(func() {
			for reads := 0; ; reads++ {
				select {
				case <-done:
					if reads == 0 {
						t.Error("nothing read while it was written")
					}
					return
				default:
				}
				got, err := dir.Read("file")
				if err != nil || len(got) == 0 || string(got) != content(int(got[0])) {
					t.Errorf("read %d bytes, error %v", len(got), err)
					return
				}
			}
		})
	}
	all.Wait()
	contains(t, dir, "file")
}

// content is different, and of a different length, for each number under 256.
func content(i int) string { return strings.Repeat(string([]byte{byte(i)}), 1+(i*7919)%50_000) }

func TestManyWriteAtOnce(t *testing.T) {
	dir := missing(t)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			write := []func(string, []byte) error{dir.Write, dir.WriteUnsynced}[i%2]
			if err := write("file", []byte(content(i))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got, err := dir.Read("file")
	if err != nil || len(got) == 0 || string(got) != content(int(got[0])) {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
	contains(t, dir, "file")
}

func TestOverwriteKeepsTheFileAndWhatIsBehind(t *testing.T) {
	dir := holding(t, "file", "0123456789")
	before, err := os.Stat(dir.Path("file"))
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.Overwrite("file", []byte("abc")); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, "file", "abc3456789")
	after, err := os.Stat(dir.Path("file"))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("another file is there, error %v", err)
	}
}

func TestRemoveTakesOneFileAndRemoveAllATree(t *testing.T) {
	dir := holding(t, "file", "x")
	if err := dir.Sub("sub").Sub("deeper").Write("file", []byte("y")); err != nil {
		t.Fatal(err)
	}
	if err := dir.Remove("sub"); err == nil {
		t.Error("Remove has taken a directory that is not empty")
	}
	contains(t, dir, "file", "sub")
	if err := dir.RemoveAll("sub"); err != nil {
		t.Error(err)
	}
	contains(t, dir, "file")
	if err := dir.Remove("file"); err != nil {
		t.Error(err)
	}
	contains(t, dir)
}

func TestNamesHideTemporaryFiles(t *testing.T) {
	dir := holding(t, "b", "")
	for _, name := range []string{"a", "b.ABCDEFGH.tmp", ".tmp", "tmp"} {
		if err := os.WriteFile(dir.Path(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := dir.Sub("c").Make(); err != nil {
		t.Fatal(err)
	}
	names, err := dir.Names()
	if want := []string{"a", "b", "c", "tmp"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("names %q, error %v, want %q", names, err, want)
	}
	if _, err := safedir.Dir(dir.Path("a")).Names(); err == nil {
		t.Error("a file has names in it")
	}
}

func TestSweepTakesOldTemporaryFilesOnly(t *testing.T) {
	dir := holding(t, "old", "")
	young, old := time.Now().Add(-50*time.Minute), time.Now().Add(-70*time.Minute)
	for name, at := range map[string]time.Time{"old": old, "old.tmp": old, "young.tmp": young, "future.tmp": time.Now().Add(time.Hour)} {
		err := os.WriteFile(dir.Path(name), nil, 0o600)
		if err == nil {
			err = os.Chtimes(dir.Path(name), at, at)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	dir.Sweep()
	contains(t, dir, "future.tmp", "old", "young.tmp")
}

func TestAFileInTheWayIsAnErrorAndStays(t *testing.T) {
	dir := holding(t, "file", "x")
	for _, way := range []safedir.Dir{dir.Sub("file"), dir.Sub("file").Sub("below")} {
		if err := way.Make(); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: made: %v", way, err)
		}
		if err := way.Write("y", nil); err == nil {
			t.Errorf("%s: written", way)
		}
		if _, err := way.Read("y"); err == nil {
			t.Errorf("%s: read", way)
		}
	}
	holds(t, dir, "file", "x")

	if err := dir.Sub("sub").Make(); err != nil {
		t.Fatal(err)
	}
	if err := dir.Write("sub", []byte("z")); err == nil {
		t.Error("a directory was replaced")
	}
	contains(t, dir, "file", "sub")
}

func TestPathsOutsideAreRefused(t *testing.T) {
	dir := holding(t, "file", "x")
	outside := filepath.Join(filepath.Dir(string(dir)), "outside")
	if err := os.WriteFile(outside, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../outside", "../ours/../outside", outside, ".."} {
		if got, err := dir.Read(name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: read %q, error %v", name, got, err)
		}
		for what, err := range map[string]error{
			"written":     dir.Write(name, []byte("x")),
			"overwritten": dir.Overwrite(name, []byte("x")),
			"removed":     dir.Remove(name),
			"removed all": dir.RemoveAll(name),
		} {
			if err == nil {
				t.Errorf("%s: %s", name, what)
			}
		}
	}
	if got, err := os.ReadFile(outside); err != nil || !bytes.Equal(got, []byte("untouched")) {
		t.Errorf("outside: %q, error %v", got, err)
	}
	contains(t, safedir.Dir(filepath.Dir(string(dir))), "ours", "outside")
}

func TestAnOwnerErrorSaysWhose(t *testing.T) {
	err := &safedir.OwnerError{Path: "/home/ada/state", Owner: 1000, User: 0}
	if want := "/home/ada/state belongs to user ID 1000, not to 0: not written"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

func TestAFileIsTheOneThatWasReadUntilItIsReplaced(t *testing.T) {
	then := time.Now().Add(-time.Minute)
	for name, change := range map[string]func(dir safedir.Dir, path string) error{
		"replaced": func(dir safedir.Dir, _ string) error { return dir.Write("file", []byte("two")) },
		"removed":  func(dir safedir.Dir, _ string) error { return dir.Remove("file") },
		"longer":   func(_ safedir.Dir, path string) error { return os.WriteFile(path, []byte("longer"), 0o600) },
		"written":  func(_ safedir.Dir, path string) error { return os.WriteFile(path, []byte("two"), 0o600) },
		"a link to the other": func(dir safedir.Dir, path string) error {
			return errors.Join(os.Rename(path, path+"2"), os.Symlink("file2", path))
		},
	} {
		dir := holding(t, "file", "one")
		path := dir.Path("file")
		if _, info, err := dir.ReadWithInfo("file"); err != nil || safedir.Settled(info) {
			t.Errorf("new: settled, or error %v", err)
		}
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
		data, info, err := dir.ReadWithInfo("file")
		if err != nil || string(data) != "one" || !safedir.Settled(info) || !dir.Has("file", info) {
			t.Errorf("%s: before: %q, error %v", name, data, err)
		}
		if err := change(dir, path); err != nil {
			if name != "a link to the other" { // which not every user may make on Windows
				t.Error(err)
			}
			continue
		}
		if name == "replaced" { // by what looks the same
			if err := os.Chtimes(path, then, then); err != nil {
				t.Fatal(err)
			}
		}
		if dir.Has("file", info) {
			t.Errorf("%s: it is said to be the one that was read", name)
		}
	}
}

func TestNoFileFillsTheMemory(t *testing.T) {
	dir := safedir.Dir(t.TempDir())
	if err := dir.Write("record", bytes.Repeat([]byte("x"), safedir.Most)); err != nil {
		t.Fatal(err)
	}
	if data, err := dir.Read("record"); err != nil || len(data) != safedir.Most {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if err := os.Truncate(dir.Path("record"), safedir.Most+1); err != nil {
		t.Fatal(err)
	}
	data, err := dir.Read("record")
	if err == nil || errors.Is(err, fs.ErrNotExist) || data != nil || !strings.Contains(err.Error(), dir.Path("record")+": larger than 16 MiB") {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}
