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
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/tokencache"
)

// Provider gets credentials of a role of a permission set. It is safe for
// concurrent use as long as its fields are not changed.
type Provider struct {
	Session   *tokencache.Session
	AccountID string // 12 digits
	RoleName  string // the permission set's name, not AWSReservedSSO_…
	// MinValidity is how much life credentials must have left: with less, they
	// are fetched again, though not twice within 30 seconds, and what has less
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
	return retrieve(ctx, p)
}

// label is what people call a session, here as everywhere; "" if there is none.
func label(s *tokencache.Session) string {
	if s == nil {
		return ""
	}
	return s.Label()
}

// noAccess is how flight's failures call a [NoAccessError].
const noAccess = "no access"

// NoAccessError says that the person does not have a role: it is not assigned
// to them, or there is no such account or role.
type NoAccessError struct {
	Session             string   // its label
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
