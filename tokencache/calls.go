package tokencache

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// keyringCalls are a session's calls of its keyrings that are under way. They
// outlive their callers, as all that is fetched, and may have started a program,
// which must not outlive this one.
type keyringCalls struct {
	mu    sync.Mutex
	under map[*keyringCall]bool
}

type keyringCall struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

// start returns the context of a call, and what is to be called when it has ended.
func (c *keyringCalls) start(ctx context.Context) (under context.Context, end func()) {
	call := &keyringCall{ended: make(chan struct{})}
	ctx, call.cancel = context.WithCancel(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.under == nil {
		c.under = make(map[*keyringCall]bool)
	}
	c.under[call] = true
	return ctx, func() {
		call.cancel()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.under, call)
		close(call.ended)
	}
}

// endAll ends the calls that are under way, and waits until they have, or until ctx
// is over.
func (c *keyringCalls) endAll(ctx context.Context) {
	c.mu.Lock()
	calls := slices.Collect(maps.Keys(c.under))
	c.mu.Unlock()
	for _, call := range calls {
		call.cancel()
	}
	for _, call := range calls {
		select {
		case <-call.ended:
		case <-ctx.Done():
			return
		}
	}
}
