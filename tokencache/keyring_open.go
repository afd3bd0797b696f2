package tokencache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/tokencache/keyring"
)

// noKeyring says that a login has nowhere to go: neither of the keyrings that are
// chosen without being named is there.
func noKeyring(tried []error) error {
	var reasons []string
	for _, err := range tried {
		reasons = append(reasons, err.Error())
	}
	return &keyring.Error{Keyring: "auto", Op: "open", Kind: keyring.ErrUnavailable, Reason: "none", Detail: "no keyring can keep a login: " + strings.Join(reasons, "; ")}
}

// errOlder says that a keyring has had only an older login than the last one
// stored for two seconds: it was restored from a backup, or another
// installation wrote there. Only a sign-in helps, so it comes with
// [oidc.ErrSignInRequired].
var errOlder = errors.New("the keyring shows an older login")

// loginKeyring is the keyring that a session's login is in: by the index, or, where
// that is lost, the one that has it. Of a session without a login it is none
// until one is chosen.
type loginKeyring struct {
	s  *Session
	st *store

	searching *semaphore.Weighted // a search holds 1: it may take long

	mu    sync.Mutex
	rings map[string]keyring.Keyring // each made once
	name  string                     // decided without the index; "": not yet
}

var _ keyring.Keyring = (*loginKeyring)(nil)

func (l *loginKeyring) ring(name string) keyring.Keyring {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rings == nil {
		l.rings = make(map[string]keyring.Keyring)
	}
	if l.rings[name] == nil {
		l.rings[name] = l.open(name)
	}
	return l.rings[name]
}

func (l *loginKeyring) decided() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.name
}

// decide sets the name; "" makes the next use look again.
func (l *loginKeyring) decide(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.name = name
}

func (l *loginKeyring) open(name string) keyring.Keyring {
	o := keyring.Options{Service: l.st.service, MayPrompt: l.s.MayPrompt, Unlock: l.s.Unlock, NoKeyCache: l.s.NoKeyCache}
	switch name {
	case "file":
		o.Dir = fileDir(string(l.st.state))
	case "plaintext":
		o.Dir = layout.PlaintextDir(string(l.st.state))
	}
	k, err := keyring.New(name, o)
	if err != nil { // an index of a newer release names it
		k, _ = keyring.New("os", o)
	}
	return k
}

// isAbsent reports the error of a keyring that the system does not have.
func isAbsent(err error) bool {
	e, ok := errors.AsType[*keyring.Error](err)
	return ok && e.Reason == "absent"
}

// openKeyring returns the keyring for a session.
func (s *Session) openKeyring(st *store) (keyring.Keyring, error) {
	if s.Keyring != nil {
		return keyring.Bounded(s.Keyring, s.MayPrompt), nil
	}
	if name := s.wanted(); name != "" && !slices.Contains(keyring.Names(), name) {
		return nil, fmt.Errorf("session %q: no keyring is called %q", s.Label(), s.NewLoginKeyring)
	}
	return &loginKeyring{s: s, st: st, searching: semaphore.NewWeighted(1)}, nil
}

// wanted is the keyring named for new logins, or "" where none is named.
func (s *Session) wanted() string {
	if s.NewLoginKeyring == "auto" || s.NewLoginKeyring == "" {
		return s.preferred
	}
	return s.NewLoginKeyring
}

// Name returns that of the keyring in use; "auto" where there is none yet.
func (l *loginKeyring) Name() string {
	return cmp.Or(l.indexed(), l.decided(), l.s.wanted(), "auto")
}

// indexed is what the index says, if that can be.
func (l *loginKeyring) indexed() string {
	ix := l.st.readIndex()
	switch {
	case ix == nil:
	case slices.Contains(keyring.Names(), ix.Keyring), ix.Keyring == "windows" && runtime.GOOS == "linux":
		// One of Windows' stays that where nothing tells that this is WSL.
		return ix.Keyring
	}
	return ""
}

// Get implements [keyring.Keyring].
func (l *loginKeyring) Get(ctx context.Context, item string) (string, error) {
	k, err := l.find(ctx)
	if err != nil {
		return "", err
	}
	return k.Get(ctx, item)
}

// Set implements [keyring.Keyring].
func (l *loginKeyring) Set(ctx context.Context, item, secret string) error {
	k, err := l.findOrChoose(ctx)
	if err != nil {
		return err
	}
	return k.Set(ctx, item, secret)
}

// Delete implements [keyring.Keyring].
func (l *loginKeyring) Delete(ctx context.Context, item string) error {
	k, err := l.find(ctx)
	if errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return k.Delete(ctx, item)
}

// find returns the keyring that has the login, or keyring.ErrNotFound.
func (l *loginKeyring) find(ctx context.Context) (keyring.Keyring, error) {
	if name := cmp.Or(l.indexed(), l.decided()); name != "" {
		return l.ring(name), nil
	}
	if err := l.searching.Acquire(ctx, 1); err != nil {
		return nil, &keyring.Error{Keyring: "auto", Op: "read", Kind: keyring.ErrUnavailable, Detail: "an earlier call has not come back"}
	}
	defer l.searching.Release(1)
	if name := l.decided(); name != "" {
		return l.ring(name), nil
	}
	name, err := l.search(ctx)
	if err != nil {
		return nil, err
	}
	l.decide(name)
	return l.ring(name), nil
}

