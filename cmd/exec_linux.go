package cmd

import "syscall"

// orphanSignal has the kernel end the command if this process is killed: its
// endpoint is gone then, and nobody passes signals on.
func orphanSignal() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
