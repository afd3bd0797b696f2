//go:build unix

package cmd

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// openTerminal opens the terminal that controls this process.
func openTerminal() (*os.File, error) {
	return os.OpenFile("/dev/tty", os.O_WRONLY|syscall.O_NOCTTY, 0)
}

// terminalID tells terminals apart, by the session of the processes in each.
func terminalID() string {
	id, err := unix.Getsid(0)
	if err != nil {
		return ""
	}
	return strconv.Itoa(id)
}
