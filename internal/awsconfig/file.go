package awsconfig

import (
	"bytes"
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
	"github.com/gofrs/flock"
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
// change of ours.
func (f File) Backup() string { return f.Path + "." + f.Name + "-backup" }

func (f File) lock() string { return f.Path + "." + f.Name + "-lock" }

// ReadOnlyError is a file that its owner has write-protected, or a directory in
// which no file can be made.
type ReadOnlyError struct{ Path string }

func (e *ReadOnlyError) Error() string { return e.Path + " is read-only" }

// Edit replaces the file by what edit makes of its content, and reports whether
// that is something else. The file is replaced as a whole: whoever reads it, or
// finds it after a crash, sees the old content or the new. A symbolic link stays
// one, and the file keeps its mode and owner. One that does not exist is made,
// with mode 0600; a device is an error. edit may be called again, if somebody
// else has changed the file meanwhile.
func (f File) Edit(ctx context.Context, edit func(old []byte) ([]byte, error)) (changed bool, err error) {
	err = f.locked(ctx, func() error {
		changed, err = f.replace(edit, func(real string, old []byte) error {
			return writeWhole(f.Backup(), f.temp(f.Backup()), old, modeOf(real))
		}, nil)
		return err
	})
	return changed, err
}

// Undo exchanges the file and its backup, so that a second Undo brings back
// what the first one took away. Without a backup the error is
// [fs.ErrNotExist].
func (f File) Undo(ctx context.Context) error {
	return f.locked(ctx, func() error {
		backup, err := os.ReadFile(f.Backup())
		if err != nil {
			return err
		}
		// The file first: what is lost if the process dies in between is what
		// was to be undone.
		_, err = f.replace(func([]byte) ([]byte, error) { return backup, nil }, nil, func(real string, old []byte) error {
			return writeWhole(f.Backup(), f.temp(f.Backup()), old, modeOf(real))
		})
		return err
	})
}

func (f File) locked(ctx context.Context, do func() error) error {
	// Not /dev/null, which root could well replace by a file.
	if info, err := os.Stat(f.Path); err == nil && !info.Mode().IsRegular() {
		return &fs.PathError{Op: "edit", Path: f.Path, Err: errNoFile}
	}
	dir := ospath.Dir(f.Path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return orReadOnly(err)
	}
	lock := flock.New(f.lock(), flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	_, err := lock.TryLockContext(ctx, 20*time.Millisecond)
	switch {
	case errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOLCK):
		// The file system has no locks.
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("another process is editing %s: %w", f.Path, ctx.Err())
	case err != nil:
		return orReadOnly(err)
	}
	defer lock.Unlock()
	f.sweep()
	return do()
}

// orReadOnly says of a directory that nothing can be made in it, if that is why.
func orReadOnly(err error) error {
	e, ok := errors.AsType[*fs.PathError](err)
	if ok && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)) {
		return &ReadOnlyError{ospath.Dir(e.Path)}
	}
	return err
}

func (f File) replace(edit func([]byte) ([]byte, error), before, after func(real string, old []byte) error) (changed bool, err error) {
	real, err := followLinks(f.Path)
	if err != nil {
		return false, err
	}
	for {
		old, err := readOr(real)
		if err != nil {
			return false, err
		}
		text, err := edit(bytes.Clone(old))
		if err != nil || bytes.Equal(text, old) {
			return false, err
		}
		if info, err := os.Stat(real); err == nil && info.Mode().Perm()&0o200 == 0 {
			return false, &ReadOnlyError{real}
		}
		for _, step := range []func() error{
			func() error { return orNothing(before)(real, old) },
			func() error { return replaceIf(real, f.temp(real), old, text) },
			func() error { return orNothing(after)(real, old) },
		} {
			if err = step(); err != nil {
				break
			}
		}
		if !errors.Is(err, errChanged) {
			return err == nil, err
		}
	}
}

func orNothing(do func(string, []byte) error) func(string, []byte) error {
	if do == nil {
		return func(string, []byte) error { return nil }
	}
	return do
}

var (
	errChanged = errors.New("the file was changed meanwhile")
	errNoFile  = errors.New("not a regular file")
)

// readOr returns nothing for a file that is not there.
func readOr(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

func modeOf(path string) fs.FileInfo {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	return info
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

// sweep removes what an edit left that was killed. Nobody else has the lock.
func (f File) sweep() {
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
				os.Remove(ospath.Join(dir, e.Name()))
			}
		}
	}
}

// replaceIf writes text to path, if that still holds old.
func replaceIf(path, temp string, old, text []byte) error {
	if err := writeTemp(temp, text, modeOf(path)); err != nil {
		return err
	}
	now, err := readOr(path)
	if err == nil && !bytes.Equal(now, old) {
		err = errChanged
	}
	if err == nil {
		err = rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
		return err
	}
	return syncDir(ospath.Dir(path))
}

func writeWhole(path, temp string, text []byte, like fs.FileInfo) error {
	err := writeTemp(temp, text, like)
	if err == nil {
		err = rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
		return err
	}
	return syncDir(ospath.Dir(path))
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
