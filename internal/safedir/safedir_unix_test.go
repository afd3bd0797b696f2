//go:build unix

package safedir_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/credproc/credproc/internal/safedir"
)

// The test binary is also the process whose disk is full, and the one that has
// no root.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SAFEDIR_TEST_FULL"); dir != "" {
		if err := onFullDisk(safedir.Dir(dir)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if path := os.Getenv("SAFEDIR_TEST_CHECK"); path != "" {
		fmt.Println(safedir.Check(path))
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func hasMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != want {
		t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
	}
}

func TestModesDoNotDependOnTheUmask(t *testing.T) {
	for _, mask := range []int{0, 0o022, 0o077, 0o277, 0o777} {
		dir := missing(t)
		old := syscall.Umask(mask)
		err := dir.Write("file", []byte("x"))
		syscall.Umask(old)
		if err != nil {
			t.Errorf("umask %03o: %v", mask, err)
			continue
		}
		hasMode(t, filepath.Dir(string(dir)), fs.ModeDir|0o700)
		hasMode(t, string(dir), fs.ModeDir|0o700)
		hasMode(t, dir.Path("file"), 0o600)
		holds(t, dir, "file", "x")
	}
}

func TestAWideOpenDirectoryIsNarrowed(t *testing.T) {
	for mode, want := range map[fs.FileMode]fs.FileMode{0o755: 0o700, 0o750: 0o700, 0o701: 0o700, 0o700: 0o700, 0o555: 0o500, 0o500: 0o500} {
		dir := holding(t, "file", "x")
		if err := os.Chmod(string(dir), mode); err != nil {
			t.Fatal(err)
		}
		if err := dir.Make(); err != nil {
			t.Errorf("%v: %v", mode, err)
		}
		hasMode(t, string(dir), fs.ModeDir|want)
		if err := os.Chmod(string(dir), 0o700); err != nil { // for the end of the test
			t.Fatal(err)
		}
	}
}

func TestAFileThatWasWideOpenIsReplacedByANarrowOne(t *testing.T) {
	dir := holding(t, "file", "x")
	if err := os.Chmod(dir.Path("file"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := dir.Write("file", []byte("y")); err != nil {
		t.Fatal(err)
	}
	hasMode(t, dir.Path("file"), 0o600)
}

func TestAPlantedLinkLeadsNowhere(t *testing.T) {
	outside := t.TempDir()
	target := filepath.Join(outside, "target")
	for _, link := range []string{target, "../../../" + filepath.Base(filepath.Dir(outside)) + "/" + filepath.Base(outside) + "/target", outside} {
		if err := os.WriteFile(target, []byte("untouched"), 0o600); err != nil {
			t.Fatal(err)
		}
		dir := missing(t)
		plant := func(name string) {
			t.Helper()
			if err := errors.Join(dir.Make(), os.Symlink(link, dir.Path(name))); err != nil {
				t.Fatal(err)
			}
		}
		plant("file")
		if got, err := dir.Read("file"); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("read %q, error %v", got, err)
		}
		if err := dir.Overwrite("file", []byte("x")); err == nil {
			t.Error("overwritten")
		}
		for what, do := range map[string]func(string) error{"Remove": dir.Remove, "RemoveAll": dir.RemoveAll} {
			plant(what)
			if err := do(what); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := dir.Write("file", []byte("ours")); err != nil {
			t.Error(err)
		}
		hasMode(t, dir.Path("file"), 0o600)
		holds(t, dir, "file", "ours")
		contains(t, dir, "file")
		contains(t, safedir.Dir(outside), "target")
		if got, err := os.ReadFile(target); err != nil || string(got) != "untouched" {
			t.Errorf("outside: %q, error %v", got, err)
		}
	}
}

func TestAPlantedDirectoryLinkLeadsNowhere(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "target"), []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := missing(t)
	if err := errors.Join(dir.Make(), os.Symlink(outside, dir.Path("sub"))); err != nil {
		t.Fatal(err)
	}
	if got, err := dir.Read("sub/target"); err == nil {
		t.Errorf("read %q", got)
	}
	for what, err := range map[string]error{
		"written":     dir.Write("sub/target", []byte("x")),
		"overwritten": dir.Overwrite("sub/target", []byte("x")),
		"removed":     dir.Remove("sub/target"),
		"removed all": dir.RemoveAll("sub/target"),
	} {
		if err == nil {
			t.Errorf("%s through the link", what)
		}
	}
	if got, err := os.ReadFile(filepath.Join(outside, "target")); err != nil || string(got) != "untouched" {
		t.Errorf("outside: %q, error %v", got, err)
	}
	contains(t, safedir.Dir(outside), "target")
}

// A limit on the size of files stops a write midway, as a full disk does. It
// is for a whole process, and therefore another one's.
func TestAFullDiskLeavesTheOldContent(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	old := strings.Repeat("o", fullDisk)
	dir := holding(t, "file", old)
	child := exec.CommandContext(t.Context(), exe)
	child.Env = append(os.Environ(), "SAFEDIR_TEST_FULL="+string(dir))
	if out, err := child.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("error %v\n%s", err, out)
	}
	holds(t, dir, "file", "in place"+old[len("in place"):])
	contains(t, dir, "file")
}

const fullDisk = 4096 // bytes in a file, and no more

func onFullDisk(dir safedir.Dir) error {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: fullDisk, Max: fullDisk}); err != nil {
		return err
	}
	before, err := dir.Read("file")
	if err != nil {
		return err
	}
	if err := dir.Write("file", []byte(strings.Repeat("n", 2*fullDisk))); !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("written, error %v", err)
	}
	if after, err := dir.Read("file"); err != nil || !bytes.Equal(after, before) {
		return fmt.Errorf("the file has changed to %.20q, error %v", after, err)
	}
	return dir.Overwrite("file", []byte("in place"))
}

