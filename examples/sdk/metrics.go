package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// metrics is a handler of the library's log that counts events instead of
// writing them: their names are the same from release to release. A program
// with a metrics library increments its counters here.
type metrics struct {
	mu    sync.Mutex
	count map[string]int
	took  time.Duration // of all calls to AWS
}

// Enabled implements [slog.Handler]. The events are at debug level.
func (m *metrics) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements [slog.Handler].
func (m *metrics) Handle(_ context.Context, event slog.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.count == nil {
		m.count = make(map[string]int)
	}
	name := event.Message
	event.Attrs(func(attr slog.Attr) bool {
		switch {
		case event.Message == "call" && attr.Key == "operation":
			name = "call " + attr.Value.String()
		case event.Message == "call" && attr.Key == "took":
			m.took += attr.Value.Duration()
		}
		return true
	})
	m.count[name]++
	return nil
}

// WithAttrs implements [slog.Handler].
func (m *metrics) WithAttrs([]slog.Attr) slog.Handler { return m }

// WithGroup implements [slog.Handler].
func (m *metrics) WithGroup(string) slog.Handler { return m }

func (m *metrics) print(w io.Writer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(m.count)) {
		fmt.Fprintf(w, "%4d  %s\n", m.count[name], name)
	}
	fmt.Fprintf(w, "calls took %v\n", m.took.Round(time.Millisecond))
}
