package cmd

import (
	"context"
	"errors"
	"strings"

	"github.com/credproc/credproc/oidc"
)

// offerLogin asks the person on the terminal whether to sign in, where that is
// what err wants and mayOffer allows it, and does it. It returns err if there is
// nobody to ask or the answer is no, else how the sign-in ended.
func (r *run) offerLogin(ctx context.Context, t *target, mayOffer bool, err error) error {
	if !mayOffer || !errors.Is(err, oidc.ErrSignInRequired) || !r.onTerminal() || r.noLogin() {
		return err
	}
	agreed, askErr := r.agrees(prosef("Not signed in to %s. Sign in now?", sessionLabel(t.session)))
	if askErr != nil {
		return askErr
	}
	if !agreed {
		return err
	}
	return r.login(ctx, t, true, false)
}

// agrees asks a question that Enter says yes to.
func (r *run) agrees(question prose) (bool, error) {
	answer, err := r.ask(question+" [Y/n]", "")
	if errors.Is(err, errLeft) {
		return false, nil
	}
	answer = strings.ToLower(answer)
	return answer == "" || answer == "y" || answer == "yes", err
}
