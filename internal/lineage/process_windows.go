package lineage

import (
	"strings"
	"syscall"
	"unsafe"

	"github.com/credproc/credproc/internal/safedir"
)

// Process returns the name of a process, and who started it; "" if the system does
// not tell. It fails only if this process has no handle or no memory left to look with.
func Process(pid int) (name string, parent int, err error) {
	all, err := syscall.CreateToolhelp32Snapshot(syscall.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return "", 0, safedir.Shortage(err)
	}
	defer syscall.CloseHandle(all)
	var entry syscall.ProcessEntry32
	entry.Size = uint32(unsafe.Sizeof(entry))
	for err := syscall.Process32First(all, &entry); err == nil; err = syscall.Process32Next(all, &entry) {
		if int(entry.ProcessID) == pid {
			name := syscall.UTF16ToString(entry.ExeFile[:])
			return strings.TrimSuffix(name, ".exe"), int(entry.ParentProcessID), nil
		}
	}
	return "", 0, nil
}
