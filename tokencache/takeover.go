package tokencache

import (
	"context"
	"errors"
	"time"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/starturl"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

// TakeOver makes the login of a session without a name the login of one with a name,
// at the same place. Until that has it, from keeps it, and so an error, or a crash,
// never costs it.
func (i *insideSession) TakeOver(ctx context.Context, other inside.Session) (took bool, err error) {
	s, from := i.s, other.(*insideSession).s // it is never anything else
	if s.Name == "" || from.Name != "" || !s.samePlace(from) {
		return false, errors.New("take over a login: the sessions " + from.Label() + " and " + s.Label() + " are not one place's, with and without a name")
	}
	to := s.loginStore(ctx)
	// Whatever dialog a keyring shows, it shows now, while no lock is held.
	if login, err := to.prepareSignIn(ctx); err != nil || login != "" {
		return false, err
	}
	if login, err := from.store.loginInKeyring(ctx); err != nil || login == "" {
		return false, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), adoptTime)
	defer cancel()
	err = s.group.Guard(ctx, func() (err error) {
		took, err = s.takeOver(ctx, to, from)
		return err
	})
	return took, err
}

// samePlace reports whether a token of one session may be sent for the other.
func (s *Session) samePlace(from *Session) bool {
	return starturl.Same(s.Config.StartURL, from.Config.StartURL) && s.Config.Region == from.Config.Region &&
		s.Config.Endpoint == from.Config.Endpoint && s.PortalEndpoint == from.PortalEndpoint &&
		s.store.service == from.store.service && s.store.state == from.store.state
}

// takeOver does it under the lock of from, so that no process renews meanwhile what
// is about to be this session's.
func (s *Session) takeOver(ctx context.Context, to *store, from *Session) (bool, error) {
	st := from.store
	ctx, release, err := flight.Lock(ctx, st.locks(), flight.Handover(st.id), "hand the login of "+from.Label()+" over to "+s.Label())
	if err != nil {
		return false, err
	}
	defer release()
	tok, err := from.wholeToken(ctx)
	if tok == nil || err != nil || s.check(tok) != nil {
		return false, err
	}
	signedIn := st.readIndex()
	if err := s.adopt(ctx, to, tok); err != nil {
		return false, err
	}
	if ix := to.readIndex(); ix != nil && signedIn != nil {
		ix.SignedIn = signedIn.SignedIn
		if err := to.writeIndex(ix); err != nil {
			s.debug("index not written", "error", err)
		}
	}
	// It is this session's now. What stays of the other is in no one's way.
	st.leave()
	from.export(nil)
	err = st.delete(ctx, st.keyring, theTokens)
	if err == nil {
		err = st.forget(ctx)
	}
	if err != nil {
		s.debug("the old login is not deleted", "error", err)
	}
	return true, nil
}

// wholeToken returns the login with all that renewing it takes, or nil if there is
// none that works. The session's lock is held.
func (s *Session) wholeToken(ctx context.Context) (*oidc.Token, error) {
	st := s.store
	it, err := st.read(ctx)
	if errors.Is(err, keyring.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := &renewal{Session: s, st: st}
	r.last.Store(it)
	if err := r.replay(ctx); err != nil {
		return nil, err
	}
	if it, err = st.read(ctx); err != nil {
		return nil, err
	}
	client, err := st.readRegistration(ctx, it.ClientID)
	if err != nil || st.ended(it) != nil {
		return nil, err
	}
	return &oidc.Token{AccessToken: it.AccessToken, RefreshToken: it.RefreshToken, Expiry: time.Unix(it.Expiry, 0), Client: client}, nil
}
