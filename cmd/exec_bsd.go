//go:build unix && !linux

package cmd

import "syscall"

// orphanSignal would have the kernel end the command with this process, which
// only Linux does.
func orphanSignal() *syscall.SysProcAttr { return nil }
