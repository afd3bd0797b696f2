package status

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/kernelring"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// OpenToSandboxes is what the kernel's keyring is worth without persistent
// keyrings.
const OpenToSandboxes = "this kernel has no persistent keyrings: every process of yours can read what is there, in a sandbox too"

// Keyrings is where sessions are, and what the keyrings hold, and its JSON.
type Keyrings struct {
	Sessions []InKeyring `json:"sessions"`
	Keyrings []Keyring   `json:"keyrings"`
}

// InKeyring says in which keyring a session is, or would be.
type InKeyring struct {
	Session string `json:"session"`
	Keyring string `json:"keyring"`
	Why     string `json:"why"`
	// Found is what was found there of a login that is known of, as in status
	// --json.
	Found  string `json:"found,omitempty"`
	Cached bool   `json:"key_cached"` // for an hour, so that an answer needs no keyring
	Title  string `json:"-"`          // tells the session from others of its name
}

// Keyring is what one keyring holds.
type Keyring struct {
	Name   string `json:"keyring"`
	State  string `json:"state"` // "open", "locked", "unavailable"
	Detail string `json:"detail,omitempty"`
	Items  []Item `json:"items"`
}

// Item is a secret in a keyring.
type Item struct {
	What     string `json:"what"` // "sealing key", or the tokens of a session
	Bytes    int    `json:"bytes"`
	Overflow bool   `json:"overflow,omitempty"` // the tokens are too big for it, and in a sealed file
}

// NewKeyrings returns one without sessions. Its JSON has lists, and no null.
func NewKeyrings() *Keyrings { return &Keyrings{Sessions: []InKeyring{}, Keyrings: []Keyring{}} }

// Add adds a session, and what the keyrings hold of it.
func (k *Keyrings) Add(s InKeyring, states []inside.KeyringState) {
	k.Sessions = append(k.Sessions, s)
	for _, state := range states {
		k.keyring(state.Name).add(s.Title, state)
	}
}

func (k *Keyrings) keyring(name string) *Keyring {
	at := slices.IndexFunc(k.Keyrings, func(k Keyring) bool { return k.Name == name })
	if at < 0 {
		at = len(k.Keyrings)
		k.Keyrings = append(k.Keyrings, Keyring{Name: name, State: "open", Items: []Item{}})
	}
	return &k.Keyrings[at]
}

func (k *Keyring) add(session string, state inside.KeyringState) {
	if state.Err != nil {
		k.State = "unavailable"
		if errors.Is(state.Err, keyring.ErrLocked) {
			k.State = "locked"
		}
		if e, ok := errors.AsType[*keyring.Error](state.Err); ok {
			k.Detail = e.Detail
		}
	}
	if k.Name == "kernel" && state.Err == nil && !kernelring.Persistent() {
		k.Detail = OpenToSandboxes
	}
	if state.Key > 0 && !slices.ContainsFunc(k.Items, func(i Item) bool { return i.What == "sealing key" }) {
		k.Items = append(k.Items, Item{What: "sealing key", Bytes: state.Key})
	}
	if state.Tokens > 0 {
		k.Items = append(k.Items, Item{What: "tokens of " + session, Bytes: state.Tokens, Overflow: state.Overflow})
	}
}

// Print prints two tables: the sessions, and the keyrings.
func (k *Keyrings) Print(t *terminal.Terminal) error {
	table := t.Table()
	for _, s := range k.Sessions {
		why := s.Why
		if s.Cached {
			why += ", and the key is cached"
		}
		table.Row(s.Title, s.Keyring+" keyring", why)
	}
	table.Flush()
	if err := t.Print("\n"); err != nil {
		return err
	}
	for _, k := range k.Keyrings {
		table.Row(k.Name, k.State, k.contents())
	}
	return table.Flush()
}

func (k *Keyring) contents() string {
	var words []string
	for _, item := range k.Items {
		word := fmt.Sprintf("%s, %d bytes", item.What, item.Bytes)
		if item.Overflow {
			word += " (too big for it: in a sealed file)"
		}
		words = append(words, word)
	}
	if k.Detail != "" {
		words = append(words, k.Detail)
	}
	if words == nil && k.State == "open" {
		return "no entries of this program"
	}
	return strings.Join(words, "; ")
}

// KernelWorks reports whether the kernel lets us have a keyring: it would be no
// help to offer one that it forbids.
func KernelWorks() bool {
	k, err := keyring.New("kernel", keyring.Options{})
	if err == nil {
		_, err = k.Get(context.Background(), "none")
	}
	return errors.Is(err, keyring.ErrNotFound)
}

// TitlesOf tell sessions apart.
func TitlesOf(sessions []*tokencache.Session) []string {
	var places []Place
	for _, s := range sessions {
		places = append(places, PlaceOf(s))
	}
	return Titles(places)
}

// KeyringLook is what one session's keyrings said.
type KeyringLook struct {
	Login  *tokencache.Status
	States []inside.KeyringState
	Cached bool // the sealing key
	Err    error
}

// LookInto asks the keyrings of all sessions at once, so that a slow one costs its
// time no more than once.
func LookInto(ctx context.Context, sessions []*tokencache.Session) []KeyringLook {
	ctx, cancel := context.WithTimeout(ctx, LookTime)
	defer cancel()
	all := make([]KeyringLook, len(sessions))
	var looks sync.WaitGroup
	for i, s := range sessions {
		looks.Go(func() { all[i] = lookInto(ctx, s) })
	}
	looks.Wait()
	return all
}

func lookInto(ctx context.Context, s *tokencache.Session) (l KeyringLook) {
	if l.Login, l.Err = s.Check(ctx); l.Err != nil {
		return l
	}
	var in inside.Session
	if in, l.Err = inside.Of[inside.Session](s); l.Err == nil {
		l.Cached = in.KeyCached()
		l.States, l.Err = in.KeyringStates(ctx)
	}
	return l
}

// Keyring says where the login is, and why.
func (l *KeyringLook) Keyring() (name, why string) {
	login := l.Login
	switch {
	case login.Look.Found == inside.FoundNothing:
		return login.Keyring, "the login was there, and is gone"
	case login.Look.CannotTell || login.Look.Found == inside.FoundOlder:
		return login.Keyring, "the login is there as far as is known: " + (*Look)(login.Look).Words()
	}
	return login.Keyring, "the login is there"
}

// KeptIn says where the tokens of a login are, unless that is where people expect
// them.
func KeptIn(keyring string) terminal.Prose {
	switch keyring {
	case "windows":
		return "Its tokens are in the Windows Credential Manager."
	case "kernel":
		if !kernelring.Persistent() {
			return "Its tokens are in the kernel's keyring, until your last process ends: " + OpenToSandboxes + "."
		}
		return "Its tokens are in the kernel's keyring, until a reboot or three days without use."
	case "file":
		return "Its tokens are in files that are encrypted with a key of your own."
	case "plaintext":
		return "Its tokens are in unencrypted files, protected only by file permissions."
	}
	return ""
}
