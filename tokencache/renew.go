package tokencache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/pause"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

const (
	// renewBefore is how much life an access token should have left.
	renewBefore = 5 * time.Minute
	// settled is how long after a renewal no process renews again, however short
	// the new token's life.
	settled = 30 * time.Second
	// lateWrite is how long a keychain may go on showing an older item than
	// the one stored last (seen on macOS).
	lateWrite = 2 * time.Second
	// storeTime is enough for a keychain once the journal holds the answer: if
	// it takes longer, a later holder tries again.
	storeTime = 10 * time.Second
)

func (it *item) token() *oidc.Token {
	return &oidc.Token{AccessToken: it.AccessToken, Expiry: time.Unix(it.Expiry, 0), Client: oidc.Client{ID: it.ClientID}}
}

// next returns the item that follows it with a renewed token, of which the one
// half may be missing that has not been renewed.
func (it *item) next(tok *oidc.Token) *item {
	next := &item{
		Version: itemVersion, Generation: it.Generation + 1, ClientID: tok.Client.ID,
		AccessToken: tok.AccessToken, RefreshToken: cmp.Or(tok.RefreshToken, it.RefreshToken),
		Renewed: time.Now().Unix(), Expiry: tok.Expiry.Unix(),
	}
	if tok.AccessToken == "" {
		next.AccessToken, next.Renewed, next.Expiry = it.AccessToken, it.Renewed, it.Expiry
	}
	return next
}

// usable reports whether the access token may be sent at all. A clock before
// the renewal has been set back: nothing is known about the token's life then.
func (it *item) usable(now time.Time, refused string) bool {
	return it.AccessToken != refused && now.Unix() < it.Expiry && now.Unix() >= it.Renewed-1
}

// due reports whether a usable access token should be renewed.
func (it *item) due(now, since time.Time) bool {
	renewed, life := time.Unix(it.Renewed, 0), time.Duration(it.Expiry-it.Renewed)*time.Second
	if now.Sub(renewed) < settled || renewed.After(since) {
		return false
	}
	return time.Unix(it.Expiry, 0).Sub(now) < min(renewBefore, life/2)
}

// renewal is one caller's wish for a token.
type renewal struct {
	*Session
	st      *store
	refused string
	force   bool
	parted  bool // an answer had only one of the tokens
	none    bool // the last look found no login, and no index of one

	seen *index // the index at the last look into the keyring
	base int64  // the generation at the first look
	// last is what that look found. The caller may look at it while its flight
	// goes on without it.
	last atomic.Pointer[item]
}

// load looks for a token that is good enough. While it waits it asks the keyring only
// when the index says that something has changed.
func (r *renewal) load(ctx context.Context, since time.Time, locked bool) (*item, bool, error) {
	ix := r.st.readIndex()
	if !locked && (r.last.Load() != nil && sameGeneration(ix, r.seen) || r.none && ix == nil) {
		return nil, false, nil
	}
	it, err := r.st.readAtLeast(ctx, ix)
	if old := r.instead(err); old != nil {
		return old, true, nil
	}
	if r.Application != nil && isNoLogin(err) {
		r.last.Store(nil)
		r.none = ix == nil
		return nil, false, nil
	}
	if !locked && isNewerJournal(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, r.missing(err)
	}
	if r.last.Load() == nil {
		r.base = it.Generation
	}
	r.seen = ix
	r.last.Store(it)
	return r.judge(it, since)
}

// isNewerJournal reports whether a newer release is renewing, or died of it.
// The holder of the lock knows which: it removes the journal before it unlocks.
func isNewerJournal(err error) bool {
	e, unreadable := errors.AsType[*RecordError](err)
	return unreadable && e.What == "journal" && errors.Is(err, sealed.ErrNewer)
}

func sameGeneration(a, b *index) bool {
	return a != nil && b != nil && a.Generation == b.Generation && a.Login == b.Login
}

// missing says what it means that no item could be read.
func (r *renewal) missing(err error) error {
	reason, older := "not signed in", error(nil)
	if e, ok := errors.AsType[*keyring.Error](err); ok && errors.Is(err, errOlder) {
		reason, older = e.Detail, errOlder
	}
	if older != nil || errors.Is(err, keyring.ErrNotFound) {
		missing := &SignInError{Session: r.Label(), Reason: reason, Err: older, gone: older == nil}
		if ix := r.st.readIndex(); ix != nil {
			missing.generation = ix.Generation
		}
		return missing
	}
	return err
}