// search asks every keyring for the login. "Not there" needs all of them to say
// so: one that is locked may have it, and so may one that is absent just now.
//
// A login has a registration in the state directory. Without one there is none
// to be lost, and only those count that a new login would go to.
//
// Several have one where a login has moved away from a keyring that could not
// be reached then: the newest counts.
func (l *loginKeyring) search(ctx context.Context) (newest string, err error) {
	wanted, lost := l.s.wanted(), len(l.st.registrations()) > 0 && placed(l.st.state)
	var problem error
	var absent []error
	answered, generation := false, int64(-1)
	for _, name := range l.inOrder(wanted, lost) {
		text, err := l.st.get(ctx, l.ring(name), theTokens)
		switch {
		case err == nil, errors.Is(err, keyring.ErrUnreadable):
			if g := l.st.generation(text); g > generation {
				newest, generation = name, g
			}
		case errors.Is(err, keyring.ErrNotFound):
			// Files answer everywhere: that says nothing about the others.
			answered = answered || slices.Contains(systems(), name)
		case isAbsent(err) && name != wanted:
			absent = append(absent, err)
		default:
			problem = cmp.Or(problem, err)
		}
	}
	switch {
	case newest != "":
		return newest, nil
	case problem != nil:
		return "", problem
	case wanted == "" && !answered:
		return "", noKeyring(absent)
	case wanted == "" && lost && len(absent) > 0:
		return "", absent[0]
	}
	return "", keyring.ErrNotFound
}

// inOrder returns the keyrings to ask: the one named first, and, where no login
// can be lost, alone.
func (l *loginKeyring) inOrder(wanted string, lost bool) []string {
	names := keyring.Names()
	switch {
	case wanted == "":
		return names
	case !lost:
		return []string{wanted}
	}
	return slices.Insert(slices.DeleteFunc(names, func(n string) bool { return n == wanted }), 0, wanted)
}

// findOrChoose is find for who brings a login.
func (l *loginKeyring) findOrChoose(ctx context.Context) (keyring.Keyring, error) {
	k, err := l.find(ctx)
	if !errors.Is(err, keyring.ErrNotFound) && !isAbsent(err) {
		return k, err
	}
	name, err := l.choose(ctx)
	if err != nil {
		return nil, err
	}
	l.decide(name)
	return l.ring(name), nil
}

// systems are the keyrings that a login may go to without being told so: those
// that a system brings along.
func systems() []string {
	return slices.DeleteFunc(keyring.Names(), func(name string) bool { return name == "file" || name == "plaintext" })
}

// choose returns the keyring for a new login: the one named, or the operating
// system's, or that of the Windows around it, or else the kernel's. One that does not answer, or is locked, is no
// reason to take another.
func (l *loginKeyring) choose(ctx context.Context) (string, error) {
	if wanted := l.s.wanted(); wanted != "" {
		return wanted, nil
	}
	var absent []error
	for _, name := range systems() {
		_, err := l.st.get(ctx, l.ring(name), theTokens)
		switch {
		case err == nil, errors.Is(err, keyring.ErrNotFound):
			return name, nil
		case !isAbsent(err):
			return "", err
		}
		absent = append(absent, err)
	}
	return "", noKeyring(absent)
}

// decideKeyring returns the keyring of the login, or that of a new one. Before it is
// decided, none has anything: not the key either, that other sessions share.
func (st *store) decideKeyring(ctx context.Context) (keyring.Keyring, error) {
	if l, ok := st.keyring.(*loginKeyring); ok {
		return l.findOrChoose(ctx)
	}
	return st.keyring, nil
}

// prepareKeyring decides on the keyring of a new login, and opens it.
func (st *store) prepareKeyring(ctx context.Context) error {
	k, err := st.decideKeyring(ctx)
	if err != nil {
		return err
	}
	if err := st.rules.CheckKeyring(k.Name()); err != nil {
		return err
	}
	if k, ok := k.(interface{ Open(context.Context) error }); ok {
		return k.Open(ctx)
	}
	return nil
}

// loginStore returns the store for a new login: that of the session, unless
// another keyring is named than the one that the login is in.
func (s *Session) loginStore(ctx context.Context) *store {
	l, ok := s.store.keyring.(*loginKeyring)
	if !ok || s.wanted() == "" {
		return s.store
	}
	from := l.where(ctx)
	if from == "" || from == s.wanted() {
		return s.store
	}
	st := *s.store
	st.keyring = l.ring(s.wanted())
	st.keys = newKeyHolder()
	return &st
}

// movesFrom returns the keyring that a login leaves when it is stored in to, or
// nil if it stays.
func (s *Session) movesFrom(ctx context.Context, to *store) keyring.Keyring {
	l, ok := s.store.keyring.(*loginKeyring)
	if !ok || to == s.store {
		return nil
	}
	from := l.where(ctx)
	if from == "" || from == to.keyring.Name() {
		return nil
	}
	return l.ring(from)
}

// where is the name of the keyring that has the login, or "".
func (l *loginKeyring) where(ctx context.Context) string {
	if name := l.indexed(); name != "" {
		return name
	}
	k, err := l.find(ctx)
	if err != nil {
		return ""
	}
	return k.Name()
}
