package tokencache

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/credproc/credproc/internal/dirid"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/keycache"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/tokencache/keyring"
)

// The identity of the state directory is in the names of the items in keyrings.
// It is made with the sealing key, under the same lock, and read whenever a name
// is needed: another process may have made it meanwhile. A directory without one
// has no login. Keyrings are asked all the same, for a name that no item has: an
// error of a keyring must not read as "not signed in".

// theItem is one of the items that a store has in a keyring.
type theItem int

const (
	theTokens theItem = iota
	theKey
)

// itemName returns what an item is called here, and the identity that it is named
// by: "" if the directory has none of its own. An identity that cannot be read
// does not say that there is no login.
func (st *store) itemName(what theItem) (name, id string, err error) {
	found, err := dirid.Look(st.state)
	switch {
	case errors.Is(err, sealed.ErrNewer):
		return "", "", st.unreadable("identity of the state directory", err)
	case err != nil:
		return "", "", &keyring.Error{Keyring: st.keyring.Name(), Op: "read", Kind: keyring.ErrUnavailable, Detail: err.Error(), Err: err}
	}
	if what == theKey {
		return layout.KeyItem(found.ID), found.ID, nil
	}
	return layout.SessionItem(found.ID, st.identity), found.ID, nil
}

func (st *store) get(ctx context.Context, k keyring.Keyring, what theItem) (string, error) {
	name, _, err := st.itemName(what)
	if err != nil {
		return "", err
	}
	ctx, end := st.calls.start(ctx)
	defer end()
	return k.Get(ctx, name)
}

func (st *store) set(ctx context.Context, k keyring.Keyring, what theItem, secret string) error {
	name, id, err := st.itemName(what)
	if err != nil {
		return err
	}
	if id == "" { // lost since it was made
		return &keyring.Error{Keyring: k.Name(), Op: "store", Kind: keyring.ErrUnavailable, Detail: st.state.Path(dirid.File) + " is gone"}
	}
	ctx, end := st.calls.start(ctx)
	defer end()
	return k.Set(ctx, name, secret)
}

func (st *store) delete(ctx context.Context, k keyring.Keyring, what theItem) error {
	name, _, err := st.itemName(what)
	if err != nil {
		return err
	}
	ctx, end := st.calls.start(ctx)
	defer end()
	return k.Delete(ctx, name)
}

// cacheName is what the sealing key is called in the cache, or ""
// if there can be none.
func (st *store) cacheName() string {
	name, id, err := st.itemName(theKey)
	if err != nil || id == "" {
		return ""
	}
	return layout.CacheName(st.service, name)
}

// placed reports whether the directory may have a login: without an identity
// nothing of what lies in it can be used.
func placed(state safedir.Dir) bool {
	found, err := dirid.Look(state)
	return err != nil || found.ID != ""
}

// settleTime bounds the wait for a process that is making a key meanwhile.
const settleTime = 5 * time.Second

// settle brings the identity up to date if the directory has moved, and gives
// it another one if it is a copy. What cannot be written stays as it is: a copy
// then has no login, and the rest works.
func settle(state safedir.Dir) {
	found, err := dirid.Look(state)
	if err != nil || found.State == dirid.None || found.State == dirid.Known {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	_, release, err := flight.Lock(ctx, safedir.Dir(layout.LocksDir(string(state))), flight.Key(), "identify the state directory")
	if err != nil {
		return
	}
	defer release()
	identify(state)
}

// identify makes sure that the directory has an identity of its own. It is
// called under the key's lock.
func identify(state safedir.Dir) error {
	found, err := dirid.Look(state)
	switch {
	case err != nil || found.State == dirid.Known:
		return err
	case found.State == dirid.Moved:
		return found.Update(state)
	}
	// Before the identity: until there is one, this is done again.
	if err := forgetOthers(state); err != nil {
		return err
	}
	return dirid.Make(state, rand.Read)
}

// forgetOthers removes what was stored under an identity that the directory
// does not have any more, and that nothing can read therefore. The audit trail
// and how long sessions last stay, and so does the passphrase.
func forgetOthers(state safedir.Dir) error {
	ofSession := func(name string) bool {
		id, suffix, _ := strings.Cut(name, ".")
		return len(id) == 32 && suffix != "life"
	}
	return errors.Join(
		removeIf(state, ofSession),
		removeIf(safedir.Dir(layout.PlaintextDir(string(state))), layout.IsItem),
		removeIf(safedir.Dir(fileDir(string(state))), layout.IsItem),
	)
}

func removeIf(dir safedir.Dir, match func(name string) bool) error {
	names, err := dir.Names()
	for _, name := range names {
		if err == nil && match(name) {
			err = dir.Remove(name)
		}
	}
	return err
}

// forgetCachedKey drops the sealing key of a directory from the cache.
func forgetCachedKey(state safedir.Dir, service string) error {
	found, err := dirid.Look(state)
	if err == nil && found.ID != "" {
		keycache.System().Delete(layout.CacheName(layout.Service(service), layout.KeyItem(found.ID)))
	}
	return err
}
