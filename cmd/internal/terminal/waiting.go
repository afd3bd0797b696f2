package terminal

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Waiting is what the person sees while a sign-in waits for them: on a terminal
// one line with the time that is left, kept below what else there is to say.
type Waiting struct {
	terminal *Terminal
	mu       sync.Mutex
	line     int // how long the line is that stands there
	over     bool
	stop     chan struct{}
}

// Waiting returns one that has not started.
func (t *Terminal) Waiting() *Waiting { return &Waiting{terminal: t, stop: make(chan struct{})} }

// Say says something above the line, unless the waiting is over.
func (w *Waiting) Say(format Prose, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	w.clear()
	w.terminal.Say(format, args...)
}

// Count shows the line until the waiting ends, on a terminal.
func (w *Waiting) Count(what string, until time.Time) {
	if !Is(w.terminal.err) || w.terminal.env("TERM") == "dumb" {
		return
	}
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for w.draw(what, time.Until(until)) {
			select {
			case <-w.stop:
				return
			case <-tick.C:
			}
		}
	}()
}

// draw reports whether there is something left to draw.
func (w *Waiting) draw(what string, left time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || left < 0 {
		return false
	}
	text := fmt.Sprintf("%s, %s left. Ctrl-C gives up.", what, countdown(left))
	if width, _ := w.terminal.Size(); width > 0 && len(text)+2 >= width {
		text = countdown(left)
	}
	w.terminal.SayPart("\r%-*s\r%s", w.line, "", text)
	w.line = len(text)
	return true
}

// clear wipes the line, and the "^C" that a terminal adds to it, with nothing
// that an old console does not know.
func (w *Waiting) clear() {
	if w.line > 0 {
		w.terminal.SayPart("\r%s\r", strings.Repeat(" ", w.line+2))
		w.line = 0
	}
}

// End ends the waiting: nothing more is said.
func (w *Waiting) End() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.clear()
		w.over = true
		close(w.stop)
	}
}

// countdown is "9:58".
func countdown(d time.Duration) string {
	seconds := int(d.Round(time.Second).Seconds())
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}
