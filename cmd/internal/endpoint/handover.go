package endpoint

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/loopback"
)

const (
	// handOverTime is how long a browser may take to fetch the page.
	handOverTime = time.Minute
	// doubt is how long a second browser is waited for, where nothing is known
	// of the first.
	doubt = 2 * time.Second
)

// HandOver gets a URL that is a secret to a browser. Everybody on the machine
// can read the command line that starts one, so open is given a page that says no
// more than where to fetch the URL, which can be done once. refused is another user
// who asked for it, or "".
func HandOver(ctx context.Context, secret string, open func(page string) error) (refused string, err error) {
	listener, err := Listen("127.0.0.1:0", false)
	if err != nil {
		return "", err
	}
	ticket := newTicket(listener.Addr().String(), secret)
	server := loopback.NewServer(ticket, 16<<10)
	go loopback.Serve(server, listener)
	defer server.Close()
	if err := open("http://" + ticket.host + ticket.path); err != nil {
		return "", err
	}
	if refused, err = ticket.wait(ctx); err != nil {
		return "", err
	}
	// The answer is to get out. Browsers hold further connections open on which
	// they never ask for anything, and which are no reason to wait, nor to fail.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	server.Shutdown(ctx)
	return refused, nil
}

// A ticket redirects the first browser that shows it to a secret page. On Linux
// that is one of this user or of root, or one that nothing is known of.
type ticket struct {
	host, path, login string

	used, twice chan struct{} // closed by the first and by the second browser

	mu      sync.Mutex
	shown   int
	sure    bool   // the first browser is known to be this user's
	refused string // who else has shown the ticket
}

func newTicket(host, login string) *ticket {
	return &ticket{host: host, path: "/" + rand.Text(), login: login, used: make(chan struct{}), twice: make(chan struct{})}
}

// ServeHTTP implements [http.Handler].
func (t *ticket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := http.StatusNotFound
	if r.Method == http.MethodGet && r.Host == t.host && r.URL.Path == t.path {
		status = t.take(loopback.PeerOf(r))
	}
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	if status != http.StatusFound {
		loopback.Refuse(w)
		http.Error(w, "This page is not for you, or was shown before.", status)
		return
	}
	loopback.Welcome(r)
	header.Set("Location", t.login)
	w.WriteHeader(status)
	close(t.used)
}

// take decides what a browser with the ticket gets.
func (t *ticket) take(peer loopback.Peer) (status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if peer.Other() {
		t.refused = cmp.Or(t.refused, peer.String())
		return http.StatusForbidden
	}
	switch t.shown++; t.shown {
	case 1:
		t.sure = peer.Known()
		return http.StatusFound
	case 2:
		close(t.twice)
	}
	return http.StatusNotFound
}

// wait returns when a browser has the page. Where nothing is known of it, it may
// be another user's: then the person's own comes, too.
func (t *ticket) wait(ctx context.Context) (refused string, err error) {
	late := time.NewTimer(handOverTime)
	defer late.Stop()
	select {
	case <-t.used:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case <-late.C:
		t.mu.Lock()
		defer t.mu.Unlock()
		return "", &HandOverError{Refused: t.refused}
	}
	t.mu.Lock()
	sure, refused := t.sure, t.refused
	t.mu.Unlock()
	if sure {
		return refused, nil
	}
	late.Reset(doubt)
	select {
	case <-t.twice:
		return "", &HandOverError{Twice: true}
	case <-late.C:
	case <-ctx.Done(): // the page is out
	}
	return refused, nil
}

// HandOverError is a secret page that no browser has fetched, or the wrong one.
type HandOverError struct {
	Twice   bool   // the first may have been the wrong one
	Refused string // who else asked for it; "" if none did
}

func (e *HandOverError) Error() string {
	switch {
	case e.Twice:
		return "two browsers asked for the page, and the first one got it"
	case e.Refused != "":
		return fmt.Sprintf("your browser did not ask for the page within %s, but %s did and was refused", terminal.Short(handOverTime), e.Refused)
	}
	return fmt.Sprintf("no browser asked for the page within %s", terminal.Short(handOverTime))
}
