package safedir

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// Append adds a line to a file that many processes add to: whole lines, none
// lost. A file of most bytes or more is rotated first, as [Rotate] does it.
func (d Dir) Append(name string, line []byte, most int64, keep int) error {
	// Without a way to put it aside it goes on growing: a trail is not to end.
	Rotate(d.Path(name), most, keep)
	f, err := d.openToAppend(name)
	if err != nil {
		return err
	}
	line = append(bytes.TrimRight(line, "\n"), '\n')
	if torn(f) {
		line = append([]byte{'\n'}, line...)
	}
	_, err = f.Write(line) // one call: lines of others do not get into it
	return errors.Join(err, f.Close())
}

// CanAppend reports what keeps lines from being added to a file, which it makes if it
// is missing.
func (d Dir) CanAppend(name string) error {
	f, err := d.openToAppend(name)
	if err != nil {
		return err
	}
	return f.Close()
}

func (d Dir) openToAppend(name string) (*os.File, error) {
	if err := d.Make(); err != nil {
		return nil, err
	}
	root, err := d.open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND|nonblock, 0o600)
	if err != nil {
		return nil, err
	}
	if err := d.own(name, f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// own makes sure that a file to add to is one of this user's, and for no other.
func (d Dir) own(name string, f *os.File) error {
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return d.whole("open", name, errNoFile)
	}
	if err := ours(d.Path(name), info); err != nil {
		return err
	}
	return f.Chmod(0o600) // the umask may have taken from it
}

// torn reports whether the last line has no end: a disk was full. One that has
// none yet, since another process is writing it, has it in a moment.
func torn(f *os.File) bool {
	for range 20 {
		if whole(f) {
			return false
		}
		time.Sleep(time.Millisecond)
	}
	return true
}

func whole(f *os.File) bool {
	size, err := f.Seek(0, io.SeekEnd)
	last := make([]byte, 1)
	if err != nil || size == 0 {
		return true
	}
	_, err = f.ReadAt(last, size-1)
	return err != nil || last[0] == '\n'
}

// Rotate renames the file at path to "path.1", what was there before to
// "path.2", and so on up to keep, if it has most bytes or more. What is no
// regular file is left alone. Of several processes one does it, under the lock
// "path.lock".
func Rotate(path string, most int64, keep int) error {
	if !due(path, most) {
		return nil
	}
	release, err := TryLock(path + ".lock")
	if err != nil || release == nil {
		return err
	}
	defer release()
	if !due(path, most) {
		return nil
	}
	for n := keep; n > 1; n-- {
		err := os.Rename(path+"."+strconv.Itoa(n-1), path+"."+strconv.Itoa(n))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Rename(path, path+".1")
}

func due(path string, most int64) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() >= most
}
