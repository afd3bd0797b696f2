package credproc

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/credproc/credproc/internal/portal"
	"github.com/credproc/credproc/internal/sdk"
	"github.com/credproc/credproc/tokencache"
)

// door is the way to the portal with a session's access token, which is asked
// for once: some keychains take seconds.
type door struct {
	session *tokencache.Session
	op      string

	mu    sync.Mutex
	token string
}

// call calls the portal. A token that it refuses is renewed, once.
func (d *door) call(ctx context.Context, do func(c *portal.Client, token string) error) error {
	s := d.session
	ctx = sdk.WithLogger(ctx, s.Logger)
	c := &portal.Client{
		Region: s.Config.Region, Endpoint: s.PortalEndpoint,
		UseFIPS: s.Config.UseFIPS, UseDualStack: s.Config.UseDualStack,
		AppID: s.Config.AppID, HTTPClient: s.Config.HTTPClient,
	}
	token, err := d.tokenAfter(ctx, "")
	if err != nil {
		return err
	}
	err = do(c, token)
	if errors.Is(err, portal.ErrUnauthorized) {
		if token, err = d.tokenAfter(ctx, token); err != nil {
			return err
		}
		if err = do(c, token); errors.Is(err, portal.ErrUnauthorized) {
			s.RefusedAtBirth(token)
		}
	}
	if answer, ok := err.(*portal.Error); ok {
		return &tokencache.UnavailableError{Op: d.op, Reason: answer.Error(), Err: err}
	}
	return err
}

// callPatiently calls again after a 429: where dozens of roles are asked for at
// once, the quota of 20 requests in a second is a matter of taking turns. Five
// calls in four seconds are few enough for a portal that refuses everybody.
func (d *door) callPatiently(ctx context.Context, do func(c *portal.Client, token string) error) error {
	for _, wait := range []time.Duration{500, 800, 1200, 1500} {
		err := d.call(ctx, do)
		answer, _ := errors.AsType[*portal.Error](err)
		if !errors.Is(err, portal.ErrThrottled) || answer.RetryAfter > 2*time.Second {
			return err
		}
		wait = wait/2 + rand.N(wait)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(max(wait*time.Millisecond, answer.RetryAfter)):
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
	token, err := d.session.Token(ctx, refused)
	if err != nil {
		return "", err
	}
	d.token = token.AccessToken
	return d.token, nil
}

// Account is an AWS account in which the person has at least one role.
type Account struct {
	ID    string   `json:"account_id"` // 12 digits
	Name  string   `json:"name"`
	Email string   `json:"email"`
	Roles []string `json:"roles,omitempty"` // sorted
}

// The portal refuses more than 20 requests in a second, of all a person's
// programs together.
const (
	listRate    = 19.5
	listWorkers = 8
	listTries   = 6
)

// Accounts lists the accounts that the session's person can use, sorted by
// name, and, if roles is set, the roles they have there: one request for each
// account. It keeps below the service's rate, and goes slower where it is
// still refused. Errors are those of [Provider.Retrieve].
func Accounts(ctx context.Context, s *tokencache.Session, roles bool) ([]Account, error) {
	l := &lister{door: door{session: s, op: "list accounts and roles through session " + label(s)}, rate: rate.NewLimiter(listRate, 1)}
	var accounts []Account
	err := l.try(ctx, func(c *portal.Client, token string) error {
		accounts = nil
		for a, err := range c.Accounts(ctx, token) {
			if err != nil {
				return err
			}
			accounts = append(accounts, Account{ID: a.ID, Name: a.Name, Email: a.Email})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(accounts, func(a, b Account) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.ID, b.ID))
	})
	if !roles {
		return accounts, nil
	}
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(listWorkers)
	for i := range accounts {
		work.Go(func() error { return l.roles(ctx, &accounts[i]) })
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	return accounts, nil
}

type lister struct {
	door
	rate *rate.Limiter
}

func (l *lister) roles(ctx context.Context, a *Account) error {
	err := l.try(ctx, func(c *portal.Client, token string) error {
		a.Roles = nil
		for role, err := range c.Roles(ctx, token, a.ID) {
			if err != nil {
				return err
			}
			a.Roles = append(a.Roles, role)
		}
		return nil
	})
	slices.Sort(a.Roles)
	return err
}

// try calls until it is not told to slow down.
func (l *lister) try(ctx context.Context, do func(c *portal.Client, token string) error) error {
	for n := 1; ; n++ {
		if l.rate.Wait(ctx) != nil { // not its error, where it sees that the deadline would pass
			return cmp.Or(ctx.Err(), context.DeadlineExceeded)
		}
		limit := l.rate.Limit()
		err := l.call(ctx, do)
		if !errors.Is(err, portal.ErrThrottled) || n == listTries {
			return err
		}
		answer, _ := errors.AsType[*portal.Error](err)
		// Those who are refused together slow down once.
		l.rate.SetLimit(min(l.rate.Limit(), max(1, limit*3/4)))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(time.Second, answer.RetryAfter)):
		}
	}
}
