//go:build unix

package terminal

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// awaitLine waits for a line on a terminal, and reports false when ctx ends
// first. A read cannot be cancelled once it has started, and would take the next line
// from the program that reads there after this one. In the background it waits on:
// what is typed is for another program, and reading it would stop this process.
func awaitLine(ctx context.Context, f *os.File) bool {
	fd := int(f.Fd())
	if fd >= unix.FD_SETSIZE {
		return false
	}
	for ctx.Err() == nil {
		var set unix.FdSet
		if mayRead(fd) {
			set.Set(fd)
		}
		n, err := unix.Select(fd+1, &set, nil, nil, &unix.Timeval{Usec: 200_000})
		if err != nil && !errors.Is(err, unix.EINTR) {
			return false
		}
		if n > 0 && mayRead(fd) {
			return ctx.Err() == nil
		}
	}
	return false
}

// mayRead reports whether reading from a terminal stops no process: a process in its
// foreground, or one that it does not control.
func mayRead(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}
