package environ

import (
	"github.com/credproc/credproc/internal/safedir"
	"golang.org/x/sys/unix"
)

// Of returns the environment that a process was started with, where the system tells:
// of the same user, or to root. It fails only if this process has no memory left to
// look with.
func Of(pid int) ([]string, error) {
	text, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil {
		return nil, safedir.Shortage(err)
	}
	return afterArguments(text), nil
}
