//go:build !linux

package keyring

import "context"

// Get implements [Keyring].
func (k *kernelKeyring) Get(context.Context, string) (string, error) { return "", k.absent("read") }

// Set implements [Keyring].
func (k *kernelKeyring) Set(context.Context, string, string) error { return k.absent("store") }

// Delete implements [Keyring].
func (k *kernelKeyring) Delete(context.Context, string) error { return k.absent("delete") }

func (k *kernelKeyring) absent(op string) error {
	return &Error{Keyring: k.Name(), Op: op, Kind: ErrUnavailable, Reason: errAbsent.word, Err: errAbsent, Detail: "only Linux has one"}
}
