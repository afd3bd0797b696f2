//go:build !likemacos

package keyring

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"

	"github.com/gofrs/flock"

	"github.com/credproc/credproc/internal/keycache"
	"github.com/credproc/credproc/internal/sealed"
)

// credprocEXE stands in for the program on Windows: it keeps each item in a file
// of STORE.
const credprocEXE = `#!/bin/sh
[ "$1" = keyring-item ] && [ $# = 3 ] || { echo "unexpected arguments" >&2; exit 2; }
case $2 in
get) if [ -e "$STORE/$3" ]; then printf 'found '; tr -d '\n' <"$STORE/$3"; printf '\r\n'; else printf 'none\r\n'; fi ;;
set) cat >"$STORE/$3.$$" && [ "$(wc -c <"$STORE/$3.$$")" -le 3500 ] || { rm "$STORE/$3.$$"; echo 'too big'; exit; }
	mv "$STORE/$3.$$" "$STORE/$3" && printf 'done\r\n' ;;
delete) rm -f "$STORE/$3"; printf 'done\r\n' ;;
esac
`

// inWSL makes this Linux one on Windows, with a credproc.exe that is a script.
func inWSL(t *testing.T) *windowsKeyring {
	t.Helper()
	t.Setenv("WSL_DISTRO_NAME", "Debian")
	t.Setenv("STORE", t.TempDir())
	installEXE(t, credprocEXE)
	return new(windowsKeyring)
}

func installEXE(t *testing.T, script string) {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "credproc.exe"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

// everyKeyring are those that can be had here. That of the operating system
// needs one that is the test's, and the kernel's a kernel that lets us.
func everyKeyring(t *testing.T) map[string]Keyring {
	t.Helper()
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte("Of these 32 bytes no two are lik"), 0o600); err != nil {
		t.Fatal(err)
	}
	all := map[string]Keyring{
		"plaintext":              &plainKeyring{Dir: filepath.Join(t.TempDir(), "keyring")},
		"file with a passphrase": quickly(filepath.Join(t.TempDir(), "file"), knows("open sesame")),
		"file with a key":        &fileKeyring{Options: Options{Dir: filepath.Join(t.TempDir(), "file"), Unlock: Unlock{KeyFile: keyFile}}},
		"windows":                inWSL(t),
	}
	kernel := &kernelKeyring{Service: "credproc-test"}
	if _, err := kernel.Get(t.Context(), "none"); errors.Is(err, ErrNotFound) {
		all["kernel"] = kernel
	} else if !errors.Is(err, ErrUnavailable) {
		t.Errorf("a kernel that forbids it: %v", err)
	}
	if os.Getenv("CREDPROC_TEST_KEYRING") == "1" {
		all["os"], _ = realService(t)
	}
	return all
}

func TestAPassphraseThatIsWrongLosesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := quickly(dir, knows("right")).Set(t.Context(), "item", "secret"); err != nil {
		t.Fatal(err)
	}
	for person, times := range map[bool]int{true: 3, false: 1} {
		var asked []PassphraseRequest
		k := quickly(dir, func(_ context.Context, ask PassphraseRequest) (string, error) {
			asked = append(asked, ask)
			return "wrong", nil
		})
		k.Unlock.Person = person
		if _, err := k.Get(t.Context(), "item"); !errors.Is(err, ErrLocked) || errors.Is(err, ErrNotFound) || len(asked) != times {
			t.Errorf("a person %v: asked %+v, %v", person, asked, err)
		}
		for i, ask := range asked {
			if ask.New || ask.Wrong != (i > 0) {
				t.Errorf("asked for %+v, the time %d", ask, i+1)
			}
		}
		if err := k.Set(t.Context(), "item", "other"); !errors.Is(err, ErrLocked) {
			t.Errorf("stored: %v", err)
		}
	}
	third := 0
	k := quickly(dir, func(context.Context, PassphraseRequest) (string, error) {
		if third++; third == 3 {
			return "right", nil
		}
		return "wrong", nil
	})
	k.Unlock.Person = true
	if got, err := k.Get(t.Context(), "item"); err != nil || got != "secret" {
		t.Errorf("the third time: %q, %v", got, err)
	}
}

// One guess takes 32 MB at the least, and up to 256: twenty processes that do it
// at once would need gigabytes.
func TestTwentyHelpersOpenAFileOneAfterAnother(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := quickly(dir, knows("right")).Set(t.Context(), "item", "secret"); err != nil {
		t.Fatal(err)
	}
	for _, cached := range []bool{false, true} {
		var asked, unlocked atomic.Int32
		helpers := func(i int) {
			k := quickly(dir, func(context.Context, PassphraseRequest) (string, error) {
				asked.Add(1)
				lock := flock.New(filepath.Join(dir, "unlock.lock"))
				if free, err := lock.TryLock(); free || err != nil {
					unlocked.Add(1)
				}
				lock.Close()
				return "right", nil
			})
			k.NoKeyCache, k.Service = !cached, "credproc-test"
			if got, err := k.Get(t.Context(), "item"); err != nil || got != "secret" {
				t.Errorf("%q, %v", got, err)
			}
		}
		together(20, helpers)
		want := int32(20)
		if cached && keycache.System().Usable() {
			want = 1
		}
		if asked.Load() != want || unlocked.Load() > 0 {
			t.Errorf("cached %v: opened %d times, want %d, and %d of them without the lock", cached, asked.Load(), want, unlocked.Load())
		}
	}
	(&fileKeyring{Options: Options{Dir: dir, Service: "credproc-test"}}).Lock()
	locked := &fileKeyring{Options: Options{Dir: dir, Service: "credproc-test"}}
	if _, err := locked.Get(t.Context(), "item"); !errors.Is(err, ErrLocked) {
		t.Errorf("after lock: %v", err)
	}
}

// Between its unlocking and its end a process may wait for the service, with
// many others.
func TestWhatOpeningAFileTakesIsGivenBackAtOnce(t *testing.T) {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapSys-m.HeapReleased) >> 20
	}
	debug.FreeOSMemory()
	before := heap()
	k := quickly(filepath.Join(t.TempDir(), "file"), knows("right"))
	k.factor = quickFactor
	if err := k.Set(t.Context(), "item", "secret"); err != nil {
		t.Fatal(err)
	}
	made := heap()
	k = quickly(k.Dir, knows("right"))
	if _, err := k.Get(t.Context(), "item"); err != nil {
		t.Fatal(err)
	}
	if opened := heap(); made-before >= 32 || opened-before >= 32 {
		t.Errorf("of %d MB before there were %d once it was made, and %d once it was opened", before, made, opened)
	}
}

func TestAFileOfANewerReleaseIsKnownAsOne(t *testing.T) {
	k := quickly(filepath.Join(t.TempDir(), "file"), knows("open sesame"))
	if err := k.Set(t.Context(), "item", "secret"); err != nil {
		t.Fatal(err)
	}
	record, err := k.dir().Read("item")
	if err != nil {
		t.Fatal(err)
	}
	record[4]++
	if err := k.dir().Write("item", record); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Get(t.Context(), "item"); !errors.Is(err, ErrUnreadable) || !errors.Is(err, sealed.ErrNewer) {
		t.Errorf("got %v", err)
	}
}
