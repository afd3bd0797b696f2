package credproc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
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

// assumedRole gets credentials of an IAM role with those of another role:
// role_arn and source_profile.
type assumedRole struct {
	source  *Provider
	roleARN string
	account string // of the role
	input   sts.AssumeRoleInput

	sts awsapi.Endpoint
}

func (a *assumedRole) session() *tokencache.Session { return a.source.Session }

// words name all that the credentials depend on: the same role assumed by way
// of another, or under another name, is another principal in CloudTrail.
func (a *assumedRole) words() []string {
	return append([]string{
		"assumed", a.roleARN, aws.ToString(a.input.ExternalId), aws.ToString(a.input.RoleSessionName),
		strconv.Itoa(int(aws.ToInt32(a.input.DurationSeconds))), a.sts.Region, a.sts.URL,
	}, a.source.source().words()...)
}

func (a *assumedRole) steps() int { return a.source.source().steps() + 1 }

func (a *assumedRole) role() tokencache.CachedRole {
	return tokencache.CachedRole{AccountID: a.account, RoleARN: a.roleARN}
}

func (a *assumedRole) shortest() time.Duration { return 0 }

func (a *assumedRole) op() string {
	return fmt.Sprintf("assume role %s through session %s", a.roleARN, label(a.session()))
}

// issue assumes the role. What p wants of its credentials, it wants of those
// that it assumes the role with.
func (a *assumedRole) issue(ctx context.Context, p *Provider) (got issued, requestID string, err error) {
	if err := a.sts.Check(); err != nil {
		return got, "", err
	}
	source := *a.source
	source.MinValidity, source.HandedOn = p.MinValidity, p.HandedOn
	credentials, err := source.Retrieve(ctx)
	if err != nil {
		return got, "", &sourceError{err}
	}
	config, err := a.sts.Config(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil }), awsapi.NewRetryer())
	if err != nil {
		return got, "", err
	}
	client := sts.NewFromConfig(config)
	ctx, cancel := awsapi.Bounded(ctx)
	defer cancel()
	got.asked = time.Now()
	out, err := client.AssumeRole(ctx, &a.input)
	if err != nil {
		answer, _ := awsapi.AnswerTo(err)
		return got, answer.RequestID, a.failed(ctx, err)
	}
	requestID, _ = awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	requestID = printable.Line(requestID)
	c := out.Credentials
	if c == nil || c.Expiration == nil {
		return got, requestID, &tokencache.ServiceError{Op: a.op(), Reason: "AssumeRole: an answer without credentials"}
	}
	got.date, _ = awsmiddleware.GetServerTime(out.ResultMetadata)
	got.Credentials = aws.Credentials{
		AccessKeyID: aws.ToString(c.AccessKeyId), SecretAccessKey: aws.ToString(c.SecretAccessKey),
		SessionToken: aws.ToString(c.SessionToken), CanExpire: true, Expires: *c.Expiration, AccountID: a.account,
	}
	return got, requestID, nil
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
		return &tokencache.ServiceError{Op: a.op(), Reason: "AssumeRole: " + cause.Error(), Err: cause}
	}
	at := fmt.Sprintf("HTTP %d", answer.StatusCode)
	if answer.RequestID != "" {
		at += ", request ID " + answer.RequestID
	}
	said, ok := errors.AsType[smithy.APIError](err)
	unread := !ok || said.ErrorCode() == "UnknownError" // the SDK's name for a page of a proxy
	if unread || !answer.Marked {
		text := fmt.Sprintf("AssumeRole: an answer that cannot be read (%s)", at)
		if !unread {
			text = fmt.Sprintf("AssumeRole: the answer did not come from AWS (%s)", at)
		}
		return &tokencache.ServiceError{Op: a.op(), Reason: text, Err: errors.New(text)}
	}
	code := said.ErrorCode()
	text := fmt.Sprintf("AssumeRole: %s: %s (%s)", printable.Line(code), printable.Line(said.ErrorMessage()), at)
	switch {
	case code == "AccessDenied" || code == "AccessDeniedException":
		return &NoAccessError{Session: label(a.session()), RoleARN: a.roleARN, Err: errors.New(text)}
	case answer.StatusCode >= 400 && answer.StatusCode < 500 && answer.StatusCode != http.StatusTooManyRequests && !strings.HasPrefix(code, "Throttl"):
		return fmt.Errorf("%s: %s", a.op(), text)
	}
	return &tokencache.ServiceError{Op: a.op(), Reason: text, Err: errors.New(text)}
}

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
