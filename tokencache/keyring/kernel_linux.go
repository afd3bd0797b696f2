package keyring

import (
	"context"
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/credproc/credproc/internal/kernelring"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/safedir"
)

// mostKernel is the size of the largest key of type "user".
const mostKernel = 32767

// Get implements [Keyring].
func (k *kernelKeyring) Get(_ context.Context, item string) (secret string, err error) {
	err = k.within("read", func(ring kernelring.Ring) error {
		data, err := ring.Read(k.describe(item), mostKernel)
		if err == nil && len(data) == 0 {
			return errors.New("an item without content")
		}
		if err == nil {
			secret = string(data[1:])
		}
		return err
	})
	return secret, err
}

// Set implements [Keyring].
func (k *kernelKeyring) Set(ctx context.Context, item, secret string) error {
	if len(secret) >= mostKernel {
		return &Error{Keyring: k.Name(), Op: "store", Kind: ErrTooBig}
	}
	err := k.within("store", func(ring kernelring.Ring) error {
		return ring.Write(k.describe(item), []byte("="+secret), 0) // an empty payload is EINVAL
	})
	if err != nil {
		return err
	}
	if _, err := k.Get(ctx, item); err != nil {
		return &Error{Keyring: k.Name(), Op: "store", Kind: ErrUnavailable, Detail: "what was stored cannot be read back"}
	}
	return nil
}

// Delete implements [Keyring].
func (k *kernelKeyring) Delete(_ context.Context, item string) error {
	err := k.within("delete", func(ring kernelring.Ring) error { return ring.Delete(k.describe(item)) })
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// describe returns the description of an item. It differs from that of the
// cached key, which may be in the same keyring and has an end.
func (k *kernelKeyring) describe(item string) string {
	return layout.Service(k.Service) + "-keyring:" + item
}

func (k *kernelKeyring) within(op string, do func(kernelring.Ring) error) error {
	err := kernelring.Do(do)
	if errors.Is(err, syscall.EACCES) { // not of an item: a policy forbids all of it
		err = syscall.EPERM
	}
	return k.translate(op, err)
}

// translate turns the kernel's errors into those of a keyring. Its quota is so
// many bytes for all that a user has there: beyond it an item is too big.
func (k *kernelKeyring) translate(op string, err error) error {
	fail := &Error{Keyring: k.Name(), Op: op, Kind: ErrUnavailable}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOKEY), errors.Is(err, unix.EKEYEXPIRED), errors.Is(err, unix.EKEYREVOKED):
		return ErrNotFound
	case errors.Is(err, unix.EDQUOT) && op == "store":
		fail.Kind, fail.Detail = ErrTooBig, "the user's quota in the kernel is used up"
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		fail.Err, fail.Reason = errAbsent, errAbsent.word
		fail.Detail = "this system does not let programs use it, as most containers do not: " + os.NewSyscallError("keyctl", err).Error()
	default:
		fail.Detail = os.NewSyscallError("keyctl", err).Error()
	}
	if safedir.IsShort(err) {
		fail.Err, fail.Reason = err, ""
	}
	return fail
}
