package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
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
	agreed, askErr := r.agrees(ctx, fmt.Sprintf("Not signed in to %s. Sign in now?", sessionLabel(t.session)))
	if askErr != nil {
		return askErr
	}
	if !agreed {
		return err
	}
	return r.login(ctx, t, true, false)
}

// agrees asks a question that Enter says yes to. What is typed after the line
// is left for the command that reads next.
func (r *run) agrees(ctx context.Context, question string) (bool, error) {
	fmt.Fprintf(r.stderr(), "%s [Y/n] ", question)
	answer := make(chan string, 1)
	go func() {
		line, err := bufio.NewReaderSize(r.stdin(), 16).ReadString('\n') // of a terminal: no more than the line
		if err != nil {
			line = "no"
		}
		answer <- line
	}()
	select {
	case <-ctx.Done():
		r.say("")
		return false, ctx.Err()
	case line := <-answer:
		line = strings.ToLower(strings.TrimSpace(line))
		return line == "" || line == "y" || line == "yes", nil
	}
}
