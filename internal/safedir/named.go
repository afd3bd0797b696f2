package safedir

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"
)

const (
	// patience is how long a file may take to be read: a pipe without a writer, or
	// a network file system that is gone, takes for ever.
	patience = 20 * time.Second
	// mostOfFile is more than any config file or bundle of certificates has.
	mostOfFile = 64 << 20
)

var (
	errSlow   = errors.New("nothing came from it for 20 seconds")
	errLarge  = errors.New("too large")
	errNoPipe = errors.New("no process reads from this pipe")
	errNoTTY  = errors.New("this process has no terminal")
)

// ReadFile returns the content of a file that a person or a setting names and
// that is no secret. Its mode does not matter. It may be a pipe, such as a shell
// makes of "<(command)", which can be read once. After 20 seconds it fails.
func ReadFile(path string) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() { // the only way out of a file system that does not answer
		data, err := readNamed(path)
		done <- result{data, err}
	}()
	timer := time.NewTimer(patience + time.Second)
	defer timer.Stop()
	select {
	case r := <-done:
		return r.data, r.err
	case <-timer.C:
		return nil, &fs.PathError{Op: "read", Path: path, Err: errSlow}
	}
}

// OpenRegular opens a file for reading if it is a regular one, and else touches
// nothing: who opens a pipe and closes it again takes the other end's reader
// away. It does not wait.
func OpenRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errNoFile}
	}
	if err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDONLY|nonblock, 0)
}

func readNamed(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	deadline := time.Now().Add(patience)
	f.SetReadDeadline(deadline) // an error means that waiting is of no use
	data, err := io.ReadAll(io.LimitReader(f, mostOfFile+1))
	wait := isPipe(f) && !isStream(path) // whose other end has been opened long since
	for wait && len(data) == 0 && err == nil && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond) // the other end is not open yet
		data, err = io.ReadAll(io.LimitReader(f, mostOfFile+1))
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), err == nil && len(data) == 0 && wait:
		err = errSlow
	case err == nil && len(data) > mostOfFile:
		err = errLarge
	case err == nil:
		return data, nil
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return nil, &fs.PathError{Op: "read", Path: path, Err: err}
}

func isPipe(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&fs.ModeNamedPipe != 0
}

// ReadSecret returns the first bytes, up to most, of a secret file that a person
// or a setting names. It must be a regular file of this user's that no one else
// can read, or one of root's that no one else can write; links are followed if
// every directory on the way passes [Check]. Else the error is an
// [*UnsafeError]. Nothing is waited for.
func ReadSecret(path string, most int64) ([]byte, error) {
	if isStream(path) { // what the shell or the caller has opened for us alone
		data, err := ReadFile(path)
		return data[:min(int64(len(data)), most)], err
	}
	f, _, err := openSecret(path, os.O_RDONLY)
	if f != nil {
		defer f.Close()
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, most))
}

// OpenLog opens a log that a person or a setting names, to add to it, and makes
// it if it is missing; one of most bytes or more is first rotated, see [Rotate].
// What holds for [ReadSecret] holds for a regular file. A terminal, another
// device, or a pipe that is read from is opened as it is.
func OpenLog(path string, most int64, keep int) (*os.File, error) {
	const flag = os.O_APPEND | os.O_CREATE | os.O_WRONLY
	if isStream(path) {
		return os.OpenFile(path, flag|nonblock, 0o600)
	}
	f, info, err := openSecret(path, flag)
	if err == nil && info.Size() >= most {
		f.Close()
		Rotate(f.Name(), most, keep) // without it the log goes on growing
		f, info, err = openSecret(path, flag)
	}
	if errors.Is(err, errNoFile) && info.Mode()&(fs.ModeCharDevice|fs.ModeNamedPipe) != 0 {
		return f, nil
	}
	if errors.Is(err, syscall.ENXIO) {
		err = &fs.PathError{Op: "open", Path: path, Err: unopened(path)}
	}
	if err != nil && f != nil {
		f.Close()
	}
	return f, err
}

// unopened says what ENXIO means for what is at path: it is the answer for pipes,
// sockets and devices alike.
func unopened(path string) error {
	info, err := os.Stat(path)
	switch {
	case path == "/dev/tty":
		return errNoTTY
	case err != nil:
		return syscall.ENXIO
	case info.Mode()&fs.ModeNamedPipe != 0:
		return errNoPipe
	case info.Mode()&fs.ModeSocket != 0:
		return errNoFile
	}
	return syscall.ENXIO
}

// isStream reports whether a path is another name of an open file of this
// process, which has no place among directories.
func isStream(path string) bool {
	for _, prefix := range []string{"/dev/fd/", "/dev/std", "/proc/self/fd/"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// openSecret opens what ReadSecret or OpenLog may open. What is no regular file
// is returned with errNoFile, for the caller to close.
//
// Where there is no link the directories do not count, as for ssh: a user who can
// write in one of them can replace the file, but by no file that passes, unless that
// is this user's own and private too.
func openSecret(path string, flag int) (*os.File, fs.FileInfo, error) {
	way := follow(path, nil)
	if way.links > 0 && way.unsafe != nil {
		return nil, nil, way.unsafe
	}
	f, err := os.OpenFile(way.real, flag|nonblock|nofollow, 0o600)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		return f, info, &fs.PathError{Op: "open", Path: path, Err: errNoFile}
	default:
		// Of the open file, and so of no other that has its name since.
		err = secret(way.real, info).orNil()
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}
