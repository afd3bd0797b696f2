package advice

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/credproc/credproc/cmd/internal/status"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/tokencache"
)

// noticeTime is how long a notice is not repeated.
const noticeTime = time.Minute

// A Notice tells the person why a command gets no credentials: many SDKs say
// only that there are none. It is one line, at most once a minute, and none
// while a program has the terminal for itself.
type Notice struct {
	terminal *terminal.Terminal
	name     string // of the program
	explain  func(error) Advice
	mode     term.State // of the terminal, before the command
	known    bool       // its mode

	mu   sync.Mutex
	next time.Time // when another may be written
}

// NewNotice looks at the terminal as it is before the command starts.
func NewNotice(t *terminal.Terminal, name string, explain func(error) Advice) *Notice {
	n := &Notice{terminal: t, name: name, explain: explain}
	n.mode, n.known = t.Mode()
	return n
}

// Tell is for one call that failed. It is not waited for: what reads stderr may be slow.
func (n *Notice) Tell(err error) {
	if !n.mu.TryLock() { // one is being written
		return
	}
	defer n.mu.Unlock()
	if time.Now().Before(n.next) || n.taken() {
		return
	}
	n.next = time.Now().Add(noticeTime)
	say := n.explain(err)
	what := string(terminal.TrimSuffix(say.Text, "."))            // and so on one line
	if e, ok := errors.AsType[*tokencache.SignInError](err); ok { // there was one when the command started
		what = string(status.HasEnded(e.Session, time.Time{}))
	}
	text := terminal.Prosef("%s: %s", n.name, what)
	if say.Hint != "" {
		text += terminal.Prosef("; run \"%s\"", say.Hint)
	}
	n.terminal.Say("%s", text)
}

// taken reports whether a program has changed the terminal's mode, as editors,
// pagers and the prompts of shells do.
func (n *Notice) taken() bool {
	mode, ok := n.terminal.Mode()
	return ok && n.known && mode != n.mode
}
