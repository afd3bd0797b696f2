package child

import (
	"context"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/windows"
)

// Shell returns the command that has a line of the user's interpreted, as
// system(3) does: by the system's cmd.exe, whatever PATH says.
//
// The line is passed on as it is. exec.Command would put a backslash before each
// quote in it, which cmd.exe takes for a part of the word; with /S it removes the
// first and the last quote, which are these, and nothing else. See
// https://learn.microsoft.com/en-us/windows-server/administration/windows-commands/cmd.
func Shell(ctx context.Context, line string) *exec.Cmd {
	system, err := windows.GetSystemDirectory()
	c := exec.CommandContext(ctx, filepath.Join(system, "cmd.exe"))
	c.Err = err
	c.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd /S /C "` + line + `"`}
	return c
}
