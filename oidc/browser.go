package oidc

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"

	"github.com/credproc/credproc/internal/loopback"
	"github.com/credproc/credproc/internal/startpage"
)

const (
	codeGrant    = "authorization_code"
	callbackPath = "/oauth/callback"

	// browserTime is how long a person has to sign in with a browser.
	browserTime = 10 * time.Minute
	// pageTime is what a browser gets to read the last page.
	pageTime = time.Second
	// maxCallback is more than any address that a browser is sent to.
	maxCallback = 64 << 10
)

// ErrNoCallback says that this process cannot listen on 127.0.0.1, where the browser
// would come back to.
var ErrNoCallback = errors.New("no browser can call back")

var errTooLate = errors.New("the sign-in has taken too long")

// SignInWithBrowser signs in with a browser on this machine: the authorization code
// grant with PKCE (RFC 7636), and a callback to 127.0.0.1 (RFC 8252). It listens
// there before anything else, registers a client, and calls open with the page to
// show, in a goroutine of its own. open must start a browser and not wait for it; its
// error ends the sign-in and is returned as it is. The page is no secret, but valid
// for this sign-in alone.
//
// If the browser runs on another machine, its last address leads nowhere. A request
// for that address from this machine, by any means, completes the sign-in: it is
// checked all the same. Requests without this sign-in's state are answered and change
// nothing; on Linux, neither do those of a process that is known to belong to another
// user than this one's or root.
//
// The browser is shown how it ended. The person has ten minutes, as the
// context says in its own words; then the error is [ErrExpired]. It is
// [ErrDenied] if the sign-in was refused, [ErrNoCallback] if nothing can
// listen, and else a [*ConfigError], an [*Error] or the context's. An Error
// with Op "RegisterClient" and a Code means that the service refuses this way
// to sign in: [Config.SignInWithCode] may work.
func (c *Config) SignInWithBrowser(ctx context.Context, open func(page string) error) (*Token, error) {
	if open == nil {
		return nil, errors.New("sign in with a browser: open is nil")
	}
	start, api, err := c.prepare(ctx, "pkce")
	if err != nil {
		return nil, err
	}
	// Before the registration: a browser that is signed in comes back at once.
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCallback, err)
	}
	defer listener.Close()
	client, err := c.register(ctx, api, &ssooidc.RegisterClientInput{
		GrantTypes: []string{codeGrant, refreshGrant},
		// RFC 8252, section 7.3: a loopback redirect is registered without the
		// port, and any port may be used.
		RedirectUris: []string{"http://127.0.0.1" + callbackPath},
		IssuerUrl:    &start,
	})
	if err != nil {
		return nil, err
	}
	way, err := c.newAuthorization(ctx, client, listener.Addr().String())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, browserTime, errTooLate)
	defer cancel()
	back := &callback{
		host: listener.Addr().String(), state: way.state, program: c.clientName(), session: c.sessionName(),
		came: make(chan callbackAnswer, 1), over: make(chan struct{}),
	}
	defer back.serve(listener)()
	token, err := way.wait(ctx, api, back.came, open)
	back.end(err)
	return token, err
}

// authorization is one sign-in with a browser, and its secrets.
type authorization struct {
	client                    Client
	page                      string // what the browser opens
	redirect, state, verifier string
}

// newAuthorization makes a sign-in whose browser ends at host.
func (c *Config) newAuthorization(ctx context.Context, client Client, host string) (*authorization, error) {
	service := startpage.Service{Region: c.Region, Endpoint: c.Endpoint, UseFIPS: c.UseFIPS, UseDualStack: c.UseDualStack}
	endpoint, err := service.URL(ctx)
	if err != nil {
		return nil, err
	}
	// RFC 7636, section 4.1: 43 to 128 unreserved characters.
	a := &authorization{client: client, redirect: "http://" + host + callbackPath, state: newUUID(), verifier: rand.Text() + rand.Text()}
	a.page = endpoint.Scheme + "://" + endpoint.Host + "/authorize?" + query(
		"response_type", "code",
		"client_id", client.ID,
		"redirect_uri", a.redirect,
		"state", a.state,
		"code_challenge_method", "S256",
		"scopes", strings.Join(c.scopes(), " "), // the service's spelling, not RFC 6749's
		"code_challenge", challenge(a.verifier),
	)
	return a, nil
}

// query keeps the order, and writes a space as %20: url.Values does neither.
func query(pairs ...string) string {
	var text strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			text.WriteByte('&')
		}
		text.WriteString(pairs[i] + "=" + strings.ReplaceAll(url.QueryEscape(pairs[i+1]), "+", "%20"))
	}
	return text.String()
}

// challenge is RFC 7636, section 4.2: BASE64URL-ENCODE(SHA256(ASCII(verifier))).
func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// newUUID returns a random one (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// wait opens the page, and exchanges the code that comes back.
func (a *authorization) wait(ctx context.Context, api *ssooidc.Client, came <-chan callbackAnswer, open func(string) error) (*Token, error) {
	opened := make(chan error, 1)
	go func() { opened <- open(a.page) }()
	for {
		select {
		case err := <-opened:
			if err != nil {
				return nil, err
			}
			opened = nil
		case answer := <-came:
			if answer.refusal != nil {
				return nil, answer.refusal
			}
			token, err := createToken(ctx, api, a.client, &ssooidc.CreateTokenInput{
				GrantType: aws.String(codeGrant), Code: &answer.code, CodeVerifier: &a.verifier, RedirectUri: &a.redirect,
			}, map[string]error{"access_denied": ErrDenied, "expired_token": ErrExpired})
			if err != nil {
				return nil, err
			}
			return token, nil
		case <-ctx.Done():
			if context.Cause(ctx) == errTooLate {
				return nil, ErrExpired
			}
			return nil, fmt.Errorf("wait for the browser: %w", ctx.Err())
		}
	}
}

// serve answers the browser until stop is called, which lets it read the last
// page.
func (b *callback) serve(listener net.Listener) (stop func()) {
	server := loopback.NewServer(b, maxCallback)
	server.SetKeepAlivesEnabled(false)
	go loopback.Serve(server, listener)
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), pageTime)
		defer cancel()
		// A browser also opens connections that it never uses.
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
	}
}
