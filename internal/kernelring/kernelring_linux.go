// Package kernelring keeps small secrets in the Linux kernel, in the user's
// persistent keyring: never on a disk, never swapped out, and gone at reboot. See
// keyrings(7) and persistent-keyring(7).
//
// A process must ask for the persistent keyring by name to reach them, and the kernel
// gives each user namespace its own. So a sandbox with a user namespace cannot reach
// them, whatever keyrings it inherits.
package kernelring

import (
	"errors"
	"runtime"

	"golang.org/x/sys/unix"
)

const (
	// possessorOnly: a process has to possess a key to see that it exists. It
	// possesses what is linked to one of its own keyrings. Nothing is linked to
	// those but inside Do, so that a process started by this one, or one that
	// finds the number of a key, gets nothing.
	possessorOnly = 0x3f000000
	// anyOfTheUser is for the user keyring. It is not linked to every process of
	// the user (cron, some SSH setups), and those would not possess its keys.
	anyOfTheUser = 0x3f3f0000
)

// Ring is a keyring of the kernel, inside a call of [Do].
type Ring struct {
	id          int
	permissions uint32
}

// Do calls do with the user's persistent keyring, or, where the kernel was
// built without one (WSL), with the user keyring. It fails with do's error, or
// with the kernel's, which is an errno.
//
// The persistent keyring is linked to the keyring of a thread that ends with the
// call. A session keyring would hand it to every process started from here, a
// sandboxed one too.
func Do(do func(Ring) error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with us
		done <- through(unix.KEY_SPEC_THREAD_KEYRING, do)
	}()
	return <-done
}

// OnThread is [Do] for a goroutine that does not leave its thread (see
// [runtime.LockOSThread]). It uses the process's keyring, which no child inherits
// either: every thread started by one with a keyring gets one of its own, and all
// count against the user's 200 keys.
func OnThread(do func(Ring) error) error { return through(unix.KEY_SPEC_PROCESS_KEYRING, do) }

// through links the persistent keyring to one of the caller's own for as long as
// do takes.
func through(own int, do func(Ring) error) error {
	id, err := unix.KeyctlInt(unix.KEYCTL_GET_PERSISTENT, -1, own, 0, 0)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return do(Ring{unix.KEY_SPEC_USER_KEYRING, anyOfTheUser})
	}
	if err != nil {
		return err
	}
	defer unix.KeyctlInt(unix.KEYCTL_CLEAR, own, 0, 0, 0)
	return do(Ring{id, possessorOnly})
}

// Persistent reports whether the kernel has persistent keyrings. Where it has
// none, every process of the user can read what is stored, in a sandbox too.
func Persistent() bool {
	return Do(func(r Ring) error {
		if r.permissions != possessorOnly {
			return unix.EOPNOTSUPP
		}
		return nil
	}) == nil
}

// Read returns what is stored under name. It fails with ENOKEY, EKEYEXPIRED or
// EKEYREVOKED where there is nothing, and with EFBIG for more than most bytes.
func (r Ring) Read(name string, most int) ([]byte, error) {
	id, err := r.find(name)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, most)
	n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, buf, 0)
	if err != nil {
		return nil, err
	}
	if n > most {
		return nil, unix.EFBIG
	}
	return buf[:n], nil
}

// Write stores data, which must not be empty, under name, in place of what was
// there. With seconds above 0 it ends after so many.
func (r Ring) Write(name string, data []byte, seconds int) error {
	id, err := unix.AddKey("user", name, data, r.id)
	if err != nil {
		return err
	}
	err = unix.KeyctlSetperm(id, r.permissions)
	if err == nil && seconds > 0 {
		_, err = unix.KeyctlInt(unix.KEYCTL_SET_TIMEOUT, id, seconds, 0, 0)
	}
	if err != nil && seconds > 0 { // never without its end
		r.unlink(id)
	}
	return err
}

// Delete removes what is stored under name, or fails like Read.
func (r Ring) Delete(name string) error {
	id, err := r.find(name)
	if err != nil {
		return err
	}
	return r.unlink(id)
}

func (r Ring) find(name string) (id int, err error) {
	return unix.KeyctlSearch(r.id, "user", name, 0)
}

func (r Ring) unlink(id int) error {
	_, err := unix.KeyctlInt(unix.KEYCTL_UNLINK, id, r.id, 0, 0)
	return err
}
