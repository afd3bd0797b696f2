//go:build unix

package cmd

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// awaitInput waits for a line on a terminal, and reports false when ctx ends
// first. A read that is begun cannot be called off, and would take the next line
// from whoever reads there after us.
func awaitInput(ctx context.Context, f *os.File) bool {
	fd := int(f.Fd())
	if fd >= unix.FD_SETSIZE {
		return false
	}
	for ctx.Err() == nil {
		var set unix.FdSet
		set.Set(fd)
		n, err := unix.Select(fd+1, &set, nil, nil, &unix.Timeval{Usec: 200_000})
		if err != nil && !errors.Is(err, unix.EINTR) {
			return false
		}
		if n > 0 {
			return ctx.Err() == nil
		}
	}
	return false
}
