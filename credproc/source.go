package credproc

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/tokencache"
)

// source is where the credentials of a role come from, with a session in the end:
// the access portal (portal.go), or STS (chain.go). Another one is a type with
// these methods in a file of its own, which a case in [Config.provider] puts into
// from of a [Provider]; and it is no longer named in [unsupported].
type source interface {
	// Words say who it is, in full: other words, other credentials.
	Words() []string
	// Steps is how many roles it is assumed from.
	Steps() int
	Op() string                  // what is being done, for messages
	role() tokencache.CachedRole // whose credentials these are, for people
	shortest() time.Duration     // the least life of credentials that are new
	// issue asks for credentials for p. requestID is AWS's for it, also where it
	// was refused; "" if unknown.
	issue(ctx context.Context, p *Provider) (got issued, requestID string, err error)
	// explain makes an error of issue, or of an earlier caller's, this caller's own.
	explain(err error) error
}

// issued is what a service gave. date is its time when it answered, zero if it did
// not tell; asked is the local time before.
type issued struct {
	aws.Credentials
	asked, date time.Time
}
