// Package fetch gets what is fetched with a login, such as the credentials of a
// role: it loads what is stored, judges it, and if it is not good enough takes a
// lock, fetches and stores. However many goroutines and processes ask, one of
// them fetches.
//
// What a login fetched is forgotten with it: a fetch under way during a sign-out
// is answered but not stored.
package fetch

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/portal"
)

// Thing is what one caller wants.
type Thing interface {
	// Words say what it is: other words, another thing.
	Words() []string
	// Steps is how many others it is made from, one after another: the roles
	// before the one that is assumed.
	Steps() int
	// Variant tells apart callers with another Judge, so that they do not get one
	// another's answer.
	Variant() string
	// Op is what is being done, for messages: "get credentials of role Admin in
	// account 111111111111 through session corp".
	Op() string
	// Judge says whether stored data is good enough. What was fetched after since,
	// when this caller started to wait, must not be Stale: others may have got it
	// short-lived, and everybody would fetch again.
	Judge(data []byte, since time.Time) layout.Freshness
	// Fetch gets it from the service, with what may be known of it without the
	// sealing key. The fetch may go on when its caller has gone.
	Fetch(ctx context.Context) (data, label []byte, err error)
	// Failure says what the next callers are told of an error of Fetch, if it is
	// of the kind that they share. Otherwise the session's Failure does.
	Failure(err error) (flight.Failure, bool)
}

// Session is the login that things are fetched with: a tokencache.Session.
type Session interface {
	// Recall returns what was stored when it was read last, if it is unchanged.
	Recall(words []string) (data []byte, ok bool)
	// Load returns what is stored, or nil. The error is a keyring's.
	Load(ctx context.Context, words []string) ([]byte, error)
	// Login names the login in force, or none: "".
	Login(ctx context.Context) (string, error)
	// Token returns an access token, but not the refused one.
	Token(ctx context.Context, refused string) (string, error)
	// Store stores data, if the login is still the one in force.
	Store(ctx context.Context, login string, words []string, data, label []byte) error
	// Flight is for fetching a thing: its lock, and by which way.
	Flight(words []string, steps int) flight.Call[[]byte]
	// Group joins the callers in this process.
	Group() *flight.Group
	// Found writes down, for status, what an error of Load says of the login.
	Found(ctx context.Context, err error)
	// Failure says what the next callers are told of an error of the service, if
	// err is one.
	Failure(err error) (flight.Failure, bool)
	// Explain makes errors of package flight the session's own.
	Explain(op string, err error) error
	// Context is for calls of services: they are logged.
	Context(ctx context.Context) context.Context
	// Log logs an event.
	Log(event string, args ...any)

	// Portal is the access portal's client, with the session's settings.
	Portal() *portal.Client
	// Tried tells whether the portal has accepted a token that replaces a refused
	// one.
	Tried(accessToken string, accepted bool)
}

// Origin is where an answer came from.
type Origin string

// What an answer can come from.
const (
	FromCache Origin = "cached"  // it was stored already
	Joined    Origin = "joined"  // another call was fetching it, or had just done so
	Fetched   Origin = "fetched" // the service, by this call
)

// patience is how long a caller waits that has usable data.
const patience = 3 * time.Second

// Once returns what is stored of a thing, or fetches it. It fails with the errors
// of t.Fetch, of s.Explain or of the keyring. What is at hand is returned without
// a look at ctx: thousands of callers with one context would queue for its lock.
func Once(ctx context.Context, s Session, t Thing) ([]byte, Origin, error) {
	if data, ok := s.Recall(t.Words()); ok && judge(t, data, time.Now()) == layout.Fresh {
		s.Log("cached", "op", t.Op())
		return data, FromCache, nil
	}
	ctx, cancel := context.WithTimeout(ctx, flight.Budget)
	defer cancel()
	stored, err := s.Load(ctx, t.Words())
	if err != nil {
		s.Found(ctx, err)
		return nil, "", err
	}
	switch judge(t, stored, time.Now()) {
	case layout.Fresh:
		s.Log("cached", "op", t.Op())
		return stored, FromCache, nil
	case layout.Stale:
		return refresh(ctx, s, t, stored)
	}
	s.Log("look", "op", t.Op(), "why", unusable(stored))
	data, origin, err := locked(ctx, s, t)
	if _, noLock := errors.AsType[*flight.LockError](err); noLock {
		// A state directory that cannot be written prevents no answer.
		s.Log("fetch without a lock", "op", t.Op(), "error", err)
		data, _, err = t.Fetch(s.Context(ctx))
		return data, Fetched, err
	}
	return data, origin, s.Explain(t.Op(), err)
}

// refresh fetches a thing again, or returns what is stored of it.
func refresh(ctx context.Context, s Session, t Thing, stored []byte) ([]byte, Origin, error) {
	s.Log("look", "op", t.Op(), "why", "stale")
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("what is stored is good enough"))
	defer cancel()
	data, origin, err := locked(ctx, s, t)
	if err != nil {
		s.Log("what is stored is used", "op", t.Op(), "error", err)
		return stored, FromCache, nil
	}
	return data, origin, nil
}

