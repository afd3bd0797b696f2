package awsconfig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func fileWith(t *testing.T, text string) File {
	t.Helper()
	f := File{Path: filepath.Join(t.TempDir(), "config"), Name: "credproc"}
	if err := os.WriteFile(f.Path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f File) holds(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); string(got) != want || err != nil {
		t.Errorf("%s holds %q, want %q (%v)", filepath.Base(path), got, want, err)
	}
}

func appending(text string) func([]byte) ([]byte, error) {
	return func(old []byte) ([]byte, error) { return append(old, text...), nil }
}

func (f File) edits(t *testing.T, edit func([]byte) ([]byte, error), want bool) {
	t.Helper()
	changed, err := f.Edit(t.Context(), edit)
	if err != nil || changed != want {
		t.Errorf("changed: %v, want %v (%v)", changed, want, err)
	}
}

func TestAnEditLeavesABackupAndCanBeUndoneAndRedone(t *testing.T) {
	f := fileWith(t, "a")
	f.edits(t, appending("b"), true)
	f.holds(t, f.Path, "ab")
	f.holds(t, f.Backup(), "a")
	f.edits(t, appending(""), false)
	f.holds(t, f.Backup(), "a")
	for _, want := range []string{"a", "ab"} {
		if err := f.Undo(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.holds(t, f.Path, want)
	}
	f.holds(t, f.Backup(), "a")
}

func TestUndoNeedsABackup(t *testing.T) {
	f := fileWith(t, "a")
	if err := f.Undo(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	f.holds(t, f.Path, "a")
}

func TestAFileKeepsItsModeAndSoDoesItsBackup(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // has no such modes
	}
	for _, mode := range []fs.FileMode{0o600, 0o644, 0o640, 0o755} {
		f := fileWith(t, "a")
		if err := os.Chmod(f.Path, mode); err != nil {
			t.Fatal(err)
		}
		f.edits(t, appending("b"), true)
		for _, path := range []string{f.Path, f.Backup()} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %v, want %v", path, info.Mode(), mode)
			}
		}
	}
}

