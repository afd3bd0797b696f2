//go:build unix

package terminal

import (
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// brokenPipe is the error of a write to a pipe that is not read.
const brokenPipe = syscall.EPIPE

// OpenControlling opens the terminal that controls this process.
func OpenControlling() (*os.File, error) {
	return os.OpenFile("/dev/tty", os.O_WRONLY|syscall.O_NOCTTY, 0)
}

// ControllingID tells terminals apart, by the session of the processes in each.
func ControllingID() string {
	id, err := unix.Getsid(0)
	if err != nil {
		return ""
	}
	return strconv.Itoa(id)
}

// readable waits so long for a terminal to have something to read.
func readable(terminal *os.File, wait time.Duration) (bool, error) {
	fd := int(terminal.Fd())
	var set unix.FdSet
	set.Set(fd)
	timeout := unix.NsecToTimeval(wait.Nanoseconds())
	n, err := unix.Select(fd+1, &set, nil, nil, &timeout)
	if errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return n > 0, err
}

// enableScreen makes a terminal do what it is told by escape sequences.
func enableScreen(*os.File) (restore func()) { return func() {} }
