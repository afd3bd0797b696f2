//go:build unix && !linux

package child

import (
	"os"
	"syscall"
)

// orphanSignal would have the kernel end the command with this process, which
// only Linux does.
func orphanSignal() *syscall.SysProcAttr { return nil }

// endTree ends a process: what that has started is told by its input or output alone.
func endTree(top *os.Process) error { return top.Kill() }

// stopsWithCommand says that this process stops by the signals that it gets.
const stopsWithCommand = false

// stopWith would stop this process when the command stops.
func (d *Signals) stopWith(int) {}
