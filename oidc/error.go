package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/printable"
)

// Errors wrap one of these where it applies, for [errors.Is].
var (
	// ErrSignInRequired says that the service has ended the session: nothing
	// but another sign-in helps.
	ErrSignInRequired = errors.New("sign-in required")
	// ErrDenied says that the sign-in was refused, by the person who was to
	// confirm it or, if [Error.Reason] is set, by the service.
	ErrDenied = errors.New("sign-in denied")
	// ErrExpired says that the sign-in was not confirmed in time.
	ErrExpired = errors.New("sign-in expired before it was confirmed")
)

// Error is a request that failed. It holds no secrets.
type Error struct {
	// Op is "RegisterClient", "StartDeviceAuthorization", "CreateToken" or
	// "CreateTokenWithIAM", or, in a browser, "Authorize". "ResolveStartURL" is no operation of the
	// service: see [Config].
	Op string
	// Code is the service's error code, such as "invalid_grant" (RFC 6749,
	// section 5.2, and RFC 8628, section 3.5). "" if it gave none, as when
	// a proxy answered, or there was no answer. For "Authorize" it is one of RFC
	// 6749, section 4.1.2.1, or "unknown_error" for any other.
	Code        string
	Description string // the service's, for people; often ""
	// Reason is the service's, where Code alone does not tell: "KMS_…" for
	// trouble with the key that encrypts the instance. Usually "".
	Reason     string
	StatusCode int    // HTTP, 302 by way of a browser; 0 if there was no answer
	RequestID  string // for AWS support; "" if unknown
	// RetryAfter is how long the service wants to be left alone, at most a
	// minute. 0 if it did not say.
	RetryAfter time.Duration

	err error
}

// Error says what went wrong.
func (e *Error) Error() string {
	return awsapi.Describe(e.Op, e.StatusCode, e.RequestID, e.err, e.Code, e.Description, e.Reason)
}

// Unwrap returns what the error means, one of the package's Err variables, or
// what kept the answer from arriving: a [*net/url.Error], or a context's
// error. It may be nil.
func (e *Error) Unwrap() error { return e.err }

// Temporary reports whether the service could not or would not answer just
// now: a fault of its own (HTTP 5xx), or too many requests. It is false where
// there was no answer at all (StatusCode 0).
func (e *Error) Temporary() bool {
	switch e.Code {
	case "slow_down", "server_error", "temporarily_unavailable":
		return true
	}
	return awsapi.Temporary(e.StatusCode)
}

// errUnreadable marks an answer that tells nothing about what the service did:
// a success whose body could not be read, or an answer that is not the service's.
type errUnreadable struct{ error }

// unanswered reports whether we do not know what the service answered.
func (e *Error) unanswered() bool {
	_, unreadable := e.err.(errUnreadable)
	return e.StatusCode == 0 || unreadable
}

// failed makes an [*Error] of an SDK call's error. The SDK's own are not
// passed on: they print nothing of what the service said, and they hold the
// request with its secrets. meanings maps codes to what they are for
// [errors.Is].
func failed(ctx context.Context, op string, err error, meanings map[string]error) *Error {
	answer, ok := awsapi.AnswerTo(err)
	if !ok {
		return &Error{Op: op, err: awsapi.Cause(ctx, err)}
	}
	e := &Error{Op: op, StatusCode: answer.StatusCode, RequestID: answer.RequestID, RetryAfter: answer.RetryAfter}
	switch {
	case answer.StatusCode < 300 || !answer.Marked:
		e.err = errUnreadable{answer.Garbled()}
	case !answer.FromService():
		e.err = answer.Garbled()
	default:
		e.read(answer)
		if answer.StatusCode < 500 && e.err == nil {
			e.err = meanings[e.Code]
		}
	}
	return e
}

// read takes what the service said. The body's code comes before the type in
// the header: they agree, but a proxy may have removed the header.
func (e *Error) read(answer awsapi.Answer) {
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Message     string `json:"message"` // of errors that the service does not model
		Reason      string `json:"reason"`
		Region      string `json:"region"` // of InvalidRequestRegionException
		Endpoint    string `json:"endpoint"`
	}
	// Members of other types than these are as good as none.
	_ = json.Unmarshal(answer.Body, &said)
	e.Code, e.Description, e.Reason = printable.Line(said.Error), printable.Line(said.Description), printable.Line(said.Reason)
	if e.Code == "" {
		e.Code = code(answer.Type)
	}
	if said.Region != "" {
		e.err = &RegionError{printable.Line(said.Region), printable.Line(said.Endpoint)}
	}
	if e.Description == "" {
		e.Description = printable.Line(said.Message)
	}
}

// code is the OAuth code for an exception's name: "InvalidGrantException" is
// "invalid_grant", and so on for all but two.
func code(exception string) string {
	name := strings.TrimSuffix(exception, "Exception")
	switch name {
	case "InternalServer":
		return "server_error"
	case "InvalidRequestRegion":
		return "invalid_request"
	}
	var code strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			code.WriteByte('_')
		}
		code.WriteRune(unicode.ToLower(r))
	}
	return code.String()
}

// incomplete says that a success lacks what it is for.
func incomplete(op, what string, metadata middleware.Metadata) *Error {
	id, _ := awsmiddleware.GetRequestIDMetadata(metadata)
	return &Error{Op: op, StatusCode: http.StatusOK, RequestID: printable.Line(id), err: fmt.Errorf("the answer has no complete %s", what)}
}

// ConfigError is a field of [Config] with which no sign-in can work.
type ConfigError struct {
	Field   string // "StartURL", "Region", "Endpoint"
	Value   string // as given, without any password; "" if it cannot be shown
	Problem string // "must start with https://"
}

// Error says what went wrong.
func (e *ConfigError) Error() string {
	return fmt.Sprintf("%s %q: %s", e.Field, e.Value, e.Problem)
}
