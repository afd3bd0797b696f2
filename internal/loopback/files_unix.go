//go:build unix

package loopback

import "golang.org/x/sys/unix"

// openFiles is how many files this process may have open.
func openFiles() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return mostStrangers
	}
	return int(min(uint64(limit.Cur), 1<<20))
}
