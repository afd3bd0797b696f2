//go:build unix

package flight

import (
	"errors"
	"os"
	"syscall"
)

// openFlags do not follow a symbolic link out of the directory, do not wait for
// the other end of a named pipe, and open a lock file for reading, which a
// read-only file system allows.
const openFlags = os.O_CREATE | os.O_RDONLY | syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// noLocks reports the errors of a file system without advisory locks. All
// others are failures: going on unlocked would spend a refresh token twice.
func noLocks(err error) bool {
	return errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOLCK)
}

// isReadOnly reports whether a directory could not be made or changed because
// of its file system; a lock file in it may still serve.
func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
