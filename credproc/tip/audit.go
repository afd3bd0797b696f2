package tip

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/oidc"
)

// trail returns where the trail of the users' credentials is left, or nil: where
// AuditDir or the policy of this machine asks for one. A policy that cannot be obeyed
// is an error.
func (u *Users) trail() (*audit.Trail, error) {
	u.ruled.Do(func() { u.rules, u.broken = u.place.Load("") })
	if u.broken != nil {
		return nil, u.broken
	}
	dir := u.AuditDir
	if dir == "" && u.rules.Audit() == "" {
		return nil, nil
	}
	if dir == "" {
		var err error
		if dir, _, err = layout.DefaultDirs(""); err != nil {
			return nil, err
		}
	}
	return audit.New(u.rules, dir, "", kind), nil
}

// line is what the trail says of one answer.
func (u *Users) line(who *user, outcome string, c aws.Credentials, err error) audit.Line {
	line := audit.Line{Event: audit.Answer, Outcome: outcome, RoleARN: u.RoleARN, AccessKeyID: c.AccessKeyID}
	if parts := strings.SplitN(u.RoleARN, ":", 6); len(parts) == 6 {
		line.AccountID = parts[4]
	}
	if who != nil {
		line.User = who.issuer + " " + who.subject
	}
	if c.CanExpire {
		line.Until(c.Expires)
	}
	if e, ok := errors.AsType[*RoleError](err); ok {
		line.RequestID = e.RequestID
	}
	return line
}

// kind is what the trail says of an error.
func kind(err error) string {
	role, refused := errors.AsType[*RoleError](err)
	switch {
	case errors.Is(err, oidc.ErrSignInRequired), errors.Is(err, oidc.ErrAssertion), errors.Is(err, oidc.ErrAssertionExpired):
		return "sign-in required"
	case refused && role.StatusCode == http.StatusForbidden, errors.Is(err, oidc.ErrNotAssigned), errors.Is(err, ErrOtherUser):
		return "no access"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case awsapi.TroubleOf(err) != nil:
		return "unavailable"
	}
	return "error"
}
