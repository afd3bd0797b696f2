package tokencache

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/oidc"
)

const (
	// startOp is what a process does that asks for a code: it will not be long.
	startOp = "start a sign-in to "
	// startTime is more than the two requests for a code take.
	startTime = 40 * time.Second
	// startPatience is how long another sign-in, which may be waiting for a person,
	// is given to share its code.
	startPatience = 5 * time.Second
	// longestResume is more than a code lasts.
	longestResume = 24 * time.Hour
)

// StartSignIn forgets an earlier denial. While another process signs in by a flow
// that cannot be shared, the error names that process.
func (i *insideSession) StartSignIn(ctx context.Context) (*oidc.DeviceCode, error) {
	s := i.s
	if err := s.may(policy.SignIn); err != nil {
		s.tellSignIn(ctx, err)
		return nil, err
	}
	st := s.loginStore(ctx)
	if _, err := st.prepareSignIn(ctx); err != nil {
		s.tellSignIn(ctx, err)
		return nil, err
	}
	for began := time.Now(); ; {
		if code := st.readPending(ctx); code != nil {
			return code, nil
		}
		under, release, err := s.lockSignIn(ctx, st, startOp+s.Label(), 100*time.Millisecond)
		if err == nil {
			defer release()
			return s.startUnder(under, st)
		}
		busy, ok := errors.AsType[*flight.BusyError](err)
		patience := startPatience
		if ok && strings.HasPrefix(busy.Holder.Op, startOp) {
			patience = startTime
		}
		if !ok || ctx.Err() != nil || time.Since(began) > patience {
			return nil, err
		}
	}
}

// startUnder is what StartSignIn does under the sign-in lock.
func (s *Session) startUnder(ctx context.Context, st *store) (*oidc.DeviceCode, error) {
	if code := st.readPending(ctx); code != nil {
		return code, nil
	}
	if done, err := s.needsNone(ctx); done || err != nil {
		return nil, err
	}
	st.forgetPending()
	code, err := st.obeying(s.Config).StartDeviceCode(s.logged(ctx))
	if err != nil {
		return nil, err
	}
	return code, st.writePending(ctx, code)
}

// ResumeSignIn rounds wait up to the time that one question to the service takes.
func (i *insideSession) ResumeSignIn(ctx context.Context, wait time.Duration) (done bool, err error) {
	s := i.s
	// The rules may have changed since the start, which may have been another program's.
	if err := s.may(policy.SignIn); err != nil {
		s.tellSignIn(ctx, err)
		return false, err
	}
	st := s.loginStore(ctx)
	if _, err := st.prepareSignIn(ctx); err != nil {
		s.tellSignIn(ctx, err)
		return false, err
	}
	wait = min(max(wait, time.Second), longestResume)
	until := time.Now().Add(wait)
	under, release, err := s.lockSignIn(ctx, st, "sign in to "+s.Label(), wait)
	if _, busy := errors.AsType[*flight.BusyError](err); busy && ctx.Err() == nil {
		return false, nil // the other process asks the service
	}
	if err != nil {
		return false, err
	}
	defer release()
	err = s.signInUnder(under, st, s.joinedByItself(under), func(ctx context.Context, config *oidc.Config) (*oidc.Token, error) {
		code := st.anyPending(ctx)
		if code == nil {
			return nil, &SignInError{Session: s.Label(), Reason: "no sign-in has been started"}
		}
		return s.redeemPending(ctx, st, config, code, until)
	})
	if errors.Is(err, errUnconfirmed) {
		return false, nil
	}
	return err == nil, err
}

// errUnconfirmed says that a code can still be confirmed.
var errUnconfirmed = errors.New("the sign-in has not been confirmed yet")

// redeemPending redeems a code that other processes share, and fails with
// errUnconfirmed, or with why the service could not be asked, after until. It does
// so between two requests: an answer that is cut off could have been the token.
func (s *Session) redeemPending(ctx context.Context, st *store, config *oidc.Config, code *oidc.DeviceCode, until time.Time) (*oidc.Token, error) {
	limited := *code
	if once := time.Now().Add(cmp.Or(code.Interval, 5*time.Second) + time.Second); until.Before(once) { // 5 s: see oidc.DeviceCode
		until = once
	}
	if until.Before(code.Expiry) {
		limited.Expiry = until
	}
	tok, err := config.Redeem(ctx, &limited)
	if errors.Is(err, oidc.ErrExpired) && limited.Expiry.Before(code.Expiry) {
		answer, failed := errors.AsType[*oidc.Error](err)
		switch {
		case !failed:
			return nil, errUnconfirmed
		case answer.Code != "expired_token":
			return nil, answer
		}
	}
	if err == nil || ctx.Err() == nil {
		st.forgetPending() // it is of no more use, whether or not the token can be stored
	}
	if errors.Is(err, oidc.ErrDenied) {
		st.markDenied()
	}
	return tok, err
}

// lockSignIn takes the sign-in lock, for which it waits only so long. The work
// under it may take longer.
func (s *Session) lockSignIn(ctx context.Context, st *store, op string, wait time.Duration) (under context.Context, release func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(wait, cancel)
	under, unlock, err := flight.Lock(ctx, st.locks(), flight.SignIn(st.id), op)
	if err == nil && !timer.Stop() {
		unlock()
		err = &flight.BusyError{Op: op, Err: context.DeadlineExceeded}
	}
	if err != nil {
		cancel()
		return ctx, nil, err
	}
	return under, func() { unlock(); cancel() }, nil
}
