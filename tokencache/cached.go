package tokencache

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/tokencache/keyring"
)

const (
	// patience is how long a caller waits who has something that will do.
	patience = 3 * time.Second
	// storeWait is how long a fetch waits to be stored while others renew: the
	// caller has its answer already.
	storeWait = 5 * time.Second
)

// Cached is something that is fetched with a session's access token, and kept,
// sealed, for every process of the machine: role credentials, a list of
// accounts.
type Cached struct {
	// Words say what it is: other words, another thing.
	Words []string
	// Steps is how many others of this kind it is made from, one after another: the
	// roles before the one that is assumed. No circle of them can be made.
	Steps int
	// Variant tells apart callers with a Judge of their own, so that they do
	// not get one another's answer.
	Variant string
	// Op is what is being done, for messages: "get credentials of role Admin in
	// account 111111111111 through session corp".
	Op string
	// Judge says whether data that was stored will do. What was fetched after
	// since, when this caller began to wait, must not be Stale: others may
	// have got it short-lived, and everybody would fetch again.
	Judge func(data []byte, since time.Time) Freshness
	// Fetch gets it from the service. An error with a method
	// Failure() of package flight is shared with the next callers.
	Fetch func(ctx context.Context) (data []byte, err error)
	// Label says of data what may be known without the sealing key. nil, or a
	// nil result, means nothing.
	Label func(data []byte) *CachedRole
	// Answered is called before Cached returns data, and told where it came
	// from. nil: nobody wants to know.
	Answered func(Outcome)
	// Limit is how long Cached may take, beside the end of its context. 0: as
	// long as that. What is at hand is returned without a look at either:
	// thousands of callers with one context would queue for its lock.
	Limit time.Duration
}

// Outcome is where an answer came from.
type Outcome string

// What an answer can come from.
const (
	FromCache Outcome = "cached"  // it was stored already
	Joined    Outcome = "joined"  // somebody else was fetching it, or had just done so
	Fetched   Outcome = "fetched" // the service, by this call
)

// Freshness is how good something stored is.
type Freshness int

// What a Judge can say.
const (
	Useless Freshness = iota // not to be used any more
	Stale                    // to be used if it cannot be fetched
	Fresh                    // to be used
)

// Cached returns what is stored, or fetches it: once, however many goroutines
// and processes ask. It fails with c.Fetch's error, an [UnavailableError], or
// an error of the keyring.
//
// What a login fetched is forgotten with it: a fetch under way while somebody
// signs out is answered but not stored.
func (s *Session) Cached(ctx context.Context, c Cached) ([]byte, error) {
	st, err := s.open()
	if err != nil {
		return nil, err
	}
	if data, ok := st.recall(c.Words); ok && c.judge(data, time.Now()) == Fresh {
		return s.cached(c, data), nil
	}
	if c.Limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Limit)
		defer cancel()
	}
	stored, err := st.readRecord(ctx, c.Words)
	if err != nil {
		s.note(ctx, st, st.readIndex(), lookFor(err))
		return nil, err
	}
	freshness := c.judge(stored, time.Now())
	if freshness == Fresh {
		return s.cached(c, stored), nil
	}
	s.debug("look", "op", c.Op, "why", why(stored, freshness))
	patient := ctx
	if freshness == Stale {
		var cancel context.CancelFunc
		patient, cancel = context.WithTimeoutCause(ctx, patience, errors.New("what there is will do"))
		defer cancel()
	}
	var fetched atomic.Bool // the flight may go on without its caller
	data, err := flight.Do(patient, &s.group, s.flight(st, c, &fetched))
	if _, noLock := errors.AsType[*flight.LockError](err); noLock && freshness != Stale {
		// A state directory that cannot be written keeps nobody from an answer.
		s.debug("fetch without a lock", "op", c.Op, "error", err)
		data, err := c.Fetch(s.logged(ctx))
		if err == nil {
			c.answered(Fetched)
		}
		return data, err
	}
	if err != nil && freshness == Stale {
		s.debug("what is stored is used", "op", c.Op, "error", err)
		c.answered(FromCache)
		return stored, nil
	}
	switch {
	case err != nil:
	case fetched.Load():
		c.answered(Fetched)
	default:
		c.answered(Joined)
	}
	return data, explain(c.Op, err)
}

