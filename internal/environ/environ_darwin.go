package environ

import "golang.org/x/sys/unix"

// Of returns the environment that a process was started with, where the system tells:
// of the same user, or to root.
func Of(pid int) []string {
	text, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil {
		return nil
	}
	return afterArguments(text)
}
