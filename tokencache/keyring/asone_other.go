//go:build !linux

package keyring

import "os/exec"

// asOne has nothing to do: only WSL, which is Linux, runs credproc.exe.
func asOne(*exec.Cmd) {}
