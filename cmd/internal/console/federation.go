package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/printable"
)

// Federation exchanges credentials for a token that signs a browser in, valid for
// 15 minutes.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html
type Federation struct {
	Base        string // URL of the sign-in service, without a slash at the end
	Client      *http.Client
	Credentials aws.Credentials
	// Duration is how long the console session lasts. 0: as long as the
	// credentials. [Federation.Token] sets it to 0 if the role does not allow it.
	Duration time.Duration
	Logger   *slog.Logger // nil: none
}

// FederationError is an exchange that failed. It says nothing of what was sent.
type FederationError struct {
	RequestID string // "" if unknown
	Base      string // of the sign-in service

	status int // HTTP; 0 if there was no answer
	err    error
}

func (e *FederationError) Error() string {
	switch {
	case e.status == 0:
		return fmt.Sprintf("sign in at %s: %v", e.Base, e.err)
	case e.err != nil:
		return fmt.Sprintf("sign in at %s: %v (HTTP %d)", e.Base, e.err, e.status)
	}
	return fmt.Sprintf("sign in at %s: refused (HTTP %d)", e.Base, e.status)
}

func (e *FederationError) Unwrap() error { return e.err }

// Temporary reports whether trying again may help.
func (e *FederationError) Temporary() bool {
	return e.status == 0 || e.status >= 500 || e.status == http.StatusTooManyRequests
}

// Token exchanges the credentials. The service refuses a duration that the role
// does not allow without saying why: then the exchange is tried without it.
func (f *Federation) Token(ctx context.Context) (string, error) {
	token, err := f.exchange(ctx)
	refused, ok := errors.AsType[*FederationError](err)
	if ok && refused.status == http.StatusBadRequest && f.Duration != 0 {
		f.Duration = 0
		return f.exchange(ctx)
	}
	return token, err
}

func (f *Federation) exchange(ctx context.Context) (string, error) {
	ctx, cancel := awsapi.Bounded(ctx)
	defer cancel()
	request, err := f.request(ctx)
	if err != nil {
		return "", err
	}
	began := time.Now()
	response, err := awsapi.HTTPClient(f.Client).Do(request)
	if err != nil {
		f.log(began, 0, "")
		return "", &FederationError{Base: f.Base, err: awsapi.Plain(awsapi.Cause(ctx, err))}
	}
	defer response.Body.Close()
	id := printable.Line(response.Header.Get("X-Amzn-Requestid"))
	f.log(began, response.StatusCode, id)
	return f.read(response, id)
}

// request is a POST: a URL with keys in it would be in the logs of every proxy.
func (f *Federation) request(ctx context.Context) (*http.Request, error) {
	session, err := json.Marshal(map[string]string{
		"sessionId": f.Credentials.AccessKeyID, "sessionKey": f.Credentials.SecretAccessKey, "sessionToken": f.Credentials.SessionToken,
	})
	if err != nil {
		return nil, err
	}
	form := url.Values{"Action": {"getSigninToken"}, "Session": {string(session)}}
	if f.Duration != 0 {
		form.Set("SessionDuration", strconv.Itoa(int(f.Duration.Seconds())))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.Base+"/federation", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "lib/credproc#"+awsapi.Version())
	return request, nil
}

func (f *Federation) read(response *http.Response, id string) (string, error) {
	failed := &FederationError{Base: f.Base, status: response.StatusCode, RequestID: id}
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

func (f *Federation) log(began time.Time, status int, requestID string) {
	if f.Logger != nil {
		f.Logger.Debug("call", "service", "signin", "operation", "getSigninToken", "took", time.Since(began), "status", status, "request_id", requestID)
	}
}

// LoginURL is the page that signs a browser in with a token. It is a secret.
func (f *Federation) LoginURL(issuer, destination, token string) string {
	return f.Base + "/federation?Action=login&Issuer=" + Escape(issuer) +
		"&Destination=" + Escape(destination) + "&SigninToken=" + Escape(token)
}
