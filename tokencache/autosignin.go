package tokencache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/pause"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/oidc"
)

// deniedFor is how long a denial holds for sign-ins that no person asked for.
const deniedFor = 5 * time.Minute

// DeniedError says that a person has refused this sign-in a moment ago, so that
// no other is started by itself. It wraps [oidc.ErrDenied].
type DeniedError struct {
	Session string
	At      time.Time // local clock
}

// Error says what went wrong.
func (e *DeniedError) Error() string {
	return fmt.Sprintf("session %q: the sign-in was denied at %s", e.Session, e.At.Format(time.TimeOnly))
}

// Unwrap returns [oidc.ErrDenied].
func (e *DeniedError) Unwrap() error { return oidc.ErrDenied }

// SignInByItself signs in with a device code for programs that run unattended: there
// is one code for all of them on the machine. show tells the person; it is called by
// the process that asked for the code, and again, with resumed set, by one that goes
// on waiting for it after the first had to give up. When ctx ends the code stays
// valid for the next call.
//
// After a denial, calls fail with a [DeniedError] for five minutes; only
// [Session.SignIn] starts over. Where the session needs no sign-in any more,
// SignInByItself returns nil at once.
func (s *Session) SignInByItself(ctx context.Context, show func(code oidc.DeviceCode, resumed bool) error) error {
	if err := s.may(policy.SignIn); err != nil {
		s.tellSignIn(ctx, err)
		return err
	}
	st := s.store
	if s.Application != nil {
		_, err := s.token(ctx, "", false)
		return err
	}
	if _, err := st.prepareSignIn(ctx); err != nil {
		s.tellSignIn(ctx, err)
		return err
	}
	return s.signIn(ctx, st, s.joinedByItself(ctx), func(ctx context.Context, config *oidc.Config) (*oidc.Token, error) {
		if show == nil {
			return nil, errors.New("sign in to " + s.Label() + ": show is nil")
		}
		code, resumed := st.readPending(ctx), true
		if code == nil {
			resumed = false
			var err error
			if code, err = config.StartDeviceCode(ctx); err != nil {
				return nil, err
			}
			if err := st.writePending(ctx, code); err != nil {
				s.debug("the next process cannot resume this sign-in", "error", err)
			}
		}
		if err := show(*code, resumed); err != nil {
			return nil, err
		}
		return s.redeemPending(ctx, st, config, code, code.Expiry)
	})
}

// joinedByItself reports whether a sign-in that no person asked for in this process
// is not needed, and fails where a person has refused it.
func (s *Session) joinedByItself(ctx context.Context) func() (bool, error) {
	return func() (bool, error) {
		if done, err := s.needsNone(ctx); done || err != nil {
			return done, err
		}
		return false, s.recentDenial()
	}
}

// needsNone reports whether the session has a login that can give access tokens. It
// fails where the keyring may have one.
func (s *Session) needsNone(ctx context.Context) (bool, error) {
	it, err := s.store.readAtLeast(ctx, s.store.readIndex())
	switch {
	case err == nil:
		return s.store.lasts(it), nil
	case !errors.Is(err, errOlder) && (keyringFailed(err) || errors.Is(err, sealed.ErrNewer)): // there may be a login, or is one
		return false, err
	}
	return false, nil
}

// lasts reports whether a login can give access tokens.
func (st *store) lasts(it *item) bool {
	return st.ended(it) == nil && (it.RefreshToken != "" || it.usable(time.Now(), ""))
}

// A pending code is a secret until it is redeemed, and useless afterwards.

type pendingCode struct {
	UserCode string        `json:"user_code"`
	Page     string        `json:"page"`
	Complete string        `json:"complete"`
	Expiry   time.Time     `json:"expiry"`
	Interval time.Duration `json:"interval"`
	Code     string        `json:"code"`
	Client   registration  `json:"client"`
}

// LogValue logs what Format prints.
func (p pendingCode) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

// Format prints no secret, whatever the verb.
func (p pendingCode) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "tokencache.pendingCode(expires %s)", p.Expiry.Format(time.RFC3339))
}

func (st *store) pendingFile() string     { return st.id + ".pending" }
func (st *store) pendingIdentity() string { return sealed.Identity("pending", st.identity) }

func (st *store) writePending(ctx context.Context, c *oidc.DeviceCode) error {
	data, err := json.Marshal(pendingCode{c.UserCode, c.VerificationURI, c.VerificationURIComplete, c.Expiry, c.Interval, c.Code, registration(c.Client)})
	if err != nil {
		return err
	}
	record, err := st.seal(ctx, st.pendingIdentity(), data)
	if err != nil {
		return err
	}
	return st.state.WriteUnsynced(st.pendingFile(), record)
}

// readPending returns the code that can still be confirmed, or nil.
func (st *store) readPending(ctx context.Context) *oidc.DeviceCode {
	if code := st.anyPending(ctx); code != nil && time.Now().Before(code.Expiry) {
		return code
	}
	return nil
}

// anyPending returns the code that was stored last, or nil.
func (st *store) anyPending(ctx context.Context) *oidc.DeviceCode {
	record, err := st.state.Read(st.pendingFile())
	if err != nil {
		return nil
	}
	data, err := st.open(ctx, st.pendingIdentity(), record)
	var p pendingCode
	if err != nil || json.Unmarshal(data, &p) != nil {
		return nil
	}
	return &oidc.DeviceCode{UserCode: p.UserCode, VerificationURI: p.Page, VerificationURIComplete: p.Complete,
		Expiry: p.Expiry, Interval: p.Interval, Code: p.Code, Client: oidc.Client(p.Client)}
}

// forgetPending forgets the code and the denial of sign-ins by themselves.
func (st *store) forgetPending() {
	st.state.Remove(st.pendingFile())
	st.state.Remove(st.id + ".denied")
}

func (st *store) markDenied() {
	st.writeJSON(".denied", time.Now())
}

// recentDenial is void for a clock that was set back.
func (s *Session) recentDenial() error {
	at := s.store.saidAt(".denied")
	if age := time.Since(at); age < 0 || age > deniedFor {
		return nil
	}
	return &DeniedError{Session: s.Label(), At: at}
}

// AwaitLogin waits until there is a sign-in since after was returned, in
// whatever process, and fails with ctx's error. It asks neither the keyring nor
// the service.
func (s *Session) AwaitLogin(ctx context.Context, after *SignInError) error {
	st, err := s.open()
	if err != nil {
		return err
	}
	for {
		if ix := st.readIndex(); ix != nil && ix.Generation > after.generation {
			return nil
		}
		if pause.For(ctx, 100*time.Millisecond) != nil {
			return context.Cause(ctx)
		}
	}
}

func (i *insideSession) First(ctx context.Context, what string, period time.Duration) bool {
	st := i.st
	file := "." + sealed.Name(what) + ".said"
	if st.saidWithin(file, period) {
		return false
	}
	_, release, err := flight.Lock(ctx, st.locks(), flight.Word(st.id, sealed.Name(what)), what)
	if err != nil {
		return false
	}
	defer release()
	return !st.saidWithin(file, period) && st.writeJSON(file, time.Now()) == nil
}

func (st *store) saidWithin(file string, period time.Duration) bool {
	age := time.Since(st.saidAt(file))
	return age >= 0 && age < period
}

// saidAt reads a file that holds a time; zero if there is none.
func (st *store) saidAt(file string) (at time.Time) {
	st.readJSON(file, &at)
	return at
}
