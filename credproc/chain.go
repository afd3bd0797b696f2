package credproc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/credproc/credproc/internal/assume"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/tokencache"
)

// assumedRole gets credentials of an IAM role with those of another role:
// role_arn and source_profile.
type assumedRole struct {
	source  *Provider
	roleARN string
	account string // of the role
	input   sts.AssumeRoleInput
	scope   assume.Scope // which is in the input, too

	sts awsapi.Endpoint
}

func (a *assumedRole) session() *tokencache.Session { return a.source.Session }

// Words name all that the credentials depend on: the same role assumed by way
// of another, or under another name, is another principal in CloudTrail.
func (a *assumedRole) Words() []string {
	return append([]string{
		"assumed", a.roleARN, aws.ToString(a.input.ExternalId), aws.ToString(a.input.RoleSessionName),
		strconv.Itoa(int(aws.ToInt32(a.input.DurationSeconds))), a.sts.Region, a.sts.URL, a.scope.Identity(),
	}, a.source.source().Words()...)
}

func (a *assumedRole) Steps() int { return a.source.source().Steps() + 1 }

func (a *assumedRole) role() tokencache.CachedRole {
	return tokencache.CachedRole{AccountID: a.account, RoleARN: a.roleARN, Scope: a.scope.String()}
}

func (a *assumedRole) shortest() time.Duration { return 0 }

func (a *assumedRole) Op() string {
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
	result, err := assume.Role(ctx, a.sts, credentials, &a.input)
	if err != nil {
		refused, _ := errors.AsType[*assume.Error](err)
		return got, cmp.Or(refused, new(assume.Error)).RequestID, a.failed(err)
	}
	got = issued{result.Credentials, result.Asked, result.Date}
	got.AccountID = a.account
	return got, result.RequestID, nil
}

// sourceError keeps the failure of a source from being remembered as one of
// the role that is assumed with it: the source has remembered it, and it may
// say "no access" of another role.
type sourceError struct{ cause error }

func (e *sourceError) Error() string { return e.cause.Error() }

// failed tells a refusal of STS from a fault that may pass.
func (a *assumedRole) failed(err error) error {
	refused, ok := errors.AsType[*assume.Error](err)
	switch {
	case !ok:
		return err // of a setting
	case refused.Denied():
		return a.noAccess(err.Error())
	case refused.Final():
		return fmt.Errorf("%s: %s%s", a.Op(), err, meaning(refused.Code))
	case refused.StatusCode == 0:
		return &tokencache.ServiceError{Op: a.Op(), Reason: err.Error(), Err: refused.Err}
	}
	return &tokencache.ServiceError{Op: a.Op(), Reason: err.Error(), Err: errors.New(err.Error())}
}

// meaning adds what STS's messages about session policies leave out.
//
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_Errors
func meaning(code string) string {
	switch code {
	case "PackedPolicyTooLarge", "PackedPolicyTooLargeException":
		return ". STS packs the session policies and the session tags into the session token, beside the tags that the roles before it pass on, and together they are too large"
	case "MalformedPolicyDocument", "MalformedPolicyDocumentException":
		return ". STS cannot read the inline policy"
	}
	return ""
}

func (a *assumedRole) noAccess(reason string) *NoAccessError {
	e := &NoAccessError{Session: label(a.session()), RoleARN: a.roleARN, Err: errors.New(reason)}
	if s := a.session(); s != nil {
		e.Request = rulesOf(s).HowToRequest(a.account, a.roleARN[strings.LastIndexByte(a.roleARN, '/')+1:])
	}
	return e
}

func (a *assumedRole) explain(err error) error {
	if source, ok := errors.AsType[*sourceError](err); ok {
		return source.cause
	}
	if shared, ok := errors.AsType[*flight.SharedError](err); ok && shared.Kind == noAccess {
		return a.noAccess(shared.Reason)
	}
	return err
}

func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
