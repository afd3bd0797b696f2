package cmd

import (
	"context"
	"errors"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/oidc"
)

// offerLogin asks the person on the terminal whether to sign in, where that is
// what err wants and mayOffer allows it, and does it. It returns err if there is
// nobody to ask or the answer is no, else how the sign-in ended.
func (r *run) offerLogin(ctx context.Context, t *target, mayOffer bool, err error) error {
	if !mayOffer || !errors.Is(err, oidc.ErrSignInRequired) || !r.Interactive() || r.noLogin() {
		return err
	}
	agreed, askErr := r.Agrees(terminal.Prosef("Not signed in to %s. Sign in now?", sessionLabel(t.session)))
	if askErr != nil {
		return askErr
	}
	if !agreed {
		return err
	}
	return r.login(ctx, t, true, false)
}
