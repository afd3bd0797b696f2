package keyring

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"time"

	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/pause"
	"github.com/credproc/credproc/internal/safedir"
)

// osKeyring is the operating system's keychain: Keychain on macOS, Credential Manager on
// Windows, the Secret Service (gnome-keyring, KWallet, KeePassXC) elsewhere. The
// zero osKeyring is ready to use. Its items are those of go-keyring
// (github.com/zalando/go-keyring).
//
// On Linux it neither starts a bus nor waits for a service that does not
// answer a ping, and it looks whether the collection is locked before it
// reads, and then whether the item is: unlocking shows a dialog, which a program
// running unattended must not do.
//
// On macOS it runs /usr/bin/security, and ends it after the times below. If the
// keychain is locked, that tool shows a dialog until then.
type osKeyring struct {
	// Service is the name that items are filed under. "" means credproc.
	Service string
	// MayPrompt allows the system to ask the user to unlock the keychain, and
	// a minute for it. Otherwise a locked keychain is ErrLocked, and a call
	// may take 25 seconds.
	MayPrompt bool

	calls deadline
	chain keychain // for tests; nil: that of the system
}

// A keychain is one of those that an osKeyring may have. Its errors need no types; of
// what it finds, [ErrNotFound], [ErrTooBig] and the kinds of [Error] are told apart.
type keychain interface {
	// reach fails where a call would find no keychain that answers, or show a
	// dialog and must not.
	reach(ctx context.Context, mayPrompt bool, service, item string) error
	get(ctx context.Context, service, item string) (string, error)
	set(ctx context.Context, service, item, secret string) error
	remove(ctx context.Context, service, item string) error
	// grace is how soon after its context a call ends.
	grace() time.Duration
}

func (o *osKeyring) keychain() keychain {
	if o.chain != nil {
		return o.chain
	}
	return systemKeychain()
}

var _ Keyring = (*osKeyring)(nil)

// Name returns "os".
func (*osKeyring) Name() string { return "os" }

// Get implements [Keyring].
func (o *osKeyring) Get(ctx context.Context, item string) (secret string, err error) {
	return o.within(ctx, "read", item, func(ctx context.Context, k keychain) (string, error) { return k.get(ctx, o.service(), item) })
}

// Set implements [Keyring].
func (o *osKeyring) Set(ctx context.Context, item, secret string) error {
	if len(secret) > maxSecret {
		return &Error{Keyring: o.Name(), Op: "store", Kind: ErrTooBig}
	}
	_, err := o.within(ctx, "store", item, func(ctx context.Context, k keychain) (string, error) {
		return "", k.set(ctx, o.service(), item, secret)
	})
	if err != nil {
		return err
	}
	return o.confirm(ctx, item, secret)
}

// confirm reads back what was stored. A dismissed prompt looks like success
// (go-keyring ignores the flag), and macOS may show the old value for a second
// or two (stripe/stripe-cli#1579).
func (o *osKeyring) confirm(ctx context.Context, item, secret string) error {
	for deadline := time.Now().Add(2 * time.Second); ; {
		got, err := o.Get(ctx, item)
		if err == nil && got == secret {
			return nil
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if time.Now().After(deadline) || pause.For(ctx, 100*time.Millisecond) != nil {
			return &Error{Keyring: o.Name(), Op: "store", Kind: ErrUnavailable, Detail: "what was stored cannot be read back"}
		}
	}
}

// Delete implements [Keyring].
func (o *osKeyring) Delete(ctx context.Context, item string) error {
	_, err := o.within(ctx, "delete", item, func(ctx context.Context, k keychain) (string, error) { return "", k.remove(ctx, o.service(), item) })
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (o *osKeyring) service() string { return layout.Service(o.Service) }

// within makes a call, and again if the service ended meanwhile: mostly it is
// one that restarts.
func (o *osKeyring) within(ctx context.Context, op, item string, call func(context.Context, keychain) (string, error)) (secret string, err error) {
	k := o.keychain()
	restarts := false
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		secret, err = o.calls.callWith(ctx, o.MayPrompt, k.grace(), Error{Keyring: o.Name(), Op: op}, func(ctx context.Context) (string, error) {
			if err := k.reach(ctx, o.MayPrompt, o.service(), item); err != nil {
				return "", o.translate(op, err)
			}
			secret, err := call(ctx, k)
			return secret, o.translate(op, err)
		})
		restarts = restarts || errors.Is(err, errRestarted)
		if !restarts || !errors.Is(err, errRestarted) && !errors.Is(err, errAbsent) {
			return secret, err
		}
		if wait > time.Second || pause.For(ctx, wait) != nil {
			return "", o.failed(op, errRestarted)
		}
	}
}

func (o *osKeyring) translate(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotFound):
		return ErrNotFound
	case errors.Is(err, ErrTooBig):
		return o.fail(op, ErrTooBig, "")
	}
	return o.failed(op, err)
}

// failed makes an error of what was met on the way to an item.
func (o *osKeyring) failed(op string, err error) *Error {
	fail := o.fail(op, kindOf(err), err.Error())
	if none, ok := errors.AsType[absent](err); ok {
		err, fail.Err, fail.Reason = none.error, errAbsent, errAbsent.word
	}
	for _, cause := range []*reason{errItemLocked, errNoCollection, errRestarted} {
		if errors.Is(err, cause) || cause == errRestarted && fail.Err == nil && hasEnded(err) {
			fail.Err, fail.Reason = cause, cause.word
		}
	}
	if errors.Is(err, noLogonSession) {
		fail.Err, fail.Reason = errNoLogon, errNoLogon.word
	}
	if safedir.IsShort(err) { // a keychain may be there
		fail.Err, fail.Reason = err, ""
	}
	return fail
}

func (o *osKeyring) fail(op string, kind error, detail string) *Error {
	return &Error{Keyring: o.Name(), Op: op, Kind: kind, Detail: detail}
}

// noLogonSession is ERROR_NO_SUCH_LOGON_SESSION of Windows, which no system call
// of other systems returns. See
// https://learn.microsoft.com/en-us/windows/win32/api/wincred/nf-wincred-credreadw.
const noLogonSession = syscall.Errno(1312)

// absent is an error that says that the system has no keychain at all.
type absent struct{ error }

// kindOf tells "locked" from "not there". go-keyring's errors have no types: an
// unlock that fails on Linux says "unlock".
func kindOf(err error) error {
	switch {
	case errors.Is(err, ErrLocked), errors.Is(err, errItemLocked), strings.Contains(err.Error(), "unlock"):
		return ErrLocked
	case errors.Is(err, ErrUnreadable):
		return ErrUnreadable
	}
	return ErrUnavailable
}

// Quiet returns the keychain for calls that must show no dialog.
func (o *osKeyring) Quiet() Keyring { return &osKeyring{Service: o.Service, chain: o.chain} }
