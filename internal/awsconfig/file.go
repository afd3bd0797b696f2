package awsconfig

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/credproc/credproc/internal/ospath"
	"github.com/credproc/credproc/internal/pause"
	"github.com/credproc/credproc/internal/safedir"
)

// File is a config file to be edited, by one process at a time. Others that
// edit it without asking for the lock, an editor or the AWS CLI, are noticed
// until the last moment.
type File struct {
	Path string
	// Name is whose edits these are: "credproc". The lock and the backup lie
	// beside the file and are called after it.
	Name string
}

// Backup returns the path of the backup: the file as it was before the last
// change by credproc.
func (f File) Backup() string { return f.Path + "." + f.Name + "-backup" }

func (f File) lock() string { return f.Path + "." + f.Name + "-lock" }

// ReadOnlyError is a file that its owner has write-protected, or a directory in
// which no file can be made.
type ReadOnlyError struct{ Path string }

func (e *ReadOnlyError) Error() string { return e.Path + " is read-only" }

// ReplaceError is a file that cannot be replaced: one that is immutable or a mount
// point, or whose directory has become read-only.
type ReplaceError struct {
	Path string // of the file, or of its backup
	Err  error  // [syscall.EPERM], [syscall.EBUSY]
}

func (e *ReplaceError) Error() string { return fmt.Sprintf("cannot replace %s: %v", e.Path, e.Err) }

// Unwrap returns what the system said.
func (e *ReplaceError) Unwrap() error { return e.Err }

// Edit replaces the file by what edit makes of its content, and reports whether
// that is something else. The file is replaced as a whole: a reader sees the old
// content or the new, also after a crash. On an error the file
// and the backup are as they were. A symbolic link stays one, and the file keeps
// its mode and owner. One that does not exist is made, with mode 0600; a device
// is an error. edit may be called again, if another program has changed the file
// meanwhile.
func (f File) Edit(ctx context.Context, edit func(old []byte) ([]byte, error)) (changed bool, err error) {
	err = f.locked(ctx, func() error {
		changed, err = f.replace(func(old []byte) ([]byte, error) {
			text, err := edit(bytes.Clone(old))
			if err == nil && len(text) == 0 && old != nil {
				text = []byte{} // an empty file is one, too
			}
			return text, err
		}, false)
		return err
	})
	return changed, err
}

// Undo exchanges the file and its backup, so that a second Undo brings back
// what the first one took away. A file that did not exist before the change is
// removed. Without a backup the error is [fs.ErrNotExist].
func (f File) Undo(ctx context.Context) error {
	return f.locked(ctx, func() error {
		backup, err := f.Before()
		if err == nil {
			_, err = f.replace(func([]byte) ([]byte, error) { return backup, nil }, true)
		}
		return err
	})
}

// Before returns the file as it was before the last Edit; nil means that it did
// not exist. Without a backup the error is [fs.ErrNotExist].
func (f File) Before() ([]byte, error) {
	text, err := ReadFile(f.Backup())
	if err == nil && string(text) == f.none() {
		return nil, nil
	}
	return text, err
}

// none is what the backup of a file says that did not exist: a comment, for
// those who copy it back by hand.
func (f File) none() string {
	return "# " + f.Name + ": this file did not exist before the last change\n"
}

// Missing returns the path that a symbolic link leads to although nothing is
// there, or "".
func (f File) Missing() string {
	real, err := followLinks(f.Path)
	if err != nil || real == f.Path {
		return ""
	}
	// Not of real alone: what the links of /dev/fd say is no path.
	if _, err := os.Stat(f.Path); errors.Is(err, fs.ErrNotExist) {
		return real
	}
	return ""
}

func (f File) locked(ctx context.Context, do func() error) error {
	// Not /dev/null, which root could well replace by a file.
	if info, err := os.Stat(f.Path); err == nil && !info.Mode().IsRegular() {
		return &fs.PathError{Op: "edit", Path: f.Path, Err: errNoFile}
	}
	if err := makeDir(ospath.Dir(f.Path)); err != nil {
		return orReadOnly(err)
	}
	makeLock(f.lock())
	// A file that can be read can be locked, even if another user made it.
	release, err := await(ctx, f.lock())
	switch {
	case errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOLCK):
		// The file system has no locks.
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("another process is editing %s: %w", f.Path, ctx.Err())
	case err != nil:
		return orReadOnly(err)
	}
	if release != nil {
		defer release()
	}
	f.sweep()
	return do()
}

// await waits for the lock at path.
func await(ctx context.Context, path string) (release func() error, err error) {
	for {
		release, err := safedir.TryLock(path)
		if release != nil || err != nil {
			return release, err
		}
		if err := pause.For(ctx, 20*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// orReadOnly says of a directory that nothing can be made in it, if that is why.
func orReadOnly(err error) error {
	err = orForeign(err)
	e, ok := errors.AsType[*fs.PathError](err)
	if ok && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)) {
		return &ReadOnlyError{ospath.Dir(e.Path)}
	}
	return err
}

// replace replaces the file by what next makes of it; nil stands for no file, as
// the old content and as the new.
func (f File) replace(next func(old []byte) ([]byte, error), undo bool) (changed bool, err error) {
	real, err := followLinks(f.Path)
	if err != nil {
		return false, err
	}
	if _, err := os.Stat(ospath.Dir(real)); errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("%s is a link to %s, whose directory does not exist", f.Path, real)
	}
	for {
		old, err := readOr(real)
		if err != nil {
			return false, err
		}
		text, err := next(old)
		if err != nil || same(text, old) {
			return false, err
		}
		if info, err := os.Stat(real); err == nil && info.Mode().Perm()&0o200 == 0 {
			return false, &ReadOnlyError{real}
		}
		if err = f.swap(real, old, text, undo); !errors.Is(err, errChanged) {
			return err == nil, err
		}
	}
}

