package flight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/credproc/credproc/internal/pause"
	"github.com/credproc/credproc/internal/printable"
	"github.com/credproc/credproc/internal/safedir"
)

// LockError says that a lock could not be had at all: its directory is
// read-only, full, or another user's.
type LockError struct {
	Path string
	Err  error
}

func (e *LockError) Error() string { return fmt.Sprintf("lock %s: %v", e.Path, e.Err) }
func (e *LockError) Unwrap() error { return e.Err }

// Holder is who holds a lock, by its own word: for messages, not for
// decisions.
type Holder struct {
	PID   int       `json:"pid"`
	Op    string    `json:"op"`
	Since time.Time `json:"since"` // local clock
}

// String says who it is, for the middle of a sentence.
func (h Holder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	state := ""
	if h.Stopped() {
		state = ", stopped now"
	}
	return fmt.Sprintf("process %d (%s, since %s%s)", h.PID, h.Op, h.Since.Format(time.TimeOnly), state)
}

var errHeld = errors.New("held by another process")

// Lock waits for a lock in dir. It returns the context of the work under it, and
// the function that releases it, or [LockError], or [BusyError] when ctx ends
// first, or [OrderError]. The kernel releases the lock of a process that dies; the
// file stays, since deleting it would let two processes hold "the" lock.
func Lock(ctx context.Context, dir safedir.Dir, name Name, op string) (under context.Context, release func(), err error) {
	if err := mayTake(ctx, name); err != nil {
		return ctx, nil, err
	}
	for {
		release, err := tryLock(dir, name.file, op)
		if !errors.Is(err, errHeld) {
			return holding(ctx, name), release, err
		}
		if pause.For(ctx, 10*time.Millisecond) != nil {
			return ctx, nil, &BusyError{Op: op, Holder: holder(dir, name.file), Err: context.Cause(ctx)}
		}
	}
}

// tryLock takes the lock or fails with errHeld. Where the file system has no
// locks it succeeds: a single process there still works.
func tryLock(dir safedir.Dir, name, op string) (release func(), err error) {
	unmade := dir.Make()
	if unmade != nil && !isReadOnly(unmade) {
		return nil, &LockError{Path: dir.Path(name), Err: unmade}
	}
	lock := flock.New(dir.Path(name), flock.SetFlag(openFlags))
	ok, err := lock.TryLock()
	switch {
	case noLocks(err):
		return func() {}, nil
	case unmade != nil && errors.Is(err, fs.ErrNotExist): // for that reason
		return nil, &LockError{Path: dir.Path(name), Err: unmade}
	case err != nil:
		return nil, &LockError{Path: dir.Path(name), Err: err}
	case !ok:
		return nil, errHeld
	case !isCurrent(lock):
		lock.Unlock() // of a file that another program deleted: it excludes no one
		return nil, errHeld
	}
	setHolder(dir, name, op)
	return func() {
		if isCurrent(lock) { // else the word left is another holder's
			dir.Remove(name + ".holder")
		}
		lock.Unlock()
	}, nil
}

// isCurrent reports whether the locked file is still the one at its path.
func isCurrent(lock *flock.Flock) bool {
	locked, err := lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(lock.Path())
	return err == nil && os.SameFile(locked, there)
}

// setHolder writes a note for the processes that wait. They wait without it, too, so
// it is neither synced nor replaced as a whole.
func setHolder(dir safedir.Dir, name, op string) {
	data, _ := json.Marshal(Holder{PID: os.Getpid(), Op: printable.Line(op), Since: time.Now()})
	root, err := os.OpenRoot(string(dir))
	if err != nil {
		return
	}
	defer root.Close()
	f, err := root.OpenFile(name+".holder", os.O_WRONLY|os.O_TRUNC|openFlags, 0o600)
	if err != nil {
		return
	}
	f.Write(data)
	f.Close()
}

func holder(dir safedir.Dir, name string) Holder {
	var h Holder
	data, err := dir.Read(name + ".holder")
	if err == nil {
		json.Unmarshal(data, &h)
	}
	h.Op = printable.Line(h.Op) // any process may have written it
	return h
}

// HeldBy returns who holds the lock name in dir, by its own word; ok is false
// when none does. It waits for nothing.
func HeldBy(dir safedir.Dir, name string) (h Holder, ok bool) {
	if h = holder(dir, name); h.PID == 0 {
		return h, false
	}
	// The word of a process that was killed is still there. A shared lock, so
	// that several who look at once do not take one another for the holder.
	lock := flock.New(dir.Path(name), flock.SetFlag(openFlags))
	free, err := lock.TryRLock()
	if free {
		lock.Unlock()
		return Holder{}, false
	}
	return h, err == nil
}

// Works returns why files in dir cannot be locked, or nil if they can, or if no
// lock was ever taken there. It never waits.
func Works(dir safedir.Dir) error {
	names, _ := dir.Names()
	for _, name := range names {
		if !strings.HasSuffix(name, ".lock") {
			continue
		}
		lock := flock.New(dir.Path(name), flock.SetFlag(openFlags))
		free, err := lock.TryRLock()
		if free {
			lock.Unlock()
		}
		return err
	}
	return nil
}
