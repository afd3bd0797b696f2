package child

import (
	"context"
	"os"
	"syscall"

	"github.com/credproc/credproc/cmd/internal/terminal"
)

// endings are the events that end a command, after what must not be cut off. The
// Go runtime gives them the names of signals: INT is Ctrl-C and Ctrl-Break; TERM is
// the end of the console, of the session, or of the system.
//
// Windows waits for five seconds where the console is closed, and somewhat longer for
// the end of a session or the system: then it ends the process. Without a handler it
// would do so at once.
//
// See https://learn.microsoft.com/en-us/windows/console/handlerroutine.
var endings = map[os.Signal]*terminal.InterruptedError{
	os.Interrupt:    {Name: "interrupted", Status: 128 + int(syscall.SIGINT)},
	syscall.SIGTERM: {Name: "terminated", Status: 128 + int(syscall.SIGTERM)},
}

var deferrable = []os.Signal{os.Interrupt, syscall.SIGTERM}

// take leaves an event to the command, if one runs: the console has told it.
func (d *Signals) take(s os.Signal, end context.CancelCauseFunc) {
	if d.relay.Load() == nil {
		end(endings[s])
	}
}

// NeverStop does nothing: no key stops a process.
func NeverStop() {}
