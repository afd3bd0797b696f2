package tokencache

import (
	"context"
	"errors"

	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

// tell leaves a line about the session in its trail, if it has one, and returns how
// what it is about ends: [audit.Trail.Leave].
func (s *Session) tell(ctx context.Context, line audit.Line, err error) error {
	if s == nil {
		return err
	}
	line.Session = s.Label()
	return s.trail().Leave(audit.Apart(ctx), line, err)
}

// trail returns where the trail of the session is left, or nil. Of a session that a
// program filled by itself it is the one that the policy asks for.
func (s *Session) trail() *audit.Trail {
	if policy.IsTold(&s.Config) {
		return inside.Trail[inside.Session](s)
	}
	st, err := s.open()
	if err != nil || st.rules.Audit() == "" {
		return nil
	}
	state, _, err := s.dirs()
	if err != nil {
		return nil // where nothing is stored, nothing is given
	}
	trail := audit.New(st.rules, state, s.Service, kind)
	trail.Log = s.Logger
	return trail
}

// kind is what the trail says of an error: what credproc.KindOf tells of the errors of
// this package, which cannot import that one.
func kind(err error) string {
	switch {
	case isA[*ApplicationError](err), errors.Is(err, oidc.ErrSignInRequired), errors.Is(err, oidc.ErrDenied), errors.Is(err, oidc.ErrExpired):
		return "sign-in required"
	case isA[*oidc.ConfigError](err), isA[*awsapi.SettingError](err), isA[*policy.FileError](err):
		return "misconfigured"
	case isA[*keyring.Error](err), errors.Is(err, keyring.ErrLocked), errors.Is(err, keyring.ErrUnavailable):
		return "keyring"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case isA[*ServiceError](err), isA[*flight.BusyError](err), errors.Is(err, context.DeadlineExceeded):
		return "unavailable"
	}
	if e, ok := errors.AsType[*oidc.Error](err); ok && (e.StatusCode == 0 || e.Temporary()) {
		return "unavailable"
	}
	return "error"
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// give is what a program gets that asks for an access token.
func (s *Session) give(ctx context.Context, refused string) (*oidc.Token, error) {
	var token *oidc.Token
	err := s.may(policy.AccessToken)
	if err == nil {
		token, err = s.token(ctx, refused, false)
	}
	line := audit.Line{Event: audit.Token, Outcome: "given"}
	if err == nil {
		line.Until(token.Expiry)
	}
	if err := s.tell(ctx, line, err); err != nil {
		return nil, err
	}
	return token, nil
}

// tellSignIn leaves the line of a sign-in. What it made is stored by now, so that a
// trail that cannot be written is no reason to fail.
func (s *Session) tellSignIn(ctx context.Context, err error) {
	if !errors.Is(err, errUnconfirmed) {
		s.tell(ctx, audit.Line{Event: audit.SignIn, Outcome: "signed in"}, err)
	}
}

// tellSignOut leaves the line of a sign-out, if there was a login.
func (s *Session) tellSignOut(ctx context.Context, was bool, err error) {
	line := audit.Line{Event: audit.SignOut, Outcome: "signed out"}
	if _, ok := errors.AsType[*RevokeError](err); ok {
		line.Outcome, err = "signed out here", nil
	}
	if was || err != nil {
		s.tell(ctx, line, err)
	}
}
