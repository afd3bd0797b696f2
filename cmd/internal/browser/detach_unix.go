//go:build unix

package browser

import (
	"os/exec"
	"syscall"
)

// detach keeps Ctrl-C, and the end of the terminal, from a browser that we have
// started: it may be the person's only one.
func detach(child *exec.Cmd) { child.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
