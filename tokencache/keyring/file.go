package keyring

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime/debug"
	"slices"
	"sync"

	agefile "filippo.io/age"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/keycache"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/sealed"
)

const (
	// ageFile holds the key, encrypted with the passphrase as age(1) does it.
	ageFile = "key.age"
	// slowFactor makes one guess of a passphrase take about a second and
	// 256 MB. That is paid once an hour where the key is cached.
	slowFactor = 18
	// quickFactor is for where every process pays: 0.1 seconds and 32 MB.
	quickFactor = 15
	// mostFactor is what is believed of a file, which may be damaged.
	mostFactor = 20
	// tries is how often a person may type a passphrase.
	tries = 3
)

// fileKeyring is a [Keyring] of files that are sealed with a key of their own. The key
// is in an age file that a passphrase opens, or is given as it is. It is for
// machines without a keychain.
//
// The opened key stays in memory for an hour, in the kernel keyring on Linux and
// in System V shared memory on macOS, so that a passphrase is asked for once. Where
// that is not allowed, and on Windows, a file made there takes less work to open,
// and processes open it one after another: twenty at once would need five
// gigabytes.
type fileKeyring struct {
	Options

	mu    sync.Mutex
	known map[string]*sealed.Key // by the name of the age file's content

	factor int // for tests; 0: slowFactor or quickFactor
}

// Unlock is how a file keyring gets its key. The zero Unlock does not open it.
type Unlock struct {
	// KeyFile is a file of 32 random bytes, which are the key. "" means that the
	// key is in an age file, for which Passphrase is asked.
	KeyFile string
	// Passphrase returns the passphrase of the age file. Its error ends the
	// attempt. nil means that it is not known.
	Passphrase func(ctx context.Context, ask PassphraseRequest) (string, error)
	// Person says that Passphrase asks a person: up to three times, and while no
	// lock is held. Else it is called once, by one process at a time.
	Person bool
}

// PassphraseRequest is what a passphrase is asked for.
type PassphraseRequest struct {
	New   bool // it is to be set, not to open something
	Wrong bool // the last one did not open it
}

var _ Keyring = (*fileKeyring)(nil)

var errWrongPassphrase = errors.New("wrong passphrase")

// Format prints no secret, whatever the verb.
func (f *fileKeyring) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "keyring.File(%s)", f.Dir) }

// Name returns "file".
func (*fileKeyring) Name() string { return "file" }

// Get implements [Keyring]. A file that is damaged, or of a newer release, is
// [ErrUnreadable], one that is sealed with another key [ErrLocked].
func (f *fileKeyring) Get(ctx context.Context, item string) (string, error) {
	if err := f.dir().Guarded(); err != nil {
		return "", f.failed("read", ErrUnavailable, err)
	}
	record, err := f.dir().Read(item)
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", f.failed("read", ErrUnavailable, err)
	}
	key, err := f.key(ctx, "read", false)
	if err != nil {
		return "", err
	}
	secret, err := key.Open(itemIdentity(item), record)
	switch {
	case errors.Is(err, sealed.ErrOtherKey):
		return "", &Error{Keyring: f.Name(), Op: "read", Kind: ErrLocked, Detail: "what is stored there is sealed with another key than this", Err: err}
	case err != nil:
		return "", f.failed("read", ErrUnreadable, err)
	}
	return string(secret), nil
}

// Set implements [Keyring]. The first Set makes the key.
func (f *fileKeyring) Set(ctx context.Context, item, secret string) error {
	key, err := f.key(ctx, "store", true)
	if err != nil {
		return err
	}
	record := key.Seal(itemIdentity(item), []byte(secret))
	if err := f.dir().Write(item, record); err != nil {
		return f.failed("store", ErrUnavailable, err)
	}
	if back, err := f.dir().Read(item); err != nil || !bytes.Equal(back, record) {
		// Another process may have stored another since, which is as good.
		if _, err = f.Get(ctx, item); err != nil {
			return f.fail("store", ErrUnavailable, "what was stored cannot be read back")
		}
	}
	f.dir().Sweep()
	return nil
}

