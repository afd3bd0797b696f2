// Package endpoint serves container credentials, on the loopback interface or with
// TLS, gets them from another such endpoint, and hands a secret page over to one
// browser. Its callers give it functions that get credentials and explain errors.
package endpoint

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/singleflight"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/loopback"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/starturl"
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

// An Endpoint serves container credentials.
//
// Errors have a status of 4xx, whatever they are: with one of 5xx, and with 429,
// the SDKs try again for up to 15 seconds before they show the reason.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
type Endpoint struct {
	Clients Clients // who may ask
	// Find returns the source of the credentials that a path names, for a client.
	Find func(c *Client, path string) (*Source, error)
	// TLS is how it is served; nil: as plain HTTP, on the loopback interface. Secure
	// sets it.
	TLS *tls.Config
	// Explain turns any other error than a fault into one.
	Explain func(error) *Fault
	Log     *slog.Logger // nil: none
	// Who reports whether a process of this machine is an agent, and which. nil: it
	// does not matter. An error means that this cannot be found out now.
	Who func(pid int) (agent.Asker, error)
	// Failed is called in a goroutine of its own when there are no credentials.
	Failed func(error) // nil: nothing is called
	// Refused writes the line of a refused request to the trail, if the source has
	// written none. nil: there is no trail.
	Refused func(ctx context.Context, line audit.Line, err error)

	certificates Certificates // nil: none
	mu           sync.Mutex
	judging      chan struct{}      // nil: not needed yet
	issuers      map[string]*issuer // by client, agent and path
}

// Certificates are an endpoint's, with the hosts that they are for.
type Certificates interface {
	GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Has(host string) bool
}

// Secure makes the endpoint speak TLS, and known by the hosts of its certificates.
func (e *Endpoint) Secure(c Certificates) {
	e.certificates = c
	e.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.GetCertificate, NextProtos: []string{"http/1.1"}}
}

// URL is where clients find the endpoint: by the first of the names that it has, by
// the one that it was told to listen at, or by its address. In TLS, the certificate is
// for what it was told.
func (e *Endpoint) URL(l net.Listener, listen string, names []string) string {
	scheme, at := "http://", l.Addr().String()
	told, _, _ := net.SplitHostPort(listen)
	if e.TLS != nil {
		scheme = "https://"
		if len(names) == 0 && told != "" && net.ParseIP(told) == nil {
			names = []string{told}
		}
	}
	if _, port, err := net.SplitHostPort(at); err == nil && len(names) > 0 {
		at = net.JoinHostPort(strings.Trim(names[0], "[]"), port)
	}
	return scheme + at
}

// A Source gives the credentials of one role.
type Source struct {
	Name     string // for the log
	Retrieve func(context.Context) (aws.Credentials, error)
}

// RefusedError is an address or a token that cannot be used.
type RefusedError struct{ Problem string }

func (e *RefusedError) Error() string { return e.Problem }

// Listen opens a port of the loopback interface, or of any if secure says that TLS
// is spoken there. addr must be "HOST:PORT". Errors are a [*RefusedError],
// unless the system has run out of something.
func Listen(addr string, secure bool) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || !secure && !starturl.IsLoopback(host) {
		return nil, &RefusedError{"the address to listen on is " + addr + ": it must be 127.0.0.1:PORT or [::1]:PORT, or any HOST:PORT with --tls"}
	}
	if strings.EqualFold(host, "localhost") {
		host = "127.0.0.1"
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if e, ok := errors.AsType[*net.OpError](err); ok { // which looks like a service that cannot be reached
		err = e.Err
	}
	if s, ok := errors.AsType[*os.SyscallError](err); ok {
		err = s.Err
	}
	if safedir.IsShort(err) {
		return nil, fmt.Errorf("listen on %s: %w", addr, err) // which is not about the address
	}
	if err != nil {
		return nil, &RefusedError{"cannot listen on " + addr + ": " + err.Error()}
	}
	return l, nil
}

// Background serves until stop is called, whatever becomes of ctx.
func (e *Endpoint) Background(ctx context.Context, listener net.Listener) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() { served <- e.Serve(ctx, listener) }()
	return func() { cancel(); <-served }
}

// Serve answers until ctx ends, and then lets requests under way come to their
// end.
func (e *Endpoint) Serve(ctx context.Context, listener net.Listener) error {
	server := loopback.NewServer(e, 16<<10)
	server.TLSConfig = e.TLS
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
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	client, name, body, f := e.answer(w, r)
	status, code := http.StatusOK, ""
	if f != nil {
		status, code, body = f.Status, f.Code, f.body()
	}
	header := w.Header()
	header.Set("Content-Type", "application/json") // exactly: Go's SDK takes nothing after it
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if status == http.StatusMethodNotAllowed {
		header.Set("Allow", http.MethodGet)
	}
	w.WriteHeader(status)
	w.Write(body)
	// Nothing of the request but what we have understood: it may have a token in the
	// wrong place.
	e.log().Info("request", "for", name, "status", status, "code", code, "client", r.RemoteAddr,
		"client_name", client, "ms", time.Since(began).Milliseconds())
}

