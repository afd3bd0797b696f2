// Package flight fetches a thing once, however many goroutines and processes
// ask for it at the same moment.
//
// Within a process callers join a single flight. Between processes the one that gets
// an advisory lock fetches, and stores what it got; the others look at the store
// while they wait, and never fetch what they find there. The decision to fetch is
// made under the lock, after another look. A failure is stored too, so that the next
// callers get it without asking the service again for a while.
//
// The fetch does not end with its first caller: others may be waiting for it, and a
// fetch that was cut off may have used up a token that cannot be replaced. A program
// that is about to exit calls [Group.Settle] first.
package flight

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/credproc/credproc/internal/pause"
	"github.com/credproc/credproc/internal/safedir"
)

// Budget is how long one flight may take, waiting included: ten seconds less
// than aws-sdk-go-v2 gives a credential_process before it throws the answer
// away. Reserve is what must be left of it when a service is called.
const (
	Budget  = 50 * time.Second
	Reserve = 10 * time.Second
)

// Group joins the callers of one process. The zero Group is ready to use; it
// must not be copied.
type Group struct {
	flights singleflight.Group
	forgot  atomic.Int64 // how often Forget was called

	once     sync.Once
	critical *gate // of work that must not be cut off
	locked   *gate // of work under a lock
}

func (g *Group) open() {
	g.once.Do(func() { g.critical, g.locked = newGate(), newGate() })
}

// Guard runs do as work that must not be cut off by the end of the process.
func (g *Group) Guard(ctx context.Context, do func() error) error {
	g.open()
	if err := g.critical.enter(ctx); err != nil {
		return err
	}
	defer g.critical.leave()
	return do()
}

// Settle waits until no critical work is under way, and lets none start until
// resume is called: never, in a program that exits. It fails with ctx's error.
// Several callers may settle: work starts again when all have resumed.
func (g *Group) Settle(ctx context.Context) (resume func(), err error) {
	g.open()
	return g.critical.close(ctx)
}

// Pause is Settle for a program that is to be stopped and continued later: it
// waits until no flight holds a lock, which others would wait for in vain.
func (g *Group) Pause(ctx context.Context) (resume func(), err error) {
	g.open()
	unlocked, err := g.locked.close(ctx)
	if err != nil {
		return nil, err
	}
	settled, err := g.Settle(ctx)
	if err != nil {
		unlocked()
		return nil, err
	}
	return func() { settled(); unlocked() }, nil
}

// Forget makes later callers join none of the flights that are under way now,
// as after something that they need was taken from them. They go on.
func (g *Group) Forget() { g.forgot.Add(1) }

// inside marks the context of work under a lock of the group: what it does
// below another lock belongs to it, and must go on while another caller waits to
// pause.
type inside struct{}

// enter takes what the call's work under its lock takes of the group.
func (g *Group) enter(ctx context.Context, critical bool) (_ context.Context, leave func(), err error) {
	g.open()
	unlock := func() {}
	if ctx.Value(inside{}) != g {
		if err := g.locked.enter(ctx); err != nil {
			return nil, nil, err
		}
		unlock = g.locked.leave
	}
	leave = unlock
	if critical {
		if err := g.critical.enter(ctx); err != nil {
			unlock()
			return nil, nil, err
		}
		leave = func() { g.critical.leave(); unlock() }
	}
	return context.WithValue(ctx, inside{}, g), leave, nil
}

// Call is one thing to fetch.
type Call[V any] struct {
	Dir  safedir.Dir // where the lock and the last failure are kept
	Name Name        // the lock
	// Variant tells apart callers that want different things under the same
	// lock and so must not join one another.
	Variant string
	Op      string // what the holder is doing, for the processes that wait: "renew the session corp"
	// Network names the caller's proxy, CA and endpoint settings: a failure
	// below HTTP is shared among equals only.
	Network string
	// Force fetches although the last fetch failed a moment ago.
	Force bool
	// Critical says that a fetch must not be cut off by the end of the process.
	Critical bool
	// Logger gets these events, with op: "found" (waited), "wait" (lock,
	// holder), "held back" (error, until), "fetch" (lock, waited), "fetched"
	// and "failed" (took, error). nil: none.
	Logger *slog.Logger

	// Load looks into the store. since is when this caller started to wait: what
	// was written later is good enough, however short its life. locked says
	// that no other process can be writing.
	Load func(ctx context.Context, since time.Time, locked bool) (v V, ok bool, err error)
	// Fetch gets the thing and stores it. It runs under the lock.
	Fetch func(ctx context.Context) (V, error)
}

// BusyError says that another process held the lock until the time was up.
type BusyError struct {
	Op     string // what this caller wanted
	Holder Holder
	Err    error // the context's
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("%s: waited for %s: %v", e.Op, e.Holder, e.Err)
}

