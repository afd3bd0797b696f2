package lineage

import (
	"github.com/credproc/credproc/internal/safedir"
	"golang.org/x/sys/unix"
)

// Process returns the name of a process, and who started it; "" if the system does
// not tell. It fails only if this process has no memory left to look with.
func Process(pid int) (name string, parent int, err error) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return "", 0, safedir.Shortage(err)
	}
	return unix.ByteSliceToString(info.Proc.P_comm[:]), int(info.Eproc.Ppid), nil
}
