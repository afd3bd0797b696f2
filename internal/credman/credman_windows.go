// Package credman reads the Windows Credential Manager in this process, without
// starting another one. It imports little, for it is on the short way of an answer;
// package tokencache/keyring does everything else there.
package credman

import (
	"syscall"
	"unsafe"
)

// most is how many bytes a secret may have that Get returns.
const most = 256

// generic is CRED_TYPE_GENERIC.
const generic = 1

// credential is a CREDENTIALW. See
// https://learn.microsoft.com/en-us/windows/win32/api/wincred/ns-wincred-credentialw.
type credential struct {
	flags, kind         uint32
	targetName, comment *uint16
	lastWritten         syscall.Filetime
	size                uint32
	blob                *byte
	persist, attributes uint32
	attribute           uintptr
	alias, userName     *uint16
}

// Get returns the secret of the generic credential with that target name, and
// whether there is one. A name is SERVICE:ITEM, as package tokencache/keyring
// writes it.
//
// Package syscall knows the library as one of the system's, and loads it from
// nowhere else.
func Get(name string) (secret string, ok bool) {
	target, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return "", false
	}
	library := syscall.NewLazyDLL("advapi32.dll")
	read, free := library.NewProc("CredReadW"), library.NewProc("CredFree")
	if read.Find() != nil || free.Find() != nil {
		return "", false
	}
	var c *credential
	if done, _, _ := read.Call(uintptr(unsafe.Pointer(target)), generic, 0, uintptr(unsafe.Pointer(&c))); done == 0 {
		return "", false
	}
	defer free.Call(uintptr(unsafe.Pointer(c)))
	if c.size == 0 || c.size > most {
		return "", false
	}
	return string(unsafe.Slice(c.blob, c.size)), true
}
