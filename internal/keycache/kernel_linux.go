package keycache

import (
	"golang.org/x/sys/unix"

	"github.com/credproc/credproc/internal/kernelring"
)

// kernel keeps secrets in the user's persistent keyring.
//
// A process must ask for that keyring by name to get at them, and the kernel gives
// each user namespace its own. So what is kept there is out of reach of a sandbox
// with a user namespace, whatever keyrings that inherits.
type kernel struct {
	do func(func(kernelring.Ring) error) error
}

func (kernel) Usable() bool {
	_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, true)
	return err == nil
}

func (k kernel) Get(name string) (secret string, ok bool) {
	err := k.do(func(r kernelring.Ring) error {
		data, err := r.Read(name, most)
		secret = string(data)
		return err
	})
	return secret, err == nil
}

func (k kernel) Set(name, secret string) {
	_ = k.do(func(r kernelring.Ring) error { return r.Write(name, []byte(secret), int(life.Seconds())) })
}

func (k kernel) Delete(name string) {
	_ = k.do(func(r kernelring.Ring) error { return r.Delete(name) })
}
