package child

import (
	"context"
	"os"
	"os/signal"

	"github.com/credproc/credproc/cmd/internal/terminal"
)

// Defer makes Ctrl-C wait for a renewal or sign-in that is between the
// service's answer and the keychain.
func (d *Signals) Defer(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	deferred := make(chan os.Signal, 1)
	signal.Notify(deferred, os.Interrupt)
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
					cancel(&terminal.InterruptedError{Name: "interrupted", Status: 130})
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
