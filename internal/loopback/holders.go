package loopback

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
)

// Holders are the processes at the other end of a connection, as far as the system
// tells. Without any, the system does not tell: the other end is on another machine,
// in another namespace or a virtual machine, or has hung up.
type Holders struct {
	PIDs []int // that have the connection open
	// Closed are processes of the connection's user that do not show what they have
	// open, where no other one has the connection: it can be one of these.
	Closed []int

	inode uint32
}

// sockets are which processes have which sockets open, by the number of the socket.
type sockets struct {
	open   map[uint32][]int
	closed []int // processes that do not show it
}

// HoldersOf says which processes have the other end of a request's connection open.
// It fails with ctx's error: looking takes longer where there are many processes.
// Those who look at once share it.
func HoldersOf(ctx context.Context, r *http.Request) (Holders, error) {
	c := connOf(r)
	if c == nil {
		return Holders{}, nil
	}
	here, ok1 := c.LocalAddr().(*net.TCPAddr)
	there, ok2 := c.RemoteAddr().(*net.TCPAddr)
	if !ok1 || !ok2 {
		return Holders{}, nil
	}
	return c.gate.holders(ctx, there, here)
}

// Keep keeps a value with the connection of a request, for [Kept]. A connection has
// one request at a time.
func Keep(r *http.Request, value any) {
	if c := connOf(r); c != nil {
		c.kept = value
	}
}

// Kept returns the value that is kept with the connection of a request, or nil.
func Kept(r *http.Request) any {
	if c := connOf(r); c != nil {
		return c.kept
	}
	return nil
}

// turns lets one goroutine at a time look for something, and gives the result to the
// goroutines that came before it started.
type turns[T any] struct {
	turn  chan struct{} // holds one element while someone looks
	asked atomic.Int64  // how many have come
	seen  int64         // how many of them had come when the last look started
	last  T             // what it found
}

func newTurns[T any]() *turns[T] { return &turns[T]{turn: make(chan struct{}, 1)} }

// do returns what find finds that starts now or later.
func (t *turns[T]) do(ctx context.Context, find func(context.Context) (T, error)) (found T, err error) {
	number := t.asked.Add(1)
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return found, ctx.Err()
	}
	defer func() { <-t.turn }()
	if t.seen >= number {
		return t.last, nil
	}
	seen := t.asked.Load()
	if found, err = find(ctx); err == nil {
		t.seen, t.last = seen, found
	}
	return found, err
}
