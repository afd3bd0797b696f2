package endpoint

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/safedir"
)

const (
	// relayTime is more than an endpoint takes that fetches credentials first.
	relayTime = 55 * time.Second
	// mostDocument is more than any answer of an endpoint.
	mostDocument = 256 << 10
)

// A Relay gets the credentials of one role from an endpoint elsewhere, over TLS.
// While that cannot be reached it gives those it got last, as long as they last; a
// refusal counts at once.
type Relay struct {
	url, tokenFile string
	path           string // of the url, without its escapes
	transport      *http.Transport

	mu   sync.Mutex
	last aws.Credentials
}

// UnreachableError says that the endpoint elsewhere gave no answer.
type UnreachableError struct {
	Host string
	Err  error
}

func (e *UnreachableError) Error() string { return fmt.Sprintf("cannot reach %s: %v", e.Host, e.Err) }

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// RelayTo returns a relay to the credentials at an address. caFile has the CAs of
// its certificate; "": those of the system. tokenFile is read for each request, as
// someone may replace it. Errors are a [*RefusedError], or of package os.
func RelayTo(address, caFile, tokenFile string) (*Relay, error) {
	to, err := url.Parse(address)
	if err != nil || to.Scheme != "https" || to.Hostname() == "" || to.User != nil || to.RawQuery != "" || to.Fragment != "" {
		// It is not repeated: it may have a password in it.
		return nil, &RefusedError{"the address to forward to must be https://HOST:PORT/profile/NAME or https://HOST:PORT/role/ACCOUNT/ROLE, without a user, a query or a fragment"}
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		text, err := safedir.ReadFile(caFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, &RefusedError{caFile + " has no certificate in it"}
		}
	}
	r := &Relay{url: to.String(), path: to.Path, tokenFile: tokenFile, transport: &http.Transport{
		// No proxy: it is on the next machine, and proxies are for what is far away.
		TLSClientConfig: config, TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: time.Minute,
	}}
	_, err = r.token()
	return r, err
}

// Name is what is relayed: the profile, or "ACCOUNT/ROLE".
func (r *Relay) Name() string {
	kind, name := split(r.path)
	return cmp.Or(name, kind)
}

// token reads the token. Root of a container is shown files of the host's users
// under their owners there.
func (r *Relay) token() (string, error) {
	text, err := safedir.ReadSecret(r.tokenFile, longestToken+1)
	if e, ok := errors.AsType[*safedir.UnsafeError](err); ok && e.Problem == safedir.Foreign && os.Geteuid() == 0 && e.Mode.Perm()&0o022 == 0 {
		text, err = safedir.ReadFile(r.tokenFile)
	}
	if err != nil {
		return "", err
	}
	return string(text), CheckToken(r.tokenFile, string(text))
}

// Source gives what is relayed. leave leaves a line in the trail of this machine.
func (r *Relay) Source(leave func(context.Context, audit.Line, error) error) *Source {
	return &Source{Name: r.Name(), Retrieve: func(ctx context.Context) (aws.Credentials, error) {
		c, err := r.Retrieve(ctx)
		line := lineOf(r.path, err)
		if line.Outcome, line.AccessKeyID = "fetched", c.AccessKeyID; c.CanExpire {
			line.Until(c.Expires)
		}
		if err := leave(ctx, line, err); err != nil {
			return aws.Credentials{}, err
		}
		return c, nil
	}}
}

// Retrieve returns the credentials. A refusal of the endpoint is a [*Fault]; an
// endpoint that gives no answer, or one without credentials in it, is an
// [*UnreachableError].
func (r *Relay) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := r.ask(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.last = c
		return c, nil
	}
	_, unreachable := errors.AsType[*UnreachableError](err)
	if unreachable && r.last.HasKeys() && (!r.last.CanExpire || time.Until(r.last.Expires) > time.Minute) {
		return r.last, nil
	}
	if !unreachable {
		r.last = aws.Credentials{}
	}
	return aws.Credentials{}, err
}

func (r *Relay) ask(ctx context.Context) (aws.Credentials, error) {
	ctx, cancel := context.WithTimeout(ctx, relayTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return aws.Credentials{}, err
	}
	token, err := r.token()
	if err != nil {
		return aws.Credentials{}, err
	}
	request.Header.Set("Authorization", token)
	request.Header.Set("Accept", "application/json")
	answer, err := r.transport.RoundTrip(request) // which follows no redirect: the token is for this host alone
	if err != nil {
		return aws.Credentials{}, &UnreachableError{request.URL.Host, err}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostDocument))
	if err != nil {
		return aws.Credentials{}, &UnreachableError{request.URL.Host, err}
	}
	return understand(request.URL.Host, answer.StatusCode, text)
}

// understand reads an answer, by the rules of the SDKs.
func understand(host string, status int, text []byte) (aws.Credentials, error) {
	var d struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string
		Expiration      time.Time
		AccountID       string `json:"AccountId"`
		Code, Message   string
	}
	err := json.Unmarshal(text, &d)
	switch {
	case status >= 400 && status < 500 && err == nil && d.Message != "":
		return aws.Credentials{}, &Fault{Status: status, Code: d.Code, Message: d.Message}
	case status != http.StatusOK:
		return aws.Credentials{}, &UnreachableError{host, fmt.Errorf("it answers with HTTP status %d", status)}
	case err != nil || d.AccessKeyID == "" || d.SecretAccessKey == "":
		return aws.Credentials{}, &UnreachableError{host, errors.New("its answer holds no credentials")}
	}
	return aws.Credentials{AccessKeyID: d.AccessKeyID, SecretAccessKey: d.SecretAccessKey, SessionToken: d.Token, AccountID: d.AccountID,
		CanExpire: !d.Expiration.IsZero(), Expires: d.Expiration}, nil
}
