package awsapi

import (
	"bytes"
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

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/credproc/credproc/internal/printable"
)

const (
	maxErrorBody = 64 << 10
	maxBody      = 4 << 20

	maxRetryAfter = time.Minute
)

// Answer is an HTTP answer that an SDK call turned into an error.
type Answer struct {
	StatusCode int           // also 2xx, where the body could not be read
	RequestID  string        // "" if there was none
	RetryAfter time.Duration // what the answer asked for, at most a minute; 0 if nothing
	Host       string        // who was asked, as far as known
	// Marked says that the answer has a header that AWS's services put on theirs:
	// X-Amzn-RequestId or X-Amzn-ErrorType. Only the word of such an answer may
	// cost anything: a proxy's JSON can look like the service's.
	Marked bool
	// Type is the exception's name by the header X-Amzn-ErrorType, or by the
	// body's __type or code: "InvalidGrantException". "" if there is none, or
	// the answer is not Marked.
	Type string
	// Body is the body of a status other than 2xx, if that is a JSON object.
	// nil otherwise.
	Body []byte
	// Empty says that the body of such a status had nothing in it.
	Empty bool
}

// AnswerTo returns the answer that an SDK call's error is about whose client has
// [Middleware]. ok is false if there was no answer, see [Cause].
func AnswerTo(err error) (answer Answer, ok bool) {
	failed, ok := errors.AsType[*awshttp.ResponseError](err)
	// The SDK makes up a response with status 0 when none arrived.
	if !ok || failed.Response == nil || failed.Response.StatusCode == 0 {
		return Answer{}, false
	}
	resp := failed.Response.Response
	answer = Answer{
		StatusCode: resp.StatusCode,
		RequestID:  printable.Line(failed.RequestID),
		RetryAfter: retryAfter(resp.Header),
		Marked:     resp.Header.Get("X-Amzn-RequestId") != "" || resp.Header.Get("X-Amzn-ErrorType") != "",
		Type:       exception(resp.Header.Get("X-Amzn-ErrorType")),
	}
	if resp.Request != nil {
		answer.Host = resp.Request.URL.Host
	}
	answer.readBody(resp)
	return answer, true
}

func (a *Answer) readBody(resp *http.Response) {
	body, ok := resp.Body.(*errorBody)
	a.Empty = ok && len(body.data) == 0
	if !ok || strings.HasPrefix(strings.ToLower(resp.Header.Get("Content-Type")), "text/html") {
		return
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(body.data, &members) != nil || members == nil {
		return
	}
	a.Body = body.data
	if !a.Marked {
		return
	}
	for _, name := range []string{"__type", "code"} {
		var typ string
		if a.Type == "" && json.Unmarshal(members[name], &typ) == nil {
			a.Type = exception(typ)
		}
	}
}

// FromService reports whether the AWS service gave the answer, and not
// a proxy in between, and it can be read.
func (a Answer) FromService() bool { return a.Marked && (a.Type != "" || a.Body != nil) }

// Garbled says that nothing could be made of the answer. It shows none of it.
func (a Answer) Garbled() error {
	who := a.Host
	if who == "" {
		who = "the service"
	}
	if a.StatusCode < 300 {
		return fmt.Errorf("the answer from %s is not JSON, or was cut short", who)
	}
	if !a.Marked {
		return fmt.Errorf("the answer from %s did not come from AWS", who)
	}
	return fmt.Errorf("the answer from %s is not JSON", who)
}

// exception takes the name out of "ns#Name:http://…", as smithy-go does.
func exception(typ string) string {
	typ, _, _ = strings.Cut(typ, ":")
	if _, name, ok := strings.Cut(typ, "#"); ok {
		typ = name
	}
	return printable.Line(typ)
}

// retryAfter reads X-Amz-Retry-After, AWS's own, in milliseconds, or else
// Retry-After (RFC 9110, section 10.2.3). A date is compared with the answer's own
// Date, so that our clock does not matter.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	var wait time.Duration
	if ms, err := strconv.ParseInt(header.Get("X-Amz-Retry-After"), 10, 32); err == nil && ms >= 0 {
		wait = time.Duration(ms) * time.Millisecond
	} else if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		now, err := http.ParseTime(header.Get("Date"))
		if err != nil {
			now = time.Now()
		}
		wait = at.Sub(now)
	}
	return max(0, min(wait, maxRetryAfter))
}

// boundAnswer limits how much of an answer is read, and keeps the body of one
// that is no success: the SDK's errors lose what they do not model.
type boundAnswer struct{}

func (boundAnswer) ID() string { return "CredprocBoundAnswer" }

func (boundAnswer) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	resp, ok := out.RawResponse.(*smithyhttp.Response)
	if err != nil || !ok || resp.Body == nil {
		return out, metadata, err
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		resp.Body = &boundBody{io.LimitReader(resp.Body, maxBody), resp.Body}
		return out, metadata, nil
	}
	// A body cut short is no JSON, and is told apart by that.
	data, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	resp.Body.Close()
	resp.Body = keep(data)
	return out, metadata, nil
}

type boundBody struct {
	io.Reader
	io.Closer
}

// errorBody is a body that can be looked at after the SDK has read it.
type errorBody struct {
	bytes.Reader
	data []byte
}

func keep(data []byte) *errorBody { return &errorBody{*bytes.NewReader(data), data} }

func (*errorBody) Close() error { return nil }

// Limit is how long one operation may take, with its retries.
const Limit = 15 * time.Second

// Bounded returns a context that ends after [Limit].
func Bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, Limit, errNoAnswer)
}

var errNoAnswer = fmt.Errorf("no answer within %v: %w", Limit, context.DeadlineExceeded)

// Cause is what kept an answer from arriving, without the SDK's wrapping: the
// context's error, a [*url.Error], or err itself. ctx is the one the call had.
// Where the [Limit] ended the call it is a [context.DeadlineExceeded] that
// says so.
func Cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		if cause := context.Cause(ctx); cause == errNoAnswer {
			return cause
		}
		return ctx.Err()
	}
	if sent, ok := errors.AsType[*url.Error](err); ok {
		return sent
	}
	return err
}

// Plain is an error without the method and the URL that package http puts before
// it: people know what was asked, and a URL may have something secret in it.
func Plain(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
