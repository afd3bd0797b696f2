package tokencache

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"

	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/tokencache/keyring"
)

func (i *insideSession) KeyringStates(ctx context.Context) ([]inside.KeyringState, error) {
	st, err := i.s.quiet().open()
	if err != nil {
		return nil, err
	}
	f, several := st.keyring.(*loginKeyring)
	if !several {
		return []inside.KeyringState{st.look(ctx, st.keyring)}, nil
	}
	var all []inside.KeyringState
	for _, name := range keyring.Names() {
		all = append(all, st.look(ctx, f.ring(name)))
	}
	return all, nil
}

func (st *store) look(ctx context.Context, k keyring.Keyring) inside.KeyringState {
	state := inside.KeyringState{Name: k.Name()}
	if f, ok := k.(interface{ Shut() bool }); ok && f.Shut() {
		state.Err = &keyring.Error{Keyring: k.Name(), Op: "read", Kind: keyring.ErrLocked}
		return state
	}
	size := func(what theItem) int {
		secret, err := st.get(ctx, k, what)
		if err != nil && !errors.Is(err, keyring.ErrNotFound) {
			state.Err = cmp.Or(state.Err, err)
		}
		return len(secret)
	}
	state.Tokens = size(theTokens)
	if state.Err == nil {
		state.Key = size(theKey)
	}
	ix := st.readIndex()
	state.Overflow = state.Tokens > 0 && ix != nil && ix.Overflow && ix.Keyring == state.Name
	return state
}

// LockKeyrings drops the keys that are cached for an installation (see NoKeyCache):
// the next use asks the keyring, and a passphrase is asked for again. stateDir
// is [Session.StateDir], with the same default.
func LockKeyrings(stateDir, service string) error {
	dir, err := stateOf(stateDir, service)
	if err != nil {
		return err
	}
	if err := forgetCachedKey(dir, service); err != nil {
		return err
	}
	k, err := keyring.New("file", keyring.Options{Dir: fileDir(string(dir)), Service: service})
	if k, ok := k.(interface{ Lock() }); ok {
		k.Lock()
	}
	return err
}

func fileDir(stateDir string) string { return filepath.Join(stateDir, "file") }

func (i *insideSession) Reset(ctx context.Context, name string) error {
	err := i.s.resetKeyring(ctx, i.st, name)
	i.s.tell(ctx, audit.Line{Event: audit.SignOut, Outcome: "signed out here"}, err)
	return err
}

func (s *Session) resetKeyring(ctx context.Context, st *store, name string) error {
	ctx, release, err := flight.Lock(ctx, st.locks(), flight.Session(st.id), "forget "+s.Label())
	if err != nil {
		return err
	}
	defer release()
	k, isItsOwn := st.keyring, true
	if f, ok := k.(*loginKeyring); ok {
		k = f.ring(name)
		isItsOwn = f.indexed() == name || f.indexed() == ""
	}
	if err := st.delete(ctx, k, theTokens); err != nil {
		return err
	}
	if isItsOwn {
		if err := st.forget(ctx); err != nil {
			return err
		}
	}
	return st.resetKey(ctx, k)
}

func (st *store) resetKey(ctx context.Context, k keyring.Keyring) error {
	ctx, release, err := flight.Lock(ctx, st.locks(), flight.Key(), "forget the sealing key")
	if err != nil {
		return err
	}
	defer release()
	st.forgetKey()
	if err := st.delete(ctx, k, theKey); err != nil {
		return err
	}
	if k, ok := k.(interface{ Forget() error }); ok {
		return k.Forget()
	}
	return nil
}
