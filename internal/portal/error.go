package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/printable"
)

// What an error can mean, for [errors.Is]. ErrNoAccess and ErrNotFound take the
// service's own headers: a proxy's answer with the same HTTP status is neither.
// ErrThrottled takes the status alone, and ErrUnauthorized a JSON object or no
// body; see [Error.Marked].
var (
	ErrUnauthorized = errors.New("access token not valid")    // 401: expired, or ended by the service
	ErrNoAccess     = errors.New("no access to that role")    // 403: not assigned to the person
	ErrNotFound     = errors.New("no such account or role")   // 404
	ErrThrottled    = errors.New("too many requests for now") // 429, which is not tried again
)

// Error is a request that failed. It holds no secrets.
type Error struct {
	Op         string        // "GetRoleCredentials", "ListAccounts", "ListAccountRoles", "Logout"
	Code       string        // the exception's name, "ForbiddenException"; "" if not given
	Message    string        // the service's, for people; "" if not given
	StatusCode int           // HTTP; 0 if there was no answer
	Marked     bool          // the answer has the service's own headers
	RequestID  string        // for AWS support; "" if unknown
	RetryAfter time.Duration // what the service asked for, at most a minute; 0 if nothing

	err error
}

func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString(e.Op)
	for _, part := range []string{e.Code, e.Message, e.otherwise()} {
		if part != "" {
			text.WriteString(": " + part)
		}
	}
	switch {
	case e.StatusCode != 0 && e.RequestID != "":
		fmt.Fprintf(&text, " (HTTP %d, request ID %s)", e.StatusCode, e.RequestID)
	case e.StatusCode != 0:
		fmt.Fprintf(&text, " (HTTP %d)", e.StatusCode)
	}
	return text.String()
}

// otherwise is what to say when the service said nothing.
func (e *Error) otherwise() string {
	switch {
	case e.Code != "" || e.Message != "":
		return ""
	case e.err != nil:
		return e.err.Error()
	}
	return http.StatusText(e.StatusCode)
}

// Unwrap returns what the error means, one of the package's Err variables, or
// what kept the answer from arriving: a [*net/url.Error], whose URL names
// account and role, or a context's error. It may be nil.
func (e *Error) Unwrap() error { return e.err }

// Temporary reports whether the service could not or would not answer just
// now: a fault of its own (HTTP 5xx), or too many requests. It is false where
// there was no answer at all (StatusCode 0).
func (e *Error) Temporary() bool {
	return e.StatusCode >= 500 || e.StatusCode == http.StatusTooManyRequests
}

// ServiceRequestID returns RequestID, as the errors of the SDK do.
func (e *Error) ServiceRequestID() string { return e.RequestID }

// failed makes an [*Error] of an SDK call's error. The SDK's own is not passed
// on: it holds the request, with the token in its header.
func failed(ctx context.Context, op string, err error) *Error {
	answer, ok := awsapi.AnswerTo(err)
	if !ok {
		return &Error{Op: op, err: awsapi.Cause(ctx, err)}
	}
	e := &Error{Op: op, Code: answer.Type, StatusCode: answer.StatusCode, Marked: answer.Marked, RequestID: answer.RequestID, RetryAfter: answer.RetryAfter}
	if answer.FromService() {
		var said struct {
			Message string `json:"message"`
		}
		// A message of another type is as good as none.
		_ = json.Unmarshal(answer.Body, &said)
		e.Message = printable.Line(said.Message)
	}
	e.err = meaning(answer)
	return e
}

func meaning(answer awsapi.Answer) error {
	switch {
	case answer.StatusCode == http.StatusTooManyRequests:
		return ErrThrottled
	case answer.StatusCode == http.StatusUnauthorized && (answer.Empty || answer.Body != nil):
		return ErrUnauthorized // even unmarked: to renew the token does no harm
	case !answer.FromService() || answer.StatusCode < 300:
		return answer.Garbled()
	case answer.StatusCode == http.StatusForbidden:
		return ErrNoAccess
	case answer.StatusCode == http.StatusNotFound:
		return ErrNotFound
	}
	return nil
}
