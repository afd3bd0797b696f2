// Package keyring keeps a few small secrets, guarded by the operating system.
//
// A program that uses package tokencache does not need it: a session finds
// the keyring that its login is in. To choose one, set the Keyring of a
// tokencache.Session: to what [New] returns, to a keyring of your own, or in a
// test to a [Memory]. Every error is [ErrNotFound], or an [Error] that says its
// kind.
//
// # A keyring of your own
//
// A type with the methods of [Keyring] can keep the secrets somewhere else: in a
// password manager, a vault, a TPM. This is the contract:
//
//   - Secrets are one line of UTF-8 text each: a sealing key of 64 bytes, and for
//     each session its tokens, 600 bytes to 3 kB. A keyring must take 300 bytes.
//     What is too big for it is [ErrTooBig] and leaves the item as it was;
//     tokencache then keeps the tokens in a file, sealed with the key.
//   - Items are named by lowercase letters, digits and "-", 50 bytes at the most.
//   - Set returns nil once another process can read what was stored: read it back
//     if in doubt. It never leaves half a secret: a process may die in the middle.
//   - Methods are called from several processes at once, and from several
//     goroutines if more than one session has the keyring. One session makes one
//     call at a time.
//   - A call should end with its context. After 25 seconds, or a minute if the
//     Session may ask a person (MayPrompt), tokencache gives it up: see [Bounded].
//     The Set of a renewed token has 10 seconds; it is tried again later.
//   - No method shows a dialog, unless your program lets it. A keyring that
//     would have to ask is [ErrLocked].
//   - Errors wrap [ErrNotFound], [ErrLocked], [ErrTooBig], [ErrUnreadable] or
//     [ErrUnavailable], or nothing, which counts as ErrUnavailable. They have no
//     secret in them. [Bounded] makes an [Error] of them.
//   - ErrNotFound says "not signed in". A keyring that is locked, slow or gone
//     must never say it.
//
// Package keyringtest checks most of this: call it from your test. The example of
// this package is a keyring on top of a password manager.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/credproc/credproc/internal/wsl"
)

// Keyring keeps a few small secrets under names. The package comment has the
// contract for keyrings of other packages.
type Keyring interface {
	// Name is the keyring's name in settings and messages: "os", "kernel". It
	// returns at once, and always the same.
	Name() string
	// Get returns the secret stored under item, or [ErrNotFound].
	Get(ctx context.Context, item string) (string, error)
	// Set stores a secret under item, replacing what was there. When it
	// returns nil, another process can read it.
	Set(ctx context.Context, item, secret string) error
	// Delete removes an item. An item that is not there is no error.
	Delete(ctx context.Context, item string) error
}

// Names returns the names, for [New], of the keyrings of this system that can have a
// login, in the order in which they are searched.
func Names() []string {
	if runtime.GOOS != "linux" {
		return []string{"os", "file", "plaintext"}
	}
	if (wsl.System{}).IsWSL() {
		return []string{"os", "windows", "kernel", "file", "plaintext"}
	}
	return []string{"os", "kernel", "file", "plaintext"}
}

// Options are those of the keyrings of this package.
type Options struct {
	// Service is the name that items are filed under. "" means credproc.
	Service string
	// MayPrompt allows the system to ask the user to unlock the keychain, and a
	// minute for it. Otherwise a locked keychain is ErrLocked, and a call may take
	// 25 seconds.
	MayPrompt bool
	// Dir is where "file" and "plaintext" keep their files. It is made at the first
	// write.
	Dir string
	// Unlock opens "file". Without it that keyring is locked, once the key is needed
	// and is not cached.
	Unlock Unlock
	// NoKeyCache keeps the key of "file" out of that memory.
	NoKeyCache bool
}

// New returns the keyring of this package called name:
//
//   - "os" is the operating system's keychain: Keychain on macOS, Credential Manager
//     on Windows, the Secret Service (gnome-keyring, KWallet, KeePassXC) elsewhere.
//     On Linux it neither starts a bus nor waits for a service that does not answer
//     a ping, and it looks whether the collection is locked before it reads, and
//     then whether the item is: unlocking shows a dialog, which a program running
//     unattended must not do. On macOS it runs /usr/bin/security, which may show
//     that dialog, and ends it when a call has taken too long.
//   - "windows" is the Credential Manager of Windows, for a program in the Windows
//     Subsystem for Linux: credproc.exe, which runs on Windows, keeps the items. It
//     is found in PATH, or named by CREDPROC_WINDOWS_PROGRAM, an absolute path.
//     Secrets go through its stdin and stdout alone. A call takes at most ten
//     seconds, and what it started ends with it. Items are filed under credproc
//     whatever Service is.
//   - "kernel" is the Linux kernel's keyring of the user: never on a disk, and gone
//     with a reboot, or three days after its last use. It is for machines without a
//     keychain. A user has 20,000 bytes there.
//   - "file" are files that are sealed with a key of their own. The key is in an age
//     file that a passphrase opens, or is given as it is. The opened key stays in
//     memory for an hour, in the kernel keyring on Linux and in shared memory on
//     macOS, where that is allowed, so that a passphrase is asked for once.
//   - "plaintext" are unencrypted files, protected only by their mode, 0600 in a
//     directory of 0700. It is for machines that have nothing better, and is never
//     chosen by itself.
//   - "memory" is a [Memory].
//
// Calls to a keyring that the system does not have fail with ErrUnavailable. The
// error of New is about a name that is none of these.
func New(name string, o Options) (Keyring, error) {
	switch name {
	case "os":
		return &osKeyring{Service: o.Service, MayPrompt: o.MayPrompt}, nil
	case "windows":
		return &windowsKeyring{Service: o.Service}, nil
	case "kernel":
		return &kernelKeyring{Service: o.Service}, nil
	case "file":
		return &fileKeyring{Options: o}, nil
	case "plaintext":
		return &plainKeyring{Dir: o.Dir}, nil
	case "memory":
		return new(Memory), nil
	}
	return nil, fmt.Errorf("no keyring is called %q", name)
}

