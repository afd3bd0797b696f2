package audit

import (
	"context"
	"log/slog"
)

// Trail is where lines are left, and what a program knows that leaves them. nil is
// none: nothing is left.
type Trail struct {
	Dir Dir // of the file
	// Agent returns the coding agent that asks, and what was seen of it. nil: the
	// lines say it.
	Agent func() (name, seen string)
	// Kind tells the kind of an error, and the rule that it comes from.
	Kind func(error) (reason, rule string)
	// Refuse returns the error that takes the place of what leaves no trail. nil, or
	// no error: the trail is not required.
	Refuse func(unwritten error) error
	Log    *slog.Logger // nil: none
}

// Leave leaves a line about what was asked for, and returns how that ends: err, or
// the error of a trail that is required and cannot be written. An err makes the line
// one of a refusal. Below [Collect] the line is left by who collects it.
func (t *Trail) Leave(ctx context.Context, line Line, err error) error {
	if t == nil {
		return err
	}
	if err != nil {
		reason, rule := t.Kind(err)
		line.refuse(reason, rule)
	}
	if t.Agent != nil && line.Agent == "" {
		line.Agent, line.AgentSeen = t.Agent()
	}
	if e := entryOf(ctx); e != nil {
		e.trail, e.line = t, line
		return err
	}
	line.For(ClientOf(ctx))
	if refused := t.write(line); refused != nil && err == nil {
		return refused
	}
	return err
}

// write fails only if the trail is required.
func (t *Trail) write(line Line) error {
	unwritten := t.Dir.Write(line)
	if unwritten == nil {
		return nil
	}
	if t.Log != nil {
		t.Log.Warn("audit not written", "error", unwritten)
	}
	if t.Refuse == nil {
		return nil
	}
	return t.Refuse(unwritten)
}
