package audit

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/credproc/credproc/internal/printable"
	"github.com/credproc/credproc/internal/safedir"
)

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