// Errors of a keyring wrap one of these, for [errors.Is]. For each, a person has to
// do something else.
var (
	// ErrNotFound says that a keyring answered and has no such item.
	ErrNotFound = errors.New("not in the keyring")
	// ErrLocked says that a keyring is locked and was not allowed to ask for
	// its password, or was not given it.
	ErrLocked = errors.New("keyring locked")
	// ErrUnavailable says that there is no keyring, or it does not answer.
	ErrUnavailable = errors.New("keyring unavailable")
	// ErrTooBig says that a secret is larger than the platform's keychain can
	// hold (2,560 bytes on Windows, about 3,000 on macOS).
	ErrTooBig = errors.New("secret too big for the keyring")
	// ErrUnreadable says that a keyring has an item that is damaged, or that a
	// newer release wrote.
	ErrUnreadable = errors.New("what is stored cannot be read")
)

// A reason is why a keyring of this package is locked or unavailable, where more
// can be said than that: see [Error].
type reason struct{ word, text string }

func (r *reason) Error() string { return r.text }

var (
	errAbsent       = &reason{"absent", "this system has no such keyring"}
	errItemLocked   = &reason{"item locked", "the keychain asks before it gives this item"}
	errNoKeyFile    = &reason{"no key file", "no key file is named"}
	errBadKeyFile   = &reason{"bad key file", "the key file holds no key"}
	errNoCollection = &reason{"no collection", "the Secret Service has no default collection"}
	errRestarted    = &reason{"restarted", "the keychain's service ended during the call"}
	errNoLogon      = &reason{"no logon session", "Windows does not open the keychain to processes of this session"}
)

// Error says that a keyring could not do something. It wraps its Kind, and the
// cause.
type Error struct {
	Keyring string // its name
	Op      string // "read", "store", "delete", "open"
	Kind    error  // [ErrLocked], [ErrUnavailable], [ErrTooBig] or [ErrUnreadable]
	// Reason is why a keyring is locked or unavailable, where more can be said:
	//
	//	absent            the system has no such keyring, as opposed to one that does not answer
	//	none              neither of the keyrings is there that a session chooses by itself
	//	item locked       the keychain is open, but locks this item by itself or asks before it gives it
	//	no key file       the files are sealed with a key file, and none is named
	//	bad key file      the key file cannot be read, or its content is not 32 random bytes
	//	no collection     a Secret Service runs, but has no default collection to keep secrets in
	//	restarted         the keychain's service ended during the call, and was not back within two seconds
	//	no logon session  the process is in a session of Windows that was started without a password
	//
	// Mostly "". Other words may be added.
	Reason string
	Detail string // what was seen; no secret
	// Err is the cause, where a program may care; mostly nil.
	Err error
}

// Error says what went wrong.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s keyring: %s: %v", e.Keyring, e.Op, e.Kind)
	if e.Detail != "" && e.Detail != fmt.Sprint(e.Kind) {
		text += " (" + e.Detail + ")"
	}
	return text
}

// Unwrap returns the kind, and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// Memory is a [Keyring] that forgets everything when the process ends: for
// tests, and for programs that sign in at each start. The zero Memory is
// empty.
type Memory struct {
	mu sync.Mutex
	// Functions, since package fmt asks no method of a Memory in an unexported
	// field: of a function it shows no more than an address.
	items map[string]func() string
}

var _ Keyring = (*Memory)(nil)

// Format prints no secret, whatever the verb.
func (*Memory) Format(f fmt.State, _ rune) { io.WriteString(f, "keyring.Memory") }

// Name returns "memory".
func (*Memory) Name() string { return "memory" }

// Get implements [Keyring].
func (m *Memory) Get(_ context.Context, item string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	secret, ok := m.items[item]
	if !ok {
		return "", ErrNotFound
	}
	return secret(), nil
}

// Set implements [Keyring].
func (m *Memory) Set(_ context.Context, item, secret string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.items == nil {
		m.items = make(map[string]func() string)
	}
	m.items[item] = func() string { return secret }
	return nil
}

// Delete implements [Keyring].
func (m *Memory) Delete(_ context.Context, item string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.items, item)
	return nil
}
