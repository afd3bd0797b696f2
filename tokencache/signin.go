package tokencache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/internal/portal"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

const (
	// adoptTime is how long storing a sign-in may take: a keychain may ask the
	// person, who is there.
	adoptTime = 2 * time.Minute
	// logoutTime bounds what signing out waits for the service.
	logoutTime = 5 * time.Second
	// registrationRoom is more than any registration takes (1.8 to 2.8 KB).
	registrationRoom = 8 << 10
)

// SignIn signs in with how, such as [oidc.Config.SignInWithCode], and stores what it
// returns. The login there was stays usable until the new one is stored, so that
// nothing is lost if how fails or the process dies.
//
// One sign-in of a session is under way on a machine: another call waits, and
// takes its result without calling how. A keyring or directory that could not
// store the result is an error before how is called. Errors are how's, of the
// keyring, or of package os, or about a token with which there
// would be no login; the one there is stays then.
func (s *Session) SignIn(ctx context.Context, how func(context.Context, *oidc.Config) (*oidc.Token, error)) error {
	if err := s.may(policy.SignIn); err != nil {
		s.tellSignIn(ctx, err)
		return err
	}
	if how == nil {
		return errors.New("sign in to " + s.Label() + ": how is nil")
	}
	to := s.loginStore(ctx)
	before, err := to.prepareSignIn(ctx)
	if err != nil {
		s.tellSignIn(ctx, err)
		return err
	}
	return s.signIn(ctx, to, func() (bool, error) {
		now, err := to.loginInKeyring(ctx)
		to.forgetPending()
		return now != before && now != "", err
	}, how)
}

// leave deletes a login from the keyring that it has moved away from, and the
// sealing key there, if no other login may need it. It is called under the
// session's lock, so that it is not moved back meanwhile, and shows no dialog
// therefore. The keyring may be gone, which is why the login moved perhaps.
func (s *Session) leave(ctx context.Context, from keyring.Keyring) {
	if k, ok := from.(interface{ Quiet() keyring.Keyring }); ok {
		from = k.Quiet()
	}
	err := s.store.delete(ctx, from, theTokens)
	if err == nil {
		err = s.store.deleteKey(ctx, from, s.store.id+".")
	}
	if err != nil {
		s.debug("the old login is not deleted", "keyring", from.Name(), "error", err)
	}
}

// prepareSignIn shows whatever dialog the keyring shows, while no lock is held,
// and returns the login there is.
func (st *store) prepareSignIn(ctx context.Context) (login string, err error) {
	if err := st.prepareKeyring(ctx); err != nil {
		return "", err
	}
	if _, err := st.sealingKey(ctx, true); err != nil {
		return "", err
	}
	return st.loginInKeyring(ctx)
}

// signIn signs in under the sign-in lock, unless another process just has.
func (s *Session) signIn(ctx context.Context, st *store, joined func() (bool, error), how func(context.Context, *oidc.Config) (*oidc.Token, error)) error {
	ctx, release, err := flight.Lock(ctx, st.locks(), flight.SignIn(st.id), "sign in to "+s.Label())
	if err != nil {
		return err
	}
	defer release()
	return s.signInUnder(ctx, st, joined, how)
}

// signInUnder is what signIn does under the lock.
func (s *Session) signInUnder(ctx context.Context, st *store, joined func() (bool, error), how func(context.Context, *oidc.Config) (*oidc.Token, error)) error {
	if joined, err := joined(); joined || err != nil {
		return err
	}
	err := s.signInBy(ctx, st, how)
	s.tellSignIn(ctx, err)
	return err
}

// signInBy signs in, and stores what that gives.
func (s *Session) signInBy(ctx context.Context, st *store, how func(context.Context, *oidc.Config) (*oidc.Token, error)) error {
	if err := st.state.Write(st.id+".room", make([]byte, registrationRoom)); err != nil {
		return fmt.Errorf("not started, since a sign-in could not be stored: %w", err)
	}
	defer st.state.Remove(st.id + ".room")
	tok, err := how(s.logged(ctx), st.obeying(s.Config))
	if err == nil {
		err = s.check(tok)
	}
	if err != nil {
		return err
	}
	// From here on the person has done their part: it must not be lost.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), adoptTime)
	defer cancel()
	return s.group.Guard(ctx, func() error { return s.adopt(ctx, st, tok) })
}

