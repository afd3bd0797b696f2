package tokencache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// mostKernel is the size of the largest key of type "user".
const mostKernel = 32767

// keyPermissions let every process of the user read and change an item, also
// where its session keyring is not linked to the user's (cron, some SSH
// set-ups), so that it does not possess it.
const keyPermissions = 0x3f3f0000

// Get implements [Keyring].
func (k *Kernel) Get(_ context.Context, item string) (secret string, err error) {
	err = k.within("read", func(ring int) error {
		id, err := find(ring, k.describe(item))
		if err == nil {
			secret, err = payload(id)
		}
		return err
	})
	return secret, err
}

// Set implements [Keyring].
func (k *Kernel) Set(ctx context.Context, item, secret string) error {
	if len(secret) > mostKernel {
		return &KeyringError{Keyring: k.Name(), Op: "store", Kind: ErrTooBig}
	}
	err := k.within("store", func(ring int) error {
		// An empty payload is EINVAL: each has a byte in front.
		id, err := unix.AddKey("user", k.describe(item), []byte("="+secret), ring)
		if err == nil {
			err = unix.KeyctlSetperm(id, keyPermissions)
		}
		return err
	})
	if err != nil {
		return err
	}
	if _, err := k.Get(ctx, item); err != nil {
		return &KeyringError{Keyring: k.Name(), Op: "store", Kind: ErrUnavailable, Detail: "what was stored cannot be read back"}
	}
	return nil
}

// Delete implements [Keyring].
func (k *Kernel) Delete(_ context.Context, item string) error {
	err := k.within("delete", func(ring int) error {
		id, err := find(ring, k.describe(item))
		if err == nil {
			_, err = unix.KeyctlInt(unix.KEYCTL_UNLINK, id, ring, 0, 0)
		}
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// describe returns the description of an item. It differs from that of the
// cached key, which may be in the same keyring and has an end.
func (k *Kernel) describe(item string) string { return k.service() + "-keyring:" + item }

// within calls do with the user's persistent keyring. It does not last beyond
// the boot, nor three days without a look at it, but beyond the user's last
// process. Where the kernel was built without, it is the user keyring, which
// does not.
//
// Only who possesses the persistent keyring can change it, and so it is linked
// to the keyring of a thread, which ends with the call and gives its part of
// the user's quota back.
func (k *Kernel) within(op string, do func(ring int) error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with us
		ring, err := unix.KeyctlInt(unix.KEYCTL_GET_PERSISTENT, -1, unix.KEY_SPEC_THREAD_KEYRING, 0, 0)
		if errors.Is(err, syscall.EOPNOTSUPP) {
			ring, err = unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, true)
		}
		if errors.Is(err, syscall.EACCES) { // not of an item: a policy forbids all of it
			err = syscall.EPERM
		}
		if err == nil {
			err = do(ring)
		}
		done <- err
	}()
	return k.translate(op, <-done)
}

func find(ring int, description string) (id int, err error) {
	return unix.KeyctlSearch(ring, "user", description, 0)
}

func payload(id int) (string, error) {
	buf := make([]byte, mostKernel+1)
	n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, buf, 0)
	if err != nil {
		return "", err
	}
	if n > len(buf) || n == 0 {
		return "", fmt.Errorf("an item of %d bytes", n)
	}
	return string(buf[1:n]), nil
}

// translate turns the kernel's errors into those of a keyring. Its quota is so
// many bytes for all that a user has there: beyond it an item is too big.
func (k *Kernel) translate(op string, err error) error {
	fail := &KeyringError{Keyring: k.Name(), Op: op, Kind: ErrUnavailable}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOKEY), errors.Is(err, unix.EKEYEXPIRED), errors.Is(err, unix.EKEYREVOKED):
		return ErrNotFound
	case errors.Is(err, unix.EDQUOT):
		fail.Kind, fail.Detail = ErrTooBig, "the user's quota in the kernel is used up"
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		fail.Absent = true
		fail.Detail = "this system does not let programs use it, as most containers do not: " + os.NewSyscallError("keyctl", err).Error()
	default:
		fail.Detail = os.NewSyscallError("keyctl", err).Error()
	}
	return fail
}
