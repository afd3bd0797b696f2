package flight

import (
	"bytes"
	"fmt"
	"os"
)

// Stopped reports whether the process is stopped, as by Ctrl-Z: it keeps its
// locks until it is continued. It is false where that cannot be found out.
//
// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func (h Holder) Stopped() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", h.PID))
	if err != nil {
		return false
	}
	_, after, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	return bytes.HasPrefix(after, []byte("T"))
}
