package cmd

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/credproc/credproc/cmd/internal/status"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

type keyringCommand struct {
	Show  keyringShowCommand  `cmd:"" default:"withargs" help:"Show which keyring each login is in and why, and what each keyring holds."`
	Lock  keyringLockCommand  `cmd:"" help:"Drop the keys that are cached for an hour."`
	Reset keyringResetCommand `cmd:"" help:"Delete every login and key of this program in one keyring."`
}

type keyringShowCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run implements the command, for kong. It opens no keyring.
func (c *keyringShowCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, false, c.run)
}

func (c *keyringShowCommand) run(ctx context.Context, r *run) error {
	sessions, err := r.usableSessions()
	if err != nil {
		return err
	}
	report, titles := status.NewKeyrings(), status.TitlesOf(sessions)
	for i, look := range status.LookInto(ctx, sessions) {
		if look.Err != nil {
			return look.Err
		}
		one := status.InKeyring{Session: sessions[i].Label(), Title: titles[i], Cached: look.Cached}
		if look.Login != nil {
			one.Found = look.Login.Look.Found
			one.Keyring, one.Why = look.Keyring()
		} else {
			one.Keyring, one.Why = r.nextKeyring(sessions[i])
		}
		report.Add(one, look.States)
	}
	if c.JSON {
		return r.PrintJSON(report)
	}
	return report.Print(r.Terminal)
}

// usableSessions returns every session, and says what is wrong with the others.
func (r *run) usableSessions() ([]*tokencache.Session, error) {
	all, wrong, err := r.everySession()
	for _, w := range wrong {
		r.Say("%v", w.err)
	}
	return all, err
}

// nextKeyring says where a login would go, and why.
func (r *run) nextKeyring(s *tokencache.Session) (name, why string) {
	switch {
	case r.setting("KEYRING") != "":
		return r.setting("KEYRING"), "not signed in; " + r.variable("KEYRING") + " says so"
	case s.NewLoginKeyring != "":
		return s.NewLoginKeyring, "not signed in; " + fileKey(r.App, "keyring") + " says so"
	}
	return "auto", "not signed in; the operating system's, or else the kernel's"
}

type keyringLockCommand struct{}

// Run implements the command, for kong.
func (c keyringLockCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, false, c.run)
}

func (keyringLockCommand) run(_ context.Context, r *run) error {
	if err := r.lockKeyrings(); err != nil {
		return err
	}
	r.Say("No key is cached any more.")
	return nil
}

func (r *run) lockKeyrings() error {
	return tokencache.LockKeyrings(r.config.StateDir, r.ID)
}

type keyringResetCommand struct {
	Keyring string `arg:"" help:"The keyring: os, kernel, file or plaintext; in WSL also windows."`
	Yes     bool   `short:"y" help:"Do not ask."`
}

// Run implements the command, for kong.
func (c *keyringResetCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, true, c.run)
}

func (c *keyringResetCommand) run(ctx context.Context, r *run) error {
	if names := keyring.Names(); !slices.Contains(names, c.Keyring) {
		return r.usage("no keyring is called %q: it must be %s", c.Keyring, oneOf(names))
	}
	sessions, err := r.usableSessions()
	if err != nil {
		return err
	}
	if !c.Yes {
		if err := r.confirmReset(c.Keyring, sessions); err != nil {
			return err
		}
	}
	if err := resetAll(ctx, c.Keyring, sessions); err != nil {
		return err
	}
	if err := r.lockKeyrings(); err != nil {
		return err
	}
	r.Say("The %s keyring has no entries of this program any more. The service was not told: sessions there end by themselves.", c.Keyring)
	return nil
}

func resetAll(ctx context.Context, keyring string, sessions []*tokencache.Session) (failed error) {
	for _, s := range sessions {
		in, err := inside.Of[inside.Session](s)
		if err == nil {
			err = in.Reset(ctx, keyring)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// confirmReset asks the person, who is told what is lost.
func (r *run) confirmReset(keyring string, sessions []*tokencache.Session) error {
	if !r.Interactive() {
		return r.usage("keyring reset forgets logins: without a terminal, add --yes")
	}
	names := titlesIn(keyring, sessions)
	var lost terminal.Prose = "No login is known to be there."
	if len(names) > 0 {
		lost = terminal.Prosef("These logins are lost: %s.", terminal.Join(names, ", "))
	}
	agreed, err := r.Confirms(terminal.Prosef("Forget all logins in the %s keyring? %s", keyring, lost))
	if err == nil && !agreed {
		return r.usage("nothing was forgotten")
	}
	return err
}

// titlesIn are those of the sessions with a login in a keyring.
func titlesIn(keyring string, sessions []*tokencache.Session) (names []string) {
	for i, title := range status.TitlesOf(sessions) {
		if login, err := sessions[i].Status(); err == nil && login != nil && login.Keyring == keyring {
			names = append(names, title)
		}
	}
	return names
}

// oneOf is a choice in words: "auto, os or file".
func oneOf(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
