package flight

import "golang.org/x/sys/unix"

// stopped is SSTOP of sys/proc.h.
const stopped = 4

// Stopped reports whether the process is stopped, as by Ctrl-Z: it keeps its
// locks until it is continued. It is false where that cannot be found out.
func (h Holder) Stopped() bool {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", h.PID)
	return err == nil && info.Proc.P_stat == stopped
}
