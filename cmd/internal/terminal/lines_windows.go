package terminal

import (
	"context"
	"os"
)

// awaitLine reports that there is none: on a console, waiting for a line cannot
// be told from waiting for a key.
func awaitLine(context.Context, *os.File) bool { return false }
