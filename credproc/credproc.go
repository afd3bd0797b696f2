// Package credproc turns a sign-in to IAM Identity Center into credentials of
// a role.
//
// A [Provider] is a session, an account ID and a role name; it serves
// aws-sdk-go-v2 as an [aws.CredentialsProvider]. [Config] makes one from a
// profile of ~/.aws/config. [Write] prints credentials as the AWS SDKs expect
// them from a credential_process.
//
//	config := credproc.Config{}
//	provider, err := config.Provider("dev")
//	client := s3.New(s3.Options{Region: "eu-west-1", Credentials: aws.NewCredentialsCache(provider)})
//
// Credentials are shared by all processes of a machine, sealed on disk, and
// fetched once however many ask. Nothing here opens a browser or asks a
// person: where a sign-in is needed, the error wraps
// [github.com/credproc/credproc/oidc.ErrSignInRequired].
package credproc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/portal"
	"github.com/credproc/credproc/tokencache"
)

// Provider gets credentials of a role of a permission set. It is safe for
// concurrent use as long as its fields are not changed.
type Provider struct {
	Session   *tokencache.Session
	AccountID string // 12 digits
	RoleName  string // the permission set's name, not AWSReservedSSO_…
	// MinValidity is how much life credentials must have left: with less, they
	// are fetched anew, though not twice within 30 seconds, and what has less
	// is still served if that fails. If the service has none that last longer,
	// it is asked again after five minutes. 0 means 15 minutes, or half of the
	// credentials' life if that is less.
	MinValidity time.Duration
	// Audit is the trail of what Retrieve returns. nil: none.
	Audit *Audit
	// Short is called before credentials are returned that have less life left
	// than MinValidity wants. nil means that nobody is told.
	Short func(left, wanted time.Duration)
}

// HalfLife is a MinValidity for callers that cannot renew what they get: half
// of the life that the role's credentials have when they are new.
const HalfLife time.Duration = -1

// DocumentProvider provides credentials as the SDK reads them, and as a
// credential_process prints them.
type DocumentProvider interface {
	aws.CredentialsProvider
	// RetrieveDocument is [Provider.RetrieveDocument].
	RetrieveDocument(ctx context.Context) (c aws.Credentials, document []byte, err error)
}

var _ DocumentProvider = (*Provider)(nil)

// Retrieve returns the role's credentials, stored ones or new. Expires is by
// the local clock, with which [aws.CredentialsCache] compares it. It takes at
// most 50 seconds.
//
// Errors are a [*NoAccessError], those of [tokencache.Session.Token], or a
// setting's that cannot be used.
func (p *Provider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	credentials, _, err := p.RetrieveDocument(ctx)
	return credentials, err
}

// RetrieveDocument is Retrieve, and also returns the credentials as a
// credential_process document, in which Expiration is by the service's clock.
func (p *Provider) RetrieveDocument(ctx context.Context) (c aws.Credentials, document []byte, err error) {
	trail := &answer{audit: p.Audit, session: p.Session, AuditLine: AuditLine{
		Session: label(p.Session), AccountID: p.AccountID, RoleName: p.RoleName}}
	data, err := p.retrieve(ctx, trail)
	if err == nil {
		c, document, err = open(data)
	}
	trail.write(c, err)
	return c, document, err
}

// retrieve returns a record.
func (p *Provider) retrieve(ctx context.Context, trail *answer) ([]byte, error) {
	var requestID atomic.Pointer[string] // the fetch may go on when its caller has gone
	want := &want{minValidity: p.MinValidity, shortest: shortest}
	data, err := p.Session.Cached(ctx, tokencache.Cached{
		Words: p.words(), Variant: p.MinValidity.String(), Op: p.op(),
		Judge: want.judge, Answered: trail.came, Limit: flight.Budget,
		Fetch: func(ctx context.Context) ([]byte, error) {
			data, id, err := p.fetch(ctx, want.old())
			requestID.Store(&id)
			return data, err
		},
		Label: roleLabel(tokencache.CachedRole{AccountID: p.AccountID, RoleName: p.RoleName}),
	})
	if id := requestID.Load(); id != nil {
		trail.RequestID = *id
	}
	if err != nil {
		return nil, p.explain(err)
	}
	want.tell(data, p.Short)
	return data, nil
}

func (p *Provider) words() []string { return layout.RoleWords(p.AccountID, p.RoleName) }

func (p *Provider) op() string {
	return "get credentials of role " + p.RoleName + " in account " + p.AccountID + " through session " + label(p.Session)
}

func label(s *tokencache.Session) string {
	if s == nil {
		return ""
	}
	if s.Name != "" {
		return s.Name
	}
	return s.Config.StartURL
}

// fetch gets credentials from the portal, as a record that replaces old.
func (p *Provider) fetch(ctx context.Context, old []byte) (record []byte, requestID string, err error) {
	var got *portal.Credentials
	var asked time.Time
	door := &door{session: p.Session, op: p.op()}
	err = door.callPatiently(ctx, func(c *portal.Client, token string) (err error) {
		asked = time.Now()
		got, err = c.RoleCredentials(ctx, token, p.AccountID, p.RoleName)
		if errors.Is(err, portal.ErrNoAccess) || errors.Is(err, portal.ErrNotFound) {
			return &NoAccessError{Session: label(p.Session), AccountID: p.AccountID, RoleName: p.RoleName,
				Held: held(ctx, c, token, p.AccountID), Err: err}
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	record, err = keep(p.op(), asked, got.Date, aws.Credentials{
		AccessKeyID: got.AccessKeyID, SecretAccessKey: got.SecretAccessKey, SessionToken: got.SessionToken,
		CanExpire: true, Expires: got.Expiration, AccountID: p.AccountID,
	}, old)
	return record, got.RequestID, err
}

// held lists the roles that the person has in the account: what to ask for
// instead. It is best effort.
func held(ctx context.Context, c *portal.Client, token, accountID string) (roles []string) {
	for role, err := range c.Roles(ctx, token, accountID) {
		if err != nil {
			return nil
		}
		roles = append(roles, role)
	}
	return roles
}

// explain makes the error of an earlier caller ours.
func (p *Provider) explain(err error) error {
	if shared, ok := errors.AsType[*flight.SharedError](err); ok && shared.Kind == noAccess {
		return &NoAccessError{Session: label(p.Session), AccountID: p.AccountID, RoleName: p.RoleName,
			Held: strings.Fields(shared.Reason), Err: shared}
	}
	return err
}

// noAccess is how flight's failures call a [NoAccessError].
const noAccess = "no access"

// NoAccessError says that the person does not have a role: it is not assigned
// to them, or there is no such account or role.
type NoAccessError struct {
	Session             string   // the sso-session, or its start URL
	AccountID, RoleName string   // "" for an IAM role
	RoleARN             string   // of an IAM role that could not be assumed
	Held                []string // roles the person has in that account, if known
	Err                 error    // the service's answer
}

func (e *NoAccessError) Error() string {
	if e.RoleARN != "" {
		return fmt.Sprintf("no access to role %s through session %s: %v", e.RoleARN, e.Session, e.Err)
	}
	return fmt.Sprintf("no access to role %s in account %s through session %s", e.RoleName, e.AccountID, e.Session)
}

// Unwrap returns the service's answer.
func (e *NoAccessError) Unwrap() error { return e.Err }

// Failure makes the error one that the next callers share.
func (e *NoAccessError) Failure() flight.Failure {
	f := flight.Failure{Kind: noAccess, Reason: strings.Join(e.Held, " ")}
	if e.RoleARN != "" && e.Err != nil {
		f.Reason = e.Err.Error()
	}
	return f
}
