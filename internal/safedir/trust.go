package safedir

import (
	"errors"
	"fmt"
	"io/fs"
)

// Problem is what lets another user at something.
type Problem string

// The problems of an [UnsafeError].
const (
	Foreign  Problem = "foreign"  // it belongs to another user
	Writable Problem = "writable" // others can write in or to it
	Readable Problem = "readable" // others can read it, and it is a secret
)

// UnsafeError says that another user could read a secret, or change what this
// user's processes go by, and that the thing was therefore not used.
type UnsafeError struct {
	Path    string // what is wrong: the file or directory, or one above it
	For     string // what was wanted; Path, or below it or a link in it leads to it
	Problem Problem
	Dir     bool        // Path is a directory
	Owner   int         // user ID of Path's owner
	Mode    fs.FileMode // of Path
}

func (e *UnsafeError) Error() string {
	var text string
	switch e.Problem {
	case Foreign:
		text = fmt.Sprintf("%s belongs to another user, with user ID %d", e.Path, e.Owner)
	case Writable:
		text = fmt.Sprintf("other users can write to %s (mode %04o)", e.Path, e.Mode.Perm())
	default:
		text = fmt.Sprintf("other users can read %s (mode %04o)", e.Path, e.Mode.Perm())
	}
	if e.For != e.Path {
		text += ", and could replace " + e.For
	}
	return text + ": not used"
}

// Check fails with an [*UnsafeError] if a user other than this one and root
// could change the file or directory at path, or put another in its place:
// itself, every directory above it, and all that links on the way lead through
// must belong to this user or to root, and only sticky directories may be
// writable for others. What does not exist yet is no error.
//
// That no one else can change a path which passes is why there is no race
// between the check and the use of the path afterwards.
//
// On Windows, where access lists decide, it is always nil. On macOS and other
// Unix systems than Linux the mode alone counts, and not an access list.
func Check(path string) error {
	return follow(path, nil).unsafe.orNil()
}

// Secure is [Check] for the directory d, before it is used. If d, or one above
// it, is missing where anybody could make it, as in /tmp, it is made here, so
// that no one else is faster.
//
// d itself may not be writable for others even where it is sticky. The directory
// of another user that root looks into passes, as with [Dir.Guarded]: it is read,
// and [Dir.Make] does not let it be written.
func (d Dir) Secure() error {
	if ofAnother(string(d)) {
		return d.Guarded()
	}
	way := follow(string(d), func(path string) error { return create(path, synced) })
	if way.whole && way.shared {
		way.blame(way.real, Writable)
	}
	return way.unsafe.orNil()
}

// orNil keeps a nil *UnsafeError from becoming an error that is not nil.
func (e *UnsafeError) orNil() error {
	if e == nil {
		return nil
	}
	return e
}

var errNoFile = errors.New("not a regular file")
