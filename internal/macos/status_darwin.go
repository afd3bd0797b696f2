//go:build keychainstatus && !ios

package macos

import "unsafe"

// KeychainStatus asks the Security framework, which crypto/x509 has linked already and
// reaches in the same way, without cgo.
//
// It is behind a build tag until it has run on a Mac: there was none to try it on.
//
// See https://developer.apple.com/documentation/security/seckeychaingetstatus(_:_:).
func KeychainStatus() Status {
	const defaultKeychain, unlocked, noDefaultKeychain = 0, 1, -25307
	var state uint32
	result, _, _ := call(getStatusAddress, defaultKeychain, uintptr(unsafe.Pointer(&state)), 0)
	switch {
	case int32(result) == noDefaultKeychain:
		return None
	case int32(result) != 0:
		return Unknown
	case state&unlocked == 0:
		return Locked
	}
	return Open
}

//go:cgo_import_dynamic macos_SecKeychainGetStatus SecKeychainGetStatus "/System/Library/Frameworks/Security.framework/Versions/A/Security"

// getStatusAddress is that of a jump to the function: see the assembly beside this.
var getStatusAddress uintptr

// call is in the Go runtime, and calls a function of a system library.
//
//go:linkname call syscall.syscall
func call(function, a1, a2, a3 uintptr) (r1, r2 uintptr, errno uintptr)
