package awsconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/credproc/credproc/internal/ospath"
	"github.com/credproc/credproc/internal/safedir"
)

// ForeignError is a file or a directory of another user that keeps this one from
// reading or editing a config file: root's, if that was done with sudo before.
type ForeignError struct {
	Path  string
	Owner int // user ID
	Err   error
}

func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s belongs to another user, with user ID %d: %v", e.Path, e.Owner, e.Err)
}

// Unwrap returns what kept this user from it, such as [fs.ErrPermission].
func (e *ForeignError) Unwrap() error { return e.Err }

// ReadFile returns the content of a config file, whatever it is: see
// [safedir.ReadFile]. The error may be a [*ForeignError].
func ReadFile(path string) ([]byte, error) {
	data, err := safedir.ReadFile(path)
	return data, orForeign(err)
}

// orForeign says whose file or directory it is, if that is why err is a refusal.
func orForeign(err error) error {
	e, ok := errors.AsType[*fs.PathError](err)
	if !ok || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	path := e.Path
	info, statErr := os.Stat(path)
	for statErr != nil && path != ospath.Dir(path) {
		path = ospath.Dir(path)
		info, statErr = os.Stat(path)
	}
	if uid, ok := safedir.Owner(info); statErr == nil && ok && uid != os.Geteuid() {
		return &ForeignError{Path: path, Owner: uid, Err: e.Err}
	}
	return err
}
