//go:build unix

package safedir

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/credproc/credproc/internal/ospath"
)

// nofollow is for a path whose links have been followed: what is one now was put
// there since.
const nofollow = syscall.O_NOFOLLOW

// mostLinks is how many links Linux follows on one way.
const mostLinks = 40

// way is the way to a path, as far as it exists.
type way struct {
	real   string       // the path without links
	links  int          // that were followed
	unsafe *UnsafeError // the first thing on the way that another user could change
	shared bool         // others can make things in the directory that real is
	whole  bool         // real exists

	target string
	user   int
	groups groups
}

// follow goes to path from the root. make makes a directory that is missing
// where others could make it; nil: none is made. Where the way is cut off,
// opening its end says why.
//
// A short answer from a cache comes through here: it costs one system call and
// one allocation for each name.
func follow(path string, make func(string) error) *way {
	w := &way{target: path, user: os.Geteuid()}
	path, err := ospath.Abs(path)
	at := 1 // path[:at] is what has been looked at, without links
	stat, rootErr := lstat("/")
	if w.real = path; err != nil || rootErr != nil {
		return w
	}
	w.judge("/", &stat)
	for at < len(path) && w.links <= mostLinks {
		name, _, _ := strings.Cut(strings.TrimLeft(path[at:], "/"), "/")
		end := at + strings.Index(path[at:], name) + len(name)
		rest := path[end:]
		switch name {
		case "", ".":
			path = path[:at] + rest
			continue
		case "..": // of a link
			path, at = ospath.Join(path[:at], name)+rest, 1
			continue
		}
		stat, err := lstat(path[:end])
		if errors.Is(err, fs.ErrNotExist) && make != nil && w.shared && w.unsafe == nil && make(path[:end]) == nil {
			stat, err = lstat(path[:end])
		}
		if w.real = path; err != nil {
			return w
		}
		if stat.Mode&syscall.S_IFMT != syscall.S_IFLNK {
			w.judge(path[:end], &stat)
			at = end
			continue
		}
		target, err := os.Readlink(path[:end])
		if w.links++; err != nil {
			return w
		}
		// Its directory says who can replace a link; but in one that everybody can
		// write in, it is its owner.
		if w.shared && !w.trusts(int(stat.Uid), path[:end]) {
			w.blame(path[:end], Foreign)
		}
		if !ospath.IsAbs(target) {
			target = path[:at] + "/" + target
		}
		path, at, w.shared = target+rest, 1, false
	}
	w.real, w.whole = path, w.links <= mostLinks
	return w
}

func lstat(path string) (stat syscall.Stat_t, err error) {
	for {
		if err = syscall.Lstat(path, &stat); err != syscall.EINTR {
			return stat, err
		}
	}
}

// judge blames what another user could change.
func (w *way) judge(path string, stat *syscall.Stat_t) {
	if !w.trusts(int(stat.Uid), path) {
		w.blame(path, Foreign)
	}
	w.shared = w.othersWrite(path, stat)
	kind := stat.Mode & syscall.S_IFMT
	sticky := kind == syscall.S_IFDIR && stat.Mode&syscall.S_ISVTX != 0
	if w.shared && !sticky && (kind == syscall.S_IFDIR || kind == syscall.S_IFREG) {
		w.blame(path, Writable)
	}
}

// othersWrite reports whether anybody but this user and root can write. A group
// counts as empty if no one else is in it, unless an access list may hide
// in the group's bits.
func (w *way) othersWrite(path string, stat *syscall.Stat_t) bool {
	return stat.Mode&0o002 != 0 || stat.Mode&0o020 != 0 && !(w.groups.sole(int(stat.Gid)) && !hasACL(path))
}

func (w *way) blame(path string, problem Problem) {
	if info, err := os.Lstat(path); err == nil && w.unsafe == nil {
		w.unsafe = unsafe(path, w.target, info, problem)
	}
}

// guarded is for a directory of our own, which not even a sticky bit lets others
// write in.
func guarded(path string, info fs.FileInfo) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && new(way).othersWrite(path, stat) {
		return unsafe(path, path, info, Writable)
	}
	return nil
}

func unsafe(path, target string, info fs.FileInfo, problem Problem) *UnsafeError {
	uid, _ := Owner(info)
	return &UnsafeError{Path: path, For: target, Problem: problem, Dir: info.IsDir(), Owner: uid, Mode: info.Mode()}
}

// trusts reports whether what uid owns is as good as this user's own. In a
// directory that everybody can write in an unknown owner is anybody.
func (w *way) trusts(uid int, path string) bool {
	return uid == w.user || uid == 0 || !w.shared && isSystem(path) && isUnmappedRoot(uid)
}

// isSystem reports whether a path is that of a directory that only root makes:
// above the home directory, or in /etc or /run.
func isSystem(path string) bool {
	home, _ := os.UserHomeDir()
	below := func(path, dir string) bool { return dir == "/" || path == dir || strings.HasPrefix(path, dir+"/") }
	return home != path && ospath.IsAbs(home) && below(home, path) || below(path, "/etc") || below(path, "/run")
}

// ofAnother reports whether this is root, and path is another user's.
func ofAnother(path string) bool {
	if os.Geteuid() != 0 {
		return false
	}
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	uid, ok := Owner(info)
	return ok && uid != 0
}

// secret returns what lets others at a secret file: it must be this user's, and
// for them alone, or root's, and not for others to write.
func secret(path string, info fs.FileInfo) *UnsafeError {
	uid, _ := Owner(info)
	mode := info.Mode().Perm()
	switch {
	case uid != os.Geteuid() && uid != 0:
		return unsafe(path, path, info, Foreign)
	case mode&0o022 != 0:
		return unsafe(path, path, info, Writable)
	case mode&0o077 != 0 && uid == os.Geteuid() && uid != 0:
		return unsafe(path, path, info, Readable)
	}
	return nil
}

// groups knows who is in which group, by the files alone: what a directory
// service says cannot be known for sure without its library, so its groups count
// as others. The zero groups has not looked yet.
type groups struct {
	known map[int]bool
}

// sole reports whether no one but this user, and root, is in the group: root's
// own, or the one that bears the user's name, as most systems make one for each
// user.
func (g *groups) sole(gid int) bool {
	answer, ok := g.known[gid]
	if !ok {
		answer = soleMember(gid, os.Geteuid(), "/etc/passwd", "/etc/group")
		g.known = map[int]bool{gid: answer} // mostly the same one all the way
	}
	return answer
}

func soleMember(gid, uid int, passwd, group string) bool {
	names := map[string]bool{"root": true}
	for _, user := range entries(passwd, 4) {
		switch {
		case user[2] == strconv.Itoa(uid):
			names[user[0]] = true
		case user[3] == strconv.Itoa(gid) && user[2] != "0":
			return false // it is their first group
		}
	}
	found := false
	for _, g := range entries(group, 4) {
		if g[2] != strconv.Itoa(gid) {
			continue
		}
		found = names[g[0]]
		for member := range strings.SplitSeq(g[3], ",") {
			found = found && (member == "" || names[member])
		}
		if !found {
			return false
		}
	}
	return found
}

// entries returns the lines of a file that have so many fields or more.
func entries(path string, fields int) (lines [][]string) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		if entry := strings.Split(strings.TrimSpace(line), ":"); len(entry) >= fields {
			lines = append(lines, entry)
		}
	}
	return lines
}
