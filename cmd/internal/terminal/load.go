package terminal

import (
	"context"
	"errors"
	"sync"
	"time"
)

// News is what comes to a [Menu] while it is open.
type News struct {
	Choices []Choice // more choices, which follow those before
	Note    string   // what is being done, or what went wrong; "" for nothing
}

// ErrNothing means that a menu was empty, and that nothing came.
var ErrNothing = errors.New("there is nothing to choose from")

// inbox keeps news until the picker looks at it.
type inbox struct {
	mu    sync.Mutex
	news  News
	fresh bool
	over  bool // nothing more comes
}

func (b *inbox) put(n News) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.news = News{append(b.news.Choices, n.Choices...), n.Note}
	b.fresh = true
}

func (b *inbox) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fresh, b.over = true, true
}

// has reports whether something has come since the last look.
func (b *inbox) has() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fresh
}

// take returns what has come since the last call.
func (b *inbox) take() (n News, over, fresh bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, fresh = b.news, b.fresh
	b.news.Choices, b.fresh = nil, false
	return n, b.over, fresh
}

// load starts to load choices. stop ends that, and waits until it has ended.
func (p *picker) load() (stop func()) {
	if p.Load == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer p.inbox.end()
		p.Load(ctx, p.inbox.put)
	}()
	return func() { cancel(); <-ended }
}

// receive shows what has come. A cursor that the user has moved stays on its choice,
// and that one where it is on the screen. One that was not moved is on the best match.
func (p *picker) receive() {
	n, over, fresh := p.inbox.take()
	if !fresh {
		return
	}
	p.loaded, p.note = over, n.Note
	if len(n.Choices) == 0 {
		return
	}
	current, row, moved := -1, p.at-p.top, p.moved
	if moved && len(p.matches) > 0 {
		current = p.matches[p.at]
	}
	p.add(n.Choices)
	p.matches = nil // a search among all
	p.search(p.query)
	for at, i := range p.matches {
		if i == current {
			p.at, p.top, p.moved = at, max(0, at-row), moved
		}
	}
}

// Pace estimates how long work takes that is done in equal parts. The zero Pace
// starts at its first use.
type Pace struct{ began time.Time }

// Left returns how much time is left when some of all parts are done, at a rate of so
// many in a second, or at the rate so far, whichever is slower.
func (p *Pace) Left(done, all int, rate float64, now time.Time) time.Duration {
	if p.began.IsZero() {
		p.began = now
	}
	var left time.Duration
	if rate > 0 {
		left = time.Duration(float64(all-done) / rate * float64(time.Second))
	}
	if done > 0 {
		left = max(left, now.Sub(p.began)*time.Duration(all-done)/time.Duration(done))
	}
	return max(left, 0).Round(time.Second)
}

// Remaining says how much time is left, or nothing where that is less than a second.
func Remaining(left time.Duration) string {
	if left < time.Second {
		return ""
	}
	return countdown(left) + " left"
}