func (e *BusyError) Unwrap() error { return e.Err }

// Do returns what c.Load finds, or what c.Fetch gets. It returns early when ctx
// ends, which does not end the flight, and starts none when it has ended. The
// value may be shared with other callers and must not be changed. Beside the
// errors of Load and Fetch there are [BusyError], [LockError], [OrderError], and
// [SharedError] for the failure of an earlier call.
func Do[V any](ctx context.Context, g *Group, c Call[V]) (V, error) {
	var none V
	if err := mayTake(ctx, c.Name); err != nil {
		return none, err
	}
	if ctx.Err() != nil {
		return none, &BusyError{Op: c.Op, Holder: holder(c.Dir, c.Name.file), Err: context.Cause(ctx)}
	}
	// Force and Network are part of it: a failure that concerns one caller need
	// not concern another. The lock still lets them fetch only once.
	flight := fmt.Sprintf("%q %q %q %t %d", c.Dir.Path(c.Name.file), c.Variant, c.Network, c.Force, g.forgot.Load())
	result := g.flights.DoChan(flight, func() (v any, err error) {
		defer caught(&err)
		work, cancel := context.WithTimeout(context.WithoutCancel(ctx), Budget)
		defer cancel()
		return c.run(work, g)
	})
	select {
	case <-ctx.Done():
		return none, &BusyError{Op: c.Op, Holder: holder(c.Dir, c.Name.file), Err: context.Cause(ctx)}
	case r := <-result:
		v, _ := r.Val.(V)
		return v, r.Err
	}
}

func (c *Call[V]) run(ctx context.Context, g *Group) (V, error) {
	began := time.Now()
	var none V
	told := false
	for wait := 2 * time.Millisecond; ; wait = min(2*wait, 25*time.Millisecond) {
		if v, done, err := c.look(ctx, began, false); done {
			return v, err
		}
		v, err := c.attempt(ctx, g, began)
		if !errors.Is(err, errHeld) {
			return v, err
		}
		if !told {
			told = true
			c.log("wait", "lock", c.Name.file, "holder", holder(c.Dir, c.Name.file))
		}
		if err := pause.For(ctx, wait+rand.N(wait)); err != nil {
			return none, &BusyError{Op: c.Op, Holder: holder(c.Dir, c.Name.file), Err: err}
		}
	}
}

// attempt does the work if it gets the lock, and fails with errHeld if not.
func (c *Call[V]) attempt(ctx context.Context, g *Group, began time.Time) (v V, err error) {
	ctx, leave, err := g.enter(ctx, c.Critical)
	if err != nil { // paused all the time
		return v, &BusyError{Op: c.Op, Holder: holder(c.Dir, c.Name.file), Err: err}
	}
	defer leave() // after the lock is released
	release, err := tryLock(c.Dir, c.Name.file, c.Op)
	if err != nil {
		return v, err
	}
	defer release()
	return c.underLock(holding(ctx, c.Name), began)
}

func (c *Call[V]) underLock(ctx context.Context, began time.Time) (v V, err error) {
	if v, done, err := c.look(ctx, began, true); done {
		return v, err
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < Reserve {
		return v, &BusyError{Op: c.Op, Err: errors.New("too little time left to start")}
	}
	c.log("fetch", "lock", c.Name.file, "waited", time.Since(began))
	fetching := time.Now()
	if v, err = c.Fetch(ctx); err == nil {
		ForgetFailure(c.Dir, c.Name.file)
		c.log("fetched", "took", time.Since(fetching))
		return v, nil
	}
	c.log("failed", "took", time.Since(fetching), "error", err)
	defer func() {
		if t, ok := err.(*told); ok {
			err = t.error
		}
	}()
	_, shared := errors.AsType[*SharedError](err) // by another flight, which remembers it
	// What this process lacks, the next may have.
	if f, ok := errors.AsType[Failer](err); ok && !shared && !safedir.IsShort(err) {
		rememberFailure(c.Dir, c.Name.file, c.Op, f.Failure(), c.Network)
	}
	var none V
	return none, err
}

// look finds a value in the store, or else a failure that is still to be
// shared.
func (c *Call[V]) look(ctx context.Context, since time.Time, locked bool) (v V, done bool, err error) {
	v, ok, err := c.Load(ctx, since, locked)
	if ok && err == nil {
		c.log("found", "waited", time.Since(since))
	}
	if ok || err != nil {
		return v, true, err
	}
	if shared := recentFailure(c.Dir, c.Name.file, c.Network); shared != nil && !c.Force {
		c.log("held back", "error", shared.Reason, "until", shared.Until)
		return v, true, shared
	}
	return v, false, nil
}

func (c *Call[V]) log(event string, args ...any) {
	if c.Logger != nil {
		c.Logger.Debug(event, append([]any{"op", c.Op}, args...)...)
	}
}
