// Package dirid gives a state directory an identity of its own: a random ID in
// a file in it. Keychain items are named by that ID, so that one directory
// under two names (a symbolic link, a bind mount, a home that moved) is one
// login, and a copy of a directory never touches the items of the original.
//
// Beside the ID the file has the path and the inode that the directory had when
// the file was written. They tell a directory that moved from a copy: if the
// recorded path still leads to another directory with this ID, the one at hand
// is the copy. Two machines, or two file systems that do not see each other,
// cannot be told apart that way.
package dirid

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/sealed"
)

// File is the name of the file. Deleting it gives the directory another
// identity at the next sign-in: the way to part two clones.
const File = "identity"

const (
	kind    = "directory"
	version = 1
	idSize  = 16
)

// record is the content of the file:
//
//	directory 1 4f1d…(32 digits) 64769 1835123
//	/home/me/.local/state/credproc/0123456789ab
//
// The path is the rest of the file but its last byte, so that it may be any.
type record struct {
	id            string
	device, inode uint64 // 0 where the system has none
	path          string
}

func (r record) text() []byte {
	return fmt.Appendf(nil, "%s %d %s %d %d\n%s\n", kind, version, r.id, r.device, r.inode, r.path)
}

// errNone says that a file holds no ID: it is damaged, and worth no more than
// one that is lost.
var errNone = errors.New("not the identity of a directory")

// parse needs the first line alone: without the rest the directory counts as
// moved, and keeps its ID.
func parse(data []byte) (record, error) {
	head, path, whole := bytes.Cut(data, []byte("\n"))
	fields := strings.Fields(string(head))
	if !whole || len(fields) < 3 || fields[0] != kind {
		return record{}, errNone
	}
	if format, err := strconv.Atoi(fields[1]); err == nil && format > version {
		return record{}, fmt.Errorf("format %d is %w, this one knows %d", format, sealed.ErrNewer, version)
	}
	raw, err := hex.DecodeString(fields[2])
	if err != nil || len(raw) != idSize || fields[1] != strconv.Itoa(version) {
		return record{}, errNone
	}
	r := record{id: fields[2]}
	if path, whole = bytes.CutSuffix(path, []byte("\n")); whole && len(fields) == 5 {
		r.path = string(path)
		r.device, _ = strconv.ParseUint(fields[3], 10, 64)
		r.inode, _ = strconv.ParseUint(fields[4], 10, 64)
	}
	return r, nil
}

// State says how the directory and its file go together.
type State int

// What [Look] can find.
const (
	None   State = iota // no identity yet, or one that is lost or damaged
	Known               // the file is up to date
	Moved               // the file is the directory's own, but not up to date
	Copied              // the file is that of the directory it was copied from
)

// Found is what [Look] has found.
type Found struct {
	// ID is 32 hexadecimal digits, and "" if the directory has no ID of its own.
	ID    string
	State State
	now   record // what the file should say
}

// Look reads the identity of a directory whose absolute path is dir. It changes
// nothing. The error says that the file cannot be read, or wraps
// [sealed.ErrNewer]: neither is a reason to make another identity.
func Look(dir safedir.Dir) (Found, error) {
	then, err := read(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNone) {
		return Found{}, nil
	}
	if err != nil {
		return Found{}, err
	}
	info, err := os.Stat(string(dir))
	if err != nil {
		return Found{}, err
	}
	now := record{id: then.id, path: string(dir)}
	now.device, now.inode = number(info)
	if then.path != now.path {
		switch compare(dir, info, then) {
		case same:
			now.path = then.path
		case copied:
			return Found{State: Copied}, nil
		case unsure:
			now = then
		}
	}
	if now == then {
		return Found{then.id, Known, now}, nil
	}
	return Found{then.id, Moved, now}, nil
}

func read(dir safedir.Dir) (record, error) {
	data, err := dir.Read(File)
	if err != nil {
		return record{}, err
	}
	r, err := parse(data)
	if err != nil {
		err = fmt.Errorf("%s: %w", dir.Path(File), err)
	}
	return r, err
}

// What compare can say of the directory at the recorded path.
type relation int

const (
	other  relation = iota // it is gone, or has an identity of its own
	same                   // it is this directory under another name
	copied                 // it has the same identity, and this one is the copy
	unsure                 // it cannot be told now, and nothing is to be written
)

// patience is how long the recorded path is looked at: it may lead to a server
// that does not answer any more.
const patience = time.Second

func compare(dir safedir.Dir, info fs.FileInfo, then record) relation {
	told := make(chan relation, 1)
	go func() { told <- compareNow(dir, info, then) }()
	select {
	case r := <-told:
		return r
	case <-time.After(patience):
		return unsure
	}
}

func compareNow(dir safedir.Dir, info fs.FileInfo, then record) relation {
	there, err := os.Stat(then.path)
	if err != nil {
		return other
	}
	if os.SameFile(info, there) {
		return same
	}
	if r, err := read(safedir.Dir(then.path)); err != nil || r.id != then.id {
		return other
	}
	if visible(dir, safedir.Dir(then.path)) {
		return unsure
	}
	return copied
}

// visible reports whether what is written in one directory appears in the
// other. Overlays, FUSE and network mounts give one directory two inodes.
func visible(dir, there safedir.Dir) bool {
	name := "probe." + strconv.FormatUint(rand.Uint64(), 36) + ".tmp" // swept, if this process dies
	if dir.WriteUnsynced(name, nil) != nil {
		return false
	}
	defer dir.Remove(name)
	_, err := os.Lstat(there.Path(name))
	return err == nil
}

// Update brings the file of a directory that has [Moved] up to date.
func (f Found) Update(dir safedir.Dir) error { return dir.Write(File, f.now.text()) }

// Make gives the directory a new identity, in place of any it has. fill fills a
// slice with random bytes, as [crypto/rand.Read] does, which is not imported
// here since it comes late among what Go initializes.
func Make(dir safedir.Dir, fill func([]byte) (int, error)) error {
	if err := dir.Make(); err != nil {
		return err
	}
	info, err := os.Stat(string(dir))
	if err != nil {
		return err
	}
	id := make([]byte, idSize)
	fill(id)
	r := record{id: hex.EncodeToString(id), path: string(dir)}
	r.device, r.inode = number(info)
	return dir.Write(File, r.text())
}

// Quick is [Look] for an answer that must cost nothing: three system calls, and
// a fourth where the directory has another name than the recorded one. ok is
// false where it takes more to tell.
func Quick(dir string) (id string, ok bool) {
	r, err := parse(quickRead(dir + "/" + File))
	if err != nil {
		return "", false
	}
	return r.id, r.path == dir || r.inode != 0 && r.isAt(dir)
}

func (r record) isAt(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	device, inode := number(info)
	return device == r.device && inode == r.inode
}
