package tokencache

import (
	"context"
	"errors"

	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/oidc"
)

// tell leaves a line about the session in its trail, if it has one, and returns how
// what it is about ends: [audit.Trail.Leave].
func (s *Session) tell(ctx context.Context, line audit.Line, err error) error {
	if s == nil {
		return err
	}
	line.Session = s.label()
	return inside.Trail[inside.Session](s).Leave(audit.Apart(ctx), line, err)
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
