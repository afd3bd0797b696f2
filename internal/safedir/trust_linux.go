package safedir

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// overflow is the user ID of users who have none in this user namespace, unless
// the kernel was told of another.
const overflow = 65534

// isUnmappedRoot reports whether uid may be root: in a user namespace without
// root, such as bwrap and Flatpak make, its files are those of the overflow
// user, as are those of all other users that are not in it.
func isUnmappedRoot(uid int) bool { return IsOverflow(uid) && !maps(0) }

// IsOverflow reports whether uid is that of all users who have none in this user
// namespace. Where it is a user's own, it is not.
func IsOverflow(uid int) bool {
	number, err := os.ReadFile("/proc/sys/kernel/overflowuid")
	if n, bad := strconv.Atoi(string(bytes.TrimSpace(number))); err == nil && bad == nil && uid != n {
		return false
	} else if (err != nil || bad != nil) && uid != overflow {
		return false
	}
	return !maps(uid)
}

// maps reports whether a user ID is one of this user namespace. It is where that
// is not known.
func maps(uid int) bool {
	users, err := os.ReadFile("/proc/self/uid_map")
	return err != nil || isIn(users, uid)
}

// isIn reports whether a user ID is among those of a uid_map.
func isIn(users []byte, uid int) bool {
	for line := range bytes.Lines(users) {
		field := bytes.Fields(line)
		if len(field) != 3 {
			continue
		}
		first, err := strconv.Atoi(string(field[0]))
		count, bad := strconv.Atoi(string(field[2]))
		if err == nil && bad == nil && uid >= first && uid-first < count {
			return true
		}
	}
	return false
}

// hasACL reports whether an access list says more than the mode.
func hasACL(path string) bool {
	n, err := syscall.Getxattr(path, "system.posix_acl_access", nil)
	return err == nil && n > 0
}
