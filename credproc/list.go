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
	"github.com/credproc/credproc/internal/fetch"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/pause"
	"github.com/credproc/credproc/internal/portal"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/tokencache"
)

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
	// Offline asks no service: the list is the last one with roles that this
	// machine has made, however old, or empty, with a zero time, if it has none.
	Offline bool
	// Rate is how many requests are made in a second, at most. 0 means 19.5: the
	// portal refuses more than 20, of all a person's programs together. It slows down
	// by itself if the portal refuses earlier.
	Rate float64
	// Progress, if not nil, is called after each account, never twice at once,
	// and not at all for a list that was made before. A list that was cut off
	// goes on where it was, and Progress tells of what was listed then, too.
	Progress func(Progress)
}

// Progress is how far a list has come.
type Progress struct {
	Account Account // the one that is done, with its roles
	Done    int     // accounts that are done
	Total   int     // all accounts
	Roles   int     // found so far
	Rate    float64 // requests in a second, for now
	Refused int     // requests that the service refused for being too many
}

// Accounts lists the accounts that the session's person can use, sorted by name, with
// the roles they have there, and tells when the list was made. It is kept, sealed,
// for the next caller on this machine; several that ask at once make it once. Errors
// are those of [Provider.Retrieve]; a list is complete, or there is none.
func (l *Listing) Accounts(ctx context.Context) ([]Account, time.Time, error) {
	if l == nil {
		return nil, time.Time{}, errors.New("there is no listing: it is nil")
	}
	login, err := inside.Of(l.Session)
	if err != nil {
		return nil, time.Time{}, own(err)
	}
	if _, err := login.Policy(); err != nil {
		return nil, time.Time{}, own(err)
	}
	if l.Offline {
		return l.stored(ctx, login)
	}
	data, err := fetch.Slowly(ctx, login, &making{l, login, time.Now()})
	if err != nil {
		return nil, time.Time{}, own(err)
	}
	list, err := parseList(data)
	return list.Accounts, list.At, err
}

// stored returns the list that this machine has made last, however old, or
// nothing.
func (l *Listing) stored(ctx context.Context, login inside.Session) ([]Account, time.Time, error) {
	last := *l
	last.MaxAge, last.AccountsOnly = math.MaxInt64, false
	data, err := login.Load(ctx, last.words())
	if err != nil || last.judge(data, time.Now(), time.Now()) != layout.Fresh {
		return nil, time.Time{}, err
	}
	list, err := parseList(data)
	return list.Accounts, list.At, err
}

