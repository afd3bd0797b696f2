// Package kernelring keeps small secrets in the Linux kernel's keyring of the
// user, for an hour, so that a process need not ask the Secret Service. What is
// there is readable by the same user only, never swapped out and gone at
// reboot.
//
// It is a cache, and best effort: where seccomp forbids it (containers), the
// user's quota is used up, or the system is another one, nothing is kept.
package kernelring

import (
	"golang.org/x/sys/unix"
)

const seconds = 3600

// Possessor: everything; user: view, read, write, search, link, setattr. The
// user's part is needed where the session keyring is not linked to the user
// keyring (cron, some SSH set-ups): nobody "possesses" the key there.
const permissions = 0x3f3f0000

// Usable reports whether the system lets this process use the keyring.
func Usable() bool {
	_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, true)
	return err == nil
}

// Get returns the secret of that name, and whether there is one.
func Get(name string) (secret string, ok bool) {
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", name, 0)
	if err != nil {
		return "", false
	}
	buf := make([]byte, 256)
	n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, buf, 0)
	if err != nil || n > len(buf) {
		return "", false
	}
	return string(buf[:n]), true
}

// Set keeps a secret of at most 256 bytes under name, in place of what was
// there.
func Set(name, secret string) {
	id, err := unix.AddKey("user", name, []byte(secret), unix.KEY_SPEC_USER_KEYRING)
	if err != nil {
		return
	}
	err = unix.KeyctlSetperm(id, permissions)
	if err == nil {
		_, err = unix.KeyctlInt(unix.KEYCTL_SET_TIMEOUT, id, seconds, 0, 0)
	}
	if err != nil { // never without its end
		unlink(id)
	}
}

// Delete forgets the secret of that name.
func Delete(name string) {
	if id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", name, 0); err == nil {
		unlink(id)
	}
}

func unlink(id int) { unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_USER_KEYRING, 0, 0) }
