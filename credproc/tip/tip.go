// Package tip gives a server credentials that name its users: trusted identity
// propagation of IAM Identity Center
// (https://docs.aws.amazon.com/singlesignon/latest/userguide/trustedidentitypropagation-overview.html).
// A user's token from the company's own identity provider becomes credentials of one
// IAM role that carry the user's identity, so that S3 Access Grants, Redshift, Athena
// and others decide by the user.
//
//	users := &tip.Users{
//		ApplicationARN: "arn:aws:sso::123456789012:application/ssoins-1234567890abcdef/apl-1234567890abcdef",
//		RoleARN:        "arn:aws:iam::123456789012:role/DataAccess",
//		Config:         oidc.Config{Region: "eu-west-1"},
//		Credentials:    cfg.Credentials, // the server's own
//	}
//	// once for each user who comes:
//	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.Credentials = users.Provider(tokenOfTheUser) })
//
// # Who is who
//
// A user is known by the issuer and subject of the token (iss and sub), but only
// after the service has accepted that very token: nothing that was fetched for a
// user is given for a token that merely claims to be that user's. A [Provider] belongs to the user
// of its first token; a token of another user is an error ([ErrOtherUser]).
//
// # What is kept
//
// Everything is in memory: refresh tokens, credentials, hashes of the tokens that
// were accepted. Identity contexts are dropped once they have been used for
// credentials, and users' tokens once they have been exchanged. A [Store], if there
// is one, gets the refresh tokens, so that [Users.Resume] can go on for a user
// after a restart.
package tip

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/singleflight"

	"github.com/credproc/credproc/internal/jwt"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/oidc"
)

// What an error of [Provider.Retrieve] can mean, for [errors.Is], beside those
// of [oidc.Application.SignIn].
var (
	// ErrNoContext says that the application's token carries no identity context.
	ErrNoContext = errors.New("the token has no identity context: does the application have the scope sts:identity_context?")
	// ErrOtherUser says that the token is of another user than those before.
	ErrOtherUser = errors.New("the token is of another user than the one before")
)

// Users are the users of a server, whose credentials are of one role. Zero fields
// have the defaults named beside them; its fields must not be changed after the
// first call. It is safe for concurrent use, and must not be copied.
type Users struct {
	ApplicationARN string // required: it exchanges the users' tokens
	RoleARN        string // required: assumed with the user's identity context
	// Config says where the Identity Center instance is. Region is required;
	// StartURL is not used. Requests to STS take the same way, but for Endpoint.
	Config oidc.Config
	// STSEndpoint is a custom base URL of STS. "": the SDK's rules.
	STSEndpoint string
	// Credentials sign: sso-oauth:CreateTokenWithIAM, sts:AssumeRole and
	// sts:SetContext for RoleARN. nil: BootstrapRoleARN's are used.
	Credentials aws.CredentialsProvider
	// BootstrapRoleARN is a role that is assumed with the user's own token
	// (AssumeRoleWithWebIdentity), where Credentials is nil.
	BootstrapRoleARN string
	// Duration is how long credentials are to last: from 15 minutes to 12 hours.
	// Those got with another role's credentials last at most an hour (role
	// chaining), whatever Duration says. 0: an hour.
	Duration time.Duration
	Scopes   []string // to ask the application for. None: all that it has
	Store    Store    // nil: refresh tokens are in memory only
	// AuditDir is where a trail of what Retrieve returns is kept: audit.jsonl, a line
	// for each answer and each refusal, without secrets. "": none, unless the policy of
	// the machine asks for one.
	AuditDir string

	place  policy.Place
	ruled  sync.Once
	rules  *policy.Policy
	broken error // a policy that cannot be obeyed

	mu      sync.Mutex
	proven  map[[sha256.Size]byte]*proof // by the hash of the token
	users   map[identity]*user
	flights singleflight.Group
}

// Store keeps the refresh tokens of users, which are secrets: encrypt them. Its
// methods are called concurrently, for one user one at a time.
type Store interface {
	// Load returns what Save was given last for a user, or "" if there is none.
	Load(ctx context.Context, issuer, subject string) (refreshToken string, err error)
	// Save keeps a refresh token; "" deletes the one there is.
	Save(ctx context.Context, issuer, subject, refreshToken string) error
}

// identity is who a user is, by the user's token.
type identity struct{ issuer, subject string }

// proof is that the service has accepted a token.
type proof struct {
	user  *user
	until time.Time
}

// user is what is known of one user.
type user struct {
	identity

	mu          sync.Mutex
	refresh     string      // the refresh token; "": none, or not loaded
	loaded      bool        // the Store was asked
	token       *oidc.Token // not yet used
	bootstrap   aws.Credentials
	credentials aws.Credentials
	life        time.Duration // of credentials, when they were got
	failed      error         // the last failure, if it may pass
	failedAt    time.Time
	used        time.Time
}

// Provider gets the credentials of one user. It is an [aws.CredentialsProvider]
// that keeps what it got: aws.CredentialsCache around it does no harm.
type Provider struct {
	users     *Users
	assertion func(context.Context) (string, error)

	mu   sync.Mutex
	user *user // nil until the service has accepted a token
}

// Provider returns a provider for the user whose token token returns: a JWT of
// the trusted token issuer. It is called at the first Retrieve, and again when a
// new token is needed, and should return within a few seconds or when ctx ends.
func (u *Users) Provider(token func(ctx context.Context) (string, error)) *Provider {
	return &Provider{users: u, assertion: token}
}