func (l *Listing) words() []string {
	if l.AccountsOnly {
		return []string{"accounts"}
	}
	return []string{"accounts and roles"}
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

func (l *Listing) judge(data []byte, began, since time.Time) layout.Freshness {
	made, err := parseList(data)
	switch age := began.Sub(made.At); {
	case err != nil || made.At.After(time.Now()): // the clock was set back
		return layout.Useless
	case !made.At.Before(since): // another caller made it while this one waited
		return layout.Fresh
	case age < l.MaxAge && len(made.Accounts) > 0: // a person without roles waits for an assignment
		return layout.Fresh
	}
	return layout.Useless
}

// making is a list that a caller asked for at started, as package fetch sees it.
type making struct {
	*Listing
	login fetch.Session
	began time.Time
}

func (m *making) Words() []string { return m.words() }
func (m *making) Steps() int      { return 0 }
func (m *making) Variant() string { return "" }
func (m *making) Op() string      { return m.op() }
func (m *making) Failure(error) (flight.Failure, bool) {
	return flight.Failure{}, false // see [fetch.Slowly]
}

func (m *making) Judge(data []byte, since time.Time) layout.Freshness {
	return m.judge(data, m.began, since)
}

func (m *making) Fetch(ctx context.Context) (data, label []byte, err error) {
	before := m.unfinished(ctx)
	maker := &maker{l: m.Listing, door: door{login: m.login, op: m.op()}, pace: pace{most: cmp.Or(m.Rate, listRate)}, kept: before.byID()}
	accounts, err := maker.make(ctx)
	at := time.Now()
	if len(before.Accounts) > 0 {
		at = before.At // no part of it is older
	}
	if err != nil {
		if len(maker.listed) > len(before.Accounts) {
			m.keepUnfinished(ctx, list{at, maker.listed})
		}
		return nil, nil, err
	}
	if len(before.Accounts) > 0 {
		m.keepUnfinished(ctx, list{At: at})
	}
	data, err = json.Marshal(list{at, accounts})
	return data, nil, err
}

// unfinishedWords are those of what was listed before a list was cut off.
func unfinishedWords() []string { return []string{"accounts and roles so far"} }

// unfinished returns what was listed before the last list was cut off, if it is
// recent enough for this caller.
func (m *making) unfinished(ctx context.Context) list {
	if m.AccountsOnly {
		return list{}
	}
	data, err := m.login.Load(ctx, unfinishedWords())
	if err != nil || m.judge(data, m.began, m.began) != layout.Fresh {
		return list{}
	}
	part, _ := parseList(data)
	return part
}

// keepUnfinished keeps what was listed before an error or a Ctrl-C, for the next
// caller. Nothing to keep forgets what was kept.
func (m *making) keepUnfinished(ctx context.Context, part list) {
	ctx = context.WithoutCancel(ctx)
	login, err := m.login.Login(ctx)
	data, errText := json.Marshal(part)
	if m.AccountsOnly || err != nil || errText != nil {
		return
	}
	if err := m.login.Store(ctx, login, unfinishedWords(), data, nil); err != nil {
		m.login.Log("not stored", "op", m.op(), "error", err)
	}
}

// byID returns the roles by account.
func (l *list) byID() map[string][]string {
	roles := map[string][]string{}
	for _, a := range l.Accounts {
		roles[a.ID] = a.Roles
	}
	return roles
}

const (
	listRate    = 19.5
	listWorkers = 24 // at half a second for each answer that is more than the rate
	// listPatience is how long a list goes on in which every request is refused.
	listPatience = time.Minute
)

// make lists. What it has listed before an error is in m.listed.
func (m *maker) make(ctx context.Context) ([]Account, error) {
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
	if m.l.AccountsOnly {
		return accounts, nil
	}
	m.so.Total = len(accounts)
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(listWorkers)
	for i := range accounts {
		if roles, ok := m.kept[accounts[i].ID]; ok {
			accounts[i].Roles = roles
			m.done(accounts[i])
		}
	}
	for i := range accounts {
		if _, ok := m.kept[accounts[i].ID]; ok {
			continue
		}
		work.Go(func() error {
			err := m.roles(ctx, &accounts[i])
			if err == nil {
				m.done(accounts[i])
			}
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	return accounts, nil
}

// done notes an account with all of its roles.
func (m *maker) done(a Account) {
	m.one.Lock()
	defer m.one.Unlock()
	m.listed = append(m.listed, a)
	if m.l.Progress == nil {
		return
	}
	m.so.Account, m.so.Done, m.so.Roles = a, m.so.Done+1, m.so.Roles+len(a.Roles)
	m.so.Rate, m.so.Refused = m.pace.now()
	m.l.Progress(m.so)
}

// maker makes one list.
type maker struct {
	door
	l    *Listing
	pace pace
	size atomic.Int64        // of all names so far, in bytes
	kept map[string][]string // roles by account, from a list that was cut off

	one    sync.Mutex // at a time is done
	so     Progress
	listed []Account // with their roles
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
		if err := pause.For(ctx, max(wait/2+rand.N(wait), answer.RetryAfter)); err != nil {
			return err
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
		if err := pause.For(ctx, turn); err != nil {
			return err
		}
	}
}

// turn returns how long it is until a caller's turn, and takes it if it is now.
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
	if sent.After(p.slowed) { // requests that are refused together slow the list down once
		p.good, p.slowed = p.recent(now), now
		p.rate = max(1, min(0.95*float64(len(p.good)), p.rate))
	}
	return now.Sub(p.last) < listPatience
}
