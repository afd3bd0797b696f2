//go:build unix

package awsconfig

import (
	"io/fs"
	"os"
	"syscall"
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