// tell makes err a failure that the next callers share, if they are to.
func tell(s Session, t Thing, err error) error {
	if f, ok := t.Failure(err); ok {
		return flight.Tell(err, f)
	}
	if f, ok := s.Failure(err); ok {
		return flight.Tell(err, f)
	}
	return err
}

func unusable(stored []byte) string {
	if stored == nil {
		return "nothing stored"
	}
	return "not usable"
}

// locked looks again under the lock of a thing, fetches it and stores it.
func locked(ctx context.Context, s Session, t Thing) ([]byte, Origin, error) {
	var fetched atomic.Bool // the flight may go on without its caller
	call := s.Flight(t.Words(), t.Steps())
	call.Variant, call.Op = t.Variant(), t.Op()
	call.Load = func(ctx context.Context, since time.Time, _ bool) ([]byte, bool, error) {
		data, err := s.Load(ctx, t.Words())
		return data, judge(t, data, since) == layout.Fresh, err
	}
	call.Fetch = func(ctx context.Context) ([]byte, error) {
		login, err := loginFor(ctx, s)
		if err != nil {
			return nil, err
		}
		ctx, now := used(ctx, s)
		data, err := fetch(ctx, s, t, func() string { return now.or(login) })
		fetched.Store(err == nil)
		return data, tell(s, t, err)
	}
	data, err := flight.Do(ctx, s.Group(), call)
	if fetched.Load() {
		return data, Fetched, err
	}
	return data, Joined, err
}

// Slowly is Once for what may take minutes, such as a list of hundreds of
// accounts: the fetch runs as long as ctx, and ends with it, and so does the wait
// for another process that is fetching. A failure is not shared with the next
// callers. t.Variant is not looked at, and Stale counts as Useless.
func Slowly(ctx context.Context, s Session, t Thing) ([]byte, error) {
	since := time.Now()
	if stored, err := s.Load(ctx, t.Words()); err != nil || judge(t, stored, since) == layout.Fresh {
		return stored, err
	}
	call := s.Flight(t.Words(), t.Steps())
	ctx, release, err := flight.Lock(ctx, call.Dir, call.Name, t.Op())
	if _, noLock := errors.AsType[*flight.LockError](err); noLock {
		s.Log("fetch without a lock", "op", t.Op(), "error", err)
		data, _, err := t.Fetch(s.Context(ctx))
		return data, err
	}
	if err != nil {
		return nil, s.Explain(t.Op(), err)
	}
	defer release()
	if stored, err := s.Load(ctx, t.Words()); err != nil || judge(t, stored, since) == layout.Fresh {
		return stored, err
	}
	login, err := s.Login(ctx)
	if err != nil {
		return nil, err
	}
	return fetch(ctx, s, t, func() string { return login })
}

// fetch fetches and stores. What cannot be stored is an answer all the same.
func fetch(ctx context.Context, s Session, t Thing, login func() string) ([]byte, error) {
	data, label, err := t.Fetch(s.Context(ctx))
	if err != nil {
		return nil, err
	}
	if err := s.Store(ctx, login(), t.Words(), data, label); err != nil {
		s.Log("not stored", "op", t.Op(), "error", err)
	}
	return data, nil
}

// loginFor names the login that something is to be fetched with. One that comes
// at this moment is in force by the time that it has a token: without its name,
// what it fetches would not be stored, and the next caller would fetch again.
func loginFor(ctx context.Context, s Session) (string, error) {
	login, err := s.Login(ctx)
	if err != nil || login != "" {
		return login, err
	}
	if _, err := s.Token(ctx, ""); err != nil {
		return "", err
	}
	return s.Login(ctx)
}

func judge(t Thing, data []byte, since time.Time) layout.Freshness {
	if data == nil {
		return layout.Useless
	}
	return t.Judge(data, since)
}

// loginKey is where the context of a fetch has its *loginUsed.
type loginKey struct{}

// loginUsed is the login that a fetch has a token of in the end. Where no person
// signs in, one that has ended is replaced in the middle of a fetch.
type loginUsed struct {
	session Session
	outer   *loginUsed // of the role that is assumed with this one
	name    atomic.Pointer[string]
}

// used returns the context for one fetch with a session.
func used(ctx context.Context, s Session) (context.Context, *loginUsed) {
	outer, _ := ctx.Value(loginKey{}).(*loginUsed)
	u := &loginUsed{session: s, outer: outer}
	return context.WithValue(ctx, loginKey{}, u), u
}

// Use notes the login that a token of a session is of, for the fetches that ctx
// belongs to: what they get is stored under this one.
func Use(ctx context.Context, s Session, login string) {
	u, _ := ctx.Value(loginKey{}).(*loginUsed)
	for ; u != nil; u = u.outer {
		if u.session == s {
			u.name.Store(&login)
		}
	}
}

// or returns the login in use, or the one given.
func (u *loginUsed) or(login string) string {
	if name := u.name.Load(); name != nil {
		return *name
	}
	return login
}
