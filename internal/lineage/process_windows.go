package lineage

import (
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Process returns the name of a process, and who started it.
func Process(pid int) (name string, parent int) {
	all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return "", 0
	}
	defer windows.CloseHandle(all)
	var entry windows.ProcessEntry32
	entry.Size = uint32(unsafe.Sizeof(entry))
	for err := windows.Process32First(all, &entry); err == nil; err = windows.Process32Next(all, &entry) {
		if int(entry.ProcessID) == pid {
			name := windows.UTF16ToString(entry.ExeFile[:])
			return strings.TrimSuffix(name, ".exe"), int(entry.ParentProcessID)
		}
	}
	return "", 0
}
