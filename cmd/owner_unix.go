//go:build unix

package cmd

import (
	"io/fs"
	"os"
	"syscall"
)

// isOwn reports whether a file belongs to who runs this.
func isOwn(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(stat.Uid) == os.Geteuid()
}
