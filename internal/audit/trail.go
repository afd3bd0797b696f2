package audit

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/credproc/credproc/internal/printable"
	"github.com/credproc/credproc/internal/safedir"
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

// Problem returns why no line can be written now, or nil.
func (t *Trail) Problem() error {
	if t == nil {
		return nil
	}
	var errs []error
	for _, sink := range t.sinks() {
		if sink == File {
			errs = append(errs, safedir.Dir(t.Dir).CanAppend(name))
		} else {
			errs = append(errs, reach(sink, t.Root))
		}
	}
	return errors.Join(errs...)
}

// lostName is of a file that says which line could not be written last.
const lostName = "audit.lost"

// Lost is a line that could not be written.
type Lost struct {
	Time    time.Time `json:"time"` // local clock
	Problem string    `json:"problem"`
}

// lose notes that a line could not be written, if that can be.
func (t *Trail) lose(unwritten error) {
	if note, err := json.Marshal(Lost{time.Now().UTC().Truncate(time.Second), unwritten.Error()}); err == nil {
		safedir.Dir(t.Dir).WriteUnsynced(lostName, note)
	}
}

// Lost returns the line that could not be written last, if that was within a day, or
// nil.
func (t *Trail) Lost() *Lost {
	if t == nil {
		return nil
	}
	lost := new(Lost)
	note, err := safedir.Dir(t.Dir).Read(lostName)
	if err != nil || json.Unmarshal(note, lost) != nil {
		return nil
	}
	if age := time.Since(lost.Time); age < -time.Minute || age > 24*time.Hour {
		return nil
	}
	return lost
}

// Trouble says what is wrong with the trail, for people: "" if nothing is.
func (t *Trail) Trouble() string {
	if err := t.Problem(); err != nil {
		return "lines cannot be written: " + printable.Line(err.Error())
	}
	if lost := t.Lost(); lost != nil {
		return "a line could not be written at " + lost.Time.Local().Format(time.DateTime) + ": " + printable.Line(lost.Problem)
	}
	return ""
}

// Place says where lines go, for people.
func (t *Trail) Place() string {
	places := t.sinks()
	for i, sink := range places {
		if sink == File {
			places = slices.Clone(places)
			places[i] = t.Dir.Path()
		}
	}
	return strings.Join(places, ", ")
}
