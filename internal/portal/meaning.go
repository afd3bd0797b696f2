package portal

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/printable"
)

// What an error can mean, for [errors.Is]. ErrNoAccess and ErrNotFound take the
// service's own headers: a proxy's answer with the same HTTP status is neither.
// ErrThrottled takes the status alone, and ErrUnauthorized a JSON object or no
// body; see [awsapi.Error].
var (
	ErrUnauthorized = errors.New("access token not valid")    // 401: expired, or ended by the service
	ErrNoAccess     = errors.New("no access to that role")    // 403: not assigned to the person
	ErrNotFound     = errors.New("no such account or role")   // 404
	ErrThrottled    = errors.New("too many requests for now") // 429, which is not tried again
)

// failed makes an [*awsapi.Error] of an SDK call's error. The SDK's own is not passed
// on: it holds the request, with the token in its header.
func failed(ctx context.Context, op string, err error) *awsapi.Error {
	answer, ok := awsapi.AnswerTo(err)
	if !ok {
		return &awsapi.Error{Op: op, Err: awsapi.Cause(ctx, err)}
	}
	e := &awsapi.Error{Op: op, Code: answer.Type, StatusCode: answer.StatusCode, Marked: answer.Marked, RequestID: answer.RequestID, RetryAfter: answer.RetryAfter}
	if answer.FromService() {
		var said struct {
			Message string `json:"message"`
		}
		// A message of another type is as good as none.
		_ = json.Unmarshal(answer.Body, &said)
		e.Message = printable.Line(said.Message)
	}
	e.Err = meaning(answer)
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
