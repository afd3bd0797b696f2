//go:build unix

package flight_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/internal/flight"
)

func TestALockedFileThatWasReplacedLocksNobodyOut(t *testing.T) {
	for what, replace := range map[string]func(*testing.T, *shop){
		"deleted": func(t *testing.T, s *shop) {
			if err := os.Remove(s.dir.Path(name)); err != nil {
				t.Fatal(err)
			}
		},
		"replaced": func(t *testing.T, s *shop) {
			if err := s.dir.Write(name, []byte("x")); err != nil {
				t.Fatal(err)
			}
		},
		"deleted with its directory": func(t *testing.T, s *shop) {
			if err := os.RemoveAll(string(s.dir)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		s := newShop(t)
		synctest.Test(t, func(t *testing.T) {
			first := s.hold(t, "first")
			replace(t, s)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, second, err := flight.Lock(ctx, s.dir, theLock, "second")
			if err != nil {
				t.Errorf("%s: %v", what, err)
				first()
				return
			}
			first() // of what nobody can see any more
			if h, ok := flight.HeldBy(s.dir, name); !ok || h.Op != "second" {
				t.Errorf("%s: held by %v", what, h)
			}
			if _, _, err := flight.Lock(ctx, s.dir, theLock, "third"); err == nil {
				t.Errorf("%s: the second one's lock was released with the first one's", what)
			}
			second()
		})
	}
}

// Somebody who deletes the file of a lock that he holds leaves those who have
// opened it with a lock on a file that is gone: they must notice.
func TestALockOnADeletedFileIsNoLock(t *testing.T) {
	s := newShop(t)
	once, cancel := context.WithCancel(t.Context())
	cancel() // so that Lock tries, and does not wait
	var inside, taken atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for taken.Load() < 150 && !t.Failed() {
				_, release, err := flight.Lock(once, s.dir, theLock, op)
				if _, busy := err.(*flight.BusyError); busy {
					continue
				} else if err != nil {
					t.Error(err)
					return
				}
				taken.Add(1)
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				runtime.Gosched()
				inside.Add(-1)
				if err := os.Remove(s.dir.Path(name)); err != nil {
					t.Error(err)
				}
				release()
			}
		})
	}
	all.Wait()
}

func TestFilesOfALockAreForTheirOwnerAlone(t *testing.T) {
	s := newShop(t)
	release := s.hold(t, op)
	defer release()
	for _, file := range []string{name, name + ".holder"} {
		info, err := os.Stat(s.dir.Path(file))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode() & fs.ModePerm; mode&0o077 != 0 {
			t.Errorf("%s has mode %v", file, mode)
		}
	}
}

func TestNobodyWaitsForTheOtherEndOfAPipe(t *testing.T) {
	s := newShop(t)
	if err := s.dir.Make(); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{name, name + ".holder"} {
		if err := syscall.Mkfifo(s.dir.Path(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, release, err := flight.Lock(t.Context(), s.dir, theLock, op)
	if err == nil {
		release()
	}
	if h, ok := flight.HeldBy(s.dir, name); ok {
		t.Errorf("held by %v", h)
	}
}

func TestAPlantedLinkIsNotFollowed(t *testing.T) {
	s := newShop(t)
	outside := filepath.Join(t.TempDir(), "target")
	if err := s.dir.Make(); err != nil {
		t.Fatal(err)
	}
	plant := func(name string) {
		t.Helper()
		if err := os.Symlink(outside, s.dir.Path(name)); err != nil {
			t.Fatal(err)
		}
	}
	plant(name)
	_, _, err := flight.Lock(t.Context(), s.dir, theLock, op)
	if _, ok := err.(*flight.LockError); !ok {
		t.Errorf("locked, error %v", err)
	}
	if _, err := os.Lstat(outside); err == nil {
		t.Error("a file was made outside")
	}

	if err := os.WriteFile(outside, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	plant("other.lock.holder")
	_, release, err := flight.Lock(t.Context(), s.dir, flight.Session("other"), op)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if got, err := os.ReadFile(outside); err != nil || string(got) != "untouched" {
		t.Errorf("outside: %q, error %v", got, err)
	}
}