func (e *Endpoint) log() *slog.Logger { return cmp.Or(e.Log, slog.New(slog.DiscardHandler)) }

func (e *Endpoint) answer(w http.ResponseWriter, r *http.Request) (client, name string, body []byte, f *Fault) {
	c, f := e.admit(r)
	if c != nil {
		client = c.Name
	}
	if f != nil {
		loopback.Refuse(w)
		return client, "", nil, f
	}
	loopback.Welcome(r)
	asks, err := e.whoAsks(r, client)
	if err != nil {
		e.refused(audit.For(r.Context(), audit.Client{Name: client}), r.URL.Path, err)
	} else {
		name, body, err = e.give(audit.For(r.Context(), asks), c, r.URL.Path)
	}
	if err != nil {
		f = e.faultFor(c, r.URL.Path, err)
	}
	return client, name, body, f
}

// give returns the document for a client, which the trail has then, and the name of
// its source.
func (e *Endpoint) give(ctx context.Context, c *Client, path string) (name string, body []byte, err error) {
	t, err := e.issuer(c, audit.ClientOf(ctx).Agent, path)
	if err != nil {
		e.refused(ctx, path, err)
		return "", nil, err
	}
	got, err := t.document(ctx)
	if err == nil {
		err = got.entry.Leave(ctx)
	} else if got.entry.Told() {
		got.entry.Leave(ctx)
	} else {
		e.refused(ctx, path, err)
	}
	if err != nil && e.Failed != nil && ctx.Err() == nil {
		go e.Failed(err)
	}
	return t.Name, got.body, err
}

func (e *Endpoint) refused(ctx context.Context, path string, err error) {
	if e.Refused != nil {
		e.Refused(ctx, lineOf(path, err), err)
	}
}

// lineOf is what the trail says of a request that was refused before a source was
// found, or by the endpoint itself.
func lineOf(path string, err error) audit.Line {
	line := audit.Line{Event: audit.Answer}
	switch kind, name := split(path); kind {
	case "profile":
		line.Profile = name
	case "role":
		line.AccountID, line.RoleName, _ = strings.Cut(name, "/")
	}
	if f, ok := errors.AsType[*Fault](err); ok {
		switch line.Reason = "misconfigured"; f.Status {
		case http.StatusForbidden:
			line.Reason = "no access"
		case http.StatusFailedDependency:
			if line.Reason = "unavailable"; f.Code == "KeyringUnavailable" {
				line.Reason = "keyring"
			}
		case http.StatusUnauthorized:
			line.Reason = "sign-in required"
		}
	}
	return line
}

// Only returns what finds one source, at "/".
func Only(s *Source) func(c *Client, path string) (*Source, error) {
	return func(_ *Client, path string) (*Source, error) {
		if path != "/" {
			return nil, &Fault{Status: http.StatusNotFound, Code: "NotFound", Message: "there is nothing here"}
		}
		return s, nil
	}
}

// Fault is an answer without credentials.
type Fault struct {
	Status        int
	Code, Message string
}

func (f *Fault) Error() string { return f.Message }

// body has each member twice: Go's SDK reads one spelling, JavaScript's the
// other.
func (f *Fault) body() []byte {
	message := string(terminal.Line(f.Message)) // which an SDK shows to people
	text, _ := terminal.EncodeJSON(map[string]string{"code": f.Code, "message": message, "Code": f.Code, "Message": message}, "")
	return bytes.TrimSpace(text)
}

// admit returns the client that a request comes from, or what is wrong with it. A
// client whose time is over gets the answer of a wrong token, and is returned for
// the log. A page in a browser can send requests here, by its own name for this
// machine (DNS rebinding) or from its own site; it cannot choose Host or leave
// Origin out.
func (e *Endpoint) admit(r *http.Request) (*Client, *Fault) {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	switch {
	case !starturl.IsLoopback(strings.Trim(host, "[]")) && (e.certificates == nil || !e.certificates.Has(host)):
		return nil, &Fault{http.StatusForbidden, "WrongHost", "this endpoint is not known by that name"}
	case r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "":
		return nil, &Fault{http.StatusForbidden, "FromBrowser", "this endpoint does not answer web pages"}
	case r.Method != http.MethodGet:
		return nil, &Fault{http.StatusMethodNotAllowed, "MethodNotAllowed", "this endpoint answers GET only"}
	}
	token := r.Header.Get("Authorization")
	if token == "" {
		return nil, &Fault{http.StatusForbidden, "AccessDenied", "no authorization token was sent; SDKs from before 2024 do not know " +
			"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: set AWS_CONTAINER_AUTHORIZATION_TOKEN for them"}
	}
	clients, err := e.Clients()
	if err != nil {
		e.log().Error("no client is admitted", "error", err.Error())
	}
	c := clientWith(clients, token)
	if c == nil || c.over() {
		return c, &Fault{http.StatusForbidden, "AccessDenied", "the authorization token is wrong"}
	}
	return c, nil
}

