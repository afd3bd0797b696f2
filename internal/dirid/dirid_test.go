package dirid

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/sealed"
)

// made returns a new directory that has an identity.
func made(t *testing.T) (dir, id string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "state")
	if err := Make(safedir.Dir(dir), rand.Read); err != nil {
		t.Fatal(err)
	}
	return dir, is(t, dir, Known)
}

// is fails unless the directory is in that state, and returns its ID.
func is(t *testing.T, dir string, want State) (id string) {
	t.Helper()
	found, err := Look(safedir.Dir(dir))
	if err != nil || found.State != want || (found.ID == "") != (want == None || want == Copied) {
		t.Fatalf("%s: state %d, want %d, ID %q: %v", dir, found.State, want, found.ID, err)
	}
	if quick, ok := Quick(dir); ok && quick != found.ID && want != Copied {
		t.Errorf("%s: the quick way says %q, not %q", dir, quick, found.ID)
	}
	return found.ID
}

// updated brings the directory's file up to date.
func updated(t *testing.T, dir string) {
	t.Helper()
	found, err := Look(safedir.Dir(dir))
	if err == nil {
		err = found.Update(safedir.Dir(dir))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(to, 0o700); err != nil {
		t.Fatal(err)
	}
	return to
}

func write(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, File), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestADirectoryHasAnIdentityOnceItIsMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	is(t, dir, None)
	if _, ok := Quick(dir); ok {
		t.Error("the quick way finds one where there is none")
	}
	dir, id := made(t)
	if quick, ok := Quick(dir); !ok || quick != id || len(id) != 32 {
		t.Errorf("the quick way says %q, %v", quick, ok)
	}
	if _, other := made(t); other == id {
		t.Error("two directories have one identity")
	}
}

func TestADirectoryUnderTwoNamesIsOne(t *testing.T) {
	dir, id := made(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if is(t, link, Known) != id {
		t.Error("another identity by the other name")
	}
	if quick, ok := Quick(link); !ok || quick != id {
		t.Errorf("the quick way says %q, %v", quick, ok)
	}
	above := filepath.Join(t.TempDir(), "above")
	if err := os.Symlink(filepath.Dir(dir), above); err != nil {
		t.Fatal(err)
	}
	is(t, filepath.Join(above, "state"), Known)
}

func TestADirectoryThatMovedKeepsItsIdentity(t *testing.T) {
	dir, id := made(t)
	away := dir + "-away"
	rename(t, dir, away)
	if is(t, away, Moved) != id {
		t.Error("another identity")
	}
	if quick, ok := Quick(away); !ok || quick != id {
		t.Errorf("by its inode the quick way says %q, %v", quick, ok)
	}
	updated(t, away)
	is(t, away, Known)
	rename(t, away, dir)
	if is(t, dir, Moved) != id {
		t.Error("another identity when it is back")
	}
	// What came to be at the recorded path is no reason to give way.
	updated(t, dir)
	rename(t, dir, away)
	if err := Make(safedir.Dir(dir), rand.Read); err != nil {
		t.Fatal(err)
	}
	is(t, away, Moved)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	is(t, away, Moved)
}

func TestACopyIsToldFromTheOriginal(t *testing.T) {
	dir, id := made(t)
	twin := copyOf(t, dir)
	is(t, twin, Copied)
	if _, ok := Quick(twin); ok {
		t.Error("the quick way uses the copy")
	}
	is(t, dir, Known)
	if err := Make(safedir.Dir(twin), rand.Read); err != nil {
		t.Fatal(err)
	}
	if is(t, twin, Known) == id || is(t, dir, Known) != id {
		t.Error("the copy has the identity of the original")
	}
}

func TestACopyOfWhatIsGoneIsTheOriginal(t *testing.T) {
	dir, id := made(t)
	backup := copyOf(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	rename(t, backup, dir) // restored
	if is(t, dir, Moved) != id {
		t.Error("another identity")
	}
	updated(t, dir)
	is(t, dir, Known)
}

// The original moves away and a copy takes its place: both claim to be the
// original, and only one may be.
func TestOfTwoThatClaimOneIdentityOneGivesWay(t *testing.T) {
	dir, id := made(t)
	away := dir + "-away"
	rename(t, dir, away)
	rename(t, copyOf(t, away), dir)
	for range 2 {
		is(t, away, Copied)
		if is(t, dir, Moved) != id {
			t.Error("nobody has the identity")
		}
	}
	updated(t, dir)
	is(t, away, Copied)
	is(t, dir, Known)
}

func TestADirectoryWithTwoInodesIsNoCopy(t *testing.T) {
	dir, id := made(t)
	view := copyOf(t, dir)
	if !visible(safedir.Dir(dir), safedir.Dir(dir)) || visible(safedir.Dir(dir), safedir.Dir(view)) {
		t.Fatal("what is written is not seen in the directory, or is seen in another")
	}
	r := record{id: id, path: dir}
	info, err := os.Stat(view)
	if err != nil {
		t.Fatal(err)
	}
	// As a file system with two views of one directory would have it.
	if got := compareNow(safedir.Dir(dir), info, r); got != unsure {
		t.Errorf("it is %v, which writes or gives way", got)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("%v is left, %v", names, err)
	}
}

func TestWhatIsNoIdentityIsReadAsNone(t *testing.T) {
	dir, id := made(t)
	data, err := os.ReadFile(filepath.Join(dir, File))
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	head, path, _ := strings.Cut(good, "\n")
	for text, want := range map[string]State{
		good:                                  Known,
		"":                                    None,
		"\n":                                  None,
		"\x00\x00\x00\x00":                    None,
		head:                                  None, // may be cut off within the ID
		head[:30] + "\n":                      None,
		strings.Replace(good, "1", "0", 1):    None,
		strings.Replace(good, id, id+"00", 1): None,
		strings.Replace(good, id, strings.Repeat("x", 32), 1): None,
		"record" + good[len("record"):]:                       None,
		// The ID is whole: what is lost is found again.
		head + "\n":                                Moved,
		head + "\n" + path[:3]:                     Moved,
		"directory 1 " + id + "\n" + path:          Moved,
		"directory 1 " + id + " x -1\n" + path:     Moved,
		"directory 1 " + id + " 1 1\n/no\nwhere\n": Moved,
	} {
		write(t, dir, text)
		if got := is(t, dir, want); got != "" && got != id {
			t.Errorf("%q has the ID %s", text, got)
		}
	}
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	dir, id := made(t)
	write(t, dir, "directory 2 of a kind to come\n")
	if _, err := Look(safedir.Dir(dir)); !errors.Is(err, sealed.ErrNewer) {
		t.Errorf("a newer format: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, File)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, File), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Look(safedir.Dir(dir)); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, File)) {
		t.Errorf("a directory in its place: %v", err)
	}
	if quick, ok := Quick(dir); ok {
		t.Errorf("the quick way says %q, once %q", quick, id)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("directory 1 000102030405060708090a0b0c0d0e0f 64769 1835123\n/home/me\n"))
	f.Add([]byte("directory 2 x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parse(data)
		if err != nil {
			return
		}
		if again, err := parse(r.text()); err != nil || again != r {
			t.Errorf("%+v is written, and %+v read: %v", r, again, err)
		}
	})
}
