package tokencache

import (
	"context"
	"errors"
	"time"

	"github.com/credproc/credproc/internal/fetch"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/internal/portal"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/tokencache/keyring"
)

// storeWait is how long a fetch waits to be stored while others renew: the
// caller has its answer already.
const storeWait = 5 * time.Second

// insides leads the other packages of this module to a [Session] from the inside:
// what they fetch with the login is kept beside it, and the commands show and
// reset what programs need not see.
type insides = inside.Door[inside.Session]

// insideSession is a session that has been opened.
type insideSession struct {
	s  *Session
	st *store
}

func (i *insideSession) Policy() (*policy.Policy, error) { return i.st.rules, i.st.refused }

func (i *insideSession) KeyCached() bool { return i.st.cachedKey() != nil }

func (i *insideSession) Pause(ctx context.Context) (resume func(), err error) {
	return i.s.group.Pause(ctx)
}

func (i *insideSession) Failure(err error) (flight.Failure, bool) { return failureOf(err) }

func (i *insideSession) Recall(words []string) (data []byte, ok bool) { return i.st.recall(words) }

func (i *insideSession) Load(ctx context.Context, words []string) ([]byte, error) {
	return i.st.readRecord(ctx, words)
}

func (i *insideSession) Login(ctx context.Context) (string, error) { return i.st.currentLogin(ctx) }

func (i *insideSession) Token(ctx context.Context, refused string) (string, error) {
	token, err := i.s.token(ctx, refused, false)
	if err != nil {
		return "", err
	}
	if i.s.Application != nil {
		fetch.Use(ctx, i, login(token.Client.ID))
	}
	return token.AccessToken, nil
}

func (i *insideSession) Flight(words []string, steps int) flight.Call[[]byte] {
	name := flight.Fetched(i.st.id, sealed.Name(i.st.recordIdentity(words)), steps)
	return flight.Call[[]byte]{Dir: i.st.locks(), Name: name, Network: i.s.network(), Logger: i.s.Logger}
}

func (i *insideSession) Group() *flight.Group { return &i.s.group }

func (i *insideSession) Found(ctx context.Context, err error) {
	i.s.note(ctx, i.st, i.st.readIndex(), lookFor(err))
}

func (i *insideSession) Explain(op string, err error) error          { return explain(op, err) }
func (i *insideSession) Context(ctx context.Context) context.Context { return i.s.logged(ctx) }
func (i *insideSession) Log(event string, args ...any)               { i.s.debug(event, args...) }
func (i *insideSession) Portal() *portal.Client                      { return i.s.portal() }

// Tried tells whether the service has accepted an access token that
// [Session.TokenAfter] gave in place of a refused one. After a refusal it gives up
// for ten seconds on callers who have that one refused too, rather than renew
// again; it renews at once for those who have one refused that was accepted.
func (i *insideSession) Tried(accessToken string, accepted bool) {
	if v := i.st.verdict(accessToken); v == nil || v.Accepted != accepted {
		i.st.writeVerdict(accessToken, accepted)
	}
}

// Store stores what was fetched under a login, if that is still the one.
func (i *insideSession) Store(ctx context.Context, under string, words []string, data, label []byte) error {
	// A keychain may take longer than storeWait. Unstored, everybody else would
	// fetch in turn.
	if _, err := i.st.sealingKey(ctx, true); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	ctx, release, err := flight.Lock(ctx, i.st.locks(), flight.Session(i.st.id), "store what was fetched with the session "+i.s.Label())
	if err != nil {
		return err
	}
	defer release()
	now, err := i.st.currentLogin(ctx)
	if err != nil {
		return err
	}
	if now != under || now == "" {
		return errors.New("the login it was fetched with is gone")
	}
	return i.st.writeRecord(ctx, words, data, label)
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
