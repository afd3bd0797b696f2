package safedir

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// These are of golang.org/x/sys/windows, which imports net: a warm answer would
// load Winsock for them. See
// https://learn.microsoft.com/en-us/windows/win32/debug/system-error-codes--0-499-.
const (
	errorTooManyOpenFiles  = syscall.Errno(4)
	errorNotEnoughMemory   = syscall.Errno(8)
	errorOutOfMemory       = syscall.Errno(14)
	errorSharingViolation  = syscall.Errno(32)
	errorHandleDiskFull    = syscall.Errno(39)
	errorDiskFull          = syscall.Errno(112)
	errorNoSystemResources = syscall.Errno(1450)
	errorCommitmentLimit   = syscall.Errno(1455)
	errorTooManySockets    = syscall.Errno(10024) // WSAEMFILE
	errorNoBuffers         = syscall.Errno(10055) // WSAENOBUFS
)

const nonblock = 0 // there are no named pipes among files

// Owner has ok false: Windows has owners, but a profile directory is guarded by
// its access list.
func Owner(fs.FileInfo) (uid int, ok bool) { return 0, false }

// rename tries again for a second while another program has the target open: Windows
// then refuses with "access denied", where Unix would replace it.
func rename(root *os.Root, from, to string) error {
	deadline := time.Now().Add(time.Second)
	for {
		err := root.Rename(from, to)
		busy := errors.Is(err, syscall.ERROR_ACCESS_DENIED) || errors.Is(err, errorSharingViolation)
		if !busy || time.Now().After(deadline) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// syncDir has nothing to do: Windows cannot sync a directory.
func syncDir(*os.Root) error { return nil }

func shortages() []error {
	return []error{errorTooManyOpenFiles, errorNotEnoughMemory, errorOutOfMemory, errorNoSystemResources, errorCommitmentLimit, errorTooManySockets, errorNoBuffers}
}

// IsFull reports whether an error is that of a full disk.
func IsFull(err error) bool {
	return errors.Is(err, errorDiskFull) || errors.Is(err, errorHandleDiskFull)
}