// faultFor turns an error into an answer. A client that may have some roles only
// does not learn from it what others there are, or what the config file has: that
// is for the log.
func (e *Endpoint) faultFor(c *Client, path string, err error) *Fault {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	f := e.Explain(err)
	if c.Allow.All || f.Status == http.StatusUnauthorized || f.Status == http.StatusFailedDependency { // about the login, not the role
		return f
	}
	e.log().Warn("reason not sent to the client", "client_name", c.Name, "error", f.Message)
	kind, name := split(path)
	if unknown, ok := errors.AsType[*awsconfig.UnknownProfileError](err); ok && kind == "profile" && unknown.Name == name {
		return &Fault{http.StatusNotFound, "NotFound", "there is no profile " + name}
	}
	return &Fault{f.Status, f.Code, "no credentials for " + kind + " " + name + ": the log of the endpoint says why"}
}

// issuer returns the one for a client, which may be an agent, and a path.
func (e *Endpoint) issuer(c *Client, agent, path string) (*issuer, error) {
	key := c.id() + agent + "\x00" + path
	if t := e.known(key, nil); t != nil {
		return t, nil
	}
	s, err := e.Find(c, path) // which takes time where there are thousands of profiles
	if err != nil {
		return nil, err
	}
	return e.known(key, s), nil
}

// known returns the issuer that has a key, or else a new one of a source, if there is
// one.
func (e *Endpoint) known(key string, s *Source) *issuer {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.issuers[key]
	if t != nil || s == nil {
		return t
	}
	if e.issuers == nil {
		e.issuers = make(map[string]*issuer)
	}
	if len(e.issuers) >= maxIssuers {
		clear(e.issuers) // each is made again when it is asked for
	}
	t = &issuer{Source: s}
	e.issuers[key] = t
	return t
}

// maxIssuers is more than the roles of any user, and less than fills a memory.
const maxIssuers = 10_000

// An issuer hands out the credentials of one role.
type issuer struct {
	*Source
	asking singleflight.Group

	mu    sync.Mutex
	last  given
	until time.Time // when it is no longer given without a look
}

// given is what an issuer has for its clients, and the line that each of them leaves
// in the trail.
type given struct {
	body  []byte
	entry *audit.Entry // nil: nothing was looked for
}

// document returns the answer for a client, by what is stored or new.
func (i *issuer) document(ctx context.Context) (given, error) {
	i.mu.Lock()
	last, until := i.last, i.until
	i.mu.Unlock()
	if time.Now().Before(until) {
		return last, nil
	}
	// One client that goes away must not fail the others.
	result := i.asking.DoChan("", func() (any, error) { return i.look(context.WithoutCancel(ctx)) })
	select {
	case <-ctx.Done():
		return given{}, ctx.Err()
	case r := <-result:
		got, _ := r.Val.(given)
		return got, r.Err
	}
}

func (i *issuer) look(ctx context.Context) (got given, err error) {
	ctx, got.entry = audit.Collect(ctx)
	c, err := i.fetch(ctx)
	// By the rule that a role is fetched twice a minute at most, credentials can
	// be about to end. New ones can be had a moment later.
	for late := time.Now().Add(3 * useful); err == nil && endsNow(c) && time.Now().Before(late); {
		select {
		case <-ctx.Done():
		case <-time.After(max(time.Until(c.Expires), useful/20)):
		}
		c, err = i.fetch(ctx)
	}
	if err != nil {
		return got, err
	}
	if got.body, err = containerDocument(c); err != nil {
		return got, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.last, i.until = got, time.Now().Add(min(memory, time.Until(c.Expires)/10))
	return got, nil
}

// endsNow reports whether credentials are about to expire. It leaves out those that
// expired long ago, by a clock that is wrong.
func endsNow(c aws.Credentials) bool {
	left := time.Until(c.Expires)
	return c.CanExpire && left < useful && left > -useful
}

// fetch is quick where stored credentials are good enough: new ones are then for
// the next client.
func (i *issuer) fetch(ctx context.Context) (aws.Credentials, error) {
	quick, cancel := context.WithTimeout(ctx, prompt)
	defer cancel()
	c, err := i.Source.Retrieve(quick)
	if err != nil && quick.Err() != nil {
		return i.Source.Retrieve(ctx)
	}
	return c, err
}

// containerDocument is what the SDKs read from such an endpoint. Some of them accept
// an Expiration only with "Z".
func containerDocument(c aws.Credentials) ([]byte, error) {
	if !c.HasKeys() {
		return nil, errors.New("there is no key in the credentials")
	}
	expires := ""
	if c.CanExpire {
		expires = c.Expires.UTC().Format(time.RFC3339)
	}
	return terminal.EncodeJSON(struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string `json:",omitempty"`
		Expiration      string `json:",omitempty"`
		AccountID       string `json:"AccountId,omitempty"`
	}{c.AccessKeyID, c.SecretAccessKey, c.SessionToken, expires, c.AccountID}, "")
}
