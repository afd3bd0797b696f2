//go:build !unix

package keyring

import "os/exec"

// asOne has nothing to do: no keyring runs a program here.
func asOne(*exec.Cmd) {}
