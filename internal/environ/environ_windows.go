package environ

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// mostEnviron is more than people have.
const mostEnviron = 1 << 20

// Of returns the environment of a process, where the system tells: of the same
// user, or to an administrator. It is in the process's own memory.
//
// https://learn.microsoft.com/en-us/windows/win32/api/winternl/ns-winternl-peb
func Of(pid int) (env []string) {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_INFORMATION|windows.PROCESS_VM_READ, false, uint32(pid))
	if err != nil {
		return nil
	}
	defer windows.CloseHandle(process)
	var basic windows.PROCESS_BASIC_INFORMATION
	var peb windows.PEB
	var parameters windows.RTL_USER_PROCESS_PARAMETERS
	if windows.NtQueryInformationProcess(process, windows.ProcessBasicInformation, unsafe.Pointer(&basic), uint32(unsafe.Sizeof(basic)), nil) != nil ||
		!read(process, uintptr(unsafe.Pointer(basic.PebBaseAddress)), &peb) ||
		!read(process, uintptr(unsafe.Pointer(peb.ProcessParameters)), &parameters) || parameters.EnvironmentSize > mostEnviron {
		return nil
	}
	text := make([]uint16, parameters.EnvironmentSize/2+1)
	if windows.ReadProcessMemory(process, uintptr(parameters.Environment), (*byte)(unsafe.Pointer(&text[0])), parameters.EnvironmentSize, nil) != nil {
		return nil
	}
	for len(text) > 0 {
		v := windows.UTF16ToString(text)
		env, text = append(env, v), text[min(len(text), len(windows.StringToUTF16(v))):]
	}
	return env
}

func read[T any](process windows.Handle, from uintptr, to *T) bool {
	return windows.ReadProcessMemory(process, from, (*byte)(unsafe.Pointer(to)), unsafe.Sizeof(*to), nil) == nil
}
