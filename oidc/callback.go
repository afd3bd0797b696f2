package oidc

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/credproc/credproc/internal/loopback"
)

// callback is the place on 127.0.0.1 where the browser ends. Everybody on this
// machine, and every page in its browsers, can send requests there: only one
// with the state of this sign-in counts, and of these the first.
type callback struct {
	host, state      string
	program, session string // for the page

	came chan callbackAnswer // the first one is taken
	over chan struct{}       // closed when err says how the sign-in ended
	err  error
}

// callbackAnswer is what the browser brought: a code, or a refusal.
type callbackAnswer struct {
	code    string
	refusal error
}

// end says how the sign-in ended, to the browsers that wait for it.
func (b *callback) end(err error) {
	b.err = err
	close(b.over)
}

// ServeHTTP implements [http.Handler].
func (b *callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, p := b.answer(r)
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "no-referrer")
	if status != http.StatusOK {
		loopback.Refuse(w)
	}
	if status == http.StatusMethodNotAllowed {
		header.Set("Allow", http.MethodGet)
	}
	w.WriteHeader(status)
	p.write(w)
}

// answer waits, where the request counts, until the sign-in has ended.
func (b *callback) answer(r *http.Request) (int, page) {
	switch {
	case r.Host != b.host: // a name that was made to lead here
		return http.StatusMisdirectedRequest, b.notHere()
	case r.URL.EscapedPath() != callbackPath:
		return http.StatusNotFound, b.notHere()
	case r.Method != http.MethodGet: // a HEAD is a scanner's, and would use up the browser's turn
		return http.StatusMethodNotAllowed, b.notHere()
	}
	answer, ok := b.read(r.URL.RawQuery)
	if !ok {
		return http.StatusBadRequest, b.notHere()
	}
	// The state is in the command line of the browser, for every user to read.
	if loopback.PeerOf(r).Other() {
		return http.StatusForbidden, b.notYours()
	}
	loopback.Welcome(r)
	select {
	case b.came <- answer:
	default: // another one came first
	}
	select {
	case <-b.over:
		return b.ended()
	case <-r.Context().Done():
		return http.StatusServiceUnavailable, b.notHere() // which the browser does not read any more
	}
}

// read returns what a query brings. RFC 6749, section 3.1: parameters must not
// be included more than once.
func (b *callback) read(query string) (answer callbackAnswer, ok bool) {
	values, err := url.ParseQuery(query)
	state := values["state"]
	if err != nil || len(state) != 1 || subtle.ConstantTimeCompare([]byte(state[0]), []byte(b.state)) != 1 {
		return callbackAnswer{}, false
	}
	code, refusal := values["code"], values["error"]
	switch {
	case len(refusal) == 1 && len(code) == 0 && refusal[0] != "":
		return callbackAnswer{refusal: refused(refusal[0])}, true
	case len(code) == 1 && len(refusal) == 0 && code[0] != "":
		return callbackAnswer{code: code[0]}, true
	}
	return callbackAnswer{}, false
}

// refused is how the service refused by way of the browser (RFC 6749, section
// 4.1.2.1). It takes none of the words that came: anybody who knows the state
// can choose them, and a person would read them as credproc's or the service's.
func refused(code string) error {
	e := &Error{Op: "Authorize", Code: "unknown_error", StatusCode: http.StatusFound}
	if slices.Contains(authorizationErrors, code) {
		e.Code = code
	}
	if code == "access_denied" {
		e.err = ErrDenied
	}
	return e
}

// authorizationErrors are the codes of RFC 6749, section 4.1.2.1.
var authorizationErrors = []string{
	"invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope", "server_error", "temporarily_unavailable",
}

func (b *callback) ended() (int, page) {
	p := page{program: b.program, title: "Signed in to " + b.session, good: true, text: "You can close this tab."}
	if b.err == nil {
		return http.StatusOK, p
	}
	p.good, p.title, p.text = false, "Not signed in to "+b.session, "Go back to the terminal: it says what to do next."
	p.detail = "The sign-in failed."
	if e, ok := errors.AsType[*Error](b.err); ok {
		p.detail = e.Error()
	}
	if errors.Is(b.err, ErrDenied) {
		p.detail = "The sign-in was denied."
	}
	return http.StatusOK, p
}

// notHere is for requests that are no answer to this sign-in.
func (b *callback) notHere() page {
	return page{
		program: b.program, title: "Nothing to see here",
		text: "A sign-in is under way, but this is not the answer to it. Go back to the tab where you started, or start over in the terminal.",
	}
}

// notYours is for a browser that runs as another user.
func (b *callback) notYours() page {
	return page{
		program: b.program, title: "Not your sign-in",
		text: "Another user of this computer started this sign-in. Sign in with a browser that runs as that user, or with a device code.",
	}
}
