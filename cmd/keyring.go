package cmd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

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
	report, titles := status.NewKeyrings(), titles(sessions)
	for i, look := range r.look(ctx, sessions) {
		if look.err != nil {
			return look.err
		}
		name, why := r.whichKeyring(sessions[i], look.login)
		one := status.InKeyring{Session: sessionLabel(sessions[i]), Title: titles[i], Keyring: name, Why: why, Cached: look.cached}
		if look.login != nil {
			one.Found = look.login.Look.Found
		}
		report.Add(one, look.states)
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

// titles tell sessions apart.
func titles(sessions []*tokencache.Session) []string {
	var places []status.Place
	for _, s := range sessions {
		places = append(places, status.PlaceOf(s))
	}
	return status.Titles(places)
}

// keyringLook is what one session's keyrings said.
type keyringLook struct {
	login  *tokencache.Status
	states []inside.KeyringState
	cached bool // the sealing key
	err    error
}

// look asks the keyrings of all sessions at once, so that a slow one costs its
// time no more than once.
func (r *run) look(ctx context.Context, sessions []*tokencache.Session) []keyringLook {
	ctx, cancel := context.WithTimeout(ctx, status.LookTime)
	defer cancel()
	all := make([]keyringLook, len(sessions))
	var looks sync.WaitGroup
	for i, s := range sessions {
		looks.Go(func() {
			l := &all[i]
			if l.login, l.err = s.Check(ctx); l.err != nil {
				return
			}
			var in inside.Session
			if in, l.err = inside.Of[inside.Session](s); l.err == nil {
				l.cached = in.KeyCached()
				l.states, l.err = in.KeyringStates(ctx)
			}
		})
	}
	looks.Wait()
	return all
}

// whichKeyring says where a login is, or would go, and why.
func (r *run) whichKeyring(s *tokencache.Session, login *tokencache.Status) (name, why string) {
	switch {
	case login != nil && login.Look.Found == inside.FoundNothing:
		return login.Keyring, "the login was there, and is gone"
	case login != nil && (login.Look.CannotTell || login.Look.Found == inside.FoundOlder):
		look := status.Look{Found: login.Look.Found, Reason: login.Look.Reason}
		return login.Keyring, "the login is there as far as is known: " + look.Words()
	case login != nil:
		return login.Keyring, "the login is there"
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
	Keyring string `arg:"" help:"The keyring: os, kernel, file or plaintext."`
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
	for _, s := range sessions {
		in, openErr := inside.Of[inside.Session](s)
		if openErr == nil {
			openErr = in.Reset(ctx, c.Keyring)
		}
		err = errors.Join(err, openErr)
	}
	if err == nil {
		err = r.lockKeyrings()
	}
	if err == nil {
		r.Say("The %s keyring has no entries of this program any more. The service was not told: sessions there end by themselves.", c.Keyring)
	}
	return err
}

// confirmReset asks the person, who is told what is lost.
func (r *run) confirmReset(keyring string, sessions []*tokencache.Session) error {
	if !r.Interactive() {
		return r.usage("keyring reset forgets logins: without a terminal, add --yes")
	}
	var names []string
	for i, title := range titles(sessions) {
		if login, err := sessions[i].Status(); err == nil && login != nil && login.Keyring == keyring {
			names = append(names, title)
		}
	}
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

// oneOf is a choice in words: "auto, os or file".
func oneOf(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
