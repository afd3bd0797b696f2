package cmd

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/tokencache"
)

// noticeTime is how long a notice is not repeated.
const noticeTime = time.Minute

// A notice tells the person why a command gets no credentials: many SDKs say
// only that there are none. It is one line, at most once a minute, and none
// while a program has the terminal for itself.
type notice struct {
	app      *App
	mode     term.State // of the terminal, before the command
	terminal bool       // there is one

	mu   sync.Mutex
	next time.Time // when another may be written
}

func newNotice(a *App) *notice {
	n := &notice{app: a}
	n.mode, n.terminal = a.term().Mode()
	return n
}

// tell is not waited for: what reads stderr may be slow.
func (n *notice) tell(err error) {
	if !n.mu.TryLock() { // one is being written
		return
	}
	defer n.mu.Unlock()
	if time.Now().Before(n.next) || n.taken() {
		return
	}
	n.next = time.Now().Add(noticeTime)
	say := advise(n.app, err)
	what := string(terminal.TrimSuffix(say.Text, "."))            // and so on one line
	if e, ok := errors.AsType[*tokencache.SignInError](err); ok { // there was one when the command started
		what = "the session " + e.Session + " has ended"
	}
	text := terminal.Prosef("%s: %s", n.app.name(), what)
	if say.Hint != "" {
		text += terminal.Prosef("; run \"%s\"", say.Hint)
	}
	n.app.term().Say("%s", text)
}

// taken reports whether a program has changed the terminal's mode, as editors,
// pagers and the prompts of shells do.
func (n *notice) taken() bool {
	mode, ok := n.app.term().Mode()
	return ok && n.terminal && mode != n.mode
}