// Delete implements [Keyring]. It needs no key.
func (f *fileKeyring) Delete(_ context.Context, item string) error {
	if err := f.dir().Remove(item); err != nil {
		return f.failed("delete", ErrUnavailable, err)
	}
	return nil
}

// Open gets the key, or makes it, while a person can be asked and no lock is
// held.
func (f *fileKeyring) Open(ctx context.Context) error {
	_, err := f.key(ctx, "open", true)
	return err
}

// Lock forgets the key, in the cache too: the next call needs the passphrase.
func (f *fileKeyring) Lock() {
	f.mu.Lock()
	f.known = nil
	f.mu.Unlock()
	if content, err := f.dir().Read(ageFile); err == nil {
		keycache.System().Delete(f.cacheName(content))
	}
}

// Forget removes all that was stored, and the key.
func (f *fileKeyring) Forget() error {
	f.Lock()
	return forgetDir(f.Dir)
}

// IsLocked reports whether the next call needs the passphrase.
func (f *fileKeyring) IsLocked() bool {
	content, err := f.dir().Read(ageFile)
	return err == nil && f.Unlock.KeyFile == "" && f.opened(content) == nil
}

// Shut reports whether the next call needs a passphrase that it cannot get.
func (f *fileKeyring) Shut() bool { return f.Unlock.Passphrase == nil && f.IsLocked() }

// inUse reports whether there are items, which another key would not open.
func (f *fileKeyring) inUse() bool {
	names, _ := f.dir().Names()
	return slices.ContainsFunc(names, layout.IsItem)
}

func (f *fileKeyring) dir() safedir.Dir { return safedir.Dir(f.Dir) }

func itemIdentity(item string) string { return sealed.Identity("keyring item", item) }

func (f *fileKeyring) fail(op string, kind error, detail string) error {
	return &Error{Keyring: f.Name(), Op: op, Kind: kind, Detail: detail}
}

func (f *fileKeyring) failed(op string, kind, err error) error {
	return &Error{Keyring: f.Name(), Op: op, Kind: kind, Detail: err.Error(), Err: err}
}

func (f *fileKeyring) key(ctx context.Context, op string, make bool) (*sealed.Key, error) {
	if f.Unlock.KeyFile != "" {
		return f.rawKey(op)
	}
	content, err := f.dir().Read(ageFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && make && !f.inUse():
		return f.makeKey(ctx, op)
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Keyring: f.Name(), Op: op, Kind: ErrLocked, Reason: errNoKeyFile.word, Err: errNoKeyFile,
			Detail: "it was made with a key file, and none is named; or its " + f.dir().Path(ageFile) + " is gone"}
	case err != nil:
		return nil, f.failed(op, ErrUnavailable, err)
	}
	return f.unlock(ctx, op, content)
}

// rawKey reads the key that is given as it is, and no more of the file than tells
// whether it is one: it may have no end.
func (f *fileKeyring) rawKey(op string) (*sealed.Key, error) {
	raw, err := safedir.ReadSecret(f.Unlock.KeyFile, 33)
	switch {
	case err != nil:
		err = fmt.Errorf("the key file cannot be read: %w", err)
	case len(raw) > 32:
		err = fmt.Errorf("%s has more than 32 bytes: a key is 32 random ones", f.Unlock.KeyFile)
	case len(raw) < 32:
		err = fmt.Errorf("%s has %d bytes: a key is 32 random ones", f.Unlock.KeyFile, len(raw))
	case !isRandom(raw):
		err = fmt.Errorf("%s has 32 bytes that are not random: a key is 32 random ones", f.Unlock.KeyFile)
	default:
		return sealed.KeyFrom([32]byte(raw)), nil
	}
	return nil, &Error{Keyring: f.Name(), Op: op, Kind: ErrLocked, Reason: errBadKeyFile.word, Detail: err.Error(), Err: errors.Join(errBadKeyFile, err)}
}