func TestAFileThatIsNotThereIsMadeForItsOwnerAlone(t *testing.T) {
	f := File{Path: filepath.Join(t.TempDir(), ".aws", "config"), Name: "credproc"}
	f.edits(t, appending("new"), true)
	f.holds(t, f.Path, "new")
	f.holds(t, f.Backup(), f.none())
	if info, err := os.Stat(f.Path); runtime.GOOS != "windows" && (err != nil || info.Mode().Perm() != 0o600) {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestALinkStaysALink(t *testing.T) {
	for _, absolute := range []bool{true, false} {
		f := fileWith(t, "")
		dir := filepath.Dir(f.Path)
		if err := errors.Join(os.Remove(f.Path), os.Mkdir(filepath.Join(dir, "dotfiles"), 0o755)); err != nil {
			t.Fatal(err)
		}
		real, target := filepath.Join(dir, "dotfiles", "aws"), filepath.Join("dotfiles", "aws")
		if absolute {
			target = real
		}
		if err := errors.Join(os.Symlink(target, f.Path), os.WriteFile(real, []byte("a"), 0o644)); err != nil {
			t.Fatal(err)
		}
		f.edits(t, appending("b"), true)
		if got, err := os.Readlink(f.Path); got != target || err != nil {
			t.Errorf("the link leads to %q, %v", got, err)
		}
		f.holds(t, real, "ab")
		f.holds(t, f.Backup(), "a")
		if entries, _ := os.ReadDir(filepath.Join(dir, "dotfiles")); len(entries) != 1 {
			t.Errorf("beside the file it leads to: %v", entries)
		}
		if err := os.Remove(real); err != nil { // a link into the void is one too
			t.Fatal(err)
		}
		f.edits(t, appending("c"), true)
		f.holds(t, real, "c")
	}
}

func TestLinksThatLeadInACircleAreAnError(t *testing.T) {
	f := fileWith(t, "")
	if err := errors.Join(os.Remove(f.Path), os.Symlink("config", f.Path)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Edit(t.Context(), appending("a")); err == nil {
		t.Error("no error")
	}
}

func TestAReadOnlyFileIsNotReplaced(t *testing.T) {
	f := fileWith(t, "a")
	if err := os.Chmod(f.Path, 0o444); err != nil {
		t.Fatal(err)
	}
	_, err := f.Edit(t.Context(), appending("b"))
	if e, ok := errors.AsType[*ReadOnlyError](err); !ok || e.Path != f.Path {
		t.Errorf("error %v", err)
	}
	f.holds(t, f.Path, "a")
}

func TestAnEditThatFailsChangesNothing(t *testing.T) {
	f := fileWith(t, "a")
	broken := errors.New("broken")
	if changed, err := f.Edit(t.Context(), func([]byte) ([]byte, error) { return []byte("x"), broken }); changed || err != broken {
		t.Errorf("%v, %v", changed, err)
	}
	f.holds(t, f.Path, "a")
	if _, err := os.Stat(f.Backup()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a backup: %v", err)
	}
}

func TestEditsAtTheSameTimeLoseNothing(t *testing.T) {
	f := fileWith(t, "")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if _, err := f.Edit(t.Context(), appending(fmt.Sprintf("<%d>", i))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	text, err := os.ReadFile(f.Path)
	for i := range 20 {
		if err != nil || bytes.Count(text, fmt.Appendf(nil, "<%d>", i)) != 1 {
			t.Errorf("edit %d: %q, %v", i, text, err)
		}
	}
}

func TestAnEditOfSomebodyWithoutTheLockIsNotLost(t *testing.T) {
	f := fileWith(t, "a")
	calls := 0
	f.edits(t, func(old []byte) ([]byte, error) {
		if calls++; calls == 1 { // "aws configure" writes just now
			if err := os.WriteFile(f.Path, []byte("a and theirs"), 0o600); err != nil {
				return nil, err
			}
		}
		return append(old, " and ours"...), nil
	}, true)
	f.holds(t, f.Path, "a and theirs and ours")
	f.holds(t, f.Backup(), "a and theirs")
}

func TestALockThatIsHeldIsWaitedForAsLongAsTheCallerLikes(t *testing.T) {
	f := fileWith(t, "a")
	holding, release := make(chan struct{}), make(chan struct{})
	var holder sync.WaitGroup
	holder.Go(func() {
		f.edits(t, func(old []byte) ([]byte, error) {
			close(holding)
			<-release
			return append(old, 'b'), nil
		}, true)
	})
	<-holding
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := f.Edit(ctx, appending("c")); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another process is editing") {
		t.Errorf("error %v", err)
	}
	close(release)
	holder.Wait()
	f.holds(t, f.Path, "ab")
}

func TestWhatAKilledEditLeftIsSweptAway(t *testing.T) {
	f := fileWith(t, "a")
	left := f.temp(f.Path)
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.edits(t, appending("b"), true)
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}

func TestNoFileIsAStateThatAnUndoBringsBack(t *testing.T) {
	dir := t.TempDir()
	linked := filepath.Join(dir, "linked")
	if err := os.Symlink("away", linked); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "config"), linked} {
		f := File{Path: path, Name: "credproc"}
		if missing := f.Missing(); (missing != "") != (path == linked) {
			t.Errorf("%s leads to %q, where nothing is", path, missing)
		}
		f.edits(t, appending("new"), true)
		if before, err := f.Before(); before != nil || err != nil || f.Missing() != "" {
			t.Errorf("before there was %q, %v", before, err)
		}
		for range 2 {
			if err := f.Undo(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is there: %v", path, err)
			}
			f.holds(t, f.Backup(), "new")
			if err := f.Undo(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.holds(t, path, "new")
		}
		if link, _ := os.Readlink(path); (link == "away") != (path == linked) {
			t.Errorf("%s leads to %q", path, link)
		}
	}
}

// An empty file is a file: an undo leaves one, and not none.
func TestAnEmptyFileIsNotTakenForNone(t *testing.T) {
	f := fileWith(t, "")
	f.edits(t, appending("a"), true)
	for _, want := range []string{"", "a", ""} {
		if err := f.Undo(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.holds(t, f.Path, want)
	}
	f.edits(t, func([]byte) ([]byte, error) { return nil, nil }, false)
	f.holds(t, f.Path, "")
}

func TestALinkIntoADirectoryThatIsGoneIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	if err := os.Symlink("/nowhere/aws/config", path); err != nil {
		t.Fatal(err)
	}
	f := File{Path: path, Name: "credproc"}
	if _, err := f.Edit(t.Context(), appending("a")); err == nil || !strings.Contains(err.Error(), path+" is a link to /nowhere/aws/config") {
		t.Errorf("got %v", err)
	}
	if _, err := f.Before(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a backup: %v", err)
	}
}

// Whichever of the two files cannot be replaced, both stay as they are.
func TestAnEditThatCannotBeFinishedLeavesBothFilesAsTheyWere(t *testing.T) {
	for name, spoil := range map[string]func(f File) string{
		"the backup": func(f File) string { return f.Backup() },
		"the file":   func(f File) string { return f.Path },
	} {
		for _, undo := range []bool{false, true} {
			f := fileWith(t, "1")
			f.edits(t, appending("2"), true)
			real := f.Path
			// A directory cannot be replaced by a file.
			blocked := spoil(f)
			held := blocked + "-held"
			if err := errors.Join(os.Rename(blocked, held), os.MkdirAll(filepath.Join(blocked, "x"), 0o700)); err != nil {
				t.Fatal(err)
			}
			steps := []*step{{temp: f.temp(real), path: f.Backup(), keep: f.temp(real)}, {temp: f.temp(real), path: real, keep: f.temp(real)}}
			if undo {
				steps[0], steps[1] = steps[1], steps[0]
			}
			for _, s := range steps {
				if err := writeTemp(s.temp, []byte("other"), nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := inTurn(steps...); err == nil {
				t.Errorf("%s: no error", name)
			}
			if err := errors.Join(os.RemoveAll(blocked), os.Rename(held, blocked)); err != nil {
				t.Fatal(err)
			}
			f.holds(t, f.Path, "12")
			f.holds(t, f.Backup(), "1")
		}
	}
}
