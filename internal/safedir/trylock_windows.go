package safedir

import (
	"errors"
	"io/fs"
	"syscall"
)

// TryLock takes the lock at path, until release is called. release is nil where
// another process has it: no other can open the file meanwhile, and Windows closes
// it when the process ends. Package flock would do, but it imports
// golang.org/x/sys/windows.
func TryLock(path string) (release func() error, err error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	const alone = 0 // shared with no other handle
	file, err := syscall.CreateFile(name, syscall.GENERIC_READ, alone, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errorSharingViolation) {
		return nil, nil
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return func() error { return syscall.CloseHandle(file) }, nil
}
