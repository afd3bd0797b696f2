package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/credproc/credproc/cmd/internal/status"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/kernelring"
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

// keyringReport is what keyring show prints.
type keyringReport struct {
	Sessions []keyringSession `json:"sessions"`
	Keyrings []keyringState   `json:"keyrings"`
}

type keyringSession struct {
	Session string `json:"session"`
	Keyring string `json:"keyring"`
	Why     string `json:"why"`
	// Found is what was found there of a login that is known of, as in status
	// --json.
	Found  string `json:"found,omitempty"`
	Cached bool   `json:"key_cached"` // for an hour, so that an answer needs no keyring

	title string
}

type keyringState struct {
	Keyring string        `json:"keyring"`
	State   string        `json:"state"` // "open", "locked", "unavailable"
	Detail  string        `json:"detail,omitempty"`
	Items   []keyringItem `json:"items"`
}

type keyringItem struct {
	What     string `json:"what"` // "sealing key", or the tokens of a session
	Bytes    int    `json:"bytes"`
	Overflow bool   `json:"overflow,omitempty"` // the tokens are too big for it, and in a sealed file
}

// Run implements the command, for kong. It opens no keyring.
func (c *keyringShowCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, false, func(ctx context.Context, r *run) error {
		sessions, err := r.usableSessions()
		if err != nil {
			return err
		}
		report := keyringReport{Sessions: []keyringSession{}, Keyrings: []keyringState{}}
		titles := titles(sessions)
		for i, look := range r.look(ctx, sessions) {
			if err := report.add(r, sessions[i], titles[i], look); err != nil {
				return err
			}
		}
		if c.JSON {
			return r.PrintJSON(report)
		}
		return r.printKeyrings(&report)
	})
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

func (report *keyringReport) add(r *run, s *tokencache.Session, title string, look keyringLook) error {
	if look.err != nil {
		return look.err
	}
	one := keyringSession{Session: sessionLabel(s), title: title, Cached: look.cached}
	one.Keyring, one.Why = r.whichKeyring(s, look.login)
	if look.login != nil {
		one.Found = look.login.Look.Found
	}
	report.Sessions = append(report.Sessions, one)
	for _, state := range look.states {
		report.keyring(state.Name).add(title, state)
	}
	return nil
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

func (report *keyringReport) keyring(name string) *keyringState {
	at := slices.IndexFunc(report.Keyrings, func(k keyringState) bool { return k.Keyring == name })
	if at < 0 {
		at = len(report.Keyrings)
		report.Keyrings = append(report.Keyrings, keyringState{Keyring: name, State: "open", Items: []keyringItem{}})
	}
	return &report.Keyrings[at]
}

func (k *keyringState) add(session string, state inside.KeyringState) {
	if state.Err != nil {
		k.State = "unavailable"
		if errors.Is(state.Err, keyring.ErrLocked) {
			k.State = "locked"
		}
		if e, ok := errors.AsType[*keyring.Error](state.Err); ok {
			k.Detail = e.Detail
		}
	}
	if k.Keyring == "kernel" && state.Err == nil && !kernelring.Persistent() {
		k.Detail = openToSandboxes
	}
	if state.Key > 0 && !slices.ContainsFunc(k.Items, func(i keyringItem) bool { return i.What == "sealing key" }) {
		k.Items = append(k.Items, keyringItem{What: "sealing key", Bytes: state.Key})
	}
	if state.Tokens > 0 {
		k.Items = append(k.Items, keyringItem{What: "tokens of " + session, Bytes: state.Tokens, Overflow: state.Overflow})
	}
}

func (r *run) printKeyrings(report *keyringReport) error {
	table := r.Table()
	for _, s := range report.Sessions {
		why := s.Why
		if s.Cached {
			why += ", and the key is cached"
		}
		table.Row(s.title, s.Keyring+" keyring", why)
	}
	table.Flush()
	if err := r.Print("\n"); err != nil {
		return err
	}
	for _, k := range report.Keyrings {
		table.Row(k.Keyring, k.State, k.contents())
	}
	return table.Flush()
}

func (k *keyringState) contents() string {
	var words []string
	for _, item := range k.Items {
		word := fmt.Sprintf("%s, %d bytes", item.What, item.Bytes)
		if item.Overflow {
			word += " (too big for it: in a sealed file)"
		}
		words = append(words, word)
	}
	switch {
	case len(words) > 0 && k.Detail != "":
		return strings.Join(words, "; ") + "; " + k.Detail
	case len(words) > 0:
		return strings.Join(words, "; ")
	case k.Detail != "":
		return k.Detail
	case k.State == "open":
		return "nothing of ours"
	}
	return ""
}

type keyringLockCommand struct{}

// Run implements the command, for kong.
func (keyringLockCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, false, func(_ context.Context, r *run) error {
		if err := r.lockKeyrings(); err != nil {
			return err
		}
		r.Say("No key is cached any more.")
		return nil
	})
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
	return a.do(ctx, true, func(ctx context.Context, r *run) error {
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
			r.Say("The %s keyring has nothing of ours any more. The service was not told: sessions there end by themselves.", c.Keyring)
		}
		return err
	})
}

// confirmReset asks the person, who is told what is lost.
func (r *run) confirmReset(keyring string, sessions []*tokencache.Session) error {
	if !r.Interactive() {
		return r.usage("keyring reset forgets logins: say --yes where nobody can be asked")
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
	agreed, err := r.Confirms(terminal.Prosef("Forget all of ours in the %s keyring? %s", keyring, lost))
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
