//go:build unix

package child

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/credproc/credproc/cmd/internal/terminal"
)

// endings are the signals that end a command, after what must not be cut off.
var endings = map[os.Signal]*terminal.InterruptedError{
	syscall.SIGINT:  {Name: "interrupted", Status: 128 + int(syscall.SIGINT)},
	syscall.SIGTERM: {Name: "terminated", Status: 128 + int(syscall.SIGTERM)},
	syscall.SIGHUP:  {Name: "hung up", Status: 128 + int(syscall.SIGHUP)},
	syscall.SIGQUIT: {Name: "quit", Status: 128 + int(syscall.SIGQUIT)},
}

var deferrable = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGTSTP, syscall.SIGTTOU}

// take passes a signal on to the command, or does what it asks for: TSTP and TTOU
// stop the process when nothing is under way. PIPE becomes an error of write.
func (d *Signals) take(s os.Signal, end context.CancelCauseFunc) {
	relay := d.relay.Load()
	if relay != nil && s != syscall.SIGPIPE && s != syscall.SIGTTOU {
		relay.pass(s)
	}
	switch {
	case endings[s] != nil && relay == nil:
		end(endings[s])
	case relay != nil && stopsWithCommand: // see stopWith
	case s == syscall.SIGTSTP || s == syscall.SIGTTOU:
		d.stopSelf()
	}
}

// NeverStop lets Ctrl-Z pass this process by, for one whose output a shell waits for:
// such a shell has no job that could be continued.
func NeverStop() { signal.Ignore(syscall.SIGTSTP) }

// stopSelf stops the process as TSTP would have, when it can be.
func (d *Signals) stopSelf() {
	resume := d.Pause()
	defer resume()
	syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	time.Sleep(time.Millisecond) // the signal takes effect here at the latest
}