// readAtLeast waits a little for the generation that the index knows of. An older
// one is not used: its refresh token may be void, and spending it could end the
// newer login elsewhere.
func (st *store) readAtLeast(ctx context.Context, ix *index) (*item, error) {
	for deadline := time.Now().Add(lateWrite); ; {
		it, err := st.read(ctx)
		if err != nil || ix == nil || it.Generation >= ix.Generation {
			return it, err
		}
		if time.Now().After(deadline) || pause.For(ctx, 50*time.Millisecond) != nil {
			return nil, &keyring.Error{Keyring: st.keyring.Name(), Op: "read", Kind: keyring.ErrUnavailable, Err: errOlder,
				Detail: fmt.Sprintf("the %s keyring has an older login than the last one stored (generation %d, not %d)", st.keyring.Name(), it.Generation, ix.Generation)}
		}
	}
}

// judge returns a token that is good enough, or an error where only a sign-in helps,
// or neither where the token is to be renewed.
func (r *renewal) judge(it *item, since time.Time) (*item, bool, error) {
	now := time.Now()
	over := r.st.ended(it)
	usable := it.usable(now, r.refused) && (over == nil || !over.Access)
	if r.refusedAtBirth(it) {
		return nil, false, r.atBirth()
	}
	if r.force {
		// What others renewed while this caller waited proves as much. Renewed
		// is too coarse to tell what was renewed within the second.
		usable = usable && (it.Generation > r.base || time.Unix(it.Renewed, 0).After(since))
	}
	if usable && !it.due(now, since) {
		return it, true, nil
	}
	reason := ""
	switch {
	case r.Application != nil:
		return nil, false, nil
	case over != nil:
		reason = cmp.Or(over.Reason, "refused")
	case it.RefreshToken == "":
		reason = "the service gave no refresh token at sign-in, and by this machine's clock the access token has expired"
	default:
		return nil, false, nil
	}
	if usable && !r.force {
		return it, true, nil
	}
	if over != nil {
		return nil, false, r.ended(it, reason)
	}
	return nil, false, &SignInError{Session: r.Label(), Reason: reason, generation: it.Generation}
}

// fetch renews. It runs under the session's lock.
func (r *renewal) fetch(ctx context.Context) (*item, error) {
	it, err := r.renew(ctx)
	if old := r.instead(err); old != nil {
		return old, nil
	}
	if f, ok := failureOf(err); ok {
		err = flight.Tell(err, f)
	}
	return it, err
}

// instead returns a token that is due but has not expired, where it is the
// keyring or a record that keeps it from being renewed.
func (r *renewal) instead(err error) *item {
	_, unreadable := errors.AsType[*RecordError](err)
	old := r.last.Load()
	if !unreadable && !keyringFailed(err) || r.force || old == nil || !old.usable(time.Now(), r.refused) {
		return nil
	}
	r.debug("not renewed", "error", err)
	return old
}

func (r *renewal) renew(ctx context.Context) (*item, error) {
	old := r.last.Load()
	if r.Application != nil && (old == nil || old.RefreshToken == "" || r.st.ended(old) != nil) {
		return r.exchange(ctx, old)
	}
	if r.awaitVerdict(ctx, old); r.refusedAtBirth(old) {
		return nil, r.atBirth()
	}
	if err := r.replay(ctx); err != nil {
		return nil, err
	}
	client, refresh, err := r.refresher(ctx, old)
	if err != nil {
		return nil, err
	}
	if err := r.makeRoom(ctx, old); err != nil {
		return nil, err
	}
	tok, err := refresh(r.logged(ctx), &oidc.Token{AccessToken: old.AccessToken, RefreshToken: old.RefreshToken, Client: client})
	if tok == nil {
		r.st.removeJournal()
		return r.refusedOr(ctx, old, err)
	}
	renewed := old.next(tok)
	renewed.Instead = r.refused == old.AccessToken
	r.keep(ctx, renewed, client.Expiry)
	if err == nil {
		return renewed, nil
	}
	return r.complete(ctx, renewed, err)
}

