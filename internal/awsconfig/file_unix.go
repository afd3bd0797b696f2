//go:build unix

package awsconfig

import (
	"io/fs"
	"os"
	"syscall"

	"github.com/credproc/credproc/internal/ospath"
)

// owned gives file the owner of another: under sudo it would become root's, and
// the person could not read it any more.
func owned(file *os.File, like fs.FileInfo) error {
	want, ok := like.Sys().(*syscall.Stat_t)
	info, err := file.Stat()
	if err != nil || !ok {
		return err
	}
	if is := info.Sys().(*syscall.Stat_t); is.Uid == want.Uid && is.Gid == want.Gid {
		return nil
	}
	err = file.Chown(int(want.Uid), int(want.Gid))
	if is := info.Sys().(*syscall.Stat_t); is.Uid == want.Uid {
		return nil // a group that we are not in is no reason to fail
	}
	return err
}

// makeDir makes the directory of a config file, and makeLock its lock file. What
// root makes in a home belongs to the home's owner, who could not use it else.
func makeDir(path string) error {
	if _, err := os.Lstat(path); err == nil || os.Geteuid() != 0 {
		return os.MkdirAll(path, 0o700)
	}
	if err := makeDir(ospath.Dir(path)); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	dir, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer dir.Close()
	return asAbove(dir, path)
}

func makeLock(path string) {
	if os.Geteuid() != 0 {
		return // it is made when it is locked
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return // it is there, or the lock says why it cannot be
	}
	defer file.Close()
	asAbove(file, path)
}

// asAbove gives what root has made to the owner of the directory that it is in.
func asAbove(file *os.File, path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(ospath.Dir(path))
	if err != nil {
		return err
	}
	return owned(file, info)
}

func rename(from, to string) error { return os.Rename(from, to) }

// syncDir makes a rename survive a power cut.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return nil // a directory need not be readable
	}
	defer dir.Close()
	return dir.Sync()
}
