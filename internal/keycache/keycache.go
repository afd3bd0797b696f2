// Package keycache keeps small secrets, such as the sealing key, outside of the
// processes that use them: never on a disk, for an hour, and gone at reboot. An
// answer then needs no keychain.
//
// It is best effort: where the system forbids it (containers), has no room left,
// or has no such thing, nothing is kept.
package keycache

import "time"

// A Cache keeps secrets under names, for the processes of one user. It is safe for
// concurrent use.
type Cache interface {
	// Usable reports whether the system lets this process keep something.
	Usable() bool
	// Get returns the secret of that name, and whether there is one.
	Get(name string) (secret string, ok bool)
	// Set keeps a secret of 1 to 256 bytes under name for an hour, in place of
	// what was there.
	Set(name, secret string)
	// Delete forgets the secret of that name.
	Delete(name string)
}

const (
	life = time.Hour
	most = 256 // bytes of a secret
)
