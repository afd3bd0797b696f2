//go:build unix

package child

import (
	"context"
	"os/exec"
)

// Shell returns the command that has a line of the user's interpreted, as
// system(3) does: by sh. At the end of ctx it ends with all that it has started, as
// far as the system says what that is. It is in the group of this process, since
// only the foreground group may read from the terminal.
func Shell(ctx context.Context, line string) *exec.Cmd {
	c := exec.CommandContext(ctx, "sh", "-c", line)
	c.Cancel = func() error { return endTree(c.Process) }
	return c
}
