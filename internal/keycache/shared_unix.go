//go:build (darwin && !ios) || linux

package keycache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// shared keeps each secret in a segment of System V shared memory, which only its
// user may open. macOS has nothing else that outlives a process, needs no program
// that stays, and shows no dialog. Linux has it too: there it is tested.
//
// It has no timer: a secret that is past its hour counts as none, and its bytes
// stay until the next Set or Delete of its name, or a reboot.
//
// See shmget(2) and shmctl(2).
type shared struct{}

// A segment holds, in this order: magic, the end in seconds since 1970, the length
// of the secret, a sum over what is said here and the name, and the secret. The
// sum tells what another process has only half written, and the segment of
// another name with the same key.
const (
	segment   = 512
	magic     = "CREDKEY1"
	endAt     = len(magic)
	lengthAt  = endAt + 8
	sumAt     = lengthAt + 2
	secretAt  = sumAt + sha256.Size
	ownerOnly = 0o600
)

// Usable tries it: a sandbox may forbid it, and a Mac has 32 segments for all its
// users.
func (shared) Usable() bool {
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, segment, unix.IPC_CREAT|ownerOnly)
	if err != nil {
		return false
	}
	_, err = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	return err == nil
}

func (shared) Get(name string) (secret string, ok bool) {
	id, mode, ok := find(name)
	if !ok || mode != ownerOnly { // others could have written there
		return "", false
	}
	memory, err := unix.SysvShmAttach(id, 0, unix.SHM_RDONLY)
	if err != nil {
		return "", false
	}
	defer unix.SysvShmDetach(memory)
	return unwrap(name, memory, time.Now())
}

// Set makes another segment rather than write into the one that is there: a reader
// sees a whole secret or none.
func (s shared) Set(name, secret string) {
	s.Delete(name)
	if len(secret) == 0 || len(secret) > most {
		return
	}
	id, err := unix.SysvShmGet(number(name, os.Geteuid()), segment, unix.IPC_CREAT|unix.IPC_EXCL|ownerOnly)
	if err != nil { // another user's is there, or another process was quicker
		return
	}
	memory, err := unix.SysvShmAttach(id, 0, 0)
	if err != nil {
		unix.SysvShmCtl(id, unix.IPC_RMID, nil)
		return
	}
	defer unix.SysvShmDetach(memory)
	content := wrap(name, secret, time.Now().Add(life))
	copy(memory[len(magic):], content[len(magic):])
	copy(memory, magic)
}

func (shared) Delete(name string) {
	id, _, ok := find(name)
	if !ok {
		return
	}
	if memory, err := unix.SysvShmAttach(id, 0, 0); err == nil {
		clear(memory) // a process that has it attached keeps it from being freed
		unix.SysvShmDetach(memory)
	}
	unix.SysvShmCtl(id, unix.IPC_RMID, nil)
}

// find returns the segment of a name, and who may open it. One that another user
// has made or owns, or of another size, is not used, and left alone.
func find(name string) (id int, mode os.FileMode, ok bool) {
	user := os.Geteuid()
	id, err := unix.SysvShmGet(number(name, user), 0, 0)
	if err != nil {
		return 0, 0, false
	}
	var about unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(id, unix.IPC_STAT, &about); err != nil {
		return 0, 0, false
	}
	ours := int(about.Perm.Uid) == user && int(about.Perm.Cuid) == user && about.Segsz == segment
	return id, os.FileMode(about.Perm.Mode).Perm(), ours
}

// number is the key of the segment that a user has for a name. 0 would be
// IPC_PRIVATE.
func number(name string, user int) int {
	hash := sha256.Sum256([]byte("credproc key cache\x00" + strconv.Itoa(user) + "\x00" + name))
	return max(1, int(binary.BigEndian.Uint32(hash[:])>>1))
}

func wrap(name, secret string, end time.Time) []byte {
	content := make([]byte, segment)
	copy(content, magic)
	binary.BigEndian.PutUint64(content[endAt:], uint64(end.Unix()))
	binary.BigEndian.PutUint16(content[lengthAt:], uint16(len(secret)))
	copy(content[secretAt:], secret)
	copy(content[sumAt:], sum(name, content))
	return content
}

// unwrap returns the secret in a segment, if there is a whole one, of that name,
// which ends within an hour from now: a later end is that of a clock that was set
// back since.
func unwrap(name string, memory []byte, now time.Time) (secret string, ok bool) {
	if len(memory) != segment {
		return "", false
	}
	content := bytes.Clone(memory) // which another process may be clearing
	end := time.Unix(int64(binary.BigEndian.Uint64(content[endAt:])), 0)
	length := int(binary.BigEndian.Uint16(content[lengthAt:]))
	switch {
	case string(content[:len(magic)]) != magic || length == 0 || length > most:
		return "", false
	case !bytes.Equal(content[sumAt:secretAt], sum(name, content)):
		return "", false
	case !now.Before(end) || end.Sub(now) > life:
		return "", false
	}
	return string(content[secretAt : secretAt+length]), true
}

func sum(name string, content []byte) []byte {
	hash := sha256.New()
	hash.Write(content[:sumAt])
	hash.Write(content[secretAt:])
	hash.Write([]byte(name))
	return hash.Sum(nil)
}
