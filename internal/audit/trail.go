package audit

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/policy"
)

// Trail is where lines are left, and what a program knows that leaves them. nil is
// none: nothing is left.
type Trail struct {
	Dir   Dir      // of the file, also where none is written: it has [Trail.Lost]
	Sinks []string // where lines go; nil: to the file
	Name  string   // of the program, as syslog and its like show it
	Root  string   // of the system's sockets; "": the system's
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

// New returns the trail in a directory of a program that calls itself id, as the rules,
// which may be nil, want it. kind tells the kind of an error that is no refusal of theirs.
func New(rules *policy.Policy, dir, id string, kind func(error) string) *Trail {
	t := &Trail{
		Dir: Dir(dir), Sinks: rules.AuditSinks(), Name: layout.Service(id), Refuse: rules.CheckTrail,
		Agent: func() (name, seen string) { return rules.Asker(layout.Variable(id, "agent")) },
		Kind: func(err error) (reason, rule string) {
			if errors.Is(err, policy.ErrRefused) {
				return "policy", policy.RuleOf(err)
			}
			return kind(err), ""
		},
	}
	if rules != nil {
		t.Root = rules.Root
	}
	return t
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
	unwritten := t.put(line)
	if unwritten == nil {
		return nil
	}
	t.lose(unwritten)
	if t.Log != nil {
		t.Log.Warn("audit not written", "error", unwritten)
	}
	if t.Refuse == nil {
		return nil
	}
	return t.Refuse(unwritten)
}

// sinks are where lines go.
func (t *Trail) sinks() []string {
	if t.Sinks == nil {
		return []string{File}
	}
	return t.Sinks
}

// put writes a line to every sink.
func (t *Trail) put(line Line) error {
	line.stamp()
	line = line.cut(mostField)
	text, err := line.json()
	if err != nil {
		return err
	}
	var errs []error
	for _, sink := range t.sinks() {
		if sink == File {
			errs = append(errs, t.Dir.add(text))
		} else {
			errs = append(errs, send(sink, t.Root, &entry{line, t.Name, text}))
		}
	}
	return errors.Join(errs...)
}

// Client is who an endpoint gives an answer to. The zero Client is none: the answer is
// for the process itself.
type Client struct {
	Name    string // by its token; "" if the endpoint has only one
	PID     int    // 0: the system does not tell
	Program string // what runs as PID; "": unknown
	// Agent is the coding agent that the client was seen to be, and Seen by what. ""
	// leaves to the line what was seen of the process itself.
	Agent, Seen string
}

type clientKey struct{}

// For is ctx for what a client of an endpoint has asked for: the trail names the
// client.
func For(ctx context.Context, client Client) context.Context {
	return context.WithValue(ctx, clientKey{}, client)
}

// ClientOf returns the client that something is done for.
func ClientOf(ctx context.Context) Client {
	client, _ := ctx.Value(clientKey{}).(Client)
	return client
}

// For fills in the client that a line is about.
func (l *Line) For(c Client) {
	l.Client, l.ClientPID, l.ClientProgram = c.Name, c.PID, c.Program
	if c.Agent != "" {
		l.Agent, l.AgentSeen = c.Agent, c.Seen
	}
}

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