// isRandom reports whether bytes may be what a generator of random ones made.
// It refuses what a mistake makes, such as an empty disk image or a word that is
// repeated: few different bytes, steps of one size, or a half like the other. Of
// random keys, of hexadecimal digits even, it refuses fewer than one in ten
// million.
func isRandom(key []byte) bool {
	different := make(map[byte]bool)
	for _, b := range key {
		different[b] = true
	}
	for period := 1; period <= len(key)/2; period++ {
		if bytes.Equal(key[period:], key[:len(key)-period]) {
			return false
		}
	}
	uneven := false
	for i := 2; i < len(key); i++ {
		uneven = uneven || key[i]-key[i-1] != key[1]-key[0]
	}
	return uneven && len(different) >= 8
}

// unlock opens the age file, unless that has been done.
func (f *fileKeyring) unlock(ctx context.Context, op string, content []byte) (*sealed.Key, error) {
	if key := f.opened(content); key != nil {
		return key, nil
	}
	if f.Unlock.Passphrase == nil {
		return nil, f.fail(op, ErrLocked, "there is no terminal to ask for the passphrase")
	}
	for try := 1; ; try++ {
		key, err := f.tryUnlock(ctx, content, PassphraseRequest{Wrong: try > 1})
		switch {
		case err == nil:
			return key, nil
		case errors.Is(err, errWrongPassphrase) && f.Unlock.Person && try < tries:
		case errors.Is(err, sealed.ErrDamaged):
			return nil, f.fail(op, ErrUnreadable, f.dir().Path(ageFile)+": "+err.Error())
		default:
			return nil, f.failed(op, ErrLocked, err)
		}
	}
}

func (f *fileKeyring) tryUnlock(ctx context.Context, content []byte, ask PassphraseRequest) (*sealed.Key, error) {
	passphrase, release, err := f.askUnderLock(ctx, ask, func() bool { return f.opened(content) != nil })
	if err != nil {
		return nil, err
	}
	defer release()
	if key := f.opened(content); key != nil {
		return key, nil
	}
	key, err := decryptKey(content, passphrase)
	if err != nil {
		return nil, err
	}
	f.remember(content, key)
	return key, nil
}

// askUnderLock asks for a passphrase and takes the lock under which scrypt
// runs: in this order where it is a person who is asked, in the other where it
// is a program, which one process then runs for all. It does not ask at all
// where that has become needless.
func (f *fileKeyring) askUnderLock(ctx context.Context, ask PassphraseRequest, needless func() bool) (passphrase string, release func(), err error) {
	if f.Unlock.Person {
		if passphrase, err = f.ask(ctx, ask); err != nil {
			return "", nil, err
		}
	}
	_, release, err = flight.Lock(ctx, f.dir(), flight.Unlock(), "open the file keyring")
	if _, none := errors.AsType[*flight.LockError](err); none && !ask.New {
		release, err = func() {}, nil // read-only: each for itself
	}
	if err != nil {
		return "", nil, err
	}
	if !f.Unlock.Person && !needless() {
		if passphrase, err = f.ask(ctx, ask); err != nil {
			release()
		}
	}
	return passphrase, release, err
}

func (f *fileKeyring) ask(ctx context.Context, ask PassphraseRequest) (string, error) {
	passphrase, err := f.Unlock.Passphrase(ctx, ask)
	if err == nil && passphrase == "" {
		err = errors.New("the passphrase is empty")
	}
	return passphrase, err
}

