package child

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
)

// Signals are those of this process while it must not be cut off.
type Signals struct {
	deferred chan os.Signal
	relay    atomic.Pointer[relay] // gets them instead, while a command runs
	// Pause waits until the process may be stopped, and keeps it so until resume.
	Pause func() (resume func())
}

// Defer makes signals wait for a renewal or sign-in that is between the
// service's answer and the keychain. Those in endings end ctx.
func (d *Signals) Defer(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	d.deferred = make(chan os.Signal, 8)
	for _, s := range deferrable {
		if !signal.Ignored(s) { // nohup, and shells without job control, mean it
			signal.Notify(d.deferred, s)
		}
	}
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-ended:
				return
			case s := <-d.deferred:
				d.take(s, cancel)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(d.deferred)
		close(ended)
		cancel(nil)
	}
}
