// Package assume gets credentials of IAM roles from STS, and says why it got
// none without what the SDK's errors hold: the request, with secrets in it.
package assume

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/printable"
)

// Result is what STS gave.
type Result struct {
	aws.Credentials           // Expires is by the service's clock
	Asked           time.Time // local clock
	Date            time.Time // of the answer, by the service's clock; zero: unknown
	RequestID       string
}

// Error is a call that got no credentials.
type Error struct {
	Op         string // "AssumeRole"
	Code       string // STS's, such as "AccessDenied"; "" if the answer did not come from STS
	Problem    string // for people
	StatusCode int    // HTTP; 0: no answer
	RequestID  string
	Err        error // the cause below HTTP
}

func (e *Error) Error() string { return e.Op + ": " + e.Problem }

// Unwrap returns the cause below HTTP, or nil.
func (e *Error) Unwrap() error { return e.Err }

// Denied reports whether the caller may not assume the role.
func (e *Error) Denied() bool { return e.Code == "AccessDenied" || e.Code == "AccessDeniedException" }

// Final reports whether STS refused this request for good, as opposed to a
// fault that may pass.
func (e *Error) Final() bool {
	return e.Code != "" && e.StatusCode >= 400 && e.StatusCode < 500 && e.StatusCode != http.StatusTooManyRequests && !strings.HasPrefix(e.Code, "Throttl")
}

// Role assumes a role (AssumeRole) with the credentials of another.
func Role(ctx context.Context, at awsapi.Endpoint, with aws.Credentials, in *sts.AssumeRoleInput) (Result, error) {
	signer := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return with, nil })
	return call(ctx, at, "AssumeRole", signer, func(ctx context.Context, client *sts.Client) (*types.Credentials, middleware.Metadata, error) {
		out, err := client.AssumeRole(ctx, in)
		if err != nil {
			return nil, middleware.Metadata{}, err
		}
		return out.Credentials, out.ResultMetadata, nil
	})
}

// WithWebIdentity assumes a role with the token of an OIDC provider
// (AssumeRoleWithWebIdentity); nothing is signed.
func WithWebIdentity(ctx context.Context, at awsapi.Endpoint, in *sts.AssumeRoleWithWebIdentityInput) (Result, error) {
	return call(ctx, at, "AssumeRoleWithWebIdentity", nil, func(ctx context.Context, client *sts.Client) (*types.Credentials, middleware.Metadata, error) {
		out, err := client.AssumeRoleWithWebIdentity(ctx, in)
		if err != nil {
			return nil, middleware.Metadata{}, err
		}
		return out.Credentials, out.ResultMetadata, nil
	})
}

type operation func(context.Context, *sts.Client) (*types.Credentials, middleware.Metadata, error)

func call(ctx context.Context, at awsapi.Endpoint, op string, signer aws.CredentialsProvider, do operation) (got Result, err error) {
	config, err := at.Config(signer, awsapi.NewRetryer())
	if err != nil {
		return got, err
	}
	ctx, cancel := awsapi.Bounded(ctx)
	defer cancel()
	got.Asked = time.Now()
	c, metadata, err := do(ctx, sts.NewFromConfig(config))
	if err != nil {
		return got, failed(ctx, op, err)
	}
	id, _ := awsmiddleware.GetRequestIDMetadata(metadata)
	got.RequestID = printable.Line(id)
	got.Date, _ = awsmiddleware.GetServerTime(metadata)
	if c == nil || c.Expiration == nil || aws.ToString(c.AccessKeyId) == "" || aws.ToString(c.SecretAccessKey) == "" {
		return got, &Error{Op: op, Problem: "an answer without credentials", StatusCode: http.StatusOK, RequestID: got.RequestID}
	}
	got.Credentials = aws.Credentials{
		AccessKeyID: aws.ToString(c.AccessKeyId), SecretAccessKey: aws.ToString(c.SecretAccessKey),
		SessionToken: aws.ToString(c.SessionToken), CanExpire: true, Expires: *c.Expiration,
	}
	return got, nil
}

func failed(ctx context.Context, op string, err error) *Error {
	answer, ok := awsapi.AnswerTo(err)
	if !ok {
		cause := awsapi.Cause(ctx, err)
		return &Error{Op: op, Problem: cause.Error(), Err: cause}
	}
	at := fmt.Sprintf("HTTP %d", answer.StatusCode)
	if answer.RequestID != "" {
		at += ", request ID " + answer.RequestID
	}
	e := &Error{Op: op, StatusCode: answer.StatusCode, RequestID: answer.RequestID}
	said, ok := errors.AsType[smithy.APIError](err)
	switch unread := !ok || said.ErrorCode() == "UnknownError"; { // the SDK's name for a page of a proxy
	case unread:
		e.Problem = fmt.Sprintf("an answer that cannot be read (%s)", at)
	case !answer.Marked:
		e.Problem = fmt.Sprintf("the answer did not come from AWS (%s)", at)
	default:
		e.Code = printable.Line(said.ErrorCode())
		e.Problem = fmt.Sprintf("%s: %s (%s)", e.Code, printable.Line(said.ErrorMessage()), at)
	}
	return e
}

// LocalExpiry is when the credentials end by the local clock.
func (r Result) LocalExpiry() time.Time {
	if r.Date.IsZero() {
		return r.Expires
	}
	return r.Asked.Add(r.Expires.Sub(r.Date)).Round(0)
}
