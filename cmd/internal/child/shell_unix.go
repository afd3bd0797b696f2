//go:build unix

package child

import (
	"context"
	"os/exec"
)

// Shell returns the command that has a line of the user's interpreted, as
// system(3) does: by sh.
func Shell(ctx context.Context, line string) *exec.Cmd {
	return exec.CommandContext(ctx, "sh", "-c", line)
}
