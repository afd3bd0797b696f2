package credproc

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/portal"
	"github.com/credproc/credproc/internal/safedir"
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
	ctx = awsapi.WithLogger(ctx, s.Logger)
	c := &portal.Client{
		Region: s.Config.Region, URL: s.PortalEndpoint,
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
		err = do(c, token)
		_, noAccess := errors.AsType[*NoAccessError](err)
		if refused := errors.Is(err, portal.ErrUnauthorized); refused || err == nil || noAccess {
			s.Tried(token, !refused)
		}
	}
	if answer, ok := err.(*awsapi.Error); ok {
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
		answer, _ := errors.AsType[*awsapi.Error](err)
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

// Listing is a list of accounts to be made. It may be used for several, one
// after the other.
type Listing struct {
	Session *tokencache.Session
	// AccountsOnly leaves the roles out: they take a request for each account.
	AccountsOnly bool
	// MaxAge is how old a list may be that this machine has made before. 0 asks
	// the service.
	MaxAge time.Duration
	// Rate is how many requests are made in a second, at most. 0 means 19.5: the
	// portal refuses more than 20, of all a person's programs together. It goes
	// slower by itself where it is refused earlier.
	Rate float64
	// Progress, if not nil, is called after each account, never twice at once,
	// and not at all for a list that was made before.
	Progress func(Progress)
}

// Progress is how far a list has come.
type Progress struct {
	Account Account // the one that is done, with its roles
	Done    int     // accounts that are done
	Total   int     // accounts that there are
	Roles   int     // found so far
	Rate    float64 // requests in a second, for now
	Refused int     // requests that the service refused for being too many
}

// Accounts is [Listing.Accounts] with the defaults, straight from the service.
func Accounts(ctx context.Context, s *tokencache.Session, roles bool) ([]Account, error) {
	accounts, _, err := (&Listing{Session: s, AccountsOnly: !roles}).Accounts(ctx)
	return accounts, err
}

// Accounts lists the accounts that the session's person can use, sorted by
// name, with the roles they have there, and tells when the list was made. It is
// kept, sealed, for the next caller on this machine; several that ask at once
// make it once. Errors are those of [Provider.Retrieve]; a list is all there or
// not there at all.
func (l *Listing) Accounts(ctx context.Context) ([]Account, time.Time, error) {
	began := time.Now()
	words := []string{"accounts and roles"}
	if l.AccountsOnly {
		words = []string{"accounts"}
	}
	data, err := l.Session.Gathered(ctx, tokencache.Cached{
		Words: words, Op: l.op(),
		Judge: func(data []byte, since time.Time) tokencache.Freshness { return l.judge(data, began, since) },
		Fetch: l.fetch,
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	list, err := parseList(data)
	return list.Accounts, list.At, err
}

// Stored returns the list that this machine has made last, and when that was;
// nothing, if it has none. It asks no service.
func (l *Listing) Stored(ctx context.Context) ([]Account, time.Time, error) {
	stored := *l
	stored.MaxAge = math.MaxInt64
	data, err := l.Session.Stored(ctx, []string{"accounts and roles"})
	if err != nil || stored.judge(data, time.Now(), time.Now()) != tokencache.Fresh {
		return nil, time.Time{}, err
	}
	list, err := parseList(data)
	return list.Accounts, list.At, err
}

func (l *Listing) op() string { return "list accounts and roles through session " + label(l.Session) }

// list is what is kept.
type list struct {
	At       time.Time // when it was done, local clock
	Accounts []Account
}

func parseList(data []byte) (list, error) {
	var made list
	if json.Unmarshal(data, &made) != nil || made.At.IsZero() {
		return list{}, errors.New("not a list of accounts")
	}
	return made, nil
}

func (l *Listing) judge(data []byte, began, since time.Time) tokencache.Freshness {
	made, err := parseList(data)
	switch age := began.Sub(made.At); {
	case err != nil || made.At.After(time.Now()): // the clock was set back
		return tokencache.Useless
	case !made.At.Before(since): // somebody made it while this caller waited
		return tokencache.Fresh
	case age < l.MaxAge && len(made.Accounts) > 0: // who has nothing waits for an assignment
		return tokencache.Fresh
	}
	return tokencache.Useless
}

func (l *Listing) fetch(ctx context.Context) ([]byte, error) {
	accounts, err := l.make(ctx)
	if err != nil {
		return nil, err
	}
	return json.Marshal(list{time.Now(), accounts})
}

const (
	listRate    = 19.5
	listWorkers = 24 // at half a second for each answer that is more than the rate
	// listPatience is how long a list goes on in which every request is refused.
	listPatience = time.Minute
)

func (l *Listing) make(ctx context.Context) ([]Account, error) {
	m := &maker{door: door{session: l.Session, op: l.op()}, pace: pace{most: cmp.Or(l.Rate, listRate)}}
	var accounts []Account
	for a, err := range portal.Pages("ListAccounts", m.accounts(ctx)) {
		if err == nil {
			err = m.keep(a.ID, a.Name, a.Email)
		}
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, Account{ID: a.ID, Name: a.Name, Email: a.Email})
	}
	slices.SortFunc(accounts, func(a, b Account) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.ID, b.ID))
	})
	if l.AccountsOnly {
		return accounts, nil
	}
	so := Progress{Total: len(accounts)}
	var one sync.Mutex
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(listWorkers)
	for i := range accounts {
		work.Go(func() error {
			if err := m.roles(ctx, &accounts[i]); err != nil || l.Progress == nil {
				return err
			}
			one.Lock()
			defer one.Unlock()
			so.Account, so.Done, so.Roles = accounts[i], so.Done+1, so.Roles+len(accounts[i].Roles)
			so.Rate, so.Refused = m.pace.now()
			l.Progress(so)
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	return accounts, nil
}

// maker makes one list.
type maker struct {
	door
	pace pace
	size atomic.Int64 // of all names so far, in bytes
}

// mostList is how large a list may become. It is stored as one record.
const mostList = safedir.Most / 2

// keep makes room for names that were received.
func (m *maker) keep(names ...string) error {
	size := 0
	for _, name := range names {
		size += len(name) + len(`"",`)
	}
	if m.size.Add(int64(size)) > mostList {
		return fmt.Errorf("%s: the list is larger than %d MiB", m.op, mostList>>20)
	}
	return nil
}

func (m *maker) accounts(ctx context.Context) func(next *string) ([]portal.Account, *string, error) {
	return func(next *string) (page []portal.Account, following *string, err error) {
		err = m.try(ctx, func(c *portal.Client, token string) (err error) {
			page, following, err = c.AccountsPage(ctx, token, next)
			return err
		})
		return page, following, err
	}
}

func (m *maker) roles(ctx context.Context, a *Account) error {
	for role, err := range portal.Pages("ListAccountRoles", func(next *string) (page []string, following *string, err error) {
		err = m.try(ctx, func(c *portal.Client, token string) (err error) {
			page, following, err = c.RolesPage(ctx, token, a.ID, next)
			return err
		})
		return page, following, err
	}) {
		if err == nil {
			err = m.keep(role)
		}
		if err != nil {
			return err
		}
		a.Roles = append(a.Roles, role)
	}
	slices.Sort(a.Roles)
	return nil
}

// try calls until it is not told to slow down, as long as anybody is served.
func (m *maker) try(ctx context.Context, do func(c *portal.Client, token string) error) error {
	for wait := time.Second; ; wait = min(2*wait, 8*time.Second) {
		if err := m.pace.wait(ctx); err != nil {
			return err
		}
		sent := time.Now()
		err := m.call(ctx, do)
		if !errors.Is(err, portal.ErrThrottled) {
			m.pace.served(time.Now())
			return err
		}
		if !m.pace.refused(sent, time.Now()) {
			return err
		}
		answer, _ := errors.AsType[*awsapi.Error](err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(wait/2+rand.N(wait), answer.RetryAfter)):
		}
	}
}

// pace is how fast requests are made: as fast as the service has served them in
// the last second before it refused one, and then faster again, little by
// little.
type pace struct {
	most float64 // requests in a second

	mu       sync.Mutex
	rate     float64     // at the moment; 0 before the first
	next     time.Time   // when the next request may be sent
	good     []time.Time // when requests of the last second were served
	last     time.Time   // when one was served, or the first was sent
	slowed   time.Time   // when the rate was last changed
	refusals int
}

// wait waits for the turn of a request. Unlike those of a [rate.Limiter], who
// waits goes by the rate of the moment when the turn comes.
//
// [rate.Limiter]: https://pkg.go.dev/golang.org/x/time/rate#Limiter
func (p *pace) wait(ctx context.Context) error {
	for {
		turn := p.turn(time.Now())
		if turn <= 0 {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(turn):
		}
	}
}

// turn returns how long it is until somebody's turn, and takes it if it is now.
func (p *pace) turn(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.next) {
		return p.next.Sub(now)
	}
	if p.rate == 0 {
		p.rate, p.last = p.most, now
	}
	interval := time.Duration(float64(time.Second) / p.rate)
	if late := now.Sub(p.next); late < interval { // timers are late, and must not add up
		p.next = p.next.Add(interval)
	} else {
		p.next = now.Add(interval)
	}
	return 0
}

func (p *pace) now() (float64, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rate, p.refusals
}

// served notes a request that was not refused.
func (p *pace) served(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = now
	p.good = append(p.recent(now), now)
	if p.rate < p.most && now.Sub(p.slowed) >= time.Second {
		p.slowed = now
		p.rate = min(p.most, p.rate*1.05)
	}
}

// recent returns when requests were served in the second before now.
func (p *pace) recent(now time.Time) []time.Time {
	return slices.DeleteFunc(p.good, func(t time.Time) bool { return now.Sub(t) >= time.Second })
}

// refused notes a request that was, and reports whether to go on.
func (p *pace) refused(sent, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusals++
	if sent.After(p.slowed) { // those who are refused together slow down once
		p.good, p.slowed = p.recent(now), now
		p.rate = max(1, min(0.95*float64(len(p.good)), p.rate))
	}
	return now.Sub(p.last) < listPatience
}
