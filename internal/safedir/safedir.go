// Package safedir keeps small files in a directory that belongs to one user.
//
// Every path is resolved below the directory through [os.Root], so that neither
// a symbolic link nor a ".." planted there leads elsewhere. Files are replaced
// as a whole: a reader sees the old content or the new one, also after a crash
// or on a full disk. A directory that another user owns is read but never
// written: under sudo it is usually the user's home.
package safedir

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/credproc/credproc/internal/ospath"
)

// Dir is the path of one of credproc's directories. It need not exist: reading then
// finds nothing, and the first write makes it. A Dir is safe for concurrent
// use, by other processes too.
type Dir string

// OwnerError says that a directory belongs to another user and was therefore
// not written.
type OwnerError struct {
	Path  string
	Owner int // user ID of the directory's owner
	User  int // effective user ID of this process
}

func (e *OwnerError) Error() string {
	return fmt.Sprintf("%s belongs to user ID %d, not to %d: not written", e.Path, e.Owner, e.User)
}

// Path returns the path of the file name below d, for messages and for
// libraries that open files themselves.
func (d Dir) Path(name string) string { return ospath.Join(string(d), name) }

// Sub returns the directory name below d.
func (d Dir) Sub(name string) Dir { return Dir(d.Path(name)) }

// Read returns the content of a file. The error is [fs.ErrNotExist] where
// either the file or the directory is not there. What is no file, such as a
// named pipe, is an error at once: there is no wait for a writer. So is
// a file of more than [Most] bytes.
func (d Dir) Read(name string) ([]byte, error) {
	data, _, err := d.ReadWithInfo(name)
	return data, err
}

// ReadWithInfo is Read that also says what the file was like, for [Dir.Has].
func (d Dir) ReadWithInfo(name string) ([]byte, fs.FileInfo, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return nil, nil, d.inTheWay(err)
	}
	defer root.Close()
	f, err := root.OpenFile(name, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, nil, d.whole("open", name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = errNoFile
	case info.Size() > Most: // a sparse file takes no room but that in a memory
		err = errTooBig
	}
	if err != nil {
		return nil, nil, d.whole("read", name, err)
	}
	text := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead)) // which the end of the file needs too
	_, err = text.ReadFrom(io.LimitReader(f, Most))                     // it may have grown
	return text.Bytes(), info, err
}

// Most is how many bytes of a file are read. The largest that is kept, a list of
// all accounts and roles of a large company, has some hundred kilobytes.
const Most = 16 << 20

var errTooBig = errors.New("larger than 16 MiB")

// IsDamaged reports whether an error of [Dir.Read] says that what lies there cannot
// be one of credproc's files: it is no regular file, or too large. Waiting does not help.
func IsDamaged(err error) bool { return errors.Is(err, errNoFile) || errors.Is(err, errTooBig) }

// settled is the age from which a file is told from the one that replaces it:
// the number of a file that is gone is soon that of another, and clocks of file
// systems are as coarse as two seconds.
const settled = 3 * time.Second

// Settled reports whether what a file was like when it was read, just now, tells
// it from every later one of that name.
func Settled(info fs.FileInfo) bool { return time.Since(info.ModTime()) > settled }

// Has reports whether a file is still the one that was read, and was [Settled]
// then. It is for files that are replaced as a whole only.
func (d Dir) Has(name string, info fs.FileInfo) bool {
	now, err := os.Lstat(d.Path(name))
	return err == nil && os.SameFile(now, info) && now.Size() == info.Size() && now.ModTime().Equal(info.ModTime())
}

// whole puts the whole path into an error: a Root's has the name alone, and a
// person must find the file to fix it.
func (d Dir) whole(op, name string, err error) error {
	if e, ok := err.(*fs.PathError); ok {
		err = e.Err
	}
	return &fs.PathError{Op: op, Path: d.Path(name), Err: err}
}

// notDirectory is [syscall.ENOTDIR], but not [fs.ErrNotExist] as well, which
// that is on Windows.
type notDirectory struct{}

func (notDirectory) Error() string { return "not a directory" }

// Is reports whether target is what a notDirectory stands for.
func (notDirectory) Is(target error) bool { return target == syscall.ENOTDIR }

// inTheWay returns err, unless that says "not there" of a directory that a file
// is in the place of, or of one above it: Windows has one error for both, and
// "not there" would read as "nothing is stored".
func (d Dir) inTheWay(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for path := string(d); ; path = ospath.Dir(path) {
		info, statErr := os.Stat(path)
		switch {
		case statErr == nil && !info.IsDir():
			return &fs.PathError{Op: "open", Path: path, Err: notDirectory{}}
		case statErr == nil || !errors.Is(statErr, fs.ErrNotExist) || path == ospath.Dir(path):
			return err
		}
	}
}

