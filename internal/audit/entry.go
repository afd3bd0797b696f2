package audit

import (
	"context"
	"sync"
)

// Entry is a line that an endpoint leaves for each client that gets what the line is
// about: one answer of a provider may go to many of them.
type Entry struct {
	trail *Trail
	line  Line
	given sync.Once
}

type entryKey struct{}

// Collect is ctx for something of which the line is not left, but collected.
func Collect(ctx context.Context) (context.Context, *Entry) {
	e := new(Entry)
	return context.WithValue(ctx, entryKey{}, e), e
}

// Apart is ctx for a part of something, which leaves lines of its own.
func Apart(ctx context.Context) context.Context {
	if entryOf(ctx) == nil {
		return ctx
	}
	return context.WithValue(ctx, entryKey{}, (*Entry)(nil))
}

func entryOf(ctx context.Context) *Entry {
	e, _ := ctx.Value(entryKey{}).(*Entry)
	return e
}

// Told reports whether there is a line: what failed early has none.
func (e *Entry) Told() bool { return e != nil && e.line.Event != "" }

// Leave leaves the line for the client of ctx, and fails if the trail is required and
// cannot be written. The first client gets what was fetched, if it was, and all others
// what was there.
func (e *Entry) Leave(ctx context.Context) error {
	if e == nil || e.trail == nil {
		return nil
	}
	line, again := e.line, true
	e.given.Do(func() { again = false })
	if again && line.Event == Answer {
		line.Outcome, line.RequestID = "cached", ""
	}
	line.For(ClientOf(ctx))
	return e.trail.write(line)
}
