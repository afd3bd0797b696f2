package child

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/credproc/credproc/cmd/internal/terminal"
)

// endings are the events that end a command, after what must not be cut off. The
// Go runtime gives them the names of signals: INT is Ctrl-C and Ctrl-Break; TERM is
// the end of the console, of the session, or of the system.
var endings = map[os.Signal]*terminal.InterruptedError{
	os.Interrupt:    {Name: "interrupted", Status: 128 + int(syscall.SIGINT)},
	syscall.SIGTERM: {Name: "terminated", Status: 128 + int(syscall.SIGTERM)},
}

// Defer makes these events wait for a renewal or sign-in that is between the
// service's answer and the keychain. Windows waits for five seconds where the
// console is closed, and somewhat longer for the end of a session or the system:
// then it ends the process. Without a handler it would do so at once.
//
// See https://learn.microsoft.com/en-us/windows/console/handlerroutine.
func (d *Signals) Defer(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	deferred := make(chan os.Signal, 8)
	d.deferred = deferred
	for s := range endings {
		signal.Notify(deferred, s)
	}
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-ended:
				return
			case s := <-deferred:
				if relay := d.relay.Load(); relay != nil {
					relay.pass(s)
				} else {
					cancel(endings[s])
				}
			}
		}
	}()
	return ctx, func() {
		signal.Stop(deferred)
		close(ended)
		cancel(nil)
	}
}

// NeverStop does nothing: no key stops a process.
func NeverStop() {}
