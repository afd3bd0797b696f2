package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"unsafe"
)

const (
	noBlock, noFollow = 0, 0

	// systemKey names the directory of programs for all users. An environment
	// variable has it too, which any user can set.
	systemKey   = `SOFTWARE\Microsoft\Windows\CurrentVersion`
	systemValue = "ProgramFilesDir"
)

// dir returns where the policy of a program is.
func (p Place) dir(name string) (string, error) {
	if p.Root != "" {
		return p.Root + `\` + name, nil
	}
	programs, err := registered(systemKey, systemValue)
	if err != nil { // whatever it is, it does not mean that there is no policy
		err = errors.New("the registry does not say where Program Files is: " + err.Error())
	}
	return programs + `\` + name, err
}

// registered returns a value of the registry that administrators alone can set.
func registered(key, name string) (string, error) {
	path, err := syscall.UTF16PtrFromString(key)
	if err != nil {
		return "", err
	}
	var handle syscall.Handle
	if err := syscall.RegOpenKeyEx(syscall.HKEY_LOCAL_MACHINE, path, 0, syscall.KEY_READ|syscall.KEY_WOW64_64KEY, &handle); err != nil {
		return "", err
	}
	defer syscall.RegCloseKey(handle)
	value, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return "", err
	}
	var text [1024]uint16
	size, kind := uint32(unsafe.Sizeof(text)), uint32(0)
	err = syscall.RegQueryValueEx(handle, value, nil, &kind, (*byte)(unsafe.Pointer(&text[0])), &size)
	return syscall.UTF16ToString(text[:]), err
}

// distrust says why a file or directory may not be an administrator's word, or "".
func (p Place) distrust(path string, info fs.FileInfo, kind fs.FileMode, name string) (problem string) {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return "is a symbolic link"
	case info.Mode().Type() != kind:
		return "is not " + name
	case p.Root != "":
		return ""
	}
	return guarded(path)
}

// accessList is the start of an ACL, and entry that of an ACE that allows or denies.
//
// https://learn.microsoft.com/en-us/windows/win32/api/winnt/ns-winnt-acl
type accessList struct {
	revision, _ byte
	size, count uint16
	_           uint16
}

type entry struct {
	kind, flags byte
	size        uint16
	mask        uint32
	sid         uint32 // its first bytes
}

const (
	fileObject    = 1     // SE_FILE_OBJECT
	ownerAndList  = 1 | 4 // OWNER_SECURITY_INFORMATION, DACL_SECURITY_INFORMATION
	allows        = 0     // ACCESS_ALLOWED_ACE_TYPE
	denies        = 1     // ACCESS_DENIED_ACE_TYPE
	inheritedOnly = 0x8   // INHERIT_ONLY_ACE
	writes        = 0x2 | // FILE_WRITE_DATA, FILE_ADD_FILE
		0x4 | //              FILE_APPEND_DATA, FILE_ADD_SUBDIRECTORY
		0x40 | //             FILE_DELETE_CHILD
		0x10000 | //          DELETE
		0x40000 | 0x80000 | // WRITE_DAC, WRITE_OWNER
		0x10000000 | 0x40000000 // GENERIC_ALL, GENERIC_WRITE
)

// isAdministrator reports whether a security ID is one of those that may say what
// the policy is.
func isAdministrator(sid *syscall.SID) (name string, ok bool) {
	name, err := sid.String()
	switch name {
	case "S-1-5-18", "S-1-5-32-544", // SYSTEM, Administrators
		"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464": // TrustedInstaller
		return name, err == nil
	}
	return name, false
}

// guarded says who other than an administrator owns a file or can write to it.
func guarded(path string) (problem string) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return "cannot be looked at: " + err.Error()
	}
	var owner *syscall.SID
	var list *accessList
	var descriptor uintptr
	info := syscall.NewLazyDLL("advapi32.dll").NewProc("GetNamedSecurityInfoW")
	code, _, _ := info.Call(uintptr(unsafe.Pointer(name)), fileObject, ownerAndList,
		uintptr(unsafe.Pointer(&owner)), 0, uintptr(unsafe.Pointer(&list)), 0, uintptr(unsafe.Pointer(&descriptor)))
	if code != 0 {
		return "cannot be looked at: " + syscall.Errno(code).Error()
	}
	defer syscall.LocalFree(syscall.Handle(descriptor))
	if owner == nil || list == nil {
		return "has no owner, or no access list"
	}
	if sid, ok := isAdministrator(owner); !ok {
		return fmt.Sprintf("belongs to %s, and must belong to Administrators or SYSTEM", sid)
	}
	return list.distrust()
}

func (l *accessList) distrust() (problem string) {
	at := unsafe.Pointer(uintptr(unsafe.Pointer(l)) + unsafe.Sizeof(*l))
	for range l.count {
		e := (*entry)(at)
		at = unsafe.Add(at, e.size)
		if e.kind == denies || e.flags&inheritedOnly != 0 || e.mask&writes == 0 {
			continue
		}
		if e.kind != allows {
			return "has an access list that this program cannot read"
		}
		if sid, ok := isAdministrator((*syscall.SID)(unsafe.Pointer(&e.sid))); !ok {
			return fmt.Sprintf("can be written by %s, and only Administrators and SYSTEM may", sid)
		}
	}
	return ""
}

// IsAboveIt reports whether this user can change the policy, which is not known here.
func IsAboveIt() bool { return false }