// complete renews once more after an answer with only one of the tokens: what
// the other was is not known, and the old one may still work for a moment.
func (r *renewal) complete(ctx context.Context, part *item, err error) (*item, error) {
	r.debug("renewed in part", "error", err)
	r.last.Store(part)
	if !r.parted {
		r.parted = true
		return r.renew(ctx)
	}
	if part.usable(time.Now(), r.refused) && !r.force {
		return part, nil
	}
	return nil, &ServiceError{Op: "renew the session " + r.Label(), Reason: err.Error(), Err: err}
}

// replay brings the journal of a holder that died to the keyring.
func (r *renewal) replay(ctx context.Context) error {
	journaled, err := r.st.readJournal(ctx)
	if journaled == nil || journaled.Generation != r.last.Load().Generation {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	r.debug("journal replayed")
	if err := r.st.writeItem(ctx, journaled); err != nil {
		return err
	}
	r.st.removeJournal()
	return nil
}

// makeRoom makes sure that the answer can be kept before the refresh token is
// spent: in a journal, or else in the keyring, which then has to prove that it
// can be written.
func (r *renewal) makeRoom(ctx context.Context, old *item) error {
	err := r.st.prepareJournal(ctx, old)
	if err == nil {
		return nil
	}
	r.debug("no journal", "error", err)
	if _, foreign := errors.AsType[*safedir.OwnerError](err); foreign {
		return &ServiceError{Op: "renew the session " + r.Label(), Reason: err.Error(), Err: err}
	}
	if setErr := r.st.writeItem(ctx, old); setErr != nil {
		return &ServiceError{Op: "renew the session " + r.Label(), Err: errors.Join(err, setErr),
			Reason: "not started, since the answer could not be stored: " + err.Error() + "; " + setErr.Error()}
	}
	return nil
}

// keep stores renewed tokens. Where it fails they are used all the same; with
// the journal filled, a later holder stores them.
func (r *renewal) keep(ctx context.Context, it *item, registration time.Time) {
	if err := r.st.fillJournal(ctx, it); err != nil {
		r.debug("journal not filled", "error", err)
	}
	r.export(it)
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if err := r.st.writeItem(ctx, it); err != nil {
		r.debug("not stored in the keyring yet", "error", err)
		return
	}
	ix := r.st.readIndex()
	if ix == nil {
		ix = new(index)
	}
	if err := r.st.writeIndex(r.describe(r.st, ix, it, registration)); err != nil {
		r.debug("index not written", "error", err)
	}
	r.st.state.Remove(r.st.id + noteFile)
	r.st.removeJournal()
	r.st.removeOverflow(it.Generation)
}

// describe brings an index up to date with an item.
func (r *Session) describe(st *store, ix *index, it *item, registration time.Time) *index {
	ix.Leaving = false
	ix.Version, ix.Session, ix.StartURL, ix.Region = itemVersion, r.Name, r.Config.StartURL, r.Config.Region
	ix.Endpoint, ix.PortalEndpoint = r.Config.Endpoint, r.PortalEndpoint
	ix.Keyring, ix.Generation, ix.Login = st.keyring.Name(), it.Generation, login(it.ClientID)
	ix.Refreshable, ix.Overflow = it.RefreshToken != "", st.overflows(it.Generation)
	ix.Key, ix.Boot = "", ""
	if ix.Keyring == "kernel" {
		ix.Boot = bootID()
	}
	if key := st.keys.Load(); key != nil {
		ix.Key = key.ID()
	}
	ix.Renewed, ix.Expiry = time.Unix(it.Renewed, 0).UTC(), time.Unix(it.Expiry, 0).UTC()
	ix.Registration = registration.UTC().Truncate(time.Second)
	if ix.SignedIn.IsZero() {
		ix.SignedIn = ix.Renewed
	}
	return ix
}

// refusedOr decides what a failed refresh means. Only the service's own word
// about this refresh token ends a session, and only if the keyring still holds
// it: a program outside our locks may have renewed meanwhile.
func (r *renewal) refusedOr(ctx context.Context, old *item, err error) (*item, error) {
	if setting, ok := errors.AsType[*awsapi.SettingError](err); ok {
		return nil, setting // of this caller's, so that no other is told
	}
	if !errors.Is(err, oidc.ErrSignInRequired) {
		return nil, &ServiceError{Op: "renew the session " + r.Label(), Reason: err.Error(), Err: err}
	}
	now, readErr := r.st.readItem(ctx)
	if r.Application != nil && (isNoLogin(readErr) || readErr == nil && now.RefreshToken == old.RefreshToken) {
		return r.exchange(ctx, old)
	}
	if readErr != nil {
		return nil, r.missing(readErr)
	}
	switch {
	case now.RefreshToken == old.RefreshToken:
		return r.over(old, err.Error())
	case now.usable(time.Now(), r.refused):
		return now, nil
	}
	r.last.Store(now) // of which nothing is known yet
	return r.renew(ctx)
}

// over marks the session as ended. Its access token serves until it expires.
func (r *renewal) over(old *item, reason string) (*item, error) {
	r.st.markEnded(old, r.refused == old.AccessToken, reason)
	r.st.sawLife()
	r.debug("session ended", "reason", reason)
	if old.usable(time.Now(), r.refused) && !r.force {
		return old, nil
	}
	return nil, r.ended(old, reason)
}

// ended is the error for a login that the service does not renew any more.
func (r *renewal) ended(it *item, reason string) error {
	e := &SignInError{Session: r.Label(), Reason: reason, Ended: true, generation: it.Generation}
	if ix := r.st.readIndex(); ix != nil {
		e.SignedIn = ix.SignedIn
	}
	return e
}

// stillValid returns a token that is due but has not expired.
func (r *renewal) stillValid(ctx context.Context) *item {
	it := r.last.Load()
	if it == nil { // this caller joined another's flight
		it, _ = r.st.read(ctx)
	}
	if it == nil || !it.usable(time.Now(), r.refused) {
		return nil
	}
	return it
}

const (
	// giveUp is how long a token refused at birth is not replaced again.
	giveUp = 10 * time.Second
	// verdictTime is enough for the process that got a token in place of a
	// refused one to try it.
	verdictTime = 3 * time.Second
)

// awaitVerdict waits for the process that got the access token in place of a
// refused one to find out whether the service accepts it. This caller, who had
// it refused, may have been quicker, and would renew again what is refused at
// birth: without the wait, twenty processes whose tokens are all refused call
// CreateToken twice. A token that was accepted has been revoked since: there is no
// wait.
func (r *renewal) awaitVerdict(ctx context.Context, it *item) {
	if !it.Instead || it.AccessToken != r.refused || age(it.Renewed) >= giveUp {
		return
	}
	for deadline := time.Now().Add(verdictTime); r.st.verdict(it.AccessToken) == nil && time.Now().Before(deadline); {
		if pause.For(ctx, 20*time.Millisecond) != nil {
			return
		}
	}
}

func age(unix int64) time.Duration { return time.Since(time.Unix(unix, 0)) }

// refusedAtBirth reports whether this caller's refused token is one that was
// refused to the caller who got it, too.
func (r *renewal) refusedAtBirth(it *item) bool {
	if it.AccessToken != r.refused {
		return false
	}
	v := r.st.verdict(it.AccessToken)
	return v != nil && !v.Accepted
}

func (r *renewal) atBirth() error {
	return &ServiceError{Op: "renew the session " + r.Label(), Reason: "the service refuses an access token that it has just given"}
}

// verdict is what the service said to an access token that was got in place of
// a refused one.
type verdict struct {
	Token    string    `json:"token"`
	Accepted bool      `json:"accepted"`
	At       time.Time `json:"at"`
}

func (st *store) writeVerdict(accessToken string, accepted bool) {
	st.writeJSON(".verdict", verdict{tokenHash(accessToken), accepted, time.Now()})
}

// verdict returns what was said to a token lately, or nil.
func (st *store) verdict(accessToken string) *verdict {
	v := new(verdict)
	if !st.readJSON(".verdict", v) || v.Token != tokenHash(accessToken) {
		return nil
	}
	if age := time.Since(v.At); age < 0 || age >= giveUp {
		return nil
	}
	return v
}
