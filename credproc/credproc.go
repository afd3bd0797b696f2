// Package credproc turns a sign-in to IAM Identity Center into credentials of
// a role.
//
// A [Provider] is a session, an account ID and a role name; it serves
// aws-sdk-go-v2 as an [aws.CredentialsProvider]. [Config] makes one from a
// profile of ~/.aws/config. [Listing] lists accounts and their roles. [Write]
// prints credentials as the AWS SDKs expect them from a credential_process.
//
//	config := new(credproc.Config)
//	defer config.Close(ctx)
//	provider, err := config.Provider("dev")
//	client := s3.New(s3.Options{Region: "eu-west-1", Credentials: aws.NewCredentialsCache(provider)})
//
// Credentials are shared by all processes of a machine, sealed on disk, and
// fetched once however many ask. Nothing here opens a browser or asks a
// person: where a sign-in is needed, the error wraps
// [github.com/credproc/credproc/oidc.ErrSignInRequired]. [KindOf] tells the kind
// of any other error.
//
// Call [Config.Close] before the program ends: one that ends while a token is
// renewed can lose the login.
//
// Tests get a session that is signed in from package
// [github.com/credproc/credproc/credproc/credproctest], and servers get
// credentials that name their users from package
// [github.com/credproc/credproc/credproc/tip].
package credproc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/tokencache"
)

// Provider gets credentials of a role of a permission set, or, if it comes from
// [Config.Provider] for a profile with role_arn, of an IAM role. It is safe for
// concurrent use as long as its fields are not changed.
type Provider struct {
	Session   *tokencache.Session
	AccountID string // 12 digits
	RoleName  string // the permission set's name, not AWSReservedSSO_…; "" for an IAM role
	// MinValidity is how much life credentials must have left: with less, they
	// are fetched again, though not twice within 30 seconds, and what has less
	// is still served if that fails. If the service has none that last longer,
	// it is asked again after five minutes. 0 means 15 minutes, or half of the
	// credentials' life if that is less.
	MinValidity time.Duration
	// HandedOn says that the credentials go to something that cannot renew them,
	// such as the environment of another program. A MinValidity of 0 then means
	// half of the life that the role's credentials have when they are new.
	HandedOn bool
	// AuditDir is where a trail of what Retrieve returns is kept: audit.jsonl, a
	// line for each answer, without secrets. "": none. A trail that cannot be
	// written is logged, and prevents no answer.
	AuditDir string
	// Short is called before credentials are returned that have less life left
	// than MinValidity wants. nil: it is not told.
	Short func(left, wanted time.Duration)

	from source // nil: a role of a permission set, by the access portal

	isJudged bool        // by the rules of a configuration
	profile  string      // that was asked for; "": a role
	asker    agent.Asker // who asks
	// forAgent is what the rules make of p, if an agent asks an endpoint for it; nil: the
	// same.
	forAgent     func(p *Provider, who agent.Asker) (*Provider, error)
	agentProfile string // which an agent gets in place of what it asked for
}

var _ aws.CredentialsProvider = (*Provider)(nil)

// Retrieve returns the role's credentials, stored ones or new. Expires is by
// the local clock, with which [aws.CredentialsCache] compares it. It takes at
// most 50 seconds.
//
// Errors are a [*NoAccessError], a [*ConfigError], those of
// [tokencache.Session.Token], or ctx's.
func (p *Provider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	credentials, _, err := p.RetrieveDocument(ctx)
	return credentials, err
}

// RetrieveDocument is Retrieve, and also returns the credentials as a
// credential_process document, in which Expiration is by the service's clock.
func (p *Provider) RetrieveDocument(ctx context.Context) (c aws.Credentials, document []byte, err error) {
	if p == nil {
		return c, nil, errors.New("there is no provider: it is nil")
	}
	c, document, err = retrieve(ctx, p)
	return c, document, own(err)
}

// source is where p's credentials come from.
func (p *Provider) source() source {
	if p.from != nil {
		return p.from
	}
	return portalRole{p}
}

// label is what people call a session, here as everywhere; "" if there is none.
func label(s *tokencache.Session) string {
	if s == nil {
		return ""
	}
	return s.Label()
}

// NoAccessError says that the person does not have a role: it is not assigned
// to them, or there is no such account or role.
type NoAccessError struct {
	Session             string   // its label
	AccountID, RoleName string   // "" for an IAM role
	RoleARN             string   // of an IAM role that could not be assumed
	Held                []string // roles the person has in that account, if known
	Request             string   // how to get access, if the policy of this machine says so
	Err                 error    // the service's answer
}

// Error says what went wrong.
func (e *NoAccessError) Error() string {
	if e.RoleARN != "" {
		return fmt.Sprintf("no access to role %s through session %s: %v", e.RoleARN, e.Session, e.Err)
	}
	return fmt.Sprintf("no access to role %s in account %s through session %s", e.RoleName, e.AccountID, e.Session)
}

// Unwrap returns the service's answer.
func (e *NoAccessError) Unwrap() error { return e.Err }
