package tokencache

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/keycache"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/tokencache/keyring"
)

// keyHolder remembers the sealing key of an installation.
type keyHolder struct {
	atomic.Pointer[sealed.Key]
	asking *semaphore.Weighted // a caller that asks the keyring takes 1: it may take long
}

func newKeyHolder() *keyHolder { return &keyHolder{asking: semaphore.NewWeighted(1)} }

// sealingKey returns the key that seals every record of this installation.
// Without one it fails with keyring.ErrNotFound, or makes one where make is set.
func (st *store) sealingKey(ctx context.Context, make bool) (*sealed.Key, error) {
	if key := st.keys.Load(); key != nil {
		return key, nil
	}
	if err := st.keys.asking.Acquire(ctx, 1); err != nil {
		return nil, &keyring.Error{Keyring: st.keyring.Name(), Op: "read", Kind: keyring.ErrUnavailable, Detail: "an earlier call has not come back"}
	}
	defer st.keys.asking.Release(1)
	if key := st.keys.Load(); key != nil {
		return key, nil
	}
	if key := st.cachedKey(); key != nil {
		st.keys.Store(key)
		return key, nil
	}
	ctx, release, err := st.queueForKey(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if key := st.cachedKey(); key != nil { // the one before us has asked
		st.keys.Store(key)
		return key, nil
	}
	key, err := st.askKey(ctx)
	if errors.Is(err, keyring.ErrNotFound) && make {
		key, err = st.makeKey(ctx)
	}
	if err != nil {
		return nil, err
	}
	st.keys.Store(key)
	st.cacheKey(key.Text())
	return key, nil
}

// queueForKey makes processes ask one after another, so that a keychain that
// takes long is asked once: the others find the key in the cache. They do not
// queue where nothing can be cached, nor where a person is waited for, nor
// under the key's lock, for which the first in the queue may be waiting.
func (st *store) queueForKey(ctx context.Context) (under context.Context, release func(), err error) {
	if !st.usesCache() || st.keyID() == "" || st.mayPrompt || !keycache.System().Usable() {
		return ctx, func() {}, nil
	}
	under, release, err = flight.Lock(ctx, st.locks(), flight.KeyQueue(), "read the sealing key")
	if busy, ok := errors.AsType[*flight.BusyError](err); ok {
		return ctx, nil, &keyring.Error{Keyring: st.keyring.Name(), Op: "read", Kind: keyring.ErrUnavailable, Detail: busy.Error()}
	}
	if err != nil { // a directory that cannot be written, or the key's lock is held
		return ctx, func() {}, nil
	}
	return under, release, nil
}

func (st *store) askKey(ctx context.Context) (*sealed.Key, error) {
	text, err := st.get(ctx, st.keyring, theKey)
	if errors.Is(err, keyring.ErrUnreadable) {
		return nil, &RecordError{What: "sealing key", Session: st.name, Err: err}
	}
	if err != nil {
		return nil, err
	}
	key, err := sealed.ParseKey(text)
	if err != nil {
		return nil, &RecordError{What: "sealing key", Session: st.name, Err: err}
	}
	return key, nil
}

// makeKey makes the key, unless another process has: two keys would make one
// of them unreadable. What counts is what the keyring says afterwards.
func (st *store) makeKey(ctx context.Context) (*sealed.Key, error) {
	ctx, release, err := flight.Lock(ctx, st.locks(), flight.Key(), "make the sealing key")
	if err != nil {
		return nil, err
	}
	defer release()
	return st.keyUnderLock(ctx)
}

func (st *store) keyUnderLock(ctx context.Context) (*sealed.Key, error) {
	if _, err := st.decideKeyring(ctx); err != nil {
		return nil, err
	}
	key, err := st.askKey(ctx)
	if !errors.Is(err, keyring.ErrNotFound) {
		return key, err
	}
	if err := identify(st.state); err != nil {
		return nil, err
	}
	if err := st.set(ctx, st.keyring, theKey, sealed.NewKey(rand.Read).Text()); err != nil {
		return nil, err
	}
	return st.askKey(ctx)
}

// holdKey makes sure that the key is the keyring's, and that no logout deletes
// it until release is called: by then a registration is there that needs it.
func (st *store) holdKey(ctx context.Context) (under context.Context, release func(), err error) {
	under, release, err = flight.Lock(ctx, st.locks(), flight.Key(), "store a sign-in")
	if err != nil {
		return ctx, nil, err
	}
	key, err := st.keyUnderLock(under)
	if err != nil {
		release()
		return ctx, nil, err
	}
	st.keys.Store(key)
	st.cacheKey(key.Text())
	return under, release, nil
}

// deleteKey deletes the key from a keyring when nothing is left that cannot be
// read without it: no registration but those that start with own, if that is not
// "". What can be fetched again does not count.
func (st *store) deleteKey(ctx context.Context, k keyring.Keyring, own string) error {
	ctx, release, err := flight.Lock(ctx, st.locks(), flight.Key(), "delete the sealing key")
	if err != nil {
		return err
	}
	defer release()
	needs := func(name string) bool {
		return strings.HasSuffix(name, ".client") && (own == "" || !strings.HasPrefix(name, own))
	}
	names, err := st.state.Names()
	if err != nil || slices.ContainsFunc(names, needs) {
		return err
	}
	if err := st.delete(ctx, k, theKey); err != nil {
		return err
	}
	if own == "" {
		st.forgetKey()
	}
	return nil
}

// forgetKey makes the next use ask the keyring again.
func (st *store) forgetKey() {
	st.keys.Store(nil)
	forgetCachedKey(st.state, st.service)
}

// usesCache reports whether the key is cached for an hour. Not that of plain
// files: reading it there takes no longer, and a user has room for some 150 keys
// in the Linux kernel, which the directories of tests and builds would fill.
// A keyring of the program's own answers for itself.
func (st *store) usesCache() bool {
	switch st.keyring.Name() {
	case "os", "windows", "kernel", "file":
		return !st.noKeyCache
	}
	return false
}

// cachedKey returns the key in the cache, or nil. Sessions in several keyrings
// have a key in each, and the cache the one used last: the index tells
// whether it is this one's. What another's key seals, this one's would not open.
func (st *store) cachedKey() *sealed.Key {
	if !st.usesCache() {
		return nil
	}
	text, ok := keycache.System().Get(st.cacheName())
	if !ok {
		return nil
	}
	key, err := sealed.ParseKey(text)
	if err != nil || key.ID() != st.keyID() {
		return nil
	}
	return key
}

// keyID is the ID of the key by the index, or "".
func (st *store) keyID() string {
	if ix := st.readIndex(); ix != nil {
		return ix.Key
	}
	return ""
}

func (st *store) cacheKey(text string) {
	if name := st.cacheName(); name != "" && st.usesCache() {
		keycache.System().Set(name, text)
	}
}

// open opens a sealed record. A record of another key may mean that the key was
// replaced since we read ours: it reads the keyring once more.
func (st *store) open(ctx context.Context, identity string, record []byte) ([]byte, error) {
	key, err := st.sealingKey(ctx, false)
	if err != nil {
		return nil, err
	}
	data, err := key.Open(identity, record)
	if !errors.Is(err, sealed.ErrOtherKey) {
		return data, err
	}
	st.forgetKey()
	if key, err = st.sealingKey(ctx, false); err != nil {
		return nil, err
	}
	return key.Open(identity, record)
}

func (st *store) seal(ctx context.Context, identity string, data []byte) ([]byte, error) {
	key, err := st.sealingKey(ctx, true)
	if err != nil {
		return nil, err
	}
	return key.Seal(identity, data), nil
}
