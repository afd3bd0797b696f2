package tokencache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/tokencache/keyring"
)

// Look is what a process found when it asked the keyring for the login, or the
// service for a token.
type Look struct {
	// Found is "login" (the keyring has it), "nothing" (the keyring answered, and
	// has no login), "refused" (the service refuses to renew it), "unreadable"
	// (what is stored of it is damaged), "older" (the keyring has a login from
	// before the last renewal), "locked" or "unavailable" (the keyring is), or
	// "slow" (the keyring did not answer in the time allowed). Other words may be
	// added.
	Found string
	// NeedsSignIn says that only a sign-in helps, and CannotTell that the keyring
	// could not be asked: the login is as it was.
	NeedsSignIn, CannotTell bool
	Reason                  string    // for people; "" where Found says it all
	At                      time.Time // local clock
}

func lookAt(at time.Time, found, reason string) *Look {
	look := &Look{Found: found, Reason: reason, At: at}
	switch found {
	case inside.FoundNothing, inside.FoundRefused, inside.FoundUnreadable, inside.FoundOlder:
		look.NeedsSignIn = true
	case inside.FoundLocked, inside.FoundUnavailable, inside.FoundSlow:
		look.CannotTell = true
	}
	return look
}

// The note of a look is a hint for status alone: a process that needs the login
// looks for it. It belongs to one generation of one login, and says nothing about any
// other.
type noted struct {
	Generation int64     `json:"generation"`
	Login      string    `json:"login"`
	Found      string    `json:"found"`
	Reason     string    `json:"reason,omitempty"`
	At         time.Time `json:"at"`
}

const (
	// noteTime is how long a process that has failed waits to say so.
	noteTime = time.Second
	// noteAgain is the age at which a note is renewed by who finds the same.
	noteAgain = 10 * time.Second
)

func (n *noted) isOf(ix *index) bool {
	return ix != nil && n.Generation == ix.Generation && n.Login == ix.Login
}

const noteFile = ".look"

// readNote returns the note, or nil without one. One from the future was
// written by a clock that was wrong.
func (st *store) readNote() *noted {
	n := new(noted)
	if !st.readJSON(noteFile, n) || n.At.After(time.Now()) {
		return nil
	}
	return n
}

// lookFor returns what an error of a look means for the login, or nil where it
// means nothing.
func lookFor(err error) *Look {
	found, reason := "", ""
	missing, signIn := errors.AsType[*SignInError](err)
	ring, _ := errors.AsType[*keyring.Error](err)
	switch {
	case errors.Is(err, keyring.ErrNotFound), signIn && missing.gone:
		found = inside.FoundNothing
	case errors.Is(err, errOlder):
		found = inside.FoundOlder
		if signIn {
			reason = missing.Reason
		}
	case signIn:
		found, reason = inside.FoundRefused, missing.Reason
	case errors.Is(err, keyring.ErrLocked):
		found = inside.FoundLocked
	case errors.Is(err, keyring.ErrUnavailable):
		found = inside.FoundUnavailable
	case isBroken(err):
		found, reason = inside.FoundUnreadable, err.Error()
	default:
		return nil
	}
	if ring != nil && reason == "" {
		reason = ring.Detail
	}
	return lookAt(time.Now(), found, reason)
}

// isBroken reports whether something stored will not be readable later either.
func isBroken(err error) bool {
	_, record := errors.AsType[*RecordError](err)
	return record && (errors.Is(err, sealed.ErrDamaged) || errors.Is(err, sealed.ErrOtherKey) ||
		errors.Is(err, keyring.ErrUnreadable) || errors.Is(err, fs.ErrNotExist))
}

// note writes down what was found by a process that had read ix before it
// looked, unless there is another login by now: this is decided under the lock
// under which logins are stored. A directory that cannot be written keeps
// no answer.
func (s *Session) note(ctx context.Context, st *store, ix *index, look *Look) {
	if ix == nil || look == nil {
		return
	}
	n := &noted{ix.Generation, ix.Login, look.Found, look.Reason, look.At}
	if old := st.readNote(); old != nil && old.isOf(ix) && old.Found == n.Found && old.Reason == n.Reason && n.At.Sub(old.At) < noteAgain {
		return
	}
	s.whileLoginIs(ctx, st, ix, func(*index) error { return st.writeJSON(noteFile, n) })
}

// noteLogin corrects what status goes by, after a look that started at the given
// time has found the login: a note, and the boot whose kernel has the tokens.
// Only a token disproves that the service refuses to give one.
func (s *Session) noteLogin(ctx context.Context, st *store, ix *index, began time.Time, token bool) {
	if ix == nil {
		return
	}
	outdated := func() bool {
		n := st.readNote()
		return n != nil && !n.At.After(began) && (token || n.Found != inside.FoundRefused)
	}
	if !outdated() && !ix.otherBoot() {
		return
	}
	s.whileLoginIs(ctx, st, ix, func(now *index) error {
		if outdated() {
			st.state.Remove(st.id + noteFile)
		}
		if !now.otherBoot() {
			return nil
		}
		now.Boot = bootID()
		return st.writeIndex(now)
	})
}