// Resume returns a provider for a user who was here before, by the refresh token in
// the Store alone. Retrieve fails with [oidc.ErrSignInRequired] where that does not
// work any more. It needs Credentials. The caller is responsible for knowing who the
// user is.
func (u *Users) Resume(issuer, subject string) *Provider {
	return &Provider{users: u, user: u.find(identity{issuer, subject})}
}

// Retrieve returns the user's credentials: those in memory if they have five minutes
// (or half of their life, if that is less) left, else new ones. Those in memory are
// returned, too, while they last, if no new ones can be had. Calls for one user at
// the same time share one exchange. A temporary failure is returned to the calls of
// the next second, too.
//
// Expires is by the local clock. Errors wrap [ErrNoContext], [ErrOtherUser], one of
// the Err variables of package oidc, a [*RoleError], or what Credentials, the
// Store or the token's function returned. They hold no secrets of this package.
func (p *Provider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if p == nil || p.users == nil {
		return aws.Credentials{}, errors.New("tip: a Provider is made by Users.Provider")
	}
	if err := p.users.check(); err != nil {
		return aws.Credentials{}, err
	}
	trail, err := p.users.trail()
	if err != nil {
		return aws.Credentials{}, err
	}
	who, err := p.identified(ctx)
	var c aws.Credentials
	outcome := "cached"
	if err == nil {
		c, outcome, err = p.get(ctx, who)
	}
	if err := trail.Leave(ctx, p.users.line(who, outcome, c, err), err); err != nil {
		return aws.Credentials{}, err
	}
	return c, nil
}

// get returns the credentials of a user, and how they came, as the trail has it.
func (p *Provider) get(ctx context.Context, u *user) (c aws.Credentials, outcome string, err error) {
	if c, ok := u.cached(time.Now()); ok {
		return c, "cached", nil
	}
	fetched := false
	v, err := p.users.once(ctx, fmt.Sprintf("user %q %q", u.issuer, u.subject), func(ctx context.Context) (any, error) {
		if c, ok := u.cached(time.Now()); ok {
			return c, nil
		}
		fetched = true
		return (&attempt{Users: p.users, assertion: p.assertion, user: u}).renew(ctx)
	})
	if err != nil {
		return c, "", fmt.Errorf("get the credentials of a user for %s: %w", p.users.RoleARN, err)
	}
	if fetched { // by this call: those that join it have a flag of their own
		return v.(aws.Credentials), "fetched", nil
	}
	return v.(aws.Credentials), "joined", nil
}

// Format prints neither tokens nor credentials, whatever the verb.
func (p *Provider) Format(f fmt.State, _ rune) { io.WriteString(f, "tip.Provider") }

// Format prints neither tokens nor credentials, whatever the verb.
func (u *Users) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "tip.Users(%s)", u.RoleARN)
}

// identified returns the provider's user, after the service has accepted a token
// of theirs.
func (p *Provider) identified(ctx context.Context) (*user, error) {
	p.mu.Lock()
	known := p.user
	p.mu.Unlock()
	if known != nil {
		return known, nil
	}
	a := &attempt{Users: p.users, assertion: p.assertion}
	token, err := a.jwt(ctx)
	if err != nil {
		return nil, fmt.Errorf("find out who a user is: %w", err)
	}
	hash := sha256.Sum256([]byte(token))
	found := p.users.accepted(hash)
	if found == nil {
		v, err := p.users.once(ctx, fmt.Sprintf("token %x", hash), func(ctx context.Context) (any, error) {
			if u := p.users.accepted(hash); u != nil {
				return u, nil
			}
			return a.prove(ctx, hash)
		})
		if err != nil {
			return nil, fmt.Errorf("exchange a user's token: %w", err)
		}
		found = v.(*user)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.user == nil {
		p.user = found
	}
	if p.user.identity != found.identity { // another goroutine had another user's token
		return nil, ErrOtherUser
	}
	return p.user, nil
}

// exchangeTime bounds all that one exchange may take: three calls, and a
// caller's function.
const exchangeTime = 50 * time.Second

// once calls do for all that ask at the same time. It goes on if one of them
// gives up.
func (u *Users) once(ctx context.Context, what string, do func(context.Context) (any, error)) (any, error) {
	result := u.flights.DoChan(what, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exchangeTime)
		defer cancel()
		return do(ctx)
	})
	select {
	case r := <-result:
		return r.Val, r.Err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// find returns what is known of a user, by an identity that is proven or that the
// caller answers for.
func (u *Users) find(id identity) *user {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.users == nil {
		u.users, u.proven = make(map[identity]*user), make(map[[sha256.Size]byte]*proof)
	}
	found := u.users[id]
	if found == nil {
		found = &user{identity: id, used: time.Now()}
		u.users[id] = found
	}
	return found
}

// accepted returns whose a token is that the service has accepted, or nil.
func (u *Users) accepted(hash [sha256.Size]byte) *user {
	u.mu.Lock()
	defer u.mu.Unlock()
	if p := u.proven[hash]; p != nil && time.Now().Before(p.until) {
		return p.user
	}
	return nil
}

// accept notes that the service has accepted a token, until it expires, and
// forgets users who have not been here for a day.
func (u *Users) accept(hash [sha256.Size]byte, claims jwt.Claims) *user {
	found := u.find(identity{claims.Issuer, claims.Subject})
	u.mu.Lock()
	defer u.mu.Unlock()
	now := time.Now()
	until := now.Add(time.Hour)
	if !claims.Expiry.IsZero() && claims.Expiry.Before(until) {
		until = claims.Expiry
	}
	u.proven[hash] = &proof{found, until}
	for hash, p := range u.proven {
		if now.After(p.until) {
			delete(u.proven, hash)
		}
	}
	for id, other := range u.users {
		if other != found && other.idle(now) {
			delete(u.users, id)
		}
	}
	return found
}