// same reports whether two contents are one, and no file is no empty one.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// swap puts text into the file at real, and old into the backup. Both are on the
// disk before either is replaced: what fails then is a rename.
func (f File) swap(real string, old, text []byte, undo bool) error {
	file := step{temp: f.temp(real), path: real, keep: f.temp(real)}
	backup := step{temp: f.temp(f.Backup()), path: f.Backup(), keep: f.temp(f.Backup())}
	for _, s := range []step{file, backup} {
		defer os.Remove(s.temp)
		defer os.Remove(s.keep)
	}
	like, _ := os.Stat(real) // nil: there is none
	before := old
	if old == nil {
		before = []byte(f.none())
	}
	err := writeTemp(backup.temp, before, like)
	if text == nil {
		file.temp = ""
	} else if err == nil {
		err = writeTemp(file.temp, text, like)
	}
	if err != nil {
		return err
	}
	if now, err := readOr(real); err != nil || !same(now, old) {
		return cmp.Or(err, errChanged)
	}
	// A process that dies in between leaves one text in both files. What is lost
	// is the backup of the change before, or, of an undo, what was to be undone.
	if undo {
		return inTurn(&file, &backup)
	}
	return inTurn(&backup, &file)
}

// step puts a file in the place of another.
type step struct {
	temp  string // "": of no file
	path  string
	keep  string // another name for what was there
	was   bool   // something was there
	taken bool
}

// inTurn takes all steps, or none.
func inTurn(steps ...*step) error {
	for i, s := range steps {
		err := s.take()
		if err == nil {
			err = syncDir(ospath.Dir(s.path))
		}
		if err != nil {
			for _, taken := range steps[:i+1] {
				taken.back()
			}
			return err
		}
	}
	return nil
}

func (s *step) take() (err error) {
	s.was = !errors.Is(os.Link(s.path, s.keep), fs.ErrNotExist)
	if s.temp == "" {
		err = os.Remove(s.path)
	} else {
		err = rename(s.temp, s.path)
	}
	s.taken = err == nil
	return s.failed(err)
}

// failed names the file that a person knows, where the system names the temporary
// one too.
func (s *step) failed(err error) error {
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		err = e.Err
	} else if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	if err == nil {
		return nil
	}
	return &ReplaceError{Path: s.path, Err: err}
}

// back is best effort: some file systems have no links.
func (s *step) back() {
	switch {
	case s.taken && s.was:
		rename(s.keep, s.path)
	case s.taken:
		os.Remove(s.path)
	}
}

var (
	errChanged = errors.New("the file was changed meanwhile")
	errNoFile  = errors.New("not a regular file")
)

// readOr returns nothing for a file that is not there.
func readOr(path string) ([]byte, error) {
	data, err := ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// followLinks returns the file that path leads to, which need not exist.
func followLinks(path string) (string, error) {
	for range 40 {
		target, err := os.Readlink(path)
		if err != nil {
			return path, nil // no link
		}
		if !ospath.IsAbs(target) {
			target = ospath.Join(ospath.Dir(path), target)
		}
		path = target
	}
	return "", &fs.PathError{Op: "readlink", Path: path, Err: syscall.ELOOP}
}

func (f File) tempPrefix() string { return "." + ospath.Base(f.Path) + "." + f.Name + "-" }

// temp is a name for a file that is to be renamed to path.
func (f File) temp(path string) string {
	return ospath.Join(ospath.Dir(path), f.tempPrefix()+strconv.FormatUint(rand.Uint64(), 36)+".tmp")
}

// Sweep removes what an edit left that was killed, if there is such a thing. An
// Edit does so by itself.
func (f File) Sweep(ctx context.Context) {
	if len(f.left()) > 0 {
		f.locked(ctx, func() error { return nil })
	}
}

// sweep is Sweep under the lock, which no other process has.
func (f File) sweep() {
	for _, path := range f.left() {
		os.Remove(path)
	}
}

func (f File) left() (paths []string) {
	dirs := []string{ospath.Dir(f.Path)}
	if real, err := followLinks(f.Path); err == nil {
		dirs = append(dirs, ospath.Dir(real))
	}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), f.tempPrefix()) && strings.HasSuffix(e.Name(), ".tmp") {
				paths = append(paths, ospath.Join(dir, e.Name()))
			}
		}
	}
	return paths
}

// writeTemp writes a file of its own, with the mode and owner of the one that
// it is to replace.
func writeTemp(temp string, text []byte, like fs.FileInfo) error {
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return orReadOnly(err)
	}
	if like != nil {
		err = errors.Join(owned(file, like), file.Chmod(like.Mode().Perm()))
	} else {
		err = asAbove(file, temp)
	}
	if err == nil {
		_, err = file.Write(text)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		os.Remove(temp)
	}
	return err
}
