//go:build unix

package cmd

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
	syscall.SIGINT:  {Name: "interrupted", Status: interrupted},
	syscall.SIGTERM: {Name: "terminated", Status: 128 + int(syscall.SIGTERM)},
	syscall.SIGHUP:  {Name: "hung up", Status: 128 + int(syscall.SIGHUP)},
	syscall.SIGQUIT: {Name: "quit", Status: 128 + int(syscall.SIGQUIT)},
}

// deferSignals makes signals wait for a renewal or sign-in that is between the
// service's answer and the keychain: INT, TERM, HUP and QUIT end ctx, TSTP and
// TTOU stop the process when nothing is under way. PIPE becomes an error of write.
func (r *run) deferSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 8)
	r.signals = signals
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGTSTP, syscall.SIGTTOU} {
		if !signal.Ignored(s) { // nohup, and shells without job control, mean it
			signal.Notify(signals, s)
		}
	}
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-ended:
				return
			case s := <-signals:
				relay := r.relay.Load()
				if relay != nil && s != syscall.SIGPIPE && s != syscall.SIGTTOU {
					relay.pass(s)
				}
				switch {
				case endings[s] != nil && relay == nil:
					cancel(endings[s])
				case relay != nil && stopsWithCommand: // see stopWith
				case s == syscall.SIGTSTP || s == syscall.SIGTTOU:
					r.stopSelf()
				}
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(ended)
		cancel(nil)
	}
}

// stopSelf stops the process as TSTP would have, when it can be.
func (r *run) stopSelf() {
	resume := r.pause()
	defer resume()
	syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	time.Sleep(time.Millisecond) // the signal takes effect here at the latest
}
