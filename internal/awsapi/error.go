package awsapi

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is a request that failed. It holds no secrets.
type Error struct {
	Op         string        // "GetRoleCredentials"
	Code       string        // the exception's name, "ForbiddenException"; "" if not given
	Message    string        // the service's, for people; "" if not given
	StatusCode int           // HTTP; 0 if there was no answer
	Marked     bool          // the answer has the service's own headers
	RequestID  string        // for AWS support; "" if unknown
	RetryAfter time.Duration // what the service asked for, at most a minute; 0 if nothing
	// Err is what the error means, or what kept the answer from arriving: a
	// [*net/url.Error], whose URL names account and role, or a context's error. It
	// may be nil.
	Err error
}

func (e *Error) Error() string {
	return Describe(e.Op, e.StatusCode, e.RequestID, e.Err, e.Code, e.Message)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether the service could not or would not answer just now:
// see [Temporary].
func (e *Error) Temporary() bool { return Temporary(e.StatusCode) }

// ServiceRequestID returns RequestID, as the errors of the SDK do.
func (e *Error) ServiceRequestID() string { return e.RequestID }

// Temporary reports whether a service that answers with this HTTP status has a
// fault of its own (5xx), or too many requests. It is false for 0: there was no
// answer at all.
func Temporary(status int) bool { return status >= 500 || status == http.StatusTooManyRequests }

// Describe is the text of a request that failed: what the service said or, if it
// said nothing, cause.
func Describe(op string, status int, requestID string, cause error, said ...string) string {
	var text strings.Builder
	text.WriteString(op)
	if strings.Join(said, "") == "" {
		said = []string{http.StatusText(status)}
		if cause != nil {
			said[0] = cause.Error()
		}
	}
	for _, part := range said {
		if part != "" {
			text.WriteString(": " + part)
		}
	}
	switch {
	case status != 0 && requestID != "":
		fmt.Fprintf(&text, " (HTTP %d, request ID %s)", status, requestID)
	case status != 0:
		fmt.Fprintf(&text, " (HTTP %d)", status)
	}
	return text.String()
}