// foreign returns a directory of somebody else that holds a file, and its
// owner. Only root can make one; others have the one above all.
func foreign(t *testing.T) (dir safedir.Dir, file string, owner int) {
	t.Helper()
	if os.Geteuid() != 0 {
		return "/", "tmp", 0
	}
	dir = holding(t, "file", "x")
	old := time.Now().Add(-2 * time.Hour)
	err := errors.Join(
		dir.Write("left.tmp", nil),
		os.Chtimes(dir.Path("left.tmp"), old, old),
		os.Chown(string(dir), 4242, -1),
	)
	if err != nil {
		t.Fatal(err)
	}
	return dir, "file", 4242
}

func TestADirectoryOfAnotherUserIsReadButNotWritten(t *testing.T) {
	dir, file, owner := foreign(t)
	before := strings.Join(listing(t, dir), " ")
	for what, err := range map[string]error{
		"made":        dir.Make(),
		"written":     dir.Write(file, []byte("y")),
		"overwritten": dir.Overwrite(file, []byte("y")),
		"removed":     dir.Remove(file),
		"removed all": dir.RemoveAll(file),
	} {
		e, ok := errors.AsType[*safedir.OwnerError](err)
		if !ok || *e != (safedir.OwnerError{Path: string(dir), Owner: owner, User: os.Geteuid()}) {
			t.Errorf("%s, error %v", what, err)
		}
	}
	dir.Sweep()
	if after := strings.Join(listing(t, dir), " "); after != before {
		t.Errorf("the directory contained %s, and then %s", before, after)
	}
	if os.Geteuid() == 0 {
		holds(t, dir, file, "x")
	}
}

// Under sudo the home directory is somebody's who could not use it afterwards.
func TestRootMakesNoDirectoryInThatOfAnotherUser(t *testing.T) {
	dir, _, owner := foreign(t)
	below := dir.Sub(".local").Sub("state")
	err := below.Make()
	e, ok := errors.AsType[*safedir.OwnerError](err)
	switch {
	case os.Geteuid() != 0: // may where the owner lets everybody, but not here
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("made, error %v", err)
		}
	case !ok || e.Path != string(dir) || e.Owner != owner:
		t.Errorf("made, error %v", err)
	}
	if _, err := os.Lstat(dir.Path(".local")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("made all the same, error %v", err)
	}
}

func TestAReadOnlyDirectoryKeepsItsContent(t *testing.T) {
	dir := holding(t, "file", "x")
	if err := os.Chmod(string(dir), 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(string(dir), 0o700)
	err := dir.Write("file", []byte("y"))
	want := "x"
	if os.Geteuid() == 0 { // whom modes do not stop
		want = "y"
	}
	if (err == nil) != (want == "y") || err != nil && !errors.Is(err, fs.ErrPermission) {
		t.Errorf("written, error %v", err)
	}
	holds(t, dir, "file", want)
	contains(t, dir, "file")
	hasMode(t, string(dir), fs.ModeDir|0o500)
}

func TestAnUnreadableDirectoryIsNotMistakenForAMissingOne(t *testing.T) {
	dir := holding(t, "file", "x")
	if err := os.Chmod(string(dir), 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(string(dir), 0o700)
	if os.Geteuid() == 0 { // whom modes do not stop
		holds(t, dir, "file", "x")
		return
	}
	if _, err := dir.Read("file"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("read: %v", err)
	}
	if _, err := dir.Names(); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("names: %v", err)
	}
	dir.Sweep()
	for what, err := range map[string]error{"removed": dir.Remove("file"), "written": dir.Write("file", nil)} {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestADirectoryBelowADanglingLinkIsAnError(t *testing.T) {
	dir := missing(t)
	if err := errors.Join(dir.Make(), os.Symlink("nowhere", dir.Path("link"))); err != nil {
		t.Fatal(err)
	}
	for _, d := range []safedir.Dir{dir.Sub("link"), dir.Sub("link").Sub("below"), ""} {
		if err := d.Make(); err == nil {
			t.Errorf("%q made", d)
		}
	}
	contains(t, dir, "link")
}

func TestWhatIsNoFileIsAnErrorAtOnce(t *testing.T) {
	dir := safedir.Dir(t.TempDir())
	if err := syscall.Mkfifo(dir.Path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(dir.Path("pipe"), os.O_RDWR, 0) // who has the other end, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if err := os.Mkdir(dir.Path("dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pipe", "dir"} {
		if data, err := dir.Read(name); err == nil || !strings.Contains(err.Error(), dir.Path(name)) {
			t.Errorf("%s: read %q, error %v: want one with the whole path", name, data, err)
		}
	}
}
