//go:build !linux

package keyring

import "context"

// Get implements [Keyring].
func (k *Kernel) Get(context.Context, string) (string, error) { return "", k.absent("read") }

// Set implements [Keyring].
func (k *Kernel) Set(context.Context, string, string) error { return k.absent("store") }

// Delete implements [Keyring].
func (k *Kernel) Delete(context.Context, string) error { return k.absent("delete") }

// Persistent reports that there is none.
func (*Kernel) Persistent() bool { return false }

func (k *Kernel) absent(op string) error {
	return &Error{Keyring: k.Name(), Op: op, Kind: ErrUnavailable, Err: ErrAbsent, Detail: "only Linux has one"}
}
