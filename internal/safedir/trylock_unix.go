//go:build unix

package safedir

import (
	"os"

	"github.com/gofrs/flock"
)

// TryLock takes the lock at path, until release is called. release is nil where
// another process has it.
func TryLock(path string) (release func() error, err error) {
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDONLY|nonblock|nofollow), flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil || !ok {
		return nil, err
	}
	return lock.Unlock, nil
}