// whileLoginIs calls do under the session's lock, if the index still is of the
// login that ix is of.
func (s *Session) whileLoginIs(ctx context.Context, st *store, ix *index, do func(now *index) error) {
	ctx, cancel := context.WithTimeout(ctx, noteTime)
	defer cancel()
	_, release, err := flight.Lock(ctx, st.locks(), flight.Session(st.id), "note what was found of "+s.Label())
	if err == nil {
		defer release()
		if now := st.readIndex(); sameGeneration(ix, now) {
			err = do(now)
		}
	}
	if err != nil {
		s.debug("not noted", "error", err)
	}
}

// lookOf returns what status says of the last look, or nil: what was noted, or
// what the boot ID tells.
func (st *store) lookOf(ix *index) *Look {
	if ix.otherBoot() {
		return lookAt(time.Now(), inside.FoundNothing, "the system was restarted, which empties the kernel's keyring")
	}
	if n := st.readNote(); n != nil && n.isOf(ix) {
		return lookAt(n.At, n.Found, n.Reason)
	}
	return nil
}

// otherBoot reports whether the tokens went to the kernel of another boot.
func (ix *index) otherBoot() bool {
	if ix.Keyring != "kernel" || ix.Boot == "" {
		return false
	}
	boot := bootID()
	return boot != "" && boot != ix.Boot
}

// mayHaveLapsed says why the kernel may have dropped the tokens, or "": it does
// so some time after the last look at them, of which the last renewal is the
// only one that is known.
func (ix *index) mayHaveLapsed(now time.Time) string {
	if ix.Keyring != "kernel" {
		return ""
	}
	if expiry := kernelExpiry(); expiry > 0 && now.Sub(ix.Renewed) > expiry && now.After(ix.Expiry) {
		return fmt.Sprintf("the kernel drops what is not used for %d hours: only its keyring knows", int(expiry.Hours()))
	}
	return ""
}

// Check is [Session.Status] after a look into the keyring itself, whose outcome
// is the Status' Look. It shows no dialog, whatever the Session may do, runs no
// command for a passphrase, and does not ask the service. A keyring that does
// not answer before ctx ends is "slow".
//
// It returns nil if there is no login, but not if that cannot be found out.
func (s *Session) Check(ctx context.Context) (*Status, error) {
	quiet := s.quiet()
	st, err := quiet.open()
	if err != nil {
		return nil, err
	}
	began, ix := time.Now(), st.readIndex()
	it, err := st.readAtLeast(ctx, ix)
	look := lookFor(err)
	if look == nil && err == nil {
		look = lookAt(time.Now(), inside.FoundLogin, "")
	} else if look == nil {
		look = lookAt(time.Now(), inside.FoundUnavailable, err.Error())
	}
	if look.Found == inside.FoundUnavailable && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		look.Found = inside.FoundSlow
	}
	if look.Found == inside.FoundLogin {
		quiet.noteLogin(ctx, st, ix, began, false)
	} else {
		quiet.note(ctx, st, ix, look)
	}
	return quiet.checked(st, it, look), nil
}

// checked is the status of a login whose tokens were looked for.
func (s *Session) checked(st *store, it *item, look *Look) *Status {
	ix := st.readIndex()
	switch {
	case !placed(st.state), ix == nil && it == nil && (look.Found == inside.FoundNothing || len(st.registrations()) == 0):
		return nil // without a registration there is no login to be lost
	case ix == nil:
		ix = &index{Session: s.Name, StartURL: s.Config.StartURL, Region: s.Config.Region, Keyring: st.keyring.Name(), Leaving: true}
	}
	if it != nil && (ix.Leaving || it.Generation > ix.Generation) {
		ix = s.describe(st, ix, it, ix.Registration)
	}
	status := s.statusOf(st, ix)
	status.Roles = st.cachedRoles()
	// The service's refusal stands: the keyring knows nothing of it.
	if refused := status.Look; refused == nil || refused.Found != inside.FoundRefused || look.Found != inside.FoundLogin {
		status.Look = look
	}
	if !look.CannotTell {
		status.Uncertain = false
	}
	return status
}

// quiet is the session for a caller that must not be asked anything.
func (s *Session) quiet() *Session {
	if s == nil {
		return nil
	}
	return &Session{
		Name: s.Name, Config: s.Config, PortalEndpoint: s.PortalEndpoint, Keyring: s.Keyring, NewLoginKeyring: s.NewLoginKeyring,
		Unlock: keyring.Unlock{KeyFile: s.Unlock.KeyFile}, StateDir: s.StateDir, CacheDir: s.CacheDir, LaxModes: s.LaxModes, Service: s.Service,
		NoKeyCache: s.NoKeyCache, Network: s.Network, Logger: s.Logger, Application: s.Application,
	}
}
