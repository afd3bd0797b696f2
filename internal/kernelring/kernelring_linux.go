// Package kernelring keeps small secrets in the Linux kernel, in the user's
// persistent keyring: never on a disk, never swapped out, and gone at reboot. See
// keyrings(7) and persistent-keyring(7).
//
// A process must ask for the persistent keyring by name to get at them, and the
// kernel gives each user namespace its own. So what is kept there is out of reach
// of a sandbox with a user namespace, whatever keyrings that inherits.
//
// Get, Set and Delete are a cache, and best effort: where seccomp forbids them
// (containers), the user's quota is used up, or the system is another one, nothing
// is kept. Do is for what must not be lost in silence.
package kernelring

import "golang.org/x/sys/unix"

// seconds is how long Set keeps a secret, and most how many bytes it may have.
const (
	seconds = 3600
	most    = 256
)

// Usable reports whether the system lets this process use the keyring.
func Usable() bool {
	_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, true)
	return err == nil
}

// Get returns the secret of that name, and whether there is one.
func Get(name string) (secret string, ok bool) { return get(name, Do) }

// GetOnThread is Get for a goroutine that does not leave its thread, as that of
// the init functions (see [runtime.LockOSThread]). Starting a thread for Get takes
// a tenth of a warm answer.
func GetOnThread(name string) (secret string, ok bool) { return get(name, here) }

func get(name string, with func(func(Ring) error) error) (secret string, ok bool) {
	err := with(func(r Ring) error {
		data, err := r.Read(name, most)
		secret = string(data)
		return err
	})
	return secret, err == nil
}

// Set keeps a secret of 1 to 256 bytes under name for an hour, in place of what
// was there.
func Set(name, secret string) {
	_ = Do(func(r Ring) error { return r.Write(name, []byte(secret), seconds) })
}

// Delete forgets the secret of that name.
func Delete(name string) {
	_ = Do(func(r Ring) error { return r.Delete(name) })
}
