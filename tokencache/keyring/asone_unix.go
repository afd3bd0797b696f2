//go:build unix

package keyring

import (
	"os/exec"
	"syscall"
)

// asOne makes a command that is given up end with all that it has started.
func asOne(child *exec.Cmd) {
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	child.Cancel = func() error { return syscall.Kill(-child.Process.Pid, syscall.SIGKILL) }
}
