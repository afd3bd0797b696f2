package credproc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/printable"
	"github.com/credproc/credproc/tokencache"
)

// source is a provider that comes from a session in the end.
type source interface {
	DocumentProvider
	session() *tokencache.Session
	words() []string // who it is, in full
	steps() int      // how many roles it is assumed from
	onShort(func(left, wanted time.Duration))
}

func (p *Provider) session() *tokencache.Session                  { return p.Session }
func (p *Provider) steps() int                                    { return 0 }
func (p *Provider) onShort(f func(left, wanted time.Duration))    { p.Short = f }
func (a *assumedRole) onShort(f func(left, wanted time.Duration)) { a.short = f }

// assumedRole gets credentials of an IAM role with those of another role:
// role_arn and source_profile.
type assumedRole struct {
	source  source
	roleARN string
	account string // of the role
	input   sts.AssumeRoleInput

	sts         awsapi.Endpoint
	minValidity time.Duration
	audit       *Audit
	short       func(left, wanted time.Duration)
}

func (a *assumedRole) session() *tokencache.Session { return a.source.session() }

// words name all that the credentials depend on: the same role assumed by way
// of another, or under another name, is somebody else in CloudTrail.
func (a *assumedRole) words() []string {
	return append([]string{
		"assumed", a.roleARN, aws.ToString(a.input.ExternalId), aws.ToString(a.input.RoleSessionName),
		strconv.Itoa(int(aws.ToInt32(a.input.DurationSeconds))), a.sts.Region, a.sts.URL,
	}, a.source.words()...)
}

func (a *assumedRole) steps() int { return a.source.steps() + 1 }

func (a *assumedRole) op() string {
	return fmt.Sprintf("assume role %s through session %s", a.roleARN, label(a.session()))
}

// Retrieve is like [Provider.Retrieve].
func (a *assumedRole) Retrieve(ctx context.Context) (aws.Credentials, error) {
	credentials, _, err := a.RetrieveDocument(ctx)
	return credentials, err
}

// RetrieveDocument is like [Provider.RetrieveDocument].
func (a *assumedRole) RetrieveDocument(ctx context.Context) (c aws.Credentials, document []byte, err error) {
	trail := &answer{audit: a.audit, session: a.session(), AuditLine: AuditLine{
		Session: label(a.session()), AccountID: a.account, RoleARN: a.roleARN}}
	data, err := a.retrieve(ctx, trail)
	if err == nil {
		c, document, err = open(data)
	}
	trail.write(c, err)
	return c, document, err
}

// retrieve returns a record.
func (a *assumedRole) retrieve(ctx context.Context, trail *answer) ([]byte, error) {
	var requestID atomic.Pointer[string] // the fetch may go on when its caller has gone
	want := &want{minValidity: a.minValidity}
	data, err := a.session().Cached(ctx, tokencache.Cached{
		Words: a.words(), Steps: a.steps(), Variant: a.minValidity.String(), Op: a.op(),
		Judge: want.judge, Answered: trail.came, Limit: flight.Budget,
		Fetch: func(ctx context.Context) ([]byte, error) {
			data, id, err := a.fetch(ctx, want.old())
			requestID.Store(&id)
			return data, err
		},
		Label: roleLabel(tokencache.CachedRole{AccountID: a.account, RoleARN: a.roleARN}),
	})
	if id := requestID.Load(); id != nil {
		trail.RequestID = *id
	}
	if err != nil {
		return nil, a.explain(err)
	}
	want.tell(data, a.short)
	return data, nil
}

// fetch assumes the role, and makes a record of what that gave, which replaces
// old. requestID is AWS's for it, also where it was refused.
func (a *assumedRole) fetch(ctx context.Context, old []byte) (record []byte, requestID string, err error) {
	if err := a.sts.Check(); err != nil {
		return nil, "", err
	}
	credentials, err := a.source.Retrieve(ctx)
	if err != nil {
		return nil, "", &sourceError{err}
	}
	config, err := a.sts.Config(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil }), awsapi.NewRetryer())
	if err != nil {
		return nil, "", err
	}
	client := sts.NewFromConfig(config)
	ctx, cancel := awsapi.Bounded(ctx)
	defer cancel()
	asked := time.Now()
	out, err := client.AssumeRole(ctx, &a.input)
	if err != nil {
		answer, _ := awsapi.AnswerTo(err)
		return nil, answer.RequestID, a.failed(ctx, err)
	}
	requestID, _ = awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	requestID = printable.Line(requestID)
	c := out.Credentials
	if c == nil || c.Expiration == nil {
		return nil, requestID, &tokencache.UnavailableError{Op: a.op(), Reason: "AssumeRole: an answer without credentials"}
	}
	date, _ := awsmiddleware.GetServerTime(out.ResultMetadata)
	record, err = keep(a.op(), asked, date, aws.Credentials{
		AccessKeyID: aws.ToString(c.AccessKeyId), SecretAccessKey: aws.ToString(c.SecretAccessKey),
		SessionToken: aws.ToString(c.SessionToken), CanExpire: true, Expires: *c.Expiration, AccountID: a.account,
	}, old)
	return record, requestID, err
}

// sourceError keeps the failure of a source from being remembered as one of
// the role that is assumed with it: the source has remembered it, and it may
// say "no access" of another role.
type sourceError struct{ cause error }

func (e *sourceError) Error() string { return e.cause.Error() }

// failed does not pass the SDK's error on: it holds the request, with the
// session token in its header.
func (a *assumedRole) failed(ctx context.Context, err error) error {
	answer, ok := awsapi.AnswerTo(err)
	if !ok {
		cause := awsapi.Cause(ctx, err)
		return &tokencache.UnavailableError{Op: a.op(), Reason: "AssumeRole: " + cause.Error(), Err: cause}
	}
	at := fmt.Sprintf("HTTP %d", answer.StatusCode)
	if answer.RequestID != "" {
		at += ", request ID " + answer.RequestID
	}
	said, ok := errors.AsType[smithy.APIError](err)
	unread := !ok || said.ErrorCode() == "UnknownError" // the SDK's name for a page of somebody in between
	if unread || !answer.Marked {
		text := fmt.Sprintf("AssumeRole: an answer that cannot be read (%s)", at)
		if !unread {
			text = fmt.Sprintf("AssumeRole: the answer did not come from AWS (%s)", at)
		}
		return &tokencache.UnavailableError{Op: a.op(), Reason: text, Err: errors.New(text)}
	}
	code := said.ErrorCode()
	text := fmt.Sprintf("AssumeRole: %s: %s (%s)", printable.Line(code), printable.Line(said.ErrorMessage()), at)
	switch {
	case code == "AccessDenied" || code == "AccessDeniedException":
		return &NoAccessError{Session: label(a.session()), RoleARN: a.roleARN, Err: errors.New(text)}
	case answer.StatusCode >= 400 && answer.StatusCode < 500 && answer.StatusCode != http.StatusTooManyRequests && !strings.HasPrefix(code, "Throttl"):
		return fmt.Errorf("%s: %s", a.op(), text)
	}
	return &tokencache.UnavailableError{Op: a.op(), Reason: text, Err: errors.New(text)}
}

// explain makes the error of an earlier caller ours.
func (a *assumedRole) explain(err error) error {
	if source, ok := errors.AsType[*sourceError](err); ok {
		return source.cause
	}
	if shared, ok := errors.AsType[*flight.SharedError](err); ok && shared.Kind == noAccess {
		return &NoAccessError{Session: label(a.session()), RoleARN: a.roleARN, Err: errors.New(shared.Reason)}
	}
	return err
}

func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
