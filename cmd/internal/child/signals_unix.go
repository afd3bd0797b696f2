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

// Defer makes signals wait for a renewal or sign-in that is between the
// service's answer and the keychain: INT, TERM, HUP and QUIT end ctx, TSTP and
// TTOU stop the process when nothing is under way. PIPE becomes an error of write.
func (d *Signals) Defer(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	deferred := make(chan os.Signal, 8)
	d.deferred = deferred
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGTSTP, syscall.SIGTTOU} {
		if !signal.Ignored(s) { // nohup, and shells without job control, mean it
			signal.Notify(deferred, s)
		}
	}
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-ended:
				return
			case s := <-deferred:
				relay := d.relay.Load()
				if relay != nil && s != syscall.SIGPIPE && s != syscall.SIGTTOU {
					relay.pass(s)
				}
				switch {
				case endings[s] != nil && relay == nil:
					cancel(endings[s])
				case relay != nil && stopsWithCommand: // see stopWith
				case s == syscall.SIGTSTP || s == syscall.SIGTTOU:
					d.stopSelf()
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
