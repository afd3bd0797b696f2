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
func isUnmappedRoot(uid int) bool {
	number, err := os.ReadFile("/proc/sys/kernel/overflowuid")
	if n, bad := strconv.Atoi(string(bytes.TrimSpace(number))); err == nil && bad == nil && uid != n {
		return false
	} else if (err != nil || bad != nil) && uid != overflow {
		return false
	}
	users, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false
	}
	return !mapsRoot(users)
}

// mapsRoot reports whether user ID 0 is among those of a uid_map.
func mapsRoot(users []byte) bool {
	for line := range bytes.Lines(users) {
		if inside := bytes.Fields(line); len(inside) == 3 && string(inside[0]) == "0" {
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
