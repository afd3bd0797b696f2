package tokencache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/credproc/credproc/internal/assume"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

// ApplicationError says that the Application of a [Session] could not sign in,
// and will not be able to before something is changed: the source of its
// token, or the application. What is stored is as it was.
type ApplicationError struct {
	Session string // its label
	Reason  string // for people
	// Err is [oidc.ErrAssertion], [oidc.ErrAssertionExpired], [oidc.ErrUntrusted] or
	// [oidc.ErrNotAssigned]; nil for another reason.
	Err error
}

// Error says what went wrong.
func (e *ApplicationError) Error() string {
	return fmt.Sprintf("session %q: its application cannot sign in: %s", e.Session, e.Reason)
}

// Unwrap returns Err.
func (e *ApplicationError) Unwrap() error { return e.Err }

// refusedFor is how long one token of the issuer is not shown to the service
// again, by any process, after it has been refused.
const refusedFor = 10 * time.Second

// refusal is what the service said to a token of the issuer. It is no secret, and
// the token is in it as a hash alone.
type refusal struct {
	Token  string    `json:"token"`
	Kind   string    `json:"kind"` // of refusals
	Reason string    `json:"reason"`
	At     time.Time `json:"at"` // local clock
}

// refusals are the errors that a refusal can be.
func refusals() map[string]error {
	return map[string]error{"expired": oidc.ErrAssertionExpired, "untrusted": oidc.ErrUntrusted, "unassigned": oidc.ErrNotAssigned, "": nil}
}

const refusalFile = ".refused"

// isNoLogin reports an error after which there is nothing that could be renewed:
// an application signs in again.
func isNoLogin(err error) bool {
	return errors.Is(err, keyring.ErrNotFound) || errors.Is(err, errOlder) || isBroken(err)
}

// refresher returns what renews a login, and the client that it belongs to.
func (r *renewal) refresher(ctx context.Context, old *item) (oidc.Client, func(context.Context, *oidc.Token) (*oidc.Token, error), error) {
	if app := r.Application; app != nil {
		return oidc.Client{ID: old.ClientID}, func(ctx context.Context, tok *oidc.Token) (*oidc.Token, error) {
			return app.Refresh(ctx, &r.Config, tok)
		}, nil
	}
	client, err := r.st.readRegistration(ctx, old.ClientID)
	return client, r.Config.Refresh, err
}

// exchange signs in by the application, under the session's lock. The login that
// there was serves on while it can, if that fails.
func (r *renewal) exchange(ctx context.Context, old *item) (*item, error) {
	tok, err := r.signedIn(ctx)
	if err != nil {
		r.tellSignIn(ctx, err)
		if old != nil && old.usable(time.Now(), r.refused) && !r.force {
			r.debug("not renewed", "error", err)
			return old, nil
		}
		return nil, err
	}
	err = r.put(ctx, r.st, tok)
	r.tellSignIn(ctx, err)
	if err != nil {
		return nil, err
	}
	return r.st.read(ctx)
}

// signedIn returns a token that can be stored.
func (r *renewal) signedIn(ctx context.Context) (*oidc.Token, error) {
	if _, err := r.st.prepareSignIn(ctx); err != nil {
		return nil, err // before the token is spent, which the service may take once
	}
	app := *r.Application
	if app.Assertion == nil {
		return nil, &ApplicationError{Session: r.Label(), Reason: "it has no source of tokens"}
	}
	assertion, err := app.Assertion(ctx)
	if err != nil {
		return nil, r.noToken(ctx, "", fmt.Errorf("%w: %w", oidc.ErrAssertion, err))
	}
	if err := r.refusalOf(assertion); err != nil {
		return nil, err
	}
	app.Assertion = func(context.Context) (string, error) { return assertion, nil }
	tok, err := app.SignIn(r.logged(ctx), &r.Config)
	if err != nil && tok == nil {
		return nil, r.noToken(ctx, assertion, err)
	}
	// Each sign-in is a login of its own: the next may be of another user.
	tok.Client.ID += "#" + rand.Text()
	return tok, r.check(tok)
}

// refusalOf returns what the service said to this token a moment ago, or nil.
func (r *renewal) refusalOf(assertion string) error {
	said := new(refusal)
	if !r.st.readJSON(refusalFile, said) || said.Token != tokenHash(assertion) {
		return nil
	}
	if age := time.Since(said.At); age < 0 || age >= refusedFor {
		return nil
	}
	return &ApplicationError{Session: r.Label(), Reason: said.Reason, Err: refusals()[said.Kind]}
}

// noToken decides what a failed sign-in means: a fault that passes, which is
// shared as any other, or one that has to be fixed. What the service said of a
// token is remembered, so that hundreds of processes do not ask it the same.
func (r *renewal) noToken(ctx context.Context, assertion string, err error) error {
	if setting, ok := errors.AsType[*awsapi.SettingError](err); ok {
		return setting
	}
	answer, answered := errors.AsType[*oidc.Error](err)
	role, assumed := errors.AsType[*assume.Error](err)
	switch {
	case ctx.Err() != nil, answered && (answer.Code == "" || answer.Temporary()), assumed && !role.Final():
		return &ServiceError{Op: "sign in to " + r.Label(), Reason: err.Error(), Err: err}
	}
	final := &ApplicationError{Session: r.Label(), Reason: err.Error()}
	kind := ""
	for name, sentinel := range refusals() {
		if sentinel != nil && errors.Is(err, sentinel) {
			kind, final.Err = name, sentinel
		}
	}
	if errors.Is(err, oidc.ErrAssertion) {
		final.Err = oidc.ErrAssertion
	}
	if answered || assumed {
		r.st.writeJSON(refusalFile, refusal{tokenHash(assertion), kind, final.Reason, time.Now()})
	}
	return final
}
