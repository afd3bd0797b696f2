package cmd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/singleflight"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/loopback"
	"github.com/credproc/credproc/internal/sdk"
)

const (
	// prompt is how long a client waits that could have credentials which are
	// due: JavaScript's SDK gives an endpoint a second.
	prompt = 700 * time.Millisecond
	// memory is how long an answer is given again without a look at what is
	// stored. A sign-out takes effect after it.
	memory = time.Second
	// useful is what an answer has left at least: it takes a moment to arrive.
	useful = time.Second
	// stopTime is what requests under way get when an endpoint stops.
	stopTime = 3 * time.Second
)

// An endpoint serves container credentials on the loopback interface.
//
// Errors have a status of 4xx, whatever they are: with one of 5xx, and with 429,
// the SDKs try again for up to 15 seconds before they show the reason.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
type endpoint struct {
	app   *App
	token [sha256.Size]byte // hash of what clients must show
	// find returns where the credentials come from that a path stands for.
	find func(path string) (*source, error)
	log  *slog.Logger // nil: none
	// failed is told why there are no credentials, and must not be waited for. nil:
	// nobody is told.
	failed func(error)

	mu      sync.Mutex
	tellers map[string]*teller // by path
}

// A source is credentials, and how people call what they come from.
type source struct {
	target *target
	name   string // as the log has it
}

// shortestToken is 128 bits in base64 without its padding, or in more.
const shortestToken = 22

// hashOf makes tokens equally long, for a comparison in constant time.
func hashOf(token string) [sha256.Size]byte { return sha256.Sum256([]byte(token)) }

// listen opens a port of the loopback interface. addr must be "HOST:PORT".
func listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || !sdk.IsLoopback(host) {
		return nil, &usageError{problem: "the address to listen on is " + addr + ": it must be 127.0.0.1:PORT or [::1]:PORT"}
	}
	if strings.EqualFold(host, "localhost") {
		host = "127.0.0.1"
	}
	return net.Listen("tcp", net.JoinHostPort(host, port))
}

