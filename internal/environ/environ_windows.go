package environ

import (
	"unsafe"

	"github.com/credproc/credproc/internal/safedir"
	"golang.org/x/sys/windows"
)

// mostEnviron is more than people have.
const mostEnviron = 1 << 20

// Of returns the environment of a process, where the system tells: of the same
// user, or to an administrator. It is in the process's own memory. It fails only if
// this process has no handle or no memory left to look with: [safedir.IsShort].
//
// https://learn.microsoft.com/en-us/windows/win32/api/winternl/ns-winternl-peb
func Of(pid int) (env []string, err error) {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_INFORMATION|windows.PROCESS_VM_READ, false, uint32(pid))
	if err != nil {
		return nil, safedir.Shortage(err)
	}
	defer windows.CloseHandle(process)
	var basic windows.PROCESS_BASIC_INFORMATION
	var peb windows.PEB
	var parameters windows.RTL_USER_PROCESS_PARAMETERS
	err = windows.NtQueryInformationProcess(process, windows.ProcessBasicInformation, unsafe.Pointer(&basic), uint32(unsafe.Sizeof(basic)), nil)
	if err == nil {
		err = read(process, uintptr(unsafe.Pointer(basic.PebBaseAddress)), &peb)
	}
	if err == nil {
		err = read(process, uintptr(unsafe.Pointer(peb.ProcessParameters)), &parameters)
	}
	if err != nil || parameters.EnvironmentSize > mostEnviron {
		return nil, safedir.Shortage(err)
	}
	text := make([]uint16, parameters.EnvironmentSize/2+1)
	err = windows.ReadProcessMemory(process, uintptr(parameters.Environment), (*byte)(unsafe.Pointer(&text[0])), parameters.EnvironmentSize, nil)
	if err != nil {
		return nil, safedir.Shortage(err)
	}
	for len(text) > 0 {
		v := windows.UTF16ToString(text)
		env, text = append(env, v), text[min(len(text), len(windows.StringToUTF16(v))):]
	}
	return env, nil
}

func read[T any](process windows.Handle, from uintptr, to *T) error {
	return windows.ReadProcessMemory(process, from, (*byte)(unsafe.Pointer(to)), unsafe.Sizeof(*to), nil)
}
