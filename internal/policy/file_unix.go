//go:build unix

package policy

import (
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"syscall"

	"github.com/credproc/credproc/internal/safedir"
)

const noBlock, noFollow = syscall.O_NONBLOCK, syscall.O_NOFOLLOW

// dir returns where the policy of a program is.
func (p Place) dir(name string) (string, error) {
	switch {
	case p.Root != "":
		return p.Root + "/" + name, nil
	case runtime.GOOS == "darwin":
		return "/Library/Application Support/" + name, nil
	}
	return "/etc/" + name, nil
}

// distrust says why a file or directory may not be root's word, or "". Access
// lists that let others write show in the group's bits on Linux.
func (p Place) distrust(_ string, info fs.FileInfo, kind fs.FileMode, name string) (problem string) {
	owner, _ := safedir.Owner(info)
	root := owner == 0 || safedir.IsOverflow(owner)
	if p.Root != "" {
		root = owner == p.Owner
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return "is a symbolic link"
	case info.Mode().Type() != kind:
		return "is not " + name
	case !root:
		return fmt.Sprintf("belongs to user ID %d, and must belong to root", owner)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Sprintf("can be written by users other than root (mode %04o)", info.Mode().Perm())
	}
	return ""
}

// IsAboveIt reports whether this user can change the policy.
func IsAboveIt() bool { return os.Geteuid() == 0 }
