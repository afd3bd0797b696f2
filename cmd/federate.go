package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/cmd/internal/browser"
	"github.com/credproc/credproc/cmd/internal/console"
	"github.com/credproc/credproc/cmd/internal/endpoint"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/printable"
	"github.com/credproc/credproc/oidc"
)

// federate opens the console with the role's credentials: they are exchanged
// for a token, which is valid for 15 minutes and is in the URL.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html
func (c *consoleCommand) federate(ctx context.Context, r *run, t *target) error {
	destination, region, err := c.destination(r, t)
	if err != nil {
		return err
	}
	base := r.getenv("AWS_ENDPOINT_URL_SIGNIN") // the SDKs' name for the service
	if err := awsapi.CheckEndpoint(base); err != nil {
		return err
	}
	if base == "" {
		base = "https://" + console.PartitionOf(region).FederationHost(region, t.session.Config.UseFIPS)
	}
	credentials, err := r.offering(ctx, t, true, t.provider.Retrieve)
	if err != nil {
		return err
	}
	f := &federation{
		base: strings.TrimRight(base, "/"), client: t.session.Config.HTTPClient,
		credentials: credentials, duration: c.Duration,
	}
	if _, single := t.provider.(*credproc.Provider); !single && f.duration != 0 {
		f.duration = 0
		r.Say("--duration is left out: the console session of a chained role lasts as long as its credentials.")
	}
	token, err := f.token(ctx, r)
	if err != nil {
		return err
	}
	issuer, err := oidc.NormalizeStartURL(t.session.Config.StartURL)
	if err != nil {
		return err
	}
	return c.handOver(ctx, r, t, f.loginURL(issuer, destination, token))
}

// handOver gets the URL to a browser, or prints it.
func (c *consoleCommand) handOver(ctx context.Context, r *run, t *target, login string) error {
	switch {
	case c.Print:
		return r.PrintURL(login)
	case r.Browser != nil:
		return r.Browser(login)
	}
	refused, err := endpoint.HandOver(ctx, login, func(page string) error {
		if err := c.open(r, t, page); err != nil {
			return &browser.NotOpenedError{Err: err}
		}
		return nil
	})
	if refused != "" {
		r.Say("%s: warning: %s asked for the page and was refused.", r.name(), refused)
	}
	return err
}

// federation is an exchange of credentials for a sign-in token.
type federation struct {
	base        string // URL of the sign-in service
	client      *http.Client
	credentials aws.Credentials
	duration    time.Duration // 0: as long as the credentials
}

// federationError is an exchange that failed. It says nothing of what was sent.
type federationError struct {
	base      string
	status    int    // HTTP; 0 if there was no answer
	requestID string // "" if unknown
	err       error
}

func (e *federationError) Error() string {
	switch {
	case e.status == 0:
		return fmt.Sprintf("sign in at %s: %v", e.base, e.err)
	case e.err != nil:
		return fmt.Sprintf("sign in at %s: %v (HTTP %d)", e.base, e.err, e.status)
	}
	return fmt.Sprintf("sign in at %s: refused (HTTP %d)", e.base, e.status)
}

func (e *federationError) Unwrap() error { return e.err }

// temporary reports whether trying again may help.
func (e *federationError) temporary() bool {
	return e.status == 0 || e.status >= 500 || e.status == http.StatusTooManyRequests
}

// token exchanges the credentials. A duration that the role does not allow is
// refused as a whole, with no word about why: then it is left out.
func (f *federation) token(ctx context.Context, r *run) (string, error) {
	token, err := f.exchange(ctx, r)
	refused, ok := errors.AsType[*federationError](err)
	if ok && refused.status == http.StatusBadRequest && f.duration != 0 {
		r.Say("The role does not allow a console session of %s: it lasts as long as the credentials.", terminal.Short(f.duration))
		f.duration = 0
		return f.exchange(ctx, r)
	}
	return token, err
}

func (f *federation) exchange(ctx context.Context, r *run) (string, error) {
	session, err := json.Marshal(map[string]string{
		"sessionId": f.credentials.AccessKeyID, "sessionKey": f.credentials.SecretAccessKey, "sessionToken": f.credentials.SessionToken,
	})
	if err != nil {
		return "", err
	}
	form := url.Values{"Action": {"getSigninToken"}, "Session": {string(session)}}
	if f.duration != 0 {
		form.Set("SessionDuration", strconv.Itoa(int(f.duration.Seconds())))
	}
	ctx, cancel := awsapi.Bounded(ctx)
	defer cancel()
	// A POST: a URL with keys in it would be in the logs of every proxy.
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.base+"/federation", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "lib/credproc#"+awsapi.Version())
	began := time.Now()
	response, err := awsapi.HTTPClient(f.client).Do(request)
	if err != nil {
		f.log(r, began, 0, "")
		return "", &federationError{base: f.base, err: cause(awsapi.Cause(ctx, err))}
	}
	defer response.Body.Close()
	id := printable.Line(response.Header.Get("X-Amzn-Requestid"))
	f.log(r, began, response.StatusCode, id)
	return f.read(response, id)
}

func (f *federation) read(response *http.Response, id string) (string, error) {
	failed := &federationError{base: f.base, status: response.StatusCode, requestID: id}
	if response.StatusCode != http.StatusOK {
		return "", failed
	}
	var answer struct{ SigninToken string }
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil || json.Unmarshal(body, &answer) != nil || answer.SigninToken == "" {
		failed.err = errors.New("an answer without a token") // and not what it says instead
		return "", failed
	}
	return answer.SigninToken, nil
}

func (f *federation) log(r *run, began time.Time, status int, requestID string) {
	if logger := r.config.Logger; logger != nil {
		logger.Debug("call", "service", "signin", "operation", "getSigninToken", "took", time.Since(began), "status", status, "request_id", requestID)
	}
}

func (f *federation) loginURL(issuer, destination, token string) string {
	return f.base + "/federation?Action=login&Issuer=" + console.Escape(issuer) +
		"&Destination=" + console.Escape(destination) + "&SigninToken=" + console.Escape(token)
}
