package fetch

import (
	"context"
	"sync/atomic"
)

// loginKey is where the context of a fetch has its *loginUsed.
type loginKey struct{}

// loginUsed is the login that a fetch has a token of in the end. Where no person
// signs in, one that has ended is replaced in the middle of a fetch.
type loginUsed struct {
	session Session
	outer   *loginUsed // of the role that is assumed with this one
	name    atomic.Pointer[string]
}

// used returns the context for one fetch with a session.
func used(ctx context.Context, s Session) (context.Context, *loginUsed) {
	outer, _ := ctx.Value(loginKey{}).(*loginUsed)
	u := &loginUsed{session: s, outer: outer}
	return context.WithValue(ctx, loginKey{}, u), u
}

// Use notes the login that a token of a session is of, for the fetches that ctx
// belongs to: what they get is stored under this one.
func Use(ctx context.Context, s Session, login string) {
	u, _ := ctx.Value(loginKey{}).(*loginUsed)
	for ; u != nil; u = u.outer {
		if u.session == s {
			u.name.Store(&login)
		}
	}
}

// or returns the login in use, or the one given.
func (u *loginUsed) or(login string) string {
	if name := u.name.Load(); name != nil {
		return *name
	}
	return login
}