// serve answers until ctx ends, and then lets requests under way come to their
// end.
func (e *endpoint) serve(ctx context.Context, listener net.Listener) error {
	server := loopback.NewServer(e, 16<<10)
	served := make(chan error, 1)
	go func() { served <- loopback.Serve(server, listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if server.Shutdown(stopping) != nil {
		server.Close()
	}
	<-served
	return nil
}

// ServeHTTP implements [http.Handler].
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	name, status, body := e.answer(w, r)
	header := w.Header()
	header.Set("Content-Type", "application/json") // exactly: Go's SDK takes nothing after it
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if status == http.StatusMethodNotAllowed {
		header.Set("Allow", http.MethodGet)
	}
	w.WriteHeader(status)
	w.Write(body)
	if e.log != nil {
		// Nothing of the request but what we have understood: it may have a token
		// in the wrong place.
		e.log.Info("request", "for", name, "status", status, "code", codeIn(status, body), "client", r.RemoteAddr,
			"ms", time.Since(began).Milliseconds())
	}
}

func (e *endpoint) answer(w http.ResponseWriter, r *http.Request) (name string, status int, body []byte) {
	if f := e.refusal(r); f != nil {
		loopback.Refuse(w)
		return "", f.status, f.body()
	}
	loopback.Welcome(r)
	t, err := e.teller(r.URL.Path)
	if err != nil {
		f := e.fault(err)
		return "", f.status, f.body()
	}
	body, err = t.document(r.Context())
	if err != nil {
		err = t.target.wrap(err)
		if e.failed != nil && r.Context().Err() == nil {
			go e.failed(err)
		}
		f := e.fault(err)
		return t.name, f.status, f.body()
	}
	return t.name, http.StatusOK, body
}

// fault is an answer without credentials.
type fault struct {
	status        int
	code, message string
}

func (f *fault) Error() string { return f.message }

// body has each member twice: Go's SDK reads one spelling, JavaScript's the
// other.
func (f *fault) body() []byte {
	message := string(terminal.Line(f.message)) // which an SDK shows to people
	text, _ := terminal.EncodeJSON(map[string]string{"code": f.code, "message": message, "Code": f.code, "Message": message}, "")
	return bytes.TrimSpace(text)
}

func codeIn(status int, body []byte) string {
	var f struct{ Code string }
	if status != http.StatusOK {
		json.Unmarshal(body, &f)
	}
	return f.Code
}

// refusal says what is wrong with who asks, or how; nil if nothing is. A page in
// a browser can send requests here, by its own name for this machine (DNS
// rebinding) or from its own site; it cannot choose Host or leave Origin out.
func (e *endpoint) refusal(r *http.Request) *fault {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	switch {
	case !sdk.IsLoopback(strings.Trim(host, "[]")):
		return &fault{http.StatusForbidden, "WrongHost", "this endpoint is only known as 127.0.0.1, [::1] or localhost"}
	case r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "":
		return &fault{http.StatusForbidden, "FromBrowser", "this endpoint does not answer web pages"}
	case r.Method != http.MethodGet:
		return &fault{http.StatusMethodNotAllowed, "MethodNotAllowed", "this endpoint answers GET only"}
	}
	shown := hashOf(r.Header.Get("Authorization"))
	if subtle.ConstantTimeCompare(shown[:], e.token[:]) != 1 {
		return &fault{http.StatusForbidden, "AccessDenied", "the authorization token is missing or wrong"}
	}
	return nil
}

// fault turns an error into words, as the commands do.
func (e *endpoint) fault(err error) *fault {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	say := e.app.advise(err)
	f := &fault{http.StatusBadRequest, "Failed", strings.TrimSuffix(string(say.text), ".")}
	if say.more != "" {
		f.message += ". " + string(say.more)
	}
	if say.hint != "" {
		f.message = strings.TrimSuffix(f.message, ".") + ". Run: " + say.hint
	}
	switch say.status {
	case misconfigured:
		f.code = "WrongConfiguration"
	case unavailable:
		f.status, f.code = http.StatusFailedDependency, "Unavailable"
	case signInRequired:
		f.status, f.code = http.StatusUnauthorized, "SignInRequired"
	case noAccess:
		f.status, f.code = http.StatusForbidden, "NoAccess"
	case keyringShut:
		f.status, f.code = http.StatusFailedDependency, "KeyringUnavailable"
	}
	return f
}

// teller returns the one for a path.
func (e *endpoint) teller(path string) (*teller, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t := e.tellers[path]; t != nil {
		return t, nil
	}
	s, err := e.find(path)
	if err != nil {
		return nil, err
	}
	if e.tellers == nil {
		e.tellers = make(map[string]*teller)
	}
	if len(e.tellers) >= maxTellers {
		clear(e.tellers) // each is made again when it is asked for
	}
	t := &teller{source: s}
	e.tellers[path] = t
	return t, nil
}

// maxTellers is more than anybody has roles, and less than fills a memory.
const maxTellers = 10_000

// A teller hands out the credentials of one role.
type teller struct {
	*source
	asking singleflight.Group

	mu    sync.Mutex
	body  []byte
	until time.Time // when it is no longer given without a look
}

// document returns the answer for a client, by what is stored or new.
func (t *teller) document(ctx context.Context) ([]byte, error) {
	t.mu.Lock()
	body, until := t.body, t.until
	t.mu.Unlock()
	if time.Now().Before(until) {
		return body, nil
	}
	// One client that goes away must not fail the others.
	result := t.asking.DoChan("", func() (any, error) { return t.look(context.WithoutCancel(ctx)) })
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-result:
		body, _ := r.Val.([]byte)
		return body, r.Err
	}
}

func (t *teller) look(ctx context.Context) ([]byte, error) {
	c, err := t.retrieve(ctx)
	// By the rule that a role is fetched twice a minute at most, credentials can
	// be about to end. New ones can be had a moment later.
	for late := time.Now().Add(3 * useful); err == nil && endsNow(c) && time.Now().Before(late); {
		select {
		case <-ctx.Done():
		case <-time.After(max(time.Until(c.Expires), useful/20)):
		}
		c, err = t.retrieve(ctx)
	}
	if err != nil {
		return nil, err
	}
	body, err := containerDocument(c)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.body, t.until = body, time.Now().Add(min(memory, time.Until(c.Expires)/10))
	return body, nil
}

// endsNow does not mean what ended long ago by a clock that is wrong.
func endsNow(c aws.Credentials) bool {
	left := time.Until(c.Expires)
	return c.CanExpire && left < useful && left > -useful
}

// retrieve is quick where something that is stored will do: what is new is then
// for the next client.
func (t *teller) retrieve(ctx context.Context) (aws.Credentials, error) {
	quick, cancel := context.WithTimeout(ctx, prompt)
	defer cancel()
	c, err := t.target.provider.Retrieve(quick)
	if err != nil && quick.Err() != nil {
		return t.target.provider.Retrieve(ctx)
	}
	return c, err
}

// containerDocument is what the SDKs read from such an endpoint. Some of them
// take Expiration with "Z" only.
func containerDocument(c aws.Credentials) ([]byte, error) {
	if !c.HasKeys() {
		return nil, errors.New("there is no key in the credentials")
	}
	return terminal.EncodeJSON(struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string `json:",omitempty"`
		Expiration      string `json:",omitempty"`
		AccountID       string `json:"AccountId,omitempty"`
	}{c.AccessKeyID, c.SecretAccessKey, c.SessionToken, ifExpiring(c, "Z07:00"), c.AccountID}, "")
}
