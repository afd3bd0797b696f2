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
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/fetch"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/policy"
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
	// Short is called before credentials are returned that have less life left than
	// MinValidity wants. nil: it is not called.
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

// retrieve returns credentials, and the document that prints them.
func retrieve(ctx context.Context, p *Provider) (c aws.Credentials, document []byte, err error) {
	from := p.source()
	role := from.role()
	trail, err := p.trail()
	if err != nil {
		return c, nil, err
	}
	line := p.line(role)
	got, err := p.judged()
	if err == nil && got == p {
		got, err = p.forClient(audit.ClientOf(ctx))
	}
	if err == nil && got != p {
		return retrieve(ctx, got)
	}
	if err == nil {
		err = p.allowed(role.AccountID)
	}
	if err == nil {
		c, document, err = p.answer(audit.Apart(ctx), from, &line)
	}
	line.gave(c)
	if err = trail.Leave(ctx, line.Line, err); err != nil {
		return aws.Credentials{}, nil, err
	}
	return c, document, nil
}

// answer returns what is stored or fetched, and notes in the line which it was.
func (p *Provider) answer(ctx context.Context, from source, line *answerLine) (c aws.Credentials, document []byte, err error) {
	r := &retrieval{source: from, caller: p, want: want{minValidity: p.MinValidity, half: p.HandedOn, shortest: from.shortest()}}
	data, origin, err := r.once(ctx)
	line.came(origin, r.requestID.Load(), err)
	if err != nil {
		return c, nil, err
	}
	r.tell(data, p.Short)
	return open(data)
}

// allowed asks the policy again: a program may have made the provider by itself.
func (p *Provider) allowed(account string) error {
	if p.Session == nil {
		return nil
	}
	login, err := inside.Of(p.Session)
	if err != nil {
		return err
	}
	rules, err := login.Policy()
	if err != nil {
		return err
	}
	return rules.CheckAccount(account)
}

// rulesOf returns the policy that a session obeys, or nil.
func rulesOf(s *tokencache.Session) *policy.Policy {
	login, err := inside.Of(s)
	if err != nil {
		return nil
	}
	rules, _ := login.Policy()
	return rules
}

// retrieval is one caller's request for credentials, as package fetch sees it: what its
// source and what it wants are parts of that.
type retrieval struct {
	source
	want
	caller    *Provider
	requestID atomic.Pointer[string] // the fetch may go on when its caller has gone
}

// once returns a record.
func (r *retrieval) once(ctx context.Context) ([]byte, fetch.Origin, error) {
	login, err := inside.Of(r.caller.Session)
	if err != nil {
		return nil, "", err
	}
	data, origin, err := fetch.Once(ctx, login, r)
	if err != nil {
		return nil, "", r.explain(err)
	}
	return data, origin, nil
}

func (r *retrieval) Variant() string { return fmt.Sprint(r.minValidity, r.half) }

// Failure shares a refusal: who holds what else is not asked again at once.
func (r *retrieval) Failure(err error) (flight.Failure, bool) {
	e, ok := errors.AsType[*NoAccessError](err)
	if !ok {
		return flight.Failure{}, false
	}
	f := flight.Failure{Kind: noAccess, Reason: strings.Join(e.Held, " ")}
	if e.RoleARN != "" && e.Err != nil {
		f.Reason = e.Err.Error()
	}
	return f, true
}

// noAccess is how flight's failures call a [NoAccessError].
const noAccess = "no access"

// Fetch returns a record that replaces the one stored, and whose it is and how
// long it is valid.
func (r *retrieval) Fetch(ctx context.Context) (data, label []byte, err error) {
	got, requestID, err := r.issue(ctx, r.caller)
	r.requestID.Store(&requestID)
	if err != nil {
		return nil, nil, err
	}
	data, times, err := format(got, time.Now(), r.old())
	if err != nil { // a fault of the service
		return nil, nil, &tokencache.ServiceError{Op: r.Op(), Reason: err.Error(), Err: err}
	}
	role := r.role()
	role.Fetched, role.Expiry = times.Fetched, times.End
	if p := r.caller; p.agentProfile != "" {
		role.Agent, role.Profile, role.AgentProfile = p.asker.Name, p.profile, p.agentProfile
	}
	if label, err = json.Marshal(role); err != nil {
		label = nil // a time after the year 9999: status is told nothing
	}
	return data, label, nil
}

// label is what people call a session, here as everywhere; "" if there is none.
func label(s *tokencache.Session) string {
	if s == nil {
		return ""
	}
	return s.Label()
}