func (s *Session) cached(c Cached, data []byte) []byte {
	s.debug("cached", "op", c.Op)
	c.answered(FromCache)
	return data
}

func (c *Cached) answered(how Outcome) {
	if c.Answered != nil {
		c.Answered(how)
	}
}

// why says, for the log, what is wrong with what is stored.
func why(stored []byte, freshness Freshness) string {
	switch {
	case stored == nil:
		return "nothing stored"
	case freshness == Stale:
		return "stale"
	}
	return "not usable"
}

func (c *Cached) judge(data []byte, since time.Time) Freshness {
	if data == nil {
		return Useless
	}
	return c.Judge(data, since)
}

func (st *store) lockOf(c Cached) flight.Name {
	return flight.Fetched(st.id, sealed.Name(st.recordIdentity(c.Words)), c.Steps)
}

func (s *Session) flight(st *store, c Cached, fetched *atomic.Bool) flight.Call[[]byte] {
	return flight.Call[[]byte]{
		Dir: st.locks(), Name: st.lockOf(c),
		Variant: c.Variant, Op: c.Op, Network: s.network(), Logger: s.Logger,
		Load: func(ctx context.Context, since time.Time, _ bool) ([]byte, bool, error) {
			data, err := st.readRecord(ctx, c.Words)
			return data, c.judge(data, since) == Fresh, err
		},
		Fetch: func(ctx context.Context) ([]byte, error) {
			login, err := s.loginFor(ctx, st)
			if err != nil {
				return nil, err
			}
			data, err := c.Fetch(s.logged(ctx))
			if err != nil {
				return nil, err
			}
			fetched.Store(true)
			if err := s.keepRecord(ctx, login, c, data); err != nil {
				s.debug("not stored", "op", c.Op, "error", err)
			}
			return data, nil
		},
	}
}

// loginFor names the login that something is to be fetched with. One that comes
// at this moment is in force by the time that it has a token: without its name,
// what it fetches would not be stored, and the next caller would fetch again.
func (s *Session) loginFor(ctx context.Context, st *store) (string, error) {
	login, err := st.currentLogin(ctx)
	if err != nil || login != "" {
		return login, err
	}
	if _, err := s.Token(ctx, ""); err != nil {
		return "", err
	}
	return st.currentLogin(ctx)
}

// keepRecord stores what was fetched under a login, if that is still the one.
func (s *Session) keepRecord(ctx context.Context, under string, c Cached, data []byte) error {
	// A keychain may take longer than storeWait. Unstored, everybody else would
	// fetch in turn.
	if _, err := s.store.sealingKey(ctx, true); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	ctx, release, err := flight.Lock(ctx, s.store.locks(), flight.Session(s.store.id), "store what was fetched with the session "+s.label())
	if err != nil {
		return err
	}
	defer release()
	now, err := s.store.currentLogin(ctx)
	if err != nil {
		return err
	}
	if now != under || now == "" {
		return errors.New("the login it was fetched with is gone")
	}
	var role *CachedRole
	if c.Label != nil {
		role = c.Label(data)
	}
	return s.store.writeRecord(ctx, c.Words, data, role)
}

// currentLogin names the login in force; "" means that there is none. The
// index tells, and the keyring is asked only where it does not.
func (st *store) currentLogin(ctx context.Context) (string, error) {
	if ix := st.readIndex(); ix != nil && ix.Login != "" {
		return ix.Login, nil
	}
	it, err := st.read(ctx)
	switch {
	case errors.Is(err, keyring.ErrNotFound):
		return "", nil
	case err != nil:
		return "", err
	}
	return login(it.ClientID), nil
}