// check returns an error for a token that could not be read back, used or renewed.
func (s *Session) check(tok *oidc.Token) error {
	now, problem := time.Now(), ""
	switch {
	case tok == nil:
		problem = "there is none"
	case tok.AccessToken == "":
		problem = "there is no access token in it"
	case tok.Client.ID == "":
		problem = "there is no client ID in it"
	case tok.RefreshToken != "" && tok.Client.Secret == "" && s.Application == nil:
		problem = "there is a refresh token in it, but no client secret"
	case tok.Expiry.Unix() <= now.Unix() && tok.RefreshToken == "":
		problem = "it has expired, and there is no refresh token in it"
	case tok.Expiry.IsZero():
		problem = "it does not say when it expires"
	case !tok.Client.Expiry.IsZero() && tok.Client.Expiry.Before(now):
		problem = "its client registration has expired"
	default:
		return nil
	}
	return fmt.Errorf("session %q: the sign-in gave a token that cannot be used: %s", s.Label(), problem)
}

// loginInKeyring is like currentLogin, but goes by the keyring alone. Tokens
// that cannot be read are no login: a sign-in replaces them.
func (st *store) loginInKeyring(ctx context.Context) (string, error) {
	it, err := st.read(ctx)
	if _, damaged := errors.AsType[*RecordError](err); damaged || errors.Is(err, keyring.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return login(it.ClientID), nil
}

// adopt makes tok the session's login, in the keyring of st alone.
func (s *Session) adopt(ctx context.Context, st *store, tok *oidc.Token) error {
	ctx, release, err := flight.Lock(ctx, st.locks(), flight.Session(st.id), "store the sign-in to "+s.Label())
	if err != nil {
		return err
	}
	defer release()
	st.state.Remove(st.id + ".room")
	from := s.movesFrom(ctx, st)
	if err := s.put(ctx, st, tok); err != nil {
		return err
	}
	if from != nil {
		s.leave(ctx, from)
	}
	return nil
}

// put stores what a sign-in gave. The order matters: until the item is in the
// keyring the old login is whole, and once it is, so is the new one.
func (s *Session) put(ctx context.Context, st *store, tok *oidc.Token) error {
	ctx, releaseKey, err := st.holdKey(ctx)
	if err != nil {
		return err
	}
	defer releaseKey()
	if err := st.writeRegistration(ctx, tok.Client); err != nil {
		return err
	}
	// Without a login in the index the keyring decides whose a record is. And
	// none may stay that another person's sign-in has fetched.
	old := st.readIndex()
	if old != nil {
		old.Login = ""
		if err := st.writeIndex(old); err != nil {
			return err
		}
	}
	st.removeRecords()
	it := (&item{Generation: st.lastGeneration(ctx, old)}).next(tok)
	if err := st.writeItem(ctx, it); err != nil {
		// It may land late: its registration stays.
		return err
	}
	ix := s.describe(st, new(index), it, tok.Client.Expiry)
	if err := st.writeIndex(ix); err != nil {
		s.debug("index not written", "error", err)
	}
	s.export(it)
	st.removeJournal()
	st.removeOverflow(it.Generation)
	st.removeRegistrations(tok.Client.ID)
	st.clearMarks()
	st.state.Sweep()
	s.debug("signed in", "generation", it.Generation)
	return nil
}

// lastGeneration is at least that of anything stored before. It goes by the
// clock too, so that a new login is newer than one that was signed out, which
// macOS may go on showing for a moment.
func (st *store) lastGeneration(ctx context.Context, ix *index) int64 {
	last := time.Now().Unix()
	if ix != nil {
		last = max(last, ix.Generation)
	}
	if it, err := st.read(ctx); err == nil {
		last = max(last, it.Generation)
	}
	return last
}

// RevokeError says that a session is signed out on this machine, but that the
// service could not be told.
type RevokeError struct{ Err error }

// Error says what went wrong.
func (e *RevokeError) Error() string {
	return "signed out here, but the service could not be told: " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *RevokeError) Unwrap() error { return e.Err }

// SignOut ends the session at the service, as far as that can be done within five
// seconds, and forgets its tokens, its registration and all that was fetched with it.
// It reports whether there was a login. A [RevokeError] means that only the service
// could not be told; after any other error the login is as it was.
func (s *Session) SignOut(ctx context.Context) (was bool, err error) {
	was, err = s.signOut(ctx)
	s.tellSignOut(ctx, was, err)
	return was, err
}

func (s *Session) signOut(ctx context.Context) (was bool, err error) {
	st, err := s.open()
	if err != nil {
		return false, err
	}
	ctx, release, err := flight.Lock(ctx, st.locks(), flight.Session(st.id), "sign out of "+s.Label())
	if err != nil {
		return false, err
	}
	defer release()
	it, err := st.read(ctx)
	if keyringFailed(err) {
		return false, err
	}
	was = !errors.Is(err, keyring.ErrNotFound)
	stay := st.leave()
	// Before the service is told: a login that cannot be deleted stays whole.
	if err := st.delete(ctx, st.keyring, theTokens); err != nil {
		if errors.Is(err, keyring.ErrLocked) { // else it may have been done, or be done yet
			stay()
		}
		return false, err
	}
	s.export(nil)
	revokeErr := s.revoke(ctx, it)
	if err := st.forget(ctx); err != nil {
		return false, err
	}
	if revokeErr != nil {
		return was, &RevokeError{Err: revokeErr}
	}
	return was, nil
}

// leave notes in the index that the login is about to go: if this process dies
// before the index does, no process mistakes the login for a valid one. stay
// takes the note back.
func (st *store) leave() (stay func()) {
	ix := st.readIndex()
	if ix == nil {
		return func() {}
	}
	ix.Leaving = true
	st.writeIndex(ix)
	return func() {
		ix.Leaving = false
		st.writeIndex(ix)
	}
}

// forget removes the rest of a login whose item has been deleted. Without
// the index it would not be known which keyring the key is in.
func (st *store) forget(ctx context.Context) error {
	if f, ok := st.keyring.(*loginKeyring); ok {
		if name := f.indexed(); name != "" {
			f.decide(name)
		}
		defer f.decide("")
	}
	st.removeJournal()
	st.removeOverflow(0)
	st.removeRecords()
	st.removeRegistrations("")
	st.clearMarks()
	if err := st.state.Remove(st.id + ".json"); err != nil {
		return err
	}
	st.deleteKey(ctx, st.keyring, "") // or it stays, which does no harm
	return nil
}

func (i *insideSession) Revoke(ctx context.Context) error {
	it, err := i.st.read(ctx)
	if err != nil {
		return err
	}
	return i.s.revoke(ctx, it)
}

// revoke ends the session at the service. An access token that has expired cannot
// end anything, and is not renewed for it.
func (s *Session) revoke(ctx context.Context, it *item) error {
	if it == nil || !it.usable(time.Now(), "") {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.logged(ctx), logoutTime)
	defer cancel()
	err := s.portal().Logout(ctx, it.AccessToken)
	if e, ok := errors.AsType[*awsapi.Error](err); ok && e.Marked && errors.Is(err, portal.ErrUnauthorized) {
		return nil // it has ended already
	}
	return err
}

func (s *Session) portal() *portal.Client {
	return &portal.Client{
		Region: s.Config.Region, URL: s.PortalEndpoint, UseFIPS: s.Config.UseFIPS, UseDualStack: s.Config.UseDualStack,
		AppID: s.Config.AppID, HTTPClient: s.Config.HTTPClient,
	}
}

// clearMarks forgets the refusals and failures of the login there was.
func (st *store) clearMarks() {
	st.state.Remove(st.id + ".ended")
	st.state.Remove(st.id + ".verdict")
	st.state.Remove(st.id + refusalFile)
	st.state.Remove(st.id + noteFile)
	st.forgetPending()
	for _, name := range st.files(st.locks(), ".failure") {
		st.locks().Remove(name)
	}
}
