package tokencache

import (
	"golang.org/x/sys/unix"
)

// The kernel keyring keeps the sealing key for an hour after its first use, so
// that a process need not ask the Secret Service. What is there is readable by
// the same user only, never swapped out and gone at reboot.
const kernelSeconds = 3600

// Possessor: everything; user: view, read, write, search, link, setattr. The
// user's part is needed where the session keyring is not linked to the user
// keyring (cron, some SSH set-ups): nobody "possesses" the key there.
const kernelPermissions = 0x3f3f0000

func kernelGet(description string) (string, bool) {
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", description, 0)
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

// kernelSet is best effort: where seccomp forbids it (containers), or the
// user's quota is used up, the keychain is asked each time.
func kernelSet(description, secret string) {
	id, err := unix.AddKey("user", description, []byte(secret), unix.KEY_SPEC_USER_KEYRING)
	if err != nil {
		return
	}
	err = unix.KeyctlSetperm(id, kernelPermissions)
	if err == nil {
		_, err = unix.KeyctlInt(unix.KEYCTL_SET_TIMEOUT, id, kernelSeconds, 0, 0)
	}
	if err != nil { // never without its end
		unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_USER_KEYRING, 0, 0)
	}
}

func kernelDelete(description string) {
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", description, 0)
	if err == nil {
		unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_USER_KEYRING, 0, 0)
	}
}
