package browser

import (
	"os/exec"
	"syscall"
)

// detach keeps Ctrl-C from a browser that we have started.
func detach(child *exec.Cmd) {
	child.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
