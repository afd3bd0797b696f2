//go:build unix

package safedir

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// nonblock keeps the opening of a named pipe from waiting for its other end, and
// a terminal from becoming this process's own.
const nonblock = syscall.O_NONBLOCK | syscall.O_NOCTTY

// Owner returns the user ID of a file's owner; ok is false where files have none.
func Owner(info fs.FileInfo) (uid int, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}

func rename(root *os.Root, from, to string) error { return root.Rename(from, to) }

// syncDir makes a rename durable, where the file system can sync a directory
// (some network file systems say EINVAL).
func syncDir(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}

func shortages() []error {
	return []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS}
}

// IsFull reports whether an error is that of a full disk, or of a used up quota.
func IsFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