// makeKey makes the key and its age file, unless another process has.
func (f *fileKeyring) makeKey(ctx context.Context, op string) (*sealed.Key, error) {
	if f.Unlock.Passphrase == nil {
		return nil, f.fail(op, ErrLocked, "there is no terminal to set a passphrase")
	}
	if err := f.dir().Make(); err != nil {
		return nil, f.failed(op, ErrUnavailable, err)
	}
	passphrase, release, err := f.askUnderLock(ctx, PassphraseRequest{New: true}, func() bool { return false })
	if err != nil {
		return nil, f.failed(op, ErrLocked, err)
	}
	content, err := f.dir().Read(ageFile)
	if errors.Is(err, fs.ErrNotExist) {
		content, err = f.writeKey(passphrase)
	}
	release()
	if err != nil {
		return nil, f.failed(op, ErrUnavailable, err)
	}
	return f.unlock(ctx, op, content)
}

func (f *fileKeyring) writeKey(passphrase string) ([]byte, error) {
	key := sealed.NewKey(rand.Read)
	factor := f.factor
	switch {
	case factor != 0:
	case !f.NoKeyCache && keycache.System().Usable():
		factor = slowFactor
	default:
		factor = quickFactor
	}
	content, err := encryptKey(key, passphrase, factor)
	if err == nil {
		err = f.dir().Write(ageFile, content)
	}
	if err != nil {
		return nil, err
	}
	back, err := f.dir().Read(ageFile)
	if err == nil && !bytes.Equal(back, content) {
		err = errors.New("what was stored cannot be read back")
	}
	if err == nil {
		f.remember(content, key)
	}
	return content, err
}

func encryptKey(key *sealed.Key, passphrase string, factor int) ([]byte, error) {
	defer debug.FreeOSMemory() // see decryptKey
	recipient, err := agefile.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	recipient.SetWorkFactor(factor)
	var content bytes.Buffer
	w, err := agefile.Encrypt(&content, recipient)
	if err == nil {
		_, err = io.WriteString(w, key.Text())
	}
	if err == nil {
		err = w.Close()
	}
	return content.Bytes(), err
}

// decryptKey fails with errWrongPassphrase or [sealed.ErrDamaged]. A file whose
// salt is damaged cannot be told from one with another passphrase.
//
// What scrypt takes, up to 256 MB, is given back at once: the collector would
// keep it for minutes, and twenty processes that wait for a service, each with
// that much, need more than one after another.
func decryptKey(content []byte, passphrase string) (*sealed.Key, error) {
	defer debug.FreeOSMemory()
	identity, err := agefile.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	identity.SetMaxWorkFactor(mostFactor)
	r, err := agefile.Decrypt(bytes.NewReader(content), identity)
	if _, wrong := errors.AsType[*agefile.NoIdentityMatchError](err); wrong {
		return nil, errWrongPassphrase
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(r, 1<<10))
	}
	if err != nil {
		return nil, sealed.ErrDamaged
	}
	key, err := sealed.ParseKey(string(text))
	if err != nil {
		return nil, sealed.ErrDamaged
	}
	return key, nil
}

// cacheName depends on the content alone, which is random: a key made again is
// never taken for the one before, and a directory under two names has one key.
func (f *fileKeyring) cacheName(content []byte) string {
	return layout.CacheName(layout.Service(f.Service), "file-"+contentName(content))
}

func contentName(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:16])
}

// opened returns the key of an age file that has been opened here, or by
// another process within the hour.
func (f *fileKeyring) opened(content []byte) *sealed.Key {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := contentName(content)
	if key := f.known[name]; key != nil || f.NoKeyCache {
		return key
	}
	text, ok := keycache.System().Get(f.cacheName(content))
	if !ok {
		return nil
	}
	key, err := sealed.ParseKey(text)
	if err != nil {
		return nil
	}
	f.learn(name, key)
	return key
}

func (f *fileKeyring) remember(content []byte, key *sealed.Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.learn(contentName(content), key)
	if !f.NoKeyCache {
		keycache.System().Set(f.cacheName(content), key.Text())
	}
}

func (f *fileKeyring) learn(name string, key *sealed.Key) {
	if f.known == nil {
		f.known = make(map[string]*sealed.Key)
	}
	f.known[name] = key
}