// Guarded fails with an [OwnerError] or an [UnsafeError] where a user other than
// this user, or root, may have put what is in the directory. It is for what no
// seal protects. A directory that is not there is no error.
func (d Dir) Guarded() error {
	info, err := os.Stat(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if uid, ok := Owner(info); ok && uid != 0 && os.Geteuid() != 0 {
		if err := ours(string(d), info); err != nil {
			return err
		}
	}
	return guarded(string(d), info)
}

// Make makes the directory, readable by its owner alone whatever the umask
// says, and checks that it is ours to write in. It survives a power cut.
func (d Dir) Make() error { return d.make(synced) }

func (d Dir) make(how durability) error {
	info, err := os.Stat(string(d))
	err = d.inTheWay(err)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(string(d), how); err != nil {
			return err
		}
		info, err = os.Stat(string(d))
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: string(d), Err: notDirectory{}}
	}
	if err := errors.Join(ours(string(d), info), guarded(string(d), info)); err != nil {
		return err
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return os.Chmod(string(d), perm&0o700) // what is read-only stays so
	}
	return nil
}

// create makes a directory, and those missing above it. Root makes none in a
// directory of another user, who could never write in it.
func create(path string, how durability) error {
	parent := ospath.Dir(path)
	info, err := os.Stat(parent)
	switch {
	case errors.Is(err, fs.ErrNotExist) && parent != path:
		err = create(parent, how)
	case err == nil && os.Geteuid() == 0:
		err = ours(parent, info)
	}
	if err != nil {
		return err
	}
	err = os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	os.Chmod(path, 0o700) // the umask may have taken from it
	if how == unsynced {
		return nil
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return nil // a parent need not be readable
	}
	defer root.Close()
	return syncDir(root)
}

func ours(path string, info fs.FileInfo) error {
	if uid, ok := Owner(info); ok && uid != os.Geteuid() {
		return &OwnerError{Path: path, Owner: uid, User: os.Geteuid()}
	}
	return nil
}

// open opens the directory to change something in it, if it is ours.
func (d Dir) open() (*os.Root, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return nil, d.inTheWay(err)
	}
	info, err := root.Stat(".")
	if err == nil {
		err = ours(string(d), info)
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return root, nil
}

// Write replaces a file with data, durably: when it returns nil the content
// survives a power cut. On an error the file is as it was, unless only the
// last step failed, which syncs the directory.
func (d Dir) Write(name string, data []byte) error { return d.write(name, data, synced) }

// WriteUnsynced is Write for what can be fetched or found out again: it costs no
// flush of a disk. After a crash of the process a file is the old one or the new
// one; after a power cut it may also be empty or damaged, or not there at all.
func (d Dir) WriteUnsynced(name string, data []byte) error { return d.write(name, data, unsynced) }

// durability is whether a power cut may undo a change.
type durability bool

const (
	synced   durability = true
	unsynced durability = false
)

func (d Dir) write(name string, data []byte, how durability) error {
	if err := d.make(how); err != nil {
		return err
	}
	root, err := d.open()
	if err != nil {
		return err
	}
	defer root.Close()
	temp := name + "." + strconv.FormatUint(rand.Uint64(), 36) + ".tmp"
	err = writeNew(root, temp, data, how)
	if err == nil {
		err = rename(root, temp, name)
	}
	if err != nil {
		root.Remove(temp)
		return err
	}
	if how == synced {
		err = syncDir(root)
	}
	return err
}

func writeNew(root *os.Root, name string, data []byte, how durability) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	f.Chmod(0o600) // the umask may have taken from it
	_, err = f.Write(data)
	if err == nil && how == synced {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Overwrite fills an existing file of at least len(data) bytes in place and
// syncs it: where the blocks are there already, a full disk cannot stop it.
func (d Dir) Overwrite(name string, data []byte) error {
	root, err := d.open()
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := root.OpenFile(name, os.O_WRONLY|nonblock, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Remove deletes a file. A file that is not there is no error.
func (d Dir) Remove(name string) error {
	return d.within(func(root *os.Root) error {
		err := root.Remove(name)
		if err != nil {
			err = d.whole("remove", name, err)
		}
		return err
	})
}

// RemoveAll deletes a directory below d with all it holds.
func (d Dir) RemoveAll(name string) error {
	return d.within(func(root *os.Root) error { return root.RemoveAll(name) })
}

func (d Dir) within(do func(*os.Root) error) error {
	root, err := d.open()
	if err == nil {
		defer root.Close()
		err = do(root)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Names lists the files and directories in d, without the temporary files of
// writes under way. A directory that does not exist has none.
func (d Dir) Names() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if err = d.inTheWay(err); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".tmp") {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// Sweep deletes temporary files older than an hour: what a write left that
// was killed midway.
func (d Dir) Sweep() {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasSuffix(e.Name(), ".tmp") && time.Since(info.ModTime()) > time.Hour {
			d.Remove(e.Name())
		}
	}
}
