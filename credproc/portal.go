package credproc

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/fetch"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/pause"
	"github.com/credproc/credproc/internal/portal"
	"github.com/credproc/credproc/tokencache"
)

// portalRole is the source of a permission set's role: the access portal.
type portalRole struct{ *Provider }

func (p portalRole) Words() []string         { return layout.RoleWords(p.AccountID, p.RoleName) }
func (p portalRole) Steps() int              { return 0 }
func (p portalRole) shortest() time.Duration { return shortest }

func (p portalRole) role() tokencache.CachedRole {
	return tokencache.CachedRole{AccountID: p.AccountID, RoleName: p.RoleName}
}

func (p portalRole) Op() string {
	return "get credentials of role " + p.RoleName + " in account " + p.AccountID + " through session " + label(p.Session)
}

func (p portalRole) issue(ctx context.Context, _ *Provider) (issued, string, error) {
	login, err := inside.Of(p.Session)
	if err != nil {
		return issued{}, "", err
	}
	var got *portal.Credentials
	var asked time.Time
	door := &door{login: login, op: p.Op()}
	err = door.callPatiently(ctx, func(c *portal.Client, token string) (err error) {
		asked = time.Now()
		got, err = c.RoleCredentials(ctx, token, p.AccountID, p.RoleName)
		if errors.Is(err, portal.ErrNoAccess) || errors.Is(err, portal.ErrNotFound) {
			return p.noAccess(held(ctx, c, token, p.AccountID), err)
		}
		return err
	})
	if err != nil {
		return issued{}, "", err
	}
	return issued{asked: asked, date: got.Date, Credentials: aws.Credentials{
		AccessKeyID: got.AccessKeyID, SecretAccessKey: got.SecretAccessKey, SessionToken: got.SessionToken,
		CanExpire: true, Expires: got.Expiration, AccountID: p.AccountID,
	}}, got.RequestID, nil
}

func (p portalRole) noAccess(held []string, err error) *NoAccessError {
	return &NoAccessError{Session: label(p.Session), AccountID: p.AccountID, RoleName: p.RoleName, Held: held, Err: err,
		Request: rulesOf(p.Session).HowToRequest(p.AccountID, p.RoleName)}
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

func (p portalRole) explain(err error) error {
	if shared, ok := errors.AsType[*flight.SharedError](err); ok && shared.Kind == noAccess {
		return p.noAccess(strings.Fields(shared.Reason), shared)
	}
	return err
}

// door is the way to the portal with a session's access token, which is asked
// for once: some keychains take seconds.
type door struct {
	login fetch.Session
	op    string

	mu    sync.Mutex
	token string
}

// call calls the portal. A token that it refuses is renewed, once.
func (d *door) call(ctx context.Context, do func(c *portal.Client, token string) error) error {
	c := d.login.Portal()
	token, err := d.tokenAfter(ctx, "")
	if err != nil {
		return err
	}
	err = do(c, token)
	if errors.Is(err, portal.ErrUnauthorized) {
		if token, err = d.tokenAfter(ctx, token); err != nil {
			return err
		}
		err = do(c, token)
		_, noAccess := errors.AsType[*NoAccessError](err)
		if refused := errors.Is(err, portal.ErrUnauthorized); refused || err == nil || noAccess {
			d.login.Tried(token, !refused)
		}
	}
	if answer, ok := err.(*awsapi.Error); ok {
		return &tokencache.ServiceError{Op: d.op, Reason: answer.Error(), Err: err}
	}
	return err
}

// callPatiently calls again after a 429: where dozens of roles are asked for at
// once, the quota of 20 requests in a second is a matter of taking turns. Five
// calls in four seconds are few enough for a portal that refuses everybody.
func (d *door) callPatiently(ctx context.Context, do func(c *portal.Client, token string) error) error {
	for _, wait := range []time.Duration{500, 800, 1200, 1500} {
		err := d.call(ctx, do)
		answer, _ := errors.AsType[*awsapi.Error](err)
		if !errors.Is(err, portal.ErrThrottled) || answer.RetryAfter > 2*time.Second {
			return err
		}
		wait = wait/2 + rand.N(wait)
		if pause.For(ctx, max(wait*time.Millisecond, answer.RetryAfter)) != nil {
			return err
		}
	}
	return d.call(ctx, do)
}

// tokenAfter returns a token that is not the refused one.
func (d *door) tokenAfter(ctx context.Context, refused string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.token != refused {
		return d.token, nil
	}
	token, err := d.login.Token(ctx, refused)
	if err == nil {
		d.token = token
	}
	return token, err
}
