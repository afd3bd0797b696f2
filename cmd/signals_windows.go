package cmd

import (
	"context"
	"os"
	"os/signal"

	"github.com/credproc/credproc/cmd/internal/terminal"
)

// deferSignals makes Ctrl-C wait for a renewal or sign-in that is between the
// service's answer and the keychain.
func (r *run) deferSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-ended:
				return
			case s := <-signals:
				if relay := r.relay.Load(); relay != nil {
					relay.pass(s)
				} else {
					cancel(&terminal.InterruptedError{Name: "interrupted", Status: interrupted})
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
