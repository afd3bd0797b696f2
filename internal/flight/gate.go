package flight

import (
	"context"
	"math"
	"sync"

	"golang.org/x/sync/semaphore"
)

const everything = math.MaxInt64

// A gate lets work in until it is closed. Several callers may close it, and it
// is open when each of them has opened it: a program that settles on a signal
// and again as it returns must not wait for itself.
type gate struct {
	work   *semaphore.Weighted // a piece of work takes 1, the closed gate everything
	turn   *semaphore.Weighted // to close or to open, 1
	closed int                 // by how many callers
}

func newGate() *gate {
	return &gate{work: semaphore.NewWeighted(everything), turn: semaphore.NewWeighted(1)}
}

func (g *gate) enter(ctx context.Context) error { return g.work.Acquire(ctx, 1) }

func (g *gate) leave() { g.work.Release(1) }

// close waits until all work has left. open may be called more than once.
func (g *gate) close(ctx context.Context) (open func(), err error) {
	if err := g.turn.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer g.turn.Release(1)
	if g.closed == 0 {
		if err := g.work.Acquire(ctx, everything); err != nil {
			return nil, err
		}
	}
	g.closed++
	return sync.OnceFunc(g.open), nil
}

// open does not wait for work: another caller that closes a closed gate does not
// keep the turn.
func (g *gate) open() {
	_ = g.turn.Acquire(context.Background(), 1)
	defer g.turn.Release(1)
	if g.closed--; g.closed == 0 {
		g.work.Release(everything)
	}
}
